#include "net/compression.h"

using namespace weir;
using namespace weir::net;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::size_t limit = 1 << 20;
  auto kind = static_cast<Compression>(data[0] % 7);
  Budget budget(3 * limit);
  {
    Charge charge = budget.empty_charge();
    auto out = decompress(kind, {reinterpret_cast<const char*>(data) + 1, size - 1}, limit, charge);
    WEIR_CHECK(charge.bytes() == (out ? out->size() : 0));
    WEIR_CHECK(!out || out->size() <= limit);
    if (out) {
      std::array pieces{Bytes::take(std::move(*out))};
      Charge again;
      auto packed = compress(kind, pieces);
      WEIR_CHECK(packed && *decompress(kind, *packed, limit, again) == pieces[0].view());
    }
  }
  WEIR_CHECK(budget.used() == 0);
  return 0;
}
