// Any bytes as a list of Zipkin spans: whatever is taken is a valid OTLP request.
#include "components/shared/zipkin/zipkin.h"
#include "otlp/batch.h"

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  Budget budget(64 * 1024 * 1024);
  Charge charge = budget.empty_charge();
  bool parse_tags = (data[0] & 4) != 0;
  Result<Bytes> request = fail(Errc::invalid, "");
  switch (data[0] & 3) {
    case 0: request = zipkin::from_json_v2(body, parse_tags, charge); break;
    case 1: request = zipkin::from_proto_v2(body, parse_tags, charge); break;
    case 2: request = zipkin::from_json_v1(body, parse_tags, {}, charge); break;
    default: request = zipkin::from_thrift_v1(body, charge);
  }
  if (!request) return 0;
  WEIR_CHECK(charge.bytes() >= request->size());
  auto batch = otlp::Batch::parse(otlp::Signal::traces, *request);
  WEIR_CHECK(batch.has_value(), "{}", batch.error().what);
  batch->settle({});
  return 0;
}
