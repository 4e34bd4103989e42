#include "ottl/context.h"

namespace weir::ottl {

std::string_view to_string(ContextId id) {
  constexpr std::array<std::string_view, context_count> names = {"resource", "scope", "span", "spanevent", "metric", "datapoint", "exemplar", "log"};
  return names[static_cast<std::size_t>(id)];
}

bool context_from(std::string_view word, ContextId& out) {
  if (word == "instrumentation_scope") word = "scope";
  for (std::size_t i = 0; i < context_count; ++i) {
    if (to_string(static_cast<ContextId>(i)) != word) continue;
    out = static_cast<ContextId>(i);
    return true;
  }
  return false;
}

bool reaches(ContextId of, ContextId other) {
  if (of == other || other == ContextId::resource) return true;
  if (other == ContextId::scope) return of != ContextId::resource;
  switch (of) {
    case ContextId::spanevent: return other == ContextId::span;
    case ContextId::datapoint: return other == ContextId::metric;
    case ContextId::exemplar: return other == ContextId::metric || other == ContextId::datapoint;
    default: return false;
  }
}

void EvalContext::move_to_item() {
  apply_edits();
  std::ptrdiff_t at = event == nullptr ? 0 : event - span().events.begin();
  set_item(item_index_);
  if (event != nullptr) event = const_cast<otlp::Span::Event*>(span().events.begin() + at);
}

bool EvalContext::count_shared(std::size_t bytes) {
  shared_read_ += bytes;
  return shared_read_ <= most_shared_read || fail("the items of a batch read more than {} bytes of long texts that they share", most_shared_read);
}

void EvalContext::append_metric(otlp::Metric* metric) {
  scope->items.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
  set_item(item_index_);
  items_changed = true;
}

void EvalContext::points_changed() {
  item_->points = static_cast<std::uint32_t>(metric().points.size());
  items_changed = true;
}

}  // namespace weir::ottl
