// Any bytes as a Jaeger batch: whatever is taken is a valid OTLP request.
#include "components/shared/jaeger/jaeger.h"
#include "otlp/batch.h"

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  Budget budget(64 * 1024 * 1024);
  Charge charge = budget.empty_charge();
  auto protocol = data[0] & 1 ? thrift::Protocol::compact : thrift::Protocol::binary;
  Result<Bytes> request = fail(Errc::invalid, "");
  switch (data[0] >> 1 & 3) {
    case 0: request = jaeger::from_thrift(protocol, body, charge); break;
    case 1: request = jaeger::from_datagram(protocol, body, charge); break;
    case 2: request = jaeger::from_proto(body, charge); break;
    default: request = data[0] & 8 ? jaeger::from_json_span(body, charge) : jaeger::from_post_spans(body, charge);
  }
  if (!request) return 0;
  WEIR_CHECK(charge.bytes() >= request->size());
  auto batch = otlp::Batch::parse(otlp::Signal::traces, *request);
  WEIR_CHECK(batch.has_value(), "{}", batch.error().what);
  batch->settle({});
  return 0;
}
