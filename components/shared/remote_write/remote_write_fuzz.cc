// Both decoders on any bytes; what they make of them can be written and read again.
#include "components/shared/remote_write/encode.h"

using namespace weir;
using namespace weir::remote_write;

namespace {

struct Rewriter : Handler {
  explicit Rewriter(Version v) : version(v) {}
  Result<> series(Series& s) override {
    ++count;
    const Series* one = &s;
    bytes += encode(version, std::span(&one, 1)).size();
    for (auto& h : s.histograms) {
      std::vector<std::uint64_t> counts(h.positive_deltas.size(), 1);
      (void)prometheus::to_range(h.positive_spans, counts, 1000);
    }
    return {};
  }
  void invalid(std::size_t, std::size_t, std::string) override {}
  Version version;
  std::size_t count = 0, bytes = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view in(reinterpret_cast<const char*>(data), size);
  for (Version version : {Version::v1, Version::v2}) {
    Rewriter rewriter(version);
    bool fine = decode(version, in, rewriter, {}).has_value();
    if (fine && rewriter.count > count_series(in, version)) __builtin_trap();
  }
  return 0;
}
