#pragma once
// The attributes that matter to the graph, of the span at hand and of its resource, found in one pass and without copies.
#include "components/connectors/servicegraph/config.h"
#include "otlp/span_view.h"

namespace weir::connectors::servicegraph {

class Attributes {
 public:
  explicit Attributes(const Config& config);

  void seek(otlp::Sought& sought) const { keys_.seek(sought); }
  // Before the spans of a batch.
  void use(const std::shared_ptr<const otlp::Sought>& sought) { keys_.use(sought); }
  // Turns to a resource. Its service's name, or nothing. Texts live as long as the arena or until the next enter().
  std::optional<std::string_view> enter(otlp::ResourceGroup& group, Arena& arena);
  // Turns to a span of that resource.
  void read(const otlp::SpanView& span);

  // By slot: see below. Texts are cut as label_text() does and hold until the next one is asked for.
  std::optional<std::string_view> of_span(std::size_t slot);
  std::optional<std::string_view> anywhere(std::size_t slot);  // the resource's counts before the span's

  // Slots, in the order of the configuration.
  std::vector<std::size_t> dimensions, peers, databases;

 private:
  std::string_view text(const otlp::Value& value, std::string& scratch);

  otlp::WantedKeys keys_;
  std::vector<otlp::AttributeView> span_;
  std::vector<const otlp::Value*> resource_;
  Arena* arena_ = nullptr;
  std::string service_, text_;  // scratch for values that are not strings
};

}  // namespace weir::connectors::servicegraph
