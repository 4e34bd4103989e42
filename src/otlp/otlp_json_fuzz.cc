// Any text as OTLP JSON: what is accepted is well-formed protobuf, and writing and reading it again changes nothing.
#include "otlp/fuzzing.h"

using namespace weir;
using namespace weir::otlp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  Signal signal = fuzzing::signal_of(data[0]);
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto protobuf = json_to_protobuf(signal, text);
  if (!protobuf) return 0;
  auto batch = Batch::parse(signal, *protobuf);
  if (!batch) return 0;  // ids of a wrong size, nesting
  std::string json = to_json(*batch);
  auto second = json_to_protobuf(signal, json);
  WEIR_CHECK(second.has_value(), "{}: {}", second.error().what, json);
  auto again = Batch::parse(signal, *second);
  WEIR_CHECK(again && again->items() == batch->items(), "{} items, {} in\n{}", batch->items(), again ? again->items() : 0, json);
  WEIR_CHECK(to_json(*again) == json, "{}\n{}", json, to_json(*again));
  return 0;
}
