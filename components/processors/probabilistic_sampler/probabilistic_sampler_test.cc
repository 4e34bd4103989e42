#include "components/processors/probabilistic_sampler/probabilistic_sampler.h"

#include <doctest/doctest.h>

#include "components/processors/probabilistic_sampler/sampler.h"
#include "components/processors/probabilistic_sampler/trace_state.h"
#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::processors::probabilistic_sampler {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using namespace weir::processors::probabilistic_sampler;
using engine::Signal;

namespace {

engine::Factory::Config decode(std::string_view yaml, config::Problems& problems) {
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  return factory().decode(&*value, problems);
}

struct Fixture {
  explicit Fixture(std::string_view yaml, Signal signal = Signal::traces) : world(1, 1) {
    config::Problems problems;
    auto config = decode(yaml, problems);
    REQUIRE_MESSAGE(config != nullptr, problems.to_string());
    world.add(stage_factory, "probabilistic_sampler", config);
    world.pipeline(std::string(to_string(signal)), signal, {"source"}, {"probabilistic_sampler"}, {"sink"});
    world.start();
  }
  ~Fixture() { world.stop(); }

  engine::Factory stage_factory = factory();
  World world;
};

otlp::TraceId trace_id(std::uint64_t low) {
  otlp::TraceId id;
  id.bytes[0] = 1;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<unsigned char>(low >> (8 * i));
  return id;
}

template <class T>
otlp::Batch one(Signal signal, const std::function<void(T&, Arena&)>& fill) {
  otlp::Batch batch(signal);
  T* item = batch.arena().make<T>();
  fill(*item, batch.arena());
  batch.groups().emplace_back().scopes.emplace_back().items.push_back(otlp::Item::of(item));
  batch.prune();
  std::string bytes;
  for (auto& piece : batch.encode()) bytes += piece.view();
  auto parsed = otlp::Batch::parse(signal, Bytes::take(std::move(bytes)));
  REQUIRE(parsed.has_value());
  return std::move(*parsed);
}

// The tracestate of the span when it stays, "dropped" otherwise.
std::string sampled_span(std::string_view yaml, const std::function<void(otlp::Span&, Arena&)>& fill) {
  Fixture f(yaml);
  f.world.push(one<otlp::Span>(Signal::traces, fill));
  auto arrived = f.world.take();
  if (arrived.empty()) return "dropped";
  auto& span = arrived[0].batch->groups()[0].scopes[0].items[0].read<otlp::Span>(arrived[0].batch->arena());
  CHECK(span.name == "kept");
  return std::string(span.trace_state);
}
std::string sampled_span(std::string_view yaml, std::uint64_t low, std::string_view state = {}) {
  return sampled_span(yaml, [&](otlp::Span& span, Arena&) {
    span.name = "kept";
    span.trace_id = trace_id(low);
    span.trace_state = state;
  });
}

// The attributes of the record when it stays.
std::string sampled_record(std::string_view yaml, const std::function<void(otlp::LogRecord&, Arena&)>& fill) {
  Fixture f(yaml, Signal::logs);
  f.world.push(one<otlp::LogRecord>(Signal::logs, fill));
  auto arrived = f.world.take();
  if (arrived.empty()) return "dropped";
  otlp::Attributes attributes = arrived[0].batch->groups()[0].scopes[0].items[0].read<otlp::LogRecord>(arrived[0].batch->arena()).attributes;
  return otlp::to_text(otlp::Value::of(&attributes));
}

}  // namespace

TEST_CASE("probabilistic_sampler: thresholds have the digits that the probability needs") {
  struct {
    double probability;
    int precision;
    std::string_view text;
  } const rows[] = {{1, 4, "0"},         {0.5, 4, "8"},         {0.25, 4, "c"},          {0.1, 4, "e666"},
                    {1.0 / 3, 4, "aaab"}, {1.0 / 3, 14, "aaaaaaaaaaaaac"}, {0.01, 3, "fd71"}, {0.99, 2, "029"},
                    {min_probability, 4, "ffffffffffffff"}};
  for (auto& row : rows) {
    CAPTURE(row.probability);
    auto threshold = threshold_of(row.probability, row.precision);
    REQUIRE(threshold);
    CHECK(to_text(*threshold) == row.text);
    CHECK(parse_threshold(row.text)->value == threshold->value);
  }
  CHECK_FALSE(threshold_of(0, 4));
  CHECK_FALSE(threshold_of(1.5, 4));
  CHECK_FALSE(threshold_of(std::nan(""), 4));
  CHECK(to_text(never) == "");
  for (std::string_view bad : {"", "xyz", "0x1", "-1", "123456789012345"}) CHECK_FALSE(parse_threshold(bad));
  CHECK_FALSE(parse_randomness("123"));
  CHECK(parse_randomness("0000000000000f")->value == 15);
}

TEST_CASE("probabilistic_sampler: tracestates that are read and written") {
  struct {
    std::string_view in, out;
    bool fine = true;
  } const rows[] = {
      {"", ""},
      {"a=b", "a=b"},
      {" a=b ,\tot=th:c000;xx:yy , t@s=1", "ot=th:c000;xx:yy,a=b,t@s=1"},
      {"ot=rv:00000000000abc;th:C", "ot=rv:00000000000abc;th:C"},
      {"ot=th:zz", "", false},
      {"ot=th:", "", false},
      {"ot=rv:12", "", false},
      {"ot=th:8;", "", false},
      {"A=b", "", false},
      {"a=b=c", "", false},
      {"a", "", false},
      {"=b", "", false},
      {"ot=th:8;rv:1,a=b", "ot=th:8,a=b", false},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    TraceState state;
    CHECK(state.read(row.in) == row.fine);
    CHECK(state.write() == row.out);
  }
  TraceState state;
  CHECK_FALSE(state.read("a=" + std::string(2000, 'b')));
  std::string many;
  for (int i = 0; i < 40; ++i) many += fmt::format("k{}=v,", i);
  CHECK_FALSE(state.read(many));
}

TEST_CASE("probabilistic_sampler: equalizing and proportional compare the trace id with a threshold") {
  constexpr std::string_view equalizing = "{sampling_percentage: 25, mode: equalizing}";
  constexpr std::string_view proportional = "{sampling_percentage: 25, mode: proportional}";
  for (std::string_view yaml : {equalizing, proportional}) {
    CHECK(sampled_span(yaml, 0xc0000000000000) == "ot=th:c");
    CHECK(sampled_span(yaml, 0xbfffffffffffff) == "dropped");
    CHECK(sampled_span(yaml, 0x12ffffffffffffff) == "ot=th:c");  // the first of the eight bytes does not count
    CHECK(sampled_span(yaml, 0, "ot=rv:c0000000000000") == "ot=rv:c0000000000000;th:c");
    CHECK(sampled_span(yaml, 0xffffffffffffff, "a=b") == "ot=th:c,a=b");
  }
  // Half was kept before: equalizing goes to a quarter of all, proportional to an eighth.
  CHECK(sampled_span(equalizing, 0xc0000000000000, "ot=th:8") == "ot=th:c");
  CHECK(sampled_span(proportional, 0xc0000000000000, "ot=th:8") == "dropped");
  CHECK(sampled_span(proportional, 0xe0000000000000, "ot=th:8") == "ot=th:e");
  // Less was kept before: it stays that.
  CHECK(sampled_span(equalizing, 0xf0000000000000, "ot=th:f") == "ot=th:f");
}

TEST_CASE("probabilistic_sampler: what cannot be decided on goes, or stays") {
  for (std::string_view mode : {"equalizing", "proportional", "hash_seed"}) {
    CAPTURE(mode);
    std::string closed = fmt::format("{{sampling_percentage: 50, mode: {}}}", mode);
    std::string open = fmt::format("{{sampling_percentage: 50, mode: {}, fail_closed: false}}", mode);
    CHECK(sampled_span(closed, 0xffffffffffffff, "broken") == "dropped");
    CHECK(sampled_span(open, 0xffffffffffffff, "broken") == "broken");
    auto without_id = [](otlp::Span& span, Arena&) { span.name = "kept"; };
    CHECK(sampled_span(closed, without_id) == "dropped");
    CHECK(sampled_span(open, without_id) == (mode == "hash_seed" ? "ot=rv:ffffffffffffff;th:0" : "ot=th:0"));
  }
  // Sampled although its threshold says otherwise.
  CHECK(sampled_span("{sampling_percentage: 50, mode: equalizing}", 0x1, "ot=th:8") == "dropped");
  CHECK(sampled_span("{sampling_percentage: 50, mode: equalizing, fail_closed: false}", 0x1, "ot=th:8") == "ot=th:0");
  // A hash has no say about items with thresholds.
  CHECK(sampled_span("{sampling_percentage: 100}", 0xff, "ot=th:8") == "dropped");
  CHECK(sampled_span("{sampling_percentage: 100, fail_closed: false}", 0xff, "ot=th:8") == "ot=th:8");
}

TEST_CASE("probabilistic_sampler: sampling.priority overrules") {
  auto with = [](otlp::Value priority) {
    return [priority](otlp::Span& span, Arena& arena) {
      span.name = "kept";
      span.trace_id = trace_id(1);
      span.attributes.set(arena, "sampling.priority", priority);
    };
  };
  constexpr std::string_view none = "{sampling_percentage: 0}", all = "{sampling_percentage: 100, mode: equalizing}";
  CHECK(sampled_span(none, with(otlp::Value::of(std::int64_t{1}))) == "ot=th:0");
  CHECK(sampled_span(none, with(otlp::Value::of(std::string_view("0.5")))) == "ot=th:0");
  CHECK(sampled_span(none, with(otlp::Value::of(true))) == "dropped");
  CHECK(sampled_span(all, with(otlp::Value::of(0.0))) == "dropped");
  CHECK(sampled_span(all, with(otlp::Value::of(-1.0))) == "ot=th:0");
}

TEST_CASE("probabilistic_sampler: hash_seed keeps the share it is told to, the same traces everywhere") {
  std::size_t kept = 0, both = 0;
  Sampler sampler({.sampling_percentage = 20, .hash_seed = 7}), larger({.sampling_percentage = 40, .hash_seed = 7});
  struct NoCarrier : Carrier {
    const std::optional<Randomness>& randomness() const override { return randomness_; }
    const std::optional<Threshold>& threshold() const override { return threshold_; }
    void set_randomness(Randomness) override {}
    void set_threshold(Threshold) override {}
    void clear_threshold() override {}
    std::optional<Randomness> randomness_;
    std::optional<Threshold> threshold_;
  } carrier;
  Rng rng{1};
  for (int i = 0; i < 20'000; ++i) {
    otlp::TraceId id = trace_id(rng.next());
    bool sampled = sampler.decide({.trace_id = id}, carrier).sampled;
    kept += sampled;
    both += sampled && larger.decide({.trace_id = id}, carrier).sampled;
  }
  CHECK(kept > 3800);
  CHECK(kept < 4200);
  CHECK(both == kept);  // a larger share contains the smaller one
}

TEST_CASE("probabilistic_sampler: log records carry it in attributes") {
  auto record = [](std::vector<std::pair<std::string_view, otlp::Value>> attributes, bool with_id = true) {
    return [attributes, with_id](otlp::LogRecord& r, Arena& arena) {
      if (with_id) r.trace_id = trace_id(0xf0000000000000);
      for (auto& [key, value] : attributes) r.attributes.set(arena, key, value);
    };
  };
  auto text = [](std::string_view t) { return otlp::Value::of(t); };
  constexpr std::string_view half = "{sampling_percentage: 50, mode: equalizing, sampling_priority: p}";
  CHECK(sampled_record(half, record({})) == R"({"sampling.threshold":"8"})");
  CHECK(sampled_record(half, record({{"sampling.randomness", text("10000000000000")}})) == "dropped");
  CHECK(sampled_record(half, record({{"sampling.threshold", text("c")}})) == R"({"sampling.threshold":"c"})");
  CHECK(sampled_record(half, record({{"sampling.threshold", text("zz")}})) == "dropped");
  CHECK(sampled_record(half, record({{"p", otlp::Value::of(25.0)}})) == R"({"p":25,"sampling.threshold":"c"})");
  CHECK(sampled_record(half, record({{"p", otlp::Value::of(std::int64_t{500})}})) == R"({"p":500,"sampling.threshold":"8"})");
  constexpr std::string_view by_attribute = "{sampling_percentage: 100, attribute_source: record, from_attribute: s}";
  CHECK(sampled_record(by_attribute, record({{"s", text("x")}})).find("\"sampling.threshold\":\"0\"") != std::string::npos);
  CHECK(sampled_record(by_attribute, record({})) == "dropped");
  constexpr std::string_view open = "{sampling_percentage: 1, fail_closed: false}";
  CHECK(sampled_record(open, record({}, false)) == R"({"sampling.threshold":"0"})");
}

TEST_CASE("probabilistic_sampler: decisions are counted by where they came from, and every span is accounted for") {
  Fixture f("{sampling_percentage: 50, mode: equalizing}");
  otlp::Batch batch = make_traces({{.trace = 1}, {.trace = 2}, {.trace = 3}});
  f.world.push(std::move(batch));
  f.world.check_conservation();
  bool seen = false;
  for (auto& family : f.world.host().metrics().collect()) {
    if (family.name != "otelcol_processor_probabilistic_sampler_count_traces_sampled") continue;
    seen = true;
    REQUIRE(family.samples.size() == 1);
    CHECK(family.samples[0].labels == telemetry::Labels{{"policy", "trace_id_w3c"}, {"sampled", "false"}});
    CHECK(family.samples[0].value == 3);
  }
  CHECK(seen);
}

TEST_CASE("probabilistic_sampler: settings that make no sense are refused") {
  for (std::string_view yaml : {"{sampling_percentage: -1}", "{sampling_percentage: .nan}", "{sampling_percentage: 1e-20}", "{mode: dice}",
                                "{sampling_precision: 0}", "{sampling_precision: 15}", "{attribute_source: nowhere}"}) {
    CAPTURE(yaml);
    config::Problems problems;
    CHECK(decode(yaml, problems) == nullptr);
  }
}
