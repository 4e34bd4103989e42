// Any bytes as a compressed body: bounds hold, and what comes of it whole comes of it in parts too, in fixed memory.
#include "net/compression.h"
#include "net/inflow.h"

using namespace weir;
using namespace weir::net;

namespace {

// What the stream gives; `fine`: it was not damaged.
std::string in_parts(Compression kind, std::string_view in, std::size_t part, std::size_t most, bool& fine) {
  auto inflow = Inflow::make(kind);
  WEIR_CHECK(inflow != nullptr);
  std::string out;
  fine = true;
  while (fine && !in.empty() && out.size() <= most) {
    std::string piece(in.substr(0, part));  // of its own, so that reading past the end is seen
    in.remove_prefix(piece.size());
    fine = inflow->take(piece, [&](std::string_view made) {
      if (out.size() <= most) out += made;
    });
  }
  return out;
}

}  // namespace

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
    bool fine = false;
    std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string streamed = in_parts(kind, in, 1 + data[0] / 7, limit, fine);
    // In parts a copy reaches no farther back than 64 KiB, in zstd a mebibyte.
    if (out && fine) WEIR_CHECK(streamed == *out, "{} and {} bytes", streamed.size(), out->size());
    if (out && !fine) WEIR_CHECK(out->starts_with(streamed) && (out->size() > 64 * 1024 || kind == Compression::zstd), "{} and {} bytes", streamed.size(), out->size());
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
