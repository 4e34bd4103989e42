// Any bytes as an answer to a bulk request.
#include "components/exporters/elasticsearch/bulk.h"

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  auto answer = exporters::elasticsearch::read_answer({reinterpret_cast<const char*>(data) + 1, size - 1}, data[0]);
  if (answer && answer->size() != data[0]) __builtin_trap();
  return 0;
}
