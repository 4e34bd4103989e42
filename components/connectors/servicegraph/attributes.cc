#include "components/connectors/servicegraph/attributes.h"

#include "components/shared/series_churn/label_text.h"

namespace weir::connectors::servicegraph {

using series_churn::label_text;

Attributes::Attributes(const Config& config) {
  auto add = [&](const std::vector<std::string>& names, std::vector<std::size_t>& slots) {
    for (auto& name : names) slots.push_back(keys_.add(name));
  };
  add(config.dimensions, dimensions);
  add(config.virtual_node_peer_attributes, peers);
  add(config.database_name_attributes.empty() ? Config{}.database_name_attributes : config.database_name_attributes, databases);
  span_.resize(keys_.size());
  resource_.resize(keys_.size());
}

std::optional<std::string_view> Attributes::enter(otlp::ResourceGroup& group, Arena& arena) {
  arena_ = &arena;
  const otlp::Attributes& attributes = group.resource.read(arena).attributes;
  const otlp::Value* service = attributes.find("service.name");
  if (service == nullptr) return {};
  for (std::size_t i = 0; i < resource_.size(); ++i) resource_[i] = attributes.find(keys_[i]);
  return text(*service, service_);
}

void Attributes::read(const otlp::SpanView& span) {
  std::fill(span_.begin(), span_.end(), otlp::AttributeView{});
  span.find(keys_, span_);
}

std::optional<std::string_view> Attributes::of_span(std::size_t slot) {
  const otlp::AttributeView& found = span_[slot];
  if (!found) return {};
  if (auto plain = found.text()) return label_text(*plain);
  return text(found.value(*arena_), text_);
}

std::optional<std::string_view> Attributes::anywhere(std::size_t slot) {
  if (const otlp::Value* value = resource_[slot]) return text(*value, text_);
  return of_span(slot);
}

std::string_view Attributes::text(const otlp::Value& value, std::string& scratch) {
  if (value.is(otlp::ValueType::string)) return label_text(value.text);
  scratch = otlp::to_text(value);
  return label_text(scratch);
}

}  // namespace weir::connectors::servicegraph
