#include <doctest/doctest.h>

#include "components/processors/tail_sampling/testing.h"
#include "config/yaml.h"
#include "engine/decode.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::processors::tail_sampling;

namespace {

// Policies from YAML, asked about traces written down as OTLP JSON spans.
struct Asked {
  explicit Asked(std::string_view yaml) {
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    REQUIRE(value.has_value());
    auto decoded = config::decode<Config>(&*value, problems);
    REQUIRE_MESSAGE(decoded.has_value(), problems.to_string());
    auto made = Policies::compile(*decoded, host, clock, rng, "test");
    REQUIRE_MESSAGE(made.has_value(), made.error().what);
    policies = std::move(*made);
  }
  // `groups`: the content of resourceSpans.
  Policies::Verdict about(std::string_view groups) {
    auto bytes = otlp::json_to_protobuf(otlp::Signal::traces, fmt::format(R"({{"resourceSpans":[{}]}})", groups));
    REQUIRE_MESSAGE(bytes.has_value(), bytes.error().what);
    auto batch = otlp::Batch::parse(otlp::Signal::traces, std::move(*bytes));
    auto& conditions = policies->conditions();
    Facts facts;
    TraceSize size;
    std::uint64_t piece = 0, number = 0;
    for (auto& group : batch->groups()) {
      ++piece;
      for (auto& scope : group.scopes) {
        ++number;
        for (auto& item : scope.items) {
          SpanView span = conditions.scanner().scan(item.raw);
          facts.id = span.trace_id;
          ++facts.spans;
          facts.seen |= conditions.look_at(group.resource.read(batch->arena()));
          conditions.observe(span, group, scope, item, batch->arena(), facts);
          size.add(piece, number, group.resource.raw().size(), scope.scope.raw().size(), span.size);
        }
      }
    }
    facts.bytes_framed = size.framed();
    return policies->decide(facts, {TimePoint(1h), 1'700'000'000'000'000'000});
  }
  bool keeps_spans(std::string_view spans, std::string_view resource = "") {
    return about(fmt::format(R"({{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{}]}}]}})", resource, spans)).decision == Decision::sampled;
  }
  engine::testing::TestHost host;
  Rng rng{1};
  ManualClock clock;
  std::unique_ptr<Policies> policies;
};

bool keeps(std::string_view policy, std::string_view spans, std::string_view resource = "") {
  return Asked(fmt::format("policies: [{{name: p, {}}}]", policy)).keeps_spans(spans, resource);
}

std::string with(std::string_view key, std::string_view value) { return fmt::format(R"({{"key":"{}","value":{}}})", key, value); }
std::string span_with(std::string_view key, std::string_view value) { return fmt::format(R"({{"attributes":[{}]}})", with(key, value)); }
std::string text(std::string_view value) { return fmt::format(R"({{"stringValue":"{}"}})", value); }
std::string span_of(std::uint64_t start_ms, std::uint64_t end_ms) {
  return fmt::format(R"({{"startTimeUnixNano":"{}","endTimeUnixNano":"{}"}})", start_ms * 1'000'000, end_ms * 1'000'000);
}

}  // namespace

TEST_CASE("string_attribute: exact values and patterns, in spans and resources, inverted") {
  constexpr std::string_view exact = "type: string_attribute, string_attribute: {key: a, values: [x, '']}";
  CHECK(keeps(exact, span_with("a", text("x"))));
  CHECK(keeps(exact, "{}", with("a", text("x"))));
  CHECK_FALSE(keeps(exact, span_with("a", text("xx"))));
  CHECK_FALSE(keeps(exact, span_with("a", text(""))));
  CHECK_FALSE(keeps(exact, span_with("a", R"({"intValue":"5"})")));
  CHECK_FALSE(keeps(exact, R"({"attributes":[{"key":"a","value":{"stringValue":"y"}},{"key":"a","value":{"stringValue":"x"}}]})"));  // the first counts

  constexpr std::string_view pattern = "type: string_attribute, string_attribute: {key: a, values: [b+, ^z], enabled_regex_matching: true}";
  CHECK(keeps(pattern, span_with("a", text("abbc"))));
  CHECK_FALSE(keeps(pattern, span_with("a", text("az"))));
  // A resource's value of another type is asked as "", a span's is not.
  constexpr std::string_view any = "type: string_attribute, string_attribute: {key: a, values: ['.*'], enabled_regex_matching: true}";
  CHECK(keeps(any, "{}", with("a", R"({"intValue":"5"})")));
  CHECK_FALSE(keeps(any, span_with("a", R"({"intValue":"5"})")));
  CHECK_FALSE(keeps(any, "{}"));

  constexpr std::string_view inverted = "type: string_attribute, string_attribute: {key: a, values: [x], invert_match: true}";
  CHECK_FALSE(keeps(inverted, span_with("a", text("x")) + "," + span_with("a", text("y"))));
  CHECK(keeps(inverted, span_with("b", text("x"))));
}

TEST_CASE("numeric_attribute and boolean_attribute read other types as 0 and false") {
  constexpr std::string_view range = "type: numeric_attribute, numeric_attribute: {key: n, min_value: 400, max_value: 499}";
  CHECK(keeps(range, span_with("n", R"({"intValue":"404"})")));
  CHECK(keeps(range, "{}", with("n", R"({"intValue":"499"})")));
  CHECK_FALSE(keeps(range, span_with("n", R"({"intValue":"500"})")));
  CHECK_FALSE(keeps(range, span_with("n", R"({"doubleValue":404})")));
  constexpr std::string_view below = "type: numeric_attribute, numeric_attribute: {key: n, max_value: 10}";
  CHECK(keeps(below, span_with("n", R"({"intValue":"-5"})")));
  CHECK(keeps(below, span_with("n", text("many"))));
  CHECK_FALSE(keeps(below, "{}"));
  constexpr std::string_view inverted = "type: numeric_attribute, numeric_attribute: {key: n, min_value: 400, invert_match: true}";
  CHECK_FALSE(keeps(inverted, span_with("n", R"({"intValue":"404"})")));
  CHECK(keeps(inverted, "{}"));

  constexpr std::string_view off = "type: boolean_attribute, boolean_attribute: {key: b, value: false}";
  CHECK(keeps(off, span_with("b", R"({"boolValue":false})")));
  CHECK(keeps(off, span_with("b", text("true"))));
  CHECK_FALSE(keeps(off, span_with("b", R"({"boolValue":true})")));
  CHECK_FALSE(keeps(off, "{}"));
}

TEST_CASE("latency: the trace's duration as spans come; an upper bound is looked at on the way") {
  constexpr std::string_view slow = "type: latency, latency: {threshold_ms: 100}";
  CHECK(keeps(slow, span_of(1000, 1050) + "," + span_of(1080, 1101)));
  CHECK_FALSE(keeps(slow, span_of(1000, 1100)));
  CHECK_FALSE(keeps(slow, span_of(1000, 900)));
  constexpr std::string_view between = "type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 200}";
  CHECK(keeps(between, span_of(1000, 1200)));
  CHECK_FALSE(keeps(between, span_of(1000, 1201)));
  CHECK(keeps(between, span_of(1000, 1150) + "," + span_of(1000, 5000)));
  CHECK_FALSE(keeps(between, span_of(1000, 5000) + "," + span_of(1000, 1150)));
}

TEST_CASE("status_code, trace_flags, trace_state, span_count, probabilistic") {
  CHECK(keeps("type: status_code, status_code: {status_codes: [ERROR]}", R"({},{"status":{"code":2}})"));
  CHECK(keeps("type: status_code, status_code: {status_codes: [UNSET]}", "{}"));
  CHECK_FALSE(keeps("type: status_code, status_code: {status_codes: [OK]}", R"({"status":{"code":2}})"));
  CHECK(keeps("type: trace_flags", R"({"flags":257})"));
  CHECK_FALSE(keeps("type: trace_flags", R"({"flags":256})"));
  constexpr std::string_view state = "type: trace_state, trace_state: {key: k, values: [v]}";
  CHECK(keeps(state, R"({"traceState":"o=1, k=v"})"));
  CHECK_FALSE(keeps(state, R"({"traceState":"k=v,broken"})"));
  CHECK_FALSE(keeps(state, R"({"traceState":"k=w"})"));
  constexpr std::string_view count = "type: span_count, span_count: {min_spans: 2, max_spans: 3}";
  CHECK_FALSE(keeps(count, "{}"));
  CHECK(keeps(count, "{},{}"));
  CHECK_FALSE(keeps(count, "{},{},{},{}"));
  CHECK(keeps("type: probabilistic, probabilistic: {sampling_percentage: 100}", "{}"));
  CHECK_FALSE(keeps("type: probabilistic, probabilistic: {sampling_percentage: 0}", "{}"));
}

TEST_CASE("ottl_condition: spans and events; an error counts only when it is to be propagated") {
  constexpr std::string_view span = R"(type: ottl_condition, ottl_condition: {span: ['attributes["a"] == "x"', 'resource.attributes["b"] == 5']})";
  CHECK(keeps(span, span_with("a", text("x"))));
  CHECK(keeps(span, "{}", with("b", R"({"intValue":"5"})")));
  CHECK_FALSE(keeps(span, "{}"));
  constexpr std::string_view event = R"(type: ottl_condition, ottl_condition: {spanevent: ['name == "e" and span.name == "s"']})";
  CHECK(keeps(event, R"({"name":"s","events":[{"name":"d"},{"name":"e"}]})"));
  CHECK_FALSE(keeps(event, R"({"name":"t","events":[{"name":"e"}]})"));

  constexpr std::string_view failing = R"(policies: [{{name: f, type: ottl_condition, ottl_condition: {{error_mode: {}, span: ['ParseJSON(name)["x"] == 1']}}}}])";
  Asked ignoring(fmt::format(failing, "ignore")), propagating(fmt::format(failing, "propagate"));
  constexpr std::string_view bad = R"({"scopeSpans":[{"spans":[{"name":"no json"},{"name":"{\"x\":1}"}]}]})";
  CHECK(ignoring.about(bad).decision == Decision::sampled);
  CHECK(propagating.about(bad).decision == Decision::not_sampled);
  CHECK(propagating.about(bad).failed[0]);
  constexpr std::string_view good_first = R"({"scopeSpans":[{"spans":[{"name":"{\"x\":1}"},{"name":"no json"}]}]})";
  CHECK(propagating.about(good_first).decision == Decision::sampled);
}

TEST_CASE("precedence: drop before everything, then any yes; sample_on_first_match asks no further") {
  Asked asked(R"(policies:
  - {name: all, type: always_sample}
  - {name: no probes, type: drop, drop: {drop_sub_policy: [{name: n, type: string_attribute, string_attribute: {key: p, values: [probe]}}]}}
  - {name: more, type: always_sample}
sample_on_first_match: true)");
  CHECK(asked.policies->list()[0].name == "no probes");
  auto probe = asked.about(R"({"scopeSpans":[{"spans":[{"attributes":[{"key":"p","value":{"stringValue":"probe"}}]}]}]})");
  CHECK(probe.decision == Decision::dropped);
  CHECK(probe.asked == 1);
  auto other = asked.about(R"({"scopeSpans":[{"spans":[{}]}]})");
  CHECK(other.decision == Decision::sampled);
  CHECK(other.asked == 2);
  CHECK(other.sampled_by == 1);
}

TEST_CASE("composite: the first part that says yes decides, within its share of a second") {
  Asked asked(R"(policies:
  - name: c
    type: composite
    composite:
      max_total_spans_per_second: 10
      composite_sub_policy:
        - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
        - {name: rest, type: always_sample}
      rate_allocation: [{policy: errors, percent: 30}, {policy: rest, percent: 0}])");
  constexpr std::string_view error = R"({"status":{"code":2}})";
  for (bool kept : {true, true, true, false, false}) CHECK(asked.keeps_spans(error) == kept);  // 3 of 10
  for (bool kept : {true, true, false}) CHECK(asked.keeps_spans("{},{}") == kept);             // an equal share: 5
  CHECK(asked.keeps_spans("{}"));                                                               // a smaller one still fits
  CHECK_FALSE(Asked(R"(policies: [{name: c, type: composite, composite: {max_total_spans_per_second: 10,
    composite_sub_policy: [{name: a, type: always_sample}]}}])").keeps_spans("{}"));            // no share at all
}

TEST_CASE("rate_limiting and bytes_limiting are full buckets of twice a second's worth, or of burst_capacity") {
  Asked spans("policies: [{name: r, type: rate_limiting, rate_limiting: {spans_per_second: 2}}]");
  for (bool kept : {true, true, true, true, false}) CHECK(spans.keeps_spans("{}") == kept);
  CHECK_FALSE(keeps("type: rate_limiting, rate_limiting: {spans_per_second: 100, burst_capacity: 1}", "{},{}"));
  // Tag and length of the group, an empty resource, the scope and a span whose ids and status are written although empty.
  constexpr std::size_t bytes = 2 + 2 + 2 + 2 + 2 + 4 * 2;
  CHECK(keeps(fmt::format("type: bytes_limiting, bytes_limiting: {{bytes_per_second: 1, burst_capacity: {}}}", bytes), "{}"));
  CHECK_FALSE(keeps(fmt::format("type: bytes_limiting, bytes_limiting: {{bytes_per_second: 1, burst_capacity: {}}}", bytes - 1), "{}"));
}

TEST_CASE("which type may stand where") {
  auto fails = [](std::string_view policies) {
    config::Problems problems;
    auto value = config::parse_yaml(fmt::format("policies: [{}]", policies));
    REQUIRE(value.has_value());
    auto decoded = config::decode<Config>(&*value, problems);
    return !decoded || !Policies::check(*decoded).empty();
  };
  constexpr std::string_view leaf = "{name: l, type: always_sample}";
  CHECK_FALSE(fails(fmt::format("{{name: a, type: and, and: {{and_sub_policy: [{0}, {{name: n, type: not, not: {{not_sub_policy: {0}}}}}]}}}}", leaf)));
  CHECK(fails(fmt::format("{{name: a, type: and, and: {{and_sub_policy: [{{name: b, type: and, and: {{and_sub_policy: [{}]}}}}]}}}}", leaf)));
  CHECK(fails(fmt::format("{{name: n, type: not, not: {{not_sub_policy: {{name: m, type: not, not: {{not_sub_policy: {}}}}}}}}}", leaf)));
  CHECK(fails("{name: x, type: weird}"));
  CHECK(fails("{type: always_sample}"));
  CHECK(fails("{name: x, type: always_sample}, {name: x, type: trace_flags}"));
  CHECK(fails("{name: x, type: numeric_attribute, numeric_attribute: {key: n}}"));
  CHECK(fails("{name: x, type: ottl_condition}"));
  CHECK(fails("{name: x, type: ottl_condition, ottl_condition: {span: ['nosuch(']}}"));
}

TEST_CASE("span-ingest takes only policies whose answer stays") {
  auto check = [](Policy policy) { return Policies::check({.policies = {std::move(policy)}, .sampling_strategy = Strategy::span_ingest}).empty(); };
  CHECK(check({.name = "p", .type = "latency", .latency = {.threshold_ms = 5}}));
  CHECK_FALSE(check({.name = "p", .type = "latency", .latency = {.threshold_ms = 5, .upper_threshold_ms = 6}}));
  CHECK(check({.name = "p", .type = "span_count", .span_count = {.min_spans = 5}}));
  CHECK_FALSE(check({.name = "p", .type = "span_count", .span_count = {.max_spans = 5}}));
  CHECK_FALSE(check({.name = "p", .type = "rate_limiting", .rate_limiting = {.spans_per_second = 5}}));
}
