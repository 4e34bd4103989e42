// Any bytes as a request: what verify() accepts can be indexed, read, written as JSON and read from that again.
#include "otlp/fuzzing.h"

using namespace weir;
using namespace weir::otlp;

namespace {

bool has_one_trace_id(std::string_view span) {
  int found = 0;
  for (Reader reader(span); reader.next(); reader.skip()) found += reader.field() == 1;
  return found == 1;
}

// Views agree with decoded spans.
void check_views(Batch& batch) {
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        SpanView view(item);
        const Span& span = item.read<Span>(batch.arena());
        WEIR_CHECK(view.trace_id == span.trace_id && view.span_id == span.span_id && view.parent_span_id == span.parent_span_id);
        WEIR_CHECK(view.name == span.name && view.kind == span.kind && view.status_code == span.status_code);
        if (has_one_trace_id(item.raw)) WEIR_CHECK(peek_trace_id(Signal::traces, item.raw) == span.trace_id);
        std::size_t at = 0;
        view.attributes.each([&](const AttributeView& attribute) {
          const KeyValue& kv = span.attributes[at++];
          WEIR_CHECK(attribute.key == kv.key && to_text(attribute.value(batch.arena())) == to_text(kv.value));
        });
        WEIR_CHECK(at == span.attributes.size());
      }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  Signal signal = fuzzing::signal_of(data[0]);
  Bytes body = fuzzing::exact({reinterpret_cast<const char*>(data) + 1, size - 1});
  auto batch = Batch::parse(signal, body);
  if (!batch) return 0;
  WEIR_CHECK(fuzzing::joined(*batch) == body.view());
  if (signal == Signal::traces) {
    check_views(*batch);
    fuzzing::check_landmarks(body);
  }
  fuzzing::check_encoding(*batch);
  std::string json = to_json(*batch);
  auto protobuf = json_to_protobuf(signal, json);
  WEIR_CHECK(protobuf.has_value(), "{}: {}", protobuf.error().what, json);
  auto again = Batch::parse(signal, *protobuf);
  WEIR_CHECK(again && again->items() == batch->items(), "{} items, {} in\n{}", batch->items(), again ? again->items() : 0, json);
  WEIR_CHECK(to_json(*again) == json, "{}\n{}", json, to_json(*again));
  return 0;
}
