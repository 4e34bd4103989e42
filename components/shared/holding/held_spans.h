#pragma once
// Bytes of spans that a stage holds, and what is around them.
#include <boost/unordered/unordered_flat_set.hpp>

#include "base/prefetch.h"
#include "components/shared/holding/segments.h"
#include "otlp/batch.h"
#include "otlp/codec.h"

namespace weir::holding {

// Everything around spans that they share: one for each resource and scope, not one for each trace. Owned by the
// SurroundingsTable of its core as long as somebody counts as user.
struct Surroundings {
  virtual ~Surroundings() = default;
  std::string resource, resource_schema_url, resource_unknown, scope, scope_schema_url, scope_unknown;
  std::uint64_t resource_hash = 0, hash = 0;
  std::size_t users = 0;
  std::uint32_t part = UINT32_MAX;  // place in the outgoing batch
  std::size_t size = sizeof(Surroundings);  // of the object

  std::size_t bytes() const {
    return size + resource.size() + resource_schema_url.size() + resource_unknown.size() + scope.size() + scope_schema_url.size() +
           scope_unknown.size();
  }
  bool same_resource(const Surroundings& o) const {
    return resource == o.resource && resource_schema_url == o.resource_schema_url && resource_unknown == o.resource_unknown;
  }
};

// One copy of each resource and scope that is in use on this core.
class SurroundingsTable {
 public:
  // `make`: what a stage knows of a resource beside its bytes.
  using Make = std::function<std::unique_ptr<Surroundings>(otlp::ResourceGroup& group, Arena& arena)>;
  explicit SurroundingsTable(std::uint64_t seed, Make make = nullptr) : seed_(seed), make_(std::move(make)) {}
  // Counts as a user until release(). Valid as long as it has users.
  Surroundings& lease(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena);
  void release(Surroundings& around, std::size_t users = 1);
  std::size_t bytes() const { return bytes_; }

 private:
  struct Views {
    std::string_view resource, resource_schema_url, resource_unknown, scope, scope_schema_url, scope_unknown;
    std::uint64_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const std::unique_ptr<Surroundings>& around) const { return around->hash; }
    std::size_t operator()(const Surroundings* around) const { return around->hash; }
    std::size_t operator()(const Views& views) const { return views.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Surroundings>& a, const std::unique_ptr<Surroundings>& b) const { return a == b; }
    bool operator()(const Surroundings* a, const std::unique_ptr<Surroundings>& b) const { return a == b.get(); }
    bool operator()(const Views& a, const std::unique_ptr<Surroundings>& b) const;
  };
  std::uint64_t seed_;
  Make make_;
  boost::unordered_flat_set<std::unique_ptr<Surroundings>, Hash, Equal> table_;
  std::size_t bytes_ = 0;
};

// Spans as they stand in a ScopeSpans message, in runs of equal surroundings: copies, or in a record of the hold log where they came. One piece of
// memory for each open() or refer().
class HeldSpans {
 public:
  HeldSpans() = default;
  HeldSpans(const HeldSpans&) = delete;
  HeldSpans& operator=(const HeldSpans&) = delete;
  ~HeldSpans();

  static std::size_t framed(std::size_t span) { return 1 + otlp::varint_size(span) + span; }

  // Writes a block front to back: exactly so many runs and bytes of framed spans as it was opened for. Spans go to `spans`, what is
  // known of them to `memory`.
  class Appender;
  Appender open(std::uint32_t runs, std::size_t bytes, Segments& memory, Segments& spans);
  // The same for spans that stay where they are, `bytes` of them, in `record`: exactly so many runs of spans that lie one behind the other.
  class Referrer;
  Referrer refer(std::uint32_t runs, std::size_t bytes, Segments& memory, Segments::Segment& record);
  // Each run: f(surroundings, framed spans, how many). Spans whose record is on disk only are empty.
  template <class F>
  void each_run(F f) const {
    for (Block* block = first_; block != nullptr; block = block->next)
      for (const Run& run : std::span(block->run(), block->runs)) f(*run.around, block->text(run), run.spans);
  }
  // Each run: f(offset in its record's payload, size, checksum). Of spans that refer().
  template <class F>
  void each_place(F f) const {
    for (Block* block = first_; block != nullptr; block = block->next)
      for (const Run& run : std::span(block->run(), block->runs)) f(run.offset, run.size, run.checksum);
  }
  bool empty() const { return first_ == nullptr; }
  // Whether all can be read.
  bool here() const {
    for (Block* block = first_; block != nullptr; block = block->next)
      if (!block->spans_in->here()) return false;
    return true;
  }
  // The bytes stay where they are between the two: as long as somebody has views of them.
  void pin() const {
    for (Block* block = first_; block != nullptr; block = block->next) ++block->spans_in->pins;
  }
  void unpin() const {
    for (Block* block = first_; block != nullptr; block = block->next) --block->spans_in->pins;
  }
  // Of what the first open() or refer() was for. Not empty.
  Segments::Segment& first_segment() const { return *first_->spans_in; }
  // Takes out what that was for. Not empty.
  HeldSpans take_first();
  // Empties it; the bytes stay as long as the result. The caller releases the surroundings of each run.
  HeldSpans take() { return HeldSpans(std::exchange(first_, nullptr), std::exchange(last_, nullptr), std::exchange(bytes_, 0)); }
  HeldSpans(HeldSpans&& o) noexcept : HeldSpans(std::exchange(o.first_, nullptr), std::exchange(o.last_, nullptr), std::exchange(o.bytes_, 0)) {}

  std::size_t bytes() const { return bytes_; }
  // Brings near what each_run() will read first.
  void prefetch() const {
    constexpr std::size_t some = sizeof(Block) + 6 * sizeof(Run);
    for (std::size_t at = 0; at < some; at += 64) weir::prefetch(reinterpret_cast<const char*>(first_) + at);
  }

 private:
  struct Run {
    Surroundings* around;
    std::uint32_t offset;  // in the segment
    std::uint32_t size, spans;
    std::uint32_t checksum = 0;  // refer() only
  };
  // Behind it: its runs. Their spans are elsewhere.
  struct Block {
    Block* next;
    Segments::Segment *segment, *spans_in;
    std::uint32_t runs, size;  // size: of the spans
    Run* run() { return reinterpret_cast<Run*>(this + 1); }
    std::string_view text(const Run& run) const { return spans_in->here() ? std::string_view(spans_in->text() + run.offset, run.size) : std::string_view(); }
  };
  Block* add(std::uint32_t runs, std::size_t bytes, Segments& memory, Segments::Segment* spans_in);
  HeldSpans(Block* first, Block* last, std::size_t bytes) : first_(first), last_(last), bytes_(bytes) {}

  Block* first_ = nullptr;
  Block* last_ = nullptr;
  std::size_t bytes_ = 0;
};

class HeldSpans::Appender {
 public:
  void add(Surroundings& around, std::string_view span) {
    std::size_t need = framed(span.size());
    WEIR_CHECK(static_cast<std::size_t>(end_ - to_) >= need, "{} bytes where {} are left", need, end_ - to_);
    if (run_ == nullptr || run_->around != &around) begin_run(around);
    *to_++ = 2 << 3 | static_cast<char>(otlp::WireType::bytes);  // ScopeSpans.spans
    std::size_t left = span.size();
    for (; left >= 0x80; left >>= 7) *to_++ = static_cast<char>(left | 0x80);
    *to_++ = static_cast<char>(left);
    std::memcpy(to_, span.data(), span.size());
    to_ += span.size();
    run_->size += static_cast<std::uint32_t>(need);
    ++run_->spans;
  }

 private:
  friend class HeldSpans;
  Appender(Block& block, char* to) : next_run_(block.run()), runs_end_(next_run_ + block.runs), begin_(block.spans_in->data()), to_(to), end_(to + block.size) {}
  void begin_run(Surroundings& around);

  Run *run_ = nullptr, *next_run_, *runs_end_;
  char *begin_, *to_, *end_;
};

class HeldSpans::Referrer {
 public:
  // Framed spans of `around`, all in the record.
  void add(Surroundings& around, std::string_view spans, std::uint32_t count);

 private:
  friend class HeldSpans;
  explicit Referrer(Block& block) : next_run_(block.run()), runs_end_(next_run_ + block.runs), in_(block.spans_in->record.payload.view()) {}

  Run *next_run_, *runs_end_;
  std::string_view in_;
};

}  // namespace weir::holding
