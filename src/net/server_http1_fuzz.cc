#include "net/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  weir::net::fuzzing::ServerSide side;
  side.protocol = make_http1_server(side);
  side.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
