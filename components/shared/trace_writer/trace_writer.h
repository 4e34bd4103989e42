#pragma once
#include <unordered_map>

#include "base/budget.h"
#include "otlp/codec.h"

namespace weir {

// Room for one decoded message. Lists grow through push(), which charges what they will take before they take it.
class Scratch {
 public:
  explicit Scratch(Charge& charge) : charge_(charge) {}

  Arena& arena() { return arena_; }
  // False when the memory budget has no room; then nothing was added.
  template <class T>
  [[nodiscard]] bool push(ArenaVector<T>& list, const T& value) {
    std::size_t size = list.size();
    bool grows = size == 0 || (size >= 4 && (size & (size - 1)) == 0);
    if (grows && !take(std::max<std::size_t>(4, 2 * size) * sizeof(T))) return false;
    list.push_back(arena_, value);
    return true;
  }
  // For text that is copied into the arena.
  [[nodiscard]] bool take(std::size_t bytes) {
    used_ += bytes;
    if (used_ <= granted_) return true;
    std::size_t more = std::max<std::size_t>(used_ - granted_, 64 * 1024);
    if (!charge_.grow(more)) return full_ = true, false;
    granted_ += more;
    return true;
  }
  bool full() const { return full_; }
  // For the next message.
  void reset() {
    arena_.reset();
    used_ = 0;
  }

 private:
  Charge& charge_;
  Arena arena_;
  std::size_t used_ = 0, granted_ = 0;
  bool full_ = false;
};

// An attribute list under construction: keys stay unique, a later value replaces an earlier one. Long lists are looked
// up by hash, so that a list of a million tags costs no more for each tag than a short one.
class AttributeSetter {
 public:
  AttributeSetter(Scratch& scratch, otlp::Attributes& list) : scratch_(scratch), list_(list) {}
  // False when the memory budget has no room.
  [[nodiscard]] bool set(std::string_view key, const otlp::Value& value);

 private:
  static constexpr std::size_t short_list = 32;
  struct Index;
  Scratch& scratch_;
  otlp::Attributes& list_;
  std::shared_ptr<Index> index_;  // null: the list is short
};

// An ExportTraceServiceRequest made of spans that come in any order of resources and scopes, or an ExportMetricsServiceRequest made of
// metrics: their layers have the same numbers.
class TraceWriter {
 public:
  explicit TraceWriter(Charge& charge) : charge_(charge) {}

  using Group = std::size_t;
  // A new resource; false-y result when there is no room.
  Result<Group> resource(const otlp::Resource& resource);
  // Behind the spans of this resource and scope that were added before.
  Result<> add(Group group, const otlp::Scope& scope, const otlp::Span& span);
  Result<> add(Group group, const otlp::Scope& scope, const otlp::Metric& metric);
  std::size_t spans() const { return spans_; }
  Result<Bytes> finish();

 private:
  struct ScopeSpans {
    std::string scope, spans;
  };
  struct ResourceSpans {
    std::string resource;
    std::vector<ScopeSpans> scopes;
    std::unordered_map<std::string, std::size_t> scope_at;  // by the scope's bytes
    std::size_t last_scope = 0;                             // of the item before
  };
  template <class Item>
  Result<> add_item(Group group, const otlp::Scope& scope, const Item& item);
  Result<> charge(std::size_t bytes);

  Charge& charge_;
  std::vector<ResourceSpans> groups_;
  otlp::Writer writer_;
  std::size_t spans_ = 0;
};

// What is said when there is no room for a decoded request.
Error no_room();

}  // namespace weir
