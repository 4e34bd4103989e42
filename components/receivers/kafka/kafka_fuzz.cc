// Any bytes as a message of a topic, in every encoding: whatever is taken is a valid OTLP request.
#include "components/receivers/kafka/decode.h"

using namespace weir;
using weir::receivers::kafka::Decoder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  struct Row {
    otlp::Signal signal;
    std::string_view encoding;
  };
  static constexpr Row rows[] = {{otlp::Signal::traces, "otlp_proto"},  {otlp::Signal::traces, "otlp_json"},   {otlp::Signal::traces, "jaeger_proto"}, {otlp::Signal::traces, "jaeger_json"},
                                 {otlp::Signal::traces, "zipkin_proto"}, {otlp::Signal::traces, "zipkin_json"}, {otlp::Signal::traces, "zipkin_thrift"}, {otlp::Signal::logs, "raw"},
                                 {otlp::Signal::logs, "text"},           {otlp::Signal::logs, "text_utf-16le"}, {otlp::Signal::logs, "json"},           {otlp::Signal::metrics, "otlp_json"}};
  if (size == 0) return 0;
  auto& row = rows[data[0] % std::size(rows)];
  auto decoder = Decoder::make(row.signal, row.encoding);
  if (!decoder) return 0;
  Budget budget(64 * 1024 * 1024);
  Charge charge = budget.empty_charge();
  auto request = decoder->decode(Bytes::copy_of({reinterpret_cast<const char*>(data) + 1, size - 1}), 7, budget, charge);
  if (!request) return 0;
  auto batch = otlp::Batch::parse(row.signal, *request);
  WEIR_CHECK(batch.has_value() || row.encoding.starts_with("otlp"), "{}", batch.error().what);
  if (batch) batch->settle({});
  return 0;
}
