#include "components/processors/probabilistic_sampler/probabilistic_sampler.h"

#include "base/number.h"
#include "components/processors/probabilistic_sampler/sampler.h"
#include "components/processors/probabilistic_sampler/trace_state.h"
#include "otlp/excerpt.h"
#include "otlp/span_view.h"

namespace weir::processors::probabilistic_sampler {
namespace {

using engine::Out;
using otlp::Batch;
using otlp::Item;
using otlp::ValueType;

// Counts decisions; a series is there once it has something to count.
class Decisions {
 public:
  Decisions(const Config& config, engine::StageContext& context) : attribute_(config.from_attribute), registry_(context.host.metrics()) {
    bool traces = context.signal == otlp::Signal::traces;
    name_ = fmt::format("otelcol_processor_probabilistic_sampler_count_{}_sampled", traces ? "traces" : "logs");
  }
  void count(const Sampler::Verdict& verdict) {
    telemetry::Counter*& counter = counters_[static_cast<std::size_t>(verdict.policy)][verdict.sampled];
    if (counter == nullptr)
      counter = &registry_.counter(name_, "Items by decision.", {{"policy", name(verdict.policy)}, {"sampled", verdict.sampled ? "true" : "false"}});
    counter->add();
  }

 private:
  std::string name(Policy policy) const {
    switch (policy) {
      case Policy::missing: return "missing_randomness";
      case Policy::trace_id_hash: return "trace_id_hash";
      case Policy::trace_id_w3c: return "trace_id_w3c";
      case Policy::item: return "sampling_randomness";
      case Policy::attribute_hash: return attribute_;
      case Policy::priority: return "sampling_priority";
      case Policy::count_: break;
    }
    return {};
  }
  std::string attribute_, name_;
  telemetry::Registry& registry_;
  std::array<std::array<telemetry::Counter*, 2>, static_cast<std::size_t>(Policy::count_)> counters_{};
};

// ---- spans: earlier sampling is in the tracestate
class SpanCarrier : public Carrier {
 public:
  const std::optional<Randomness>& randomness() const override { return state.randomness(); }
  const std::optional<Threshold>& threshold() const override { return state.threshold(); }
  void set_randomness(Randomness randomness) override { state.set_randomness(randomness); }
  void set_threshold(Threshold threshold) override { state.set_threshold(threshold); }
  void clear_threshold() override { state.clear_threshold(); }

  TraceState state;
};

std::optional<double> number_of(const otlp::Value& value) {
  switch (value.type) {
    case ValueType::integer: return static_cast<double>(value.integer);
    case ValueType::real: return value.real;
    default: return {};
  }
}

class Spans {
 public:
  Spans(const Config&, const Sampler& sampler, Decisions& decisions) : sampler_(sampler), decisions_(decisions) {}

  bool drops(Item& item, Arena& arena) {
    otlp::SpanView span(item);
    SpanCarrier carrier;
    bool readable = carrier.state.read(span.trace_state);
    auto verdict = sampler_.decide({.trace_id = span.trace_id, .readable = readable, .priority = priority(span, arena)}, carrier);
    decisions_.count(verdict);
    if (verdict.write) write(item, carrier.state.write(), span.trace_state, arena);
    return !verdict.sampled;
  }

 private:
  // sampling.priority, of OpenTracing: 0 is no, more is yes.
  static std::optional<Threshold> priority(const otlp::SpanView& span, Arena& arena) {
    otlp::AttributeView found;
    span.attributes.each([&](const otlp::AttributeView& attribute) {
      if (!found && attribute.key == "sampling.priority") found = attribute;
    });
    if (!found) return {};
    otlp::Value value = found.value(arena);
    auto number = value.is(ValueType::string) ? parse_go_double(value.text) : number_of(value);
    if (!number) return {};
    if (*number == 0) return never;
    return *number > 0 ? std::optional(always) : std::nullopt;
  }

  // Without decoding: the bytes get a new field.
  void write(Item& item, std::string_view state, std::string_view before, Arena& arena) {
    constexpr std::uint32_t trace_state_field = 3;
    if (state == before) return;
    if (item.dirty) {
      item.edit<otlp::Span>(arena).trace_state = arena.copy(state);
      return;
    }
    writer_.clear();
    writer_.put_bytes(trace_state_field, state);
    bytes_.assign(writer_.view());
    for (otlp::Reader reader(item.raw); reader.next();) {
      reader.skip();
      if (reader.field() != trace_state_field) bytes_ += reader.whole();
    }
    item = {.raw = arena.copy(bytes_)};
  }

  const Sampler& sampler_;
  Decisions& decisions_;
  otlp::Writer writer_;
  std::string bytes_;
};

// ---- log records: it is in attributes
class RecordCarrier : public Carrier {
 public:
  // False when what is there cannot be read.
  bool read(const otlp::Attributes& attributes) {
    std::string_view threshold = text(attributes, "sampling.threshold"), randomness = text(attributes, "sampling.randomness");
    threshold_ = parse_threshold(threshold);
    randomness_ = parse_randomness(randomness);
    return (threshold.empty() || threshold_) && (randomness.empty() || randomness_);
  }
  void write(otlp::Attributes& attributes, Arena& arena) const {
    if (set_randomness_) attributes.set(arena, "sampling.randomness", otlp::Value::of(arena.copy(to_text(*randomness_))));
    if (set_threshold_) attributes.set(arena, "sampling.threshold", otlp::Value::of(arena.copy(to_text(*threshold_))));
  }
  bool changed() const { return set_randomness_ || set_threshold_; }

  const std::optional<Randomness>& randomness() const override { return randomness_; }
  const std::optional<Threshold>& threshold() const override { return threshold_; }
  void set_randomness(Randomness randomness) override { randomness_ = randomness, set_randomness_ = true; }
  void set_threshold(Threshold threshold) override { threshold_ = threshold, set_threshold_ = true; }
  void clear_threshold() override { threshold_.reset(); }

 private:
  static std::string_view text(const otlp::Attributes& attributes, std::string_view key) {
    const otlp::Value* value = attributes.find(key);
    return value && value->is(ValueType::string) ? value->text : std::string_view{};
  }
  std::optional<Randomness> randomness_;
  std::optional<Threshold> threshold_;
  bool set_randomness_ = false, set_threshold_ = false;
};

class Records {
 public:
  Records(const Config& config, const Sampler& sampler, Decisions& decisions) : config_(config), sampler_(sampler), decisions_(decisions) {}

  bool drops(Item& item, Arena& arena) {
    // Most records may be on their way out: nothing of them is kept decoded.
    auto& record = *static_cast<const otlp::LogRecord*>(reader_.look(item, excerpt_).message);
    RecordCarrier carrier;
    bool readable = carrier.read(record.attributes);
    auto verdict = sampler_.decide({.trace_id = record.trace_id,
                                    .attribute = attribute(record.attributes),
                                    .record = true,
                                    .by_trace_id = config_.attribute_source == Source::trace_id,
                                    .readable = readable,
                                    .priority = priority(record.attributes)},
                                   carrier);
    decisions_.count(verdict);
    if (verdict.write && carrier.changed()) carrier.write(item.edit<otlp::LogRecord>(arena).attributes, arena);
    return !verdict.sampled;
  }

 private:
  std::optional<std::string_view> attribute(const otlp::Attributes& attributes) {
    if (config_.from_attribute.empty()) return {};
    const otlp::Value* value = attributes.find(config_.from_attribute);
    if (value == nullptr) return {};
    if (value->is(ValueType::bytes) || value->is(ValueType::string)) return value->text;
    return text_ = otlp::to_text(*value);
  }

  std::optional<Threshold> priority(const otlp::Attributes& attributes) const {
    if (config_.sampling_priority.empty()) return {};
    const otlp::Value* value = attributes.find(config_.sampling_priority);
    auto percentage = value ? number_of(*value) : std::nullopt;
    if (!percentage || *percentage == 0) return {};
    return threshold_of(*percentage / 100, config_.sampling_precision);
  }

  const Config& config_;
  const Sampler& sampler_;
  Decisions& decisions_;
  otlp::Excerpt excerpt_{otlp::Parts::attributes};
  otlp::ExcerptReader<otlp::LogRecord> reader_;
  std::string text_;
};

template <class Items>
class SamplerStage : public engine::Stage {
 public:
  SamplerStage(const Config& config, engine::StageContext& context)
      : config_(config), sampler_(config), decisions_(config, context), items_(config_, sampler_, decisions_) {}

  void process(Batch batch, Out& out) override {
    std::size_t before = batch.items();
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) std::erase_if(scope.items, [&](Item& item) { return items_.drops(item, arena); });
    batch.prune();
    out.count_dropped(before - batch.items(), engine::Reason::sampled_out);
    if (batch.empty()) return out.drop(std::move(batch), engine::Reason::sampled_out);
    out.push(std::move(batch));
  }

 private:
  Config config_;
  Sampler sampler_;
  Decisions decisions_;
  Items items_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context) {
  if (context.signal == otlp::Signal::traces) return std::make_unique<SamplerStage<Spans>>(config, context);
  if (context.signal == otlp::Signal::logs) return std::make_unique<SamplerStage<Records>>(config, context);
  return fail(Errc::config, "probabilistic_sampler is for traces and logs");
}

}  // namespace weir::processors::probabilistic_sampler
