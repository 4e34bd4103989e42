// Bytes as a bbolt file: nothing outside of them is read, and it ends.
#include "components/shared/storage/bolt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)weir::storage::read_bolt({reinterpret_cast<const char*>(data), size}, "default");
  return 0;
}
