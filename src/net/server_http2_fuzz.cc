#include "net/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace weir::net;
  fuzzing::ServerSide side;
  side.protocol = make_http2_server(side);
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // Most inputs should get past the preface; the highest bit leaves it out.
  if (!bytes.empty() && !(bytes.front() & '\x80')) side.protocol->receive(http2_preface);
  side.run(bytes);
  return 0;
}
