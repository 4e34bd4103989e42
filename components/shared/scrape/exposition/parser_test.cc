#include "components/shared/scrape/exposition/testing.h"
#include "otlp/wire.h"
#include "prometheus/number.h"

namespace weir::exposition::testing {

std::string describe(const NativeHistogram& h);

namespace {

std::string number(double value) {
  std::string out;
  prometheus::append_number(out, value);
  return out;
}

std::string buckets(const NativeHistogram& h, const std::vector<NativeHistogram::Bucket>& side) {
  std::string out;
  for (auto& b : side) out += fmt::format(" {}:{}", b.index, h.is_float ? number(b.real) : fmt::format("{}", b.count));
  return out;
}

}  // namespace

std::string describe(const NativeHistogram& h) {
  std::string out = fmt::format("schema {} count {} sum {}", h.schema, h.is_float ? number(h.count_real) : fmt::format("{}", h.count), number(h.sum));
  if (h.schema == NativeHistogram::custom_buckets) {
    out += " bounds";
    for (double b : h.bounds) out += " " + number(b);
  } else {
    out += fmt::format(" zero {}", h.is_float ? number(h.zero_count_real) : fmt::format("{}", h.zero_count));
  }
  out += " positive" + buckets(h, h.positive);
  if (!h.negative.empty()) out += " negative" + buckets(h, h.negative);
  return out;
}

namespace {

std::string describe_series(Parser& parser, Entry entry) {
  std::vector<scrape::Label> list;
  parser.labels(list);
  std::string out;
  scrape::Labels sorted(std::move(list));
  out += sorted.get("__name__");
  sorted.remove("__name__");
  if (!sorted.empty()) out += scrape::to_string(sorted);
  out += " " + (entry == Entry::histogram ? describe(*parser.histogram) : number(parser.value));
  if (parser.timestamp) out += fmt::format(" @{}", *parser.timestamp);
  for (Exemplar e; parser.exemplar(e);) {
    out += " #";
    for (auto& [k, v] : e.labels) out += fmt::format(" {}={}", k, v);
    out += " " + number(e.value);
    if (e.timestamp) out += fmt::format(" @{}", *e.timestamp);
  }
  if (auto start = parser.start_timestamp()) out += fmt::format(" since {}", start);
  return out;
}

}  // namespace

std::vector<std::string> lines_of(Parser& parser, const std::vector<std::string>& expected) {
  std::vector<std::string> out;
  for (std::size_t i = 0;;) {
    Entry entry = parser.next(i < expected.size() ? std::string_view(expected[i]) : std::string_view());
    switch (entry) {
      case Entry::end: return out;
      case Entry::failed: out.push_back("! " + parser.error()); return out;
      case Entry::type: out.push_back(fmt::format("TYPE {} {}", parser.name, to_string(parser.type))); break;
      case Entry::help: out.push_back(fmt::format("HELP {} {}", parser.name, parser.full_text())); break;
      case Entry::unit: out.push_back(fmt::format("UNIT {} {}", parser.name, parser.full_text())); break;
      default: out.push_back(describe_series(parser, entry)); ++i;
    }
  }
}

std::vector<std::string> lines_of(Format format, std::string_view body, const Options& options) {
  return lines_of(*make_parser(format, body, options));
}

std::string field(std::uint32_t n, std::string_view bytes) {
  otlp::Writer out;
  out.bytes(n, bytes);
  return std::string(out.view());
}
std::string field(std::uint32_t n, double value) {
  otlp::Writer out;
  out.real(n, value);
  return std::string(out.view());
}
std::string field_varint(std::uint32_t n, std::uint64_t value) {
  otlp::Writer out;
  out.number(n, value);
  return std::string(out.view());
}
std::string family(std::string_view name, std::string_view help, int type, const std::vector<std::string>& metrics, std::string_view unit) {
  std::string message = field(1, name) + field(2, help) + field_varint(3, static_cast<std::uint64_t>(type));
  for (auto& metric : metrics) message += field(4, metric);
  if (!unit.empty()) message += field(5, unit);
  otlp::Writer size;
  size.varint(message.size());
  return std::string(size.view()) + message;
}

}  // namespace weir::exposition::testing

using namespace weir;
using namespace weir::exposition;
using namespace weir::exposition::testing;
using Lines = std::vector<std::string>;

TEST_CASE("text: what targets write") {
  CHECK(lines_of(Format::text, R"(# HELP http_requests_total Requests\nof "all" \\ kinds.
# TYPE http_requests_total counter
http_requests_total{code="200",method="get"} 1027 1395066363000
http_requests_total {code = "400" , method="post",} 3
  # a comment
# TYPE
metric_without_labels 12.47
esc{path="C:\\DIR\\F.TXT",error="a \"quoted\"\nline"} 1.458255915e9

# TYPE rpc summary
rpc{quantile="0.5"} NaN
rpc_sum 1.7560473e+07
# TYPE h histogram
h_bucket{le="1"} +Inf
x -Inf -0
)") == Lines{
            "HELP http_requests_total Requests\nof \"all\" \\ kinds.",
            "TYPE http_requests_total counter",
            R"(http_requests_total{code="200", method="get"} 1027 @1395066363000)",
            R"(http_requests_total{code="400", method="post"} 3)",
            "metric_without_labels 12.47",
            R"(esc{error="a \"quoted\"\nline", path="C:\\DIR\\F.TXT"} 1.458255915e+09)",
            "TYPE rpc summary",
            R"(rpc{quantile="0.5"} NaN)",
            "rpc_sum 1.7560473e+07",
            "TYPE h histogram",
            R"(h_bucket{le="1.0"} +Inf)",
            R"(! line 15: expected a timestamp or the end of the line: "x -Inf -0")",
        });
}

TEST_CASE("text: names beyond the old set stand quoted in the braces") {
  CHECK(lines_of(Format::text, "# TYPE \"my.metric\" gauge\n{\"my.metric\",\"a.b\"=\"c\"} 1\n{\"x y\"} 2\n{a=\"b\"} 3\n") ==
        Lines{"TYPE my.metric gauge", R"(my.metric{a.b="c"} 1)", "x y 2", R"(! line 4: no metric's name: "{a=\"b\"} 3")"});
}

TEST_CASE("text: a line that is none ends the answer") {
  for (std::string_view bad : {"a", "a{", "a{b=\"c\"", "a{b=\"c\"}", "a 0x1p3", "a 1_000", "a 1 1.5", "a 1 2 3", "a 1e400", "a{b} 1", "a{b=c} 1", "# TYPE a wrong\n",
                               "# TYPE a info\n", "a{b=\"\xff\"} 1", "9a 1", "a\xff 1", "a{\"b\"} 1", "a{,} 1", "a 1 99999999999999999999"}) {
    CAPTURE(bad);
    Lines lines = lines_of(Format::text, bad);
    REQUIRE(!lines.empty());
    CHECK(lines.back().starts_with("! line 1: "));
  }
}

TEST_CASE("openmetrics: exemplars, units, created and times in seconds") {
  constexpr std::string_view body = R"(# TYPE a counter
# UNIT a_seconds seconds
# HELP a say \"hi\"
a_total{x="y"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67
a_created{x="y"} 1520872607.123
# TYPE h histogram
h_bucket{le="+Inf"} 4 # {} 3 1520879607.5
# EOF
)";
  Lines all{"TYPE a counter", "UNIT a_seconds seconds", "HELP a say \"hi\"",
            R"(a_total{x="y"} 17 @1520879607789 # trace_id=KOO5S4vxi0o 0.67 since 1520872607123)",
            R"(a_created{x="y"} 1.520872607123e+09)", "TYPE h histogram", R"(h_bucket{le="+Inf"} 4 # 3 @1520879607500)"};
  CHECK(lines_of(Format::openmetrics, body) == all);
  all.erase(all.begin() + 4);
  CHECK(lines_of(Format::openmetrics, body, {.start_timestamps = true}) == all);
}

TEST_CASE("openmetrics: strict about blanks, lines and the end") {
  for (std::string_view bad : {"", "a 1\n", "# EOF\nx", "a  1\n# EOF", "a 1 \n# EOF", "a{b=\"c\"}1\n# EOF", "a{b=\"c\" } 1\n# EOF", "\n# EOF", "# foo\n# EOF", "#TYPE a gauge\n# EOF",
                               "a 1 NaN\n# EOF", "# UNIT a seconds\n# EOF", "# TYPE a\n# EOF", "a 1 # {b=\"c\"}\n# EOF", "a 1 # {b} 1\n# EOF", "a{b=\"c\"d=\"e\"} 1\n# EOF", "a 1 # EOF"}) {
    CAPTURE(bad);
    Lines lines = lines_of(Format::openmetrics, bad);
    REQUIRE(!lines.empty());
    CHECK(lines.back().starts_with("! "));
  }
  CHECK(lines_of(Format::openmetrics, "a{b=\"c\",} 1\n# EOF") == Lines{R"(a{b="c"} 1)"});
  CHECK(lines_of(Format::openmetrics, "# EOF\n") == Lines{});
}

namespace {

std::string native_histogram() {
  auto span = [](std::int32_t offset, std::uint32_t length) { return field_varint(1, otlp::zigzag(offset)) + field_varint(2, length); };
  std::string deltas;
  for (std::int64_t d : {1, 1, -2, 3}) {
    otlp::Writer out;
    out.varint(otlp::zigzag(d));
    deltas += out.view();
  }
  std::string exemplar = field(1, field(1, "trace_id") + field(2, "ab")) + field(2, 2.5) + field(3, field_varint(1, 7) + field_varint(2, 500'000'000));
  return field_varint(1, 8) + field(2, 18.4) + field(3, field_varint(1, 2) + field(2, 1.0)) + field_varint(5, otlp::zigzag(3)) + field(6, 0.001) +
         field_varint(7, 2) + field(12, span(0, 2)) + field(12, span(1, 2)) + field(13, deltas) + field(16, exemplar) +
         field(15, field_varint(1, 3));
}

}  // namespace

TEST_CASE("protobuf: all kinds") {
  std::string counter = label_pair("x", "y") + field(3, field(1, 4.0) + field(3, field_varint(1, 2)));
  std::string summary = field(4, field_varint(1, 3) + field(2, 1.5) + field(3, field(1, 0.5) + field(2, 7.0)));
  std::string classic = field(7, field_varint(1, 9) + field(2, 2.0) + field(3, field_varint(1, 4) + field(2, 0.5))) + field_varint(6, 12);
  std::string body = family("c_total", "A\\n.", 0, {counter}, "seconds") + family("none", "", 1, {}) + family("s", "", 2, {summary}) + family("h", "", 4, {classic});
  CHECK(lines_of(Format::protobuf, body) == Lines{"HELP c_total A\\n.", "UNIT c_total seconds", "TYPE c_total counter", R"(c_total{x="y"} 4 since 2000)",
                                                  "HELP s ", "TYPE s summary", "s_count 3", "s_sum 1.5", R"(s{quantile="0.5"} 7)",
                                                  "HELP h ", "TYPE h histogram", "h_count 9 @12", "h_sum 2 @12", R"(h_bucket{le="0.5"} 4 @12)", R"(h_bucket{le="+Inf"} 9 @12)"});
}

TEST_CASE("protobuf: native histograms, with and without their classic part") {
  std::string body = family("n", "", 4, {field(7, native_histogram()), label_pair("a", "b") + field(7, native_histogram())});
  std::string native = "schema 3 count 8 sum 18.4 zero 2 positive 0:1 1:2 4:3 # trace_id=ab 2.5 @7500 since 3000";
  CHECK(lines_of(Format::protobuf, body, {.native_histograms = true}) == Lines{"HELP n ", "TYPE n histogram", "n " + native, "n{a=\"b\"} " + native});
  CHECK(lines_of(Format::protobuf, body, {.native_histograms = true, .keep_classic = true}) ==
        Lines{"HELP n ", "TYPE n histogram", "n " + native, "n_count 8 since 3000", "n_sum 18.4 since 3000", "n_bucket{le=\"1.0\"} 2 since 3000", "n_bucket{le=\"+Inf\"} 8 since 3000",
              "n{a=\"b\"} " + native, R"(n_count{a="b"} 8 since 3000)", R"(n_sum{a="b"} 18.4 since 3000)", R"(n_bucket{a="b", le="1.0"} 2 since 3000)", R"(n_bucket{a="b", le="+Inf"} 8 since 3000)"});
  CHECK(lines_of(Format::protobuf, body).size() == 10);
  CHECK(lines_of(Format::protobuf, body, {.convert_classic = true}) ==
        Lines{"HELP n ", "TYPE n histogram", "n schema -53 count 8 sum 18.4 bounds 1 positive 0:2 1:6 # trace_id=ab 2.5 @7500 since 3000", "n{a=\"b\"} schema -53 count 8 sum 18.4 bounds 1 positive 0:2 1:6 # trace_id=ab 2.5 @7500 since 3000"});
}

TEST_CASE("native histograms: coarser on demand") {
  NativeHistogram h;
  h.schema = 3;
  h.positive = {{.index = -3, .count = 1}, {.index = 0, .count = 2}, {.index = 1, .count = 4}, {.index = 2, .count = 8}, {.index = 9, .count = 16}};
  CHECK(h.limit(4));
  CHECK(h.schema == 2);
  CHECK(describe(h) == "schema 2 count 0 sum 0 zero 0 positive -1:1 0:2 1:12 5:16");
  CHECK(h.limit(3));
  CHECK(describe(h) == "schema 1 count 0 sum 0 zero 0 positive 0:3 1:12 3:16");
  CHECK(!h.limit(0));
}

TEST_CASE("text: classic histograms become ones with custom buckets") {
  std::string body = R"(# TYPE h histogram
h_bucket{a="b",le="1"} 2
h_bucket{a="b",le="+Inf"} 5
h_sum{a="b"} 7
h_count{a="b"} 5
h_bucket{a="c",le="+Inf"} 1
h_count{a="c"} 1
# TYPE g gauge
g 1
)";
  CHECK(lines_of(Format::text, body, {.convert_classic = true}) ==
        Lines{"TYPE h histogram", R"(h{a="b"} schema -53 count 5 sum 7 bounds 1 positive 0:2 1:3)", R"(h{a="c"} schema -53 count 1 sum 0 bounds positive 0:1)", "TYPE g gauge", "g 1"});
  CHECK(lines_of(Format::text, body, {.keep_classic = true, .convert_classic = true}).size() == 11);
}

TEST_CASE("a series that comes as expected is told without looking at its labels; a part of another is not taken for it") {
  auto parser = make_parser(Format::text, "ab 1\nab{c=\"d\"} 2\nab{c=\"d\"}3\nabc 4\nab {c=\"d\"} 5\n", {});
  CHECK(parser->next("ab") == Entry::series);
  CHECK(parser->as_expected);
  CHECK(parser->next("ab{c=\"d\"}") == Entry::series);
  CHECK(parser->as_expected);
  CHECK(parser->next("ab{c=\"d\"}") == Entry::series);
  CHECK(parser->as_expected);
  CHECK(parser->value == 3);
  CHECK(parser->next("ab") == Entry::series);
  CHECK(!parser->as_expected);
  CHECK(parser->series == "abc");
  CHECK(parser->next("ab") == Entry::series);
  CHECK(!parser->as_expected);
  CHECK(parser->series == "ab {c=\"d\"}");
}

TEST_CASE("every format: an answer that is cut off is an error or a shorter answer, never more") {
  std::string protobuf = family("n", "help", 4, {field(7, native_histogram())}) + family("c", "", 0, {label_pair("x", "y") + field(3, field(1, 4.0))});
  std::string openmetrics = "# TYPE a counter\n# HELP a b\na_total{x=\"y\"} 17.0 1520879607.789 # {t=\"K\"} 0.67 5\n# EOF\n";
  struct { Format format; std::string body; } rows[] = {{Format::protobuf, protobuf}, {Format::openmetrics, openmetrics}, {Format::text, openmetrics}};
  for (auto& row : rows) {
    Lines whole = lines_of(row.format, row.body, {.native_histograms = true, .keep_classic = true});
    for (std::size_t n = 0; n < row.body.size(); ++n) {
      std::string cut = row.body.substr(0, n);  // its own memory: reading beyond it is seen by the sanitizer
      CHECK(lines_of(row.format, cut, {.native_histograms = true, .keep_classic = true}).size() <= whole.size() + 1);
    }
  }
}

TEST_CASE("content types") {
  struct { std::string_view in; Format out; } const rows[] = {
      {"text/plain; version=0.0.4; charset=utf-8", Format::text},
      {"application/openmetrics-text;version=1.0.0", Format::openmetrics},
      {"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", Format::protobuf},
  };
  for (auto& row : rows) CHECK(*format_of(row.in, std::nullopt) == row.out);
  CHECK(!format_of("", std::nullopt));
  CHECK(!format_of("text/html", std::nullopt));
  CHECK(*format_of("text/html", Format::text) == Format::text);
}
