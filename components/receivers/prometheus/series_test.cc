#include "components/receivers/prometheus/testing.h"
#include "components/shared/scrape/exposition/testing.h"
#include "prometheus/number.h"

namespace weir::receivers::prometheus::testing {
namespace {

scrape::TargetPtr target_of(scrape::Labels labels) {
  auto out = std::make_shared<scrape::Target>();
  out->labels = std::move(labels);
  out->discovered.set("__scheme__", "http");
  return out;
}

std::shared_ptr<const scrape::Relabeler> rules_of(const std::vector<scrape::Rule>& rules) {
  auto made = scrape::Relabeler::make(rules, scrape::Naming::utf8);
  REQUIRE(made);
  return std::make_shared<scrape::Relabeler>(std::move(*made));
}

std::string number(double value) {
  std::string out;
  weir::prometheus::append_number(out, value);
  return out;
}

std::string attributes(const otlp::Attributes& list) {
  std::string out;
  for (auto& [key, value] : list) out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, otlp::to_text(value));
  return out;
}

std::string describe(const otlp::Metric& metric, const otlp::DataPoint& p) {
  std::string out = attributes(p.attributes);
  if (!out.empty()) out = "{" + out + "}";
  out = fmt::format("{}{}", metric.name, out);
  if (p.flags & 1) out += " ended";
  else if (metric.type == otlp::MetricType::gauge || metric.type == otlp::MetricType::sum) out += " " + number(p.real);
  else out += fmt::format(" count {} sum {}", p.count, p.has_sum ? number(p.sum) : number(p.sum) + "?");
  for (std::size_t i = 0; i < p.bucket_counts.size(); ++i)
    out += fmt::format(" {}:{}", i < p.explicit_bounds.size() ? number(p.explicit_bounds[i]) : "inf", p.bucket_counts[i]);
  for (auto& q : p.quantiles) out += fmt::format(" q{}:{}", number(q.quantile), number(q.value));
  if (p.positive.present) {
    out += fmt::format(" scale {} offset {}", p.scale, p.positive.offset);
    for (auto c : p.positive.counts) out += fmt::format(" {}", c);
  }
  for (auto& e : p.exemplars) out += fmt::format(" # {} {} @{}", attributes(e.filtered_attributes), number(e.real), e.time_unix_nano / 1'000'000);
  out += fmt::format(" @{}", p.time_unix_nano / 1'000'000);
  if (p.start_time_unix_nano) out += fmt::format(" since {}", p.start_time_unix_nano / 1'000'000);
  return out;
}

}  // namespace

OneTarget::OneTarget(SeriesSettings settings, std::vector<scrape::Rule> rules, scrape::Labels labels, scrape::Labels external)
    : series(settings, FamilySettings{.discovered = target_of(labels)->discovered, .job = std::string(labels.get("job")), .instance = std::string(labels.get("instance")), .external_labels = external},
             target_of(labels), rules_of(rules)) {}

std::vector<std::string> OneTarget::points() {
  std::vector<std::string> out;
  std::size_t count = 0;
  Bytes bytes = series.encode(count);
  auto batch = otlp::Batch::parse(otlp::Signal::metrics, bytes);
  REQUIRE(batch);
  CHECK(batch->items() == count);
  for (auto& group : batch->groups()) {
    resource = attributes(group.resource.read(batch->arena()).attributes);
    for (auto& s : group.scopes) {
      scope = std::string(s.scope.read(batch->arena()).name) + "|" + attributes(s.scope.read(batch->arena()).attributes);
      for (auto& item : s.items) {
        auto& metric = item.read<otlp::Metric>(batch->arena());
        for (auto& point : metric.points) out.push_back(describe(metric, point));
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> OneTarget::scrape(std::string_view body, std::int64_t now, exposition::Format format, exposition::Options options) {
  counts = {};
  std::string copy(body);
  auto result = series.take(*exposition::make_parser(format, copy, options), now, counts);
  if (!result) series.take_nothing(now);
  std::vector<std::string> out = points();
  if (!result) out.insert(out.begin(), "! " + result.error().what);
  return out;
}

}  // namespace weir::receivers::prometheus::testing

using namespace weir;
using namespace weir::receivers::prometheus;
using namespace weir::receivers::prometheus::testing;
using Lines = std::vector<std::string>;

TEST_CASE("series: all kinds of metrics, again and again") {
  OneTarget target;
  std::string body = R"(# HELP c_total Things.
# TYPE c_total counter
c_total{a="b"} 3
# TYPE g gauge
g 1.5
u 7
# TYPE h histogram
h_bucket{x="y",le="1"} 2
h_bucket{x="y",le="5"} 3
h_bucket{x="y",le="+Inf"} 4
h_sum{x="y"} 9
h_count{x="y"} 4
# TYPE s summary
s{quantile="0.5"} 2
s_sum 3
s_count 4
)";
  Lines expected{"c_total{a=b} 3 @1000", "g 1.5 @1000", "h{x=y} count 4 sum 9 1:2 5:1 inf:1 @1000", "s count 4 sum 3 q0.5:2 @1000", "u 7 @1000"};
  CHECK(target.scrape(body, 1000) == expected);
  CHECK(target.counts.scraped == 11);
  CHECK(target.counts.added == 11);
  CHECK(target.resource == "service.name=j,server.address=10.0.0.1,service.instance.id=10.0.0.1:80,server.port=80,url.scheme=http");
  for (int i = 2; i < 5; ++i) {
    for (auto& line : expected) line = line.substr(0, line.rfind('@')) + fmt::format("@{}", i * 1000);
    CHECK(target.scrape(body, i * 1000) == expected);
    CHECK(target.counts.added == 0);
    CHECK(target.counts.kept == 11);
  }
}

TEST_CASE("series: an unchanged set of series costs comparisons, one that is new two look-ups") {
  OneTarget target;
  std::string first = "# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\n", second = "# TYPE b gauge\nb{x=\"1\"} 3\nb 4\n";
  auto foreseen = [&](const std::string& body, std::int64_t now) {
    target.scrape(body, now);
    return target.counts.foreseen;
  };
  CHECK(foreseen(first + second, 1000) == 0);
  CHECK(foreseen(first + second, 2000) == 4);
  CHECK(foreseen(first + "a{x=\"3\"} 1\n" + second, 3000) == 3);
  CHECK(foreseen(first + "a{x=\"3\"} 1\n" + second, 4000) == 5);
  CHECK(foreseen(second + first, 5000) == 2);
  CHECK(foreseen(second + first, 6000) == 4);
}

TEST_CASE("series: what vanishes is ended once, what comes back is new") {
  OneTarget target;
  CHECK(target.scrape("a 1\nb{x=\"y\"} 2\n", 1) == Lines{"a 1 @1", "b{x=y} 2 @1"});
  CHECK(target.scrape("a 1\n", 2) == Lines{"a 1 @2", "b{x=y} ended @2"});
  CHECK(target.scrape("a 1\n", 3) == Lines{"a 1 @3"});
  CHECK(target.scrape("a 1\nb{x=\"y\"} 3\n", 4) == Lines{"a 1 @4", "b{x=y} 3 @4"});
  CHECK(target.counts.added == 1);
  target.series.take_nothing(5);
  CHECK(target.points() == Lines{"a ended @5", "b{x=y} ended @5"});
  target.series.take_nothing(6);
  CHECK(target.points() == Lines{});
}

TEST_CASE("series: an answer that is broken in the middle tells nothing and ends what it did not come to") {
  OneTarget target;
  target.scrape("a 1\nb 2\n", 1);
  CHECK(target.scrape("a 1\nb", 2) == Lines{"! line 2: expected a value: \"b\"", "b ended @2"});
  CHECK(target.scrape("", 3) == Lines{"a ended @3"});
}

TEST_CASE("series: a histogram ends as one point, a bucket that vanishes is left out") {
  OneTarget target;
  target.scrape("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 2\nh_bucket{le=\"+Inf\"} 2\nh_count 2\n", 1);
  CHECK(target.scrape("# TYPE h histogram\nh_bucket{le=\"2\"} 2\nh_bucket{le=\"+Inf\"} 2\nh_count 2\n", 2) == Lines{"h count 2 sum 0? 2:2 inf:0 @2"});
  CHECK(target.scrape("x 1\n", 3) == Lines{"h ended 2:0 inf:0 @3", "x 1 @3"});
}

TEST_CASE("series: times of the answer, when they are honoured") {
  OneTarget target;
  CHECK(target.scrape("a 1 500\n", 1000) == Lines{"a 1 @500"});
  CHECK(target.scrape("b 1\n", 2000) == Lines{"b 1 @2000"});  // its end is not told: it had a time of its own
  OneTarget ignoring({.honor_timestamps = false});
  CHECK(ignoring.scrape("a 1 500\n", 1000) == Lines{"a 1 @1000"});
  OneTarget tracking({.track_timestamps = true});
  tracking.scrape("a 1 500\n", 1000);
  CHECK(tracking.scrape("b 1\n", 2000) == Lines{"a ended @2000", "b 1 @2000"});
  CHECK(OneTarget().scrape("a 1 99999999999\n", 1000) == Lines{});
}

TEST_CASE("series: labels of the target and of the answer") {
  scrape::Labels labels{{"job", "j"}, {"instance", "i:1"}, {"zone", "z"}};
  CHECK(OneTarget({}, {}, labels).scrape("a{zone=\"mine\",job=\"k\"} 1\n", 1) == Lines{"a{exported_job=k,exported_zone=mine,zone=z} 1 @1"});
  OneTarget honoring({.honor_labels = true}, {}, labels);
  CHECK(honoring.scrape("a{zone=\"mine\",job=\"k\"} 1\n", 1) == Lines{"a{zone=mine} 1 @1"});
  CHECK(honoring.resource == "service.name=k,server.address=i,service.instance.id=i:1,server.port=1,url.scheme=http");
  CHECK(OneTarget({}, {}, labels, {{"dc", "d"}}).scrape("a 1\n", 1) == Lines{"a{dc=d,zone=z} 1 @1"});
}

TEST_CASE("series: rules for series, and counts of what they leave") {
  std::vector<scrape::Rule> rules{{.source_labels = {"__name__"}, .regex = "drop_.*", .action = scrape::Action::drop}, {.regex = "x", .action = scrape::Action::labeldrop}};
  OneTarget target({}, rules);
  for (int i = 1; i < 3; ++i) {
    CHECK(target.scrape("drop_a 1\nb{x=\"1\",y=\"2\"} 2\n", i) == Lines{fmt::format("b{{y=2}} 2 @{}", i)});
    CHECK(target.counts.scraped == 2);
    CHECK(target.counts.kept == 1);
  }
}

TEST_CASE("series: limits fail the scrape") {
  CHECK(OneTarget({.sample_limit = 1}).scrape("a 1\nb 1\n", 1).front() == "! sample limit exceeded");
  CHECK(OneTarget({.label_limit = 3}).scrape("a{x=\"1\"} 1\n", 1).front().starts_with("! label_limit exceeded (metric: a, number of labels: 4, limit: 3)"));
  CHECK(OneTarget({.label_name_length_limit = 8}).scrape("a{long_name_x=\"1\"} 1\n", 1).front().starts_with("! label_name_length_limit exceeded"));
  CHECK(OneTarget({.label_value_length_limit = 12}).scrape("a{x=\"0123456789abc\"} 1\n", 1).front().starts_with("! label_value_length_limit exceeded"));
}

TEST_CASE("series: target_info becomes attributes of the resource, otel_scope_ labels the scope") {
  OneTarget target;
  std::string body = "# TYPE target info\ntarget_info{env=\"prod\"} 1\n# TYPE a counter\na_total{otel_scope_name=\"lib\",otel_scope_version=\"1\",otel_scope_k=\"v\",x=\"y\"} 1\n# EOF\n";
  for (int i = 1; i < 4; ++i) {
    CHECK(target.scrape(body, i, exposition::Format::openmetrics) == Lines{fmt::format("a_total{{x=y}} 1 @{}", i)});
    CHECK(target.resource == "service.name=j,server.address=10.0.0.1,service.instance.id=10.0.0.1:80,server.port=80,url.scheme=http,env=prod");
    CHECK(target.scope == "lib|k=v");
  }
}

TEST_CASE("series: OpenMetrics' created and exemplars") {
  CHECK(OneTarget().scrape("# TYPE a counter\na_total 2 # {trace_id=\"zz\",x=\"y\"} 0.5 7\na_created 3\n# EOF\n", 1000, exposition::Format::openmetrics) ==
        Lines{"a_total 2 # trace_id=zz,x=y 0.5 @7000 @1000 since 3000"});
}

TEST_CASE("series: native histograms, and their end") {
  namespace e = exposition::testing;
  auto span = e::field_varint(1, otlp::zigzag(2)) + e::field_varint(2, 2);
  std::string h = e::field_varint(1, 5) + e::field(2, 9.0) + e::field_varint(5, otlp::zigzag(1)) + e::field_varint(7, 1) + e::field(12, span) + e::field_varint(13, otlp::zigzag(1)) + e::field_varint(13, otlp::zigzag(2));
  std::string body = e::family("n", "", 4, {e::field(7, h)});
  OneTarget target;
  for (int i = 1; i < 3; ++i)
    CHECK(target.scrape(body, i, exposition::Format::protobuf, {.native_histograms = true}) == Lines{fmt::format("n count 5 sum 9 scale 1 offset 1 1 3 @{}", i)});
  CHECK(target.scrape(e::family("g", "", 1, {e::field(2, e::field(1, 1.0))}), 3, exposition::Format::protobuf, {.native_histograms = true}) == Lines{"g 1 @3", "n ended @3"});
}

TEST_CASE("series: a metric whose type changes is another metric") {
  OneTarget target;
  CHECK(target.scrape("# TYPE a gauge\na 1\n", 1) == Lines{"a 1 @1"});
  CHECK(target.scrape("# TYPE a counter\na 2\n", 2) == Lines{"a 2 @2"});
  CHECK(target.scrape("# TYPE a counter\na 3\n", 3) == Lines{"a 3 @3"});
}

TEST_CASE("series: churn does not make it grow") {
  OneTarget target;
  std::size_t early = 0;
  for (int i = 1; i <= 400; ++i) {
    std::string body;
    for (int k = 0; k < 50; ++k) body += fmt::format("m{{pod=\"{}-{}\"}} 1\n", i / 2, k);
    Lines lines = target.scrape(body, i);
    CHECK(lines.size() == (i > 1 && i % 2 == 0 ? 100 : 50));
    if (i == 50) early = target.series.bytes();
  }
  CHECK(target.series.bytes() < 2 * early);
}

TEST_CASE("series: reports about the scrape") {
  OneTarget target({}, {}, {{"job", "j"}, {"instance", "i:1"}, {"zone", "z"}});
  target.scrape("a 1\n", 1);
  target.series.report("up", 1, 2);
  CHECK(target.points() == Lines{"a{zone=z} 1 @1", "up{zone=z} 1 @2"});
}
