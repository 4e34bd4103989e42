#include <doctest/doctest.h>

#include "components/shared/remote_write/encode.h"
#include "prometheus/number.h"

using namespace weir;
using namespace weir::remote_write;

namespace {

Series full() {
  Series s;
  s.labels = {{"__name__", "lat"}, {"job", "a/b"}, {"k", "v"}};
  s.samples = {{1.5, 1'700'000'000'123, 1'700'000'000'000}, {prometheus::stale_marker(), 1'700'000'001'123, 1'700'000'000'000}};
  s.exemplars = {{{{"trace_id", "abc"}}, 7, 1'700'000'000'124}};
  s.histograms = {{.schema = 3, .count = 7, .zero_count = 1, .sum = -2.5, .zero_threshold = 1e-128, .positive_spans = {{-4, 2}, {3, 1}},
                   .positive_deltas = {3, -2, 1}, .custom_bounds = {0.5}, .reset = Histogram::Reset::no, .time = 9, .start = 8}};
  s.metadata = {MetricType::histogram, "", "how long", "seconds"};
  return s;
}

struct Collector : Handler {
  Result<> series(Series& s) override {
    text += fmt::format("{} labels {}={}; ", s.labels.size(), s.labels[0].name, s.labels[0].value);
    for (auto& x : s.samples) text += fmt::format("{}@{}/{} ", prometheus::is_stale_marker(x.value) ? "stale" : fmt::format("{}", x.value), x.time, x.start);
    for (auto& e : s.exemplars) text += fmt::format("e{}@{} {}={} ", e.value, e.time, e.labels[0].name, e.labels[0].value);
    for (auto& h : s.histograms)
      text += fmt::format("h{} {} {} {} {} spans {}:{},{}:{} deltas {},{},{} bounds {} reset {} @{}/{} ", h.schema, h.count, h.zero_count, h.sum,
                          h.zero_threshold, h.positive_spans[0].offset, h.positive_spans[0].length, h.positive_spans[1].offset,
                          h.positive_spans[1].length, h.positive_deltas[0], h.positive_deltas[1], h.positive_deltas[2], h.custom_bounds[0],
                          static_cast<int>(h.reset), h.time, h.start);
    text += fmt::format("m{} {} {}\n", static_cast<int>(s.metadata.type), s.metadata.help, s.metadata.unit);
    return {};
  }
  void invalid(std::size_t samples, std::size_t histograms, std::string why) override { text += fmt::format("invalid {} {} {}\n", samples, histograms, why); }
  void metadata(const Metadata& m) override { text += fmt::format("metadata {} {} {} {}\n", static_cast<int>(m.type), m.family, m.help, m.unit); }
  std::string text;
};

std::string read(Version version, std::string_view bytes) {
  Collector out;
  auto result = decode(version, bytes, out, {});
  return result ? out.text : out.text + result.error().what;
}

}  // namespace

TEST_CASE("remote write: what is written is read back, in both versions") {
  Series s = full();
  const Series* one = &s;
  std::string common = "e7@1700000000124 trace_id=abc h3 7 1 -2.5 1e-128 spans -4:2,3:1 deltas 3,-2,1 bounds 0.5 reset 2 @9/";
  CHECK(read(Version::v2, encode(Version::v2, std::span(&one, 1))) ==
        "3 labels __name__=lat; 1.5@1700000000123/1700000000000 stale@1700000001123/1700000000000 " + common + "8 m3 how long seconds\n");
  Metadata metadata{MetricType::counter, "hits_total", "help", "bytes"};
  CHECK(read(Version::v1, encode(Version::v1, std::span(&one, 1), std::span(&metadata, 1))) ==
        "3 labels __name__=lat; 1.5@1700000000123/0 stale@1700000001123/0 " + common + "0 m0  \nmetadata 1 hits_total help bytes\n");
}

TEST_CASE("remote write: golden bytes of both versions") {
  Series s;
  s.labels = {{"__name__", "up"}};
  s.samples = {{1, 5, 0}};
  const Series* one = &s;
  std::string sample = "\x12\x0b\x09" + std::string("\0\0\0\0\0\0\xf0\x3f", 8) + "\x10\x05";
  CHECK(encode(Version::v1, std::span(&one, 1)) == "\x0a\x1d\x0a\x0e\x0a\x08__name__\x12\x02up" + sample);
  CHECK(encode(Version::v2, std::span(&one, 1)) == std::string("\x22\x00\x22\x02up\x22\x08__name__", 16) + "\x2a\x13" +
                                                       "\x0a\x02\x02\x01" + sample + std::string("\x2a\x00", 2));
}

TEST_CASE("remote write: a series that cannot be used does not spoil the others") {
  Series good, unnamed, twice;
  good.labels = {{"__name__", "a"}};
  good.samples = {{1, 1, 0}};
  unnamed.labels = {{"x", "y"}};
  unnamed.samples = {{1, 1, 0}, {2, 2, 0}};
  twice.labels = {{"__name__", "a"}, {"x", "1"}, {"x", "2"}};
  twice.histograms = {{}};
  for (Version version : {Version::v1, Version::v2}) {
    const Series* all[] = {&unnamed, &good, &twice};
    CHECK(read(version, encode(version, all)) ==
          "invalid 2 0 missing metric name in labels\n1 labels __name__=a; 1@1/0 m0  \ninvalid 0 1 duplicate label \"x\"\n");
  }
  // References beyond the symbols, and an odd number of them.
  CHECK(read(Version::v2, std::string("\x22\x00\x2a\x04\x0a\x02\x01\x02", 8)) == "invalid 0 0 reference 2 to 1 symbols\n");
  CHECK(read(Version::v2, std::string("\x22\x00\x2a\x03\x0a\x01\x00", 7)) == "invalid 0 0 an odd number of label references\n");
}

TEST_CASE("remote write: every cut of a request is noticed or harmless") {
  Series s = full();
  const Series* one = &s;
  for (Version version : {Version::v1, Version::v2}) {
    std::string whole = encode(version, std::span(&one, 1));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      Collector out;
      (void)decode(version, std::string_view(whole).substr(0, n), out, {});
    }
    std::string cut = whole.substr(0, whole.size() - 1);
    Collector out;
    CHECK_FALSE(decode(version, cut, out, {}).has_value());
  }
}
