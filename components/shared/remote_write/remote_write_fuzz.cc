// Both decoders on any bytes; what they make of them can be written, and reads the same again.
#include <cstring>

#include "components/shared/remote_write/encode.h"

using namespace weir;
using namespace weir::remote_write;

namespace {

void add(std::string& out, double v) { out += fmt::format("{:x} ", std::bit_cast<std::uint64_t>(v)); }
template <class T>
void add_all(std::string& out, const std::vector<T>& list) {
  out += '[';
  for (auto& v : list) {
    if constexpr (std::is_same_v<T, double>) add(out, v);
    else out += fmt::format("{} ", v);
  }
  out += ']';
}
void add(std::string& out, std::span<const Label> labels) {
  for (auto& label : labels) out += fmt::format("{}={};", label.name, label.value);
}

std::string text_of(const Histogram& h) {
  std::string out = fmt::format("{} {} {} {} {} {} {} ", h.schema, h.is_float, h.count, h.zero_count, static_cast<int>(h.reset), h.time, h.start);
  add(out, h.sum), add(out, h.zero_threshold);
  for (auto* spans : {&h.positive_spans, &h.negative_spans})
    for (auto& span : *spans) out += fmt::format("{}+{} ", span.offset, span.length);
  if (!h.is_float) add_all(out, h.positive_deltas), add_all(out, h.negative_deltas);
  else add_all(out, h.positive_counts), add_all(out, h.negative_counts);
  add_all(out, h.custom_bounds);
  return out;
}

std::string text_of(const Series& s) {
  std::string out;
  add(out, s.labels);
  for (auto& sample : s.samples) out += fmt::format("@{} {} ", sample.time, sample.start), add(out, sample.value);
  for (auto& h : s.histograms) out += "h " + text_of(h);
  for (auto& e : s.exemplars) out += fmt::format("e {} ", e.time), add(out, e.value), add(out, e.labels);
  return out + fmt::format("{} {} {}", static_cast<int>(s.metadata.type), s.metadata.help, s.metadata.unit);
}

struct Kept : Handler {
  explicit Kept(Version v, bool again) : version(v), rewrite(again) {}
  Result<> series(Series& s) override {
    ++count;
    text.push_back(text_of(s));
    for (auto& h : s.histograms) {
      std::vector<std::uint64_t> counts(h.positive_deltas.size(), 1);
      (void)prometheus::to_range(h.positive_spans, counts, 1000);
    }
    if (rewrite) check(s);
    return {};
  }
  void check(const Series& s) {
    const Series* one = &s;
    Kept again(version, false);
    std::string bytes = encode(version, std::span(&one, 1));
    bool fine = decode(version, bytes, again, {}).has_value();
    WEIR_CHECK(fine && again.text.size() == 1 && again.invalid_series == 0, "{} series, {} invalid of\n{}", again.text.size(), again.invalid_series, text.back());
    WEIR_CHECK(again.text[0] == text.back(), "{}\n{}", again.text[0], text.back());
  }
  void invalid(std::size_t, std::size_t, std::string) override { ++invalid_series; }

  Version version;
  bool rewrite;
  std::size_t count = 0, invalid_series = 0;
  std::vector<std::string> text;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string in(reinterpret_cast<const char*>(data), size);
  for (Version version : {Version::v1, Version::v2}) {
    Budget budget;
    Kept kept(version, true);
    bool fine = decode(version, in, kept, budget.empty_charge()).has_value();
    WEIR_CHECK(!fine || kept.count <= count_series(in, version));
    WEIR_CHECK(budget.used() == 0);
  }
  return 0;
}
