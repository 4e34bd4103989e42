#pragma once
// What a statement runs against: one telemetry item and everything around it.
#include <string>

#include "base/rng.h"
#include "base/time.h"
#include "otlp/edits.h"
#include "ottl/value.h"

namespace weir::ottl {

enum class ContextId : std::uint8_t { resource, scope, span, spanevent, metric, datapoint, exemplar, log };
constexpr std::size_t context_count = 8;
std::string_view to_string(ContextId id);
// Also knows the old word instrumentation_scope.
bool context_from(std::string_view word, ContextId& out);
// Contexts whose paths statements of context `of` may use: itself and what it lies in.
bool reaches(ContextId of, ContextId other);

// Owned by whoever runs a program; one core, one batch at a time. Set the members for each item, then run the program.
// Members for what the program's context does not reach stay null.
class EvalContext {
 public:
  EvalContext(Arena& batch_arena, const Clock& clock, Rng& rng) : arena_(&batch_arena), clock_(&clock), rng_(&rng) {}
  // For the next batch, keeping what was allocated for scratch space.
  void use_arena(Arena& batch_arena) {
    arena_ = &batch_arena;
    shared_read_ = 0;
  }

  otlp::ResourceGroup* resource = nullptr;
  otlp::ScopeGroup* scope = nullptr;
  // In scope->items; set_item() keeps both in step, since a function may append items.
  void set_item(std::size_t index) {
    item_index_ = index;
    item_ = &scope->items[index];
    on_excerpt_ = false;
  }
  // An item that is not part of scope->items.
  void set_item(otlp::Item& item) {
    item_ = &item;
    on_excerpt_ = false;
  }
  // `excerpt` has what a program reads of that item, or is the item. T: what the item is. Changes that are made to the excerpt come to the
  // item with apply_edits().
  template <class T>
  void set_excerpt(std::size_t index, otlp::Item& excerpt) {
    set_item(index);
    edits_.clear();
    if (item_ == &excerpt) return;
    item_ = &excerpt;
    on_excerpt_ = true;
    if constexpr (!std::is_same_v<T, otlp::Metric>)  // metrics are not changed in excerpts
      apply_ = [](otlp::Edits& edits, const otlp::Item& from, otlp::Item& to, Arena& arena) {
        edits.apply(*static_cast<const T*>(from.message), to, arena);
      };
  }
  bool on_excerpt() const { return on_excerpt_; }
  // For changes that are made to an excerpt.
  otlp::Edits& edits() { return edits_; }
  // The excerpt stays as it is, and can be read and changed further.
  void apply_edits() {
    if (!edits_.empty()) apply_(edits_, *item_, scope->items[item_index_], *arena_);
  }
  // Before anything is read or changed that the excerpt does not have.
  void leave_excerpt() {
    if (on_excerpt_) move_to_item();
  }
  otlp::Span::Event* event = nullptr;
  otlp::DataPoint* point = nullptr;
  otlp::Exemplar* exemplar = nullptr;
  std::int64_t event_index = -1;            // -1: this caller does not say
  const otlp::Context* sender = nullptr;    // otelcol.client.*

  otlp::Item& item() { return *item_; }
  const otlp::Span& span() { return item_->read<otlp::Span>(*arena_); }
  otlp::Span& edit_span() { return item_->edit<otlp::Span>(*arena_); }
  const otlp::LogRecord& log() { return item_->read<otlp::LogRecord>(*arena_); }
  otlp::LogRecord& edit_log() { return item_->edit<otlp::LogRecord>(*arena_); }
  const otlp::Metric& metric() { return item_->read<otlp::Metric>(*arena_); }
  otlp::Metric& edit_metric() { return item_->edit<otlp::Metric>(*arena_); }
  // Adds a metric behind the others of the scope.
  void append_metric(otlp::Metric* metric);
  // Says that the current metric's number of data points is another now.
  void points_changed();
  bool items_changed = false;  // set by both; whoever owns the batch counts anew

  Arena& arena() { return *arena_; }
  // For what lives no longer than the current item's statements. Cleared by next_item().
  Arena& scratch() { return scratch_; }
  const Clock& clock() const { return *clock_; }
  Rng& rng() { return *rng_; }
  void next_item() {
    scratch_.reset();
    cache_ = nullptr;
  }
  otlp::Attributes& cache() {
    if (cache_ == nullptr) cache_ = scratch_.make<otlp::Attributes>();
    return *cache_;
  }

  // Before a text is read for an item that many items read, such as one of their resource. False after an error: the items of a batch of half a
  // megabyte could have gigabytes of them read.
  static constexpr std::size_t long_text = 1024, most_shared_read = 256 * 1024 * 1024;
  bool read_shared(std::size_t bytes) { return bytes <= long_text || count_shared(bytes); }
  // Text that may be stored in the telemetry.
  std::string_view keep(const Value& text) { return text.owned ? text.text : arena_->copy(text.text); }
  Value scratch_text(std::string_view text) { return Value::of(scratch_.copy(text)); }

  // Lambda parameters, by slot.
  std::vector<Value> locals;
  void make_locals(std::size_t count) {
    if (count != 0 && locals.size() < count) locals.resize(count);
  }

  // What went wrong; set by whatever returned false.
  std::string error;
  template <class... Args>
  bool fail(fmt::format_string<Args...> format, Args&&... args) {
    error = fmt::format(format, std::forward<Args>(args)...);
    return false;
  }
  bool expected(std::string_view type, const Value& got) { return fail("expected {} but got {}", type, to_string(got.kind)); }

 private:
  void move_to_item();
  bool count_shared(std::size_t bytes);

  Arena* arena_;
  const Clock* clock_;
  Rng* rng_;
  Arena scratch_;
  otlp::Attributes* cache_ = nullptr;
  std::size_t shared_read_ = 0;
  otlp::Item* item_ = nullptr;
  std::size_t item_index_ = 0;
  bool on_excerpt_ = false;
  otlp::Edits edits_;  // of the excerpt
  void (*apply_)(otlp::Edits&, const otlp::Item& from, otlp::Item& to, Arena&) = nullptr;
};

}  // namespace weir::ottl
