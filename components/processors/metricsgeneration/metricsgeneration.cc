// New metrics calculated from others of the same resource.
#include <unordered_map>

#include "base/gates.h"
#include "components/processors/metricsgeneration/config.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::processors::metricsgeneration {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;

constexpr std::string_view match_gate = "metricsgeneration.MatchAttributes";

bool is_number(const Metric& m) { return m.type == MetricType::gauge || m.type == MetricType::sum; }
double value_of(const DataPoint& p) { return p.type == otlp::NumberType::integer ? static_cast<double>(p.integer) : p.real; }

std::optional<double> calculate(double a, double b, Operation operation) {
  switch (operation) {
    case Operation::add: return a + b;
    case Operation::subtract: return a - b;
    case Operation::multiply: return a * b;
    case Operation::divide: return b == 0 ? std::nullopt : std::optional(a / b);
    case Operation::percent: return b == 0 ? std::nullopt : std::optional(a / b * 100);
    case Operation::none: break;
  }
  return {};
}

// Attributes that both have are equal.
bool match(const otlp::Attributes& a, const otlp::Attributes& b) {
  for (auto& kv : a)
    if (auto* other = b.find(kv.key); other != nullptr && !otlp::equal(kv.value, *other)) return false;
  return true;
}

class MetricsGeneration : public engine::Stage {
 public:
  explicit MetricsGeneration(const Config& config) : rules_(config.rules), matches_attributes_(gates::enabled(match_gate)) {}

  void process(engine::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    std::size_t made = 0;
    for (auto& group : batch.groups()) made += apply(group, arena);
    if (made > 0) {
      batch.prune();
      out.count_created(made);
    }
    out.push(std::move(batch));
  }

 private:
  // Metrics that came with the batch, by name: the last one of each.
  using Names = std::unordered_map<std::string_view, const Metric*>;

  std::size_t apply(otlp::ResourceGroup& group, Arena& arena) {
    Names names;
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        auto& metric = item.read<Metric>(arena);
        names.insert_or_assign(metric.name, &metric);
      }
    std::size_t made = 0;
    for (auto& rule : rules_) made += apply(rule, group, names, arena);
    return made;
  }

  std::size_t apply(const Rule& rule, otlp::ResourceGroup& group, const Names& names, Arena& arena) {
    if (!names.contains(rule.metric1)) return 0;
    auto at = rule.type == RuleType::calculate ? names.find(rule.metric2) : names.end();
    if (rule.type == RuleType::calculate && at == names.end()) return 0;
    const Metric* second = at == names.end() ? nullptr : at->second;
    std::size_t made = 0;
    for (auto& scope : group.scopes) {
      std::size_t count = scope.items.size();  // not those that are added here
      for (std::size_t i = 0; i < count; ++i) {
        auto& first = scope.items[i].read<Metric>(arena);
        if (first.name != rule.metric1 || !is_number(first)) continue;
        Metric* result = generate(rule, first, second, arena);
        if (result->points.empty()) continue;
        made += result->points.size();
        scope.items.push_back(otlp::Item::of(result, static_cast<std::uint32_t>(result->points.size())));
      }
    }
    return made;
  }

  Metric* generate(const Rule& rule, const Metric& first, const Metric* second, Arena& arena) const {
    Metric* out = arena.make<Metric>();
    out->name = rule.name;
    out->unit = rule.unit;
    out->type = first.type;
    if (second == nullptr || !matches_attributes_) {
      double operand = second == nullptr ? rule.scale_by : is_number(*second) && !second->points.empty() ? value_of(second->points[0]) : 0;
      for (auto& p : first.points) add(*out, p, calculate(value_of(p), operand, rule.operation), arena);
      return out;
    }
    if (!is_number(*second)) return out;
    for (auto& p : first.points)
      for (auto& q : second->points) {
        if (!match(p.attributes, q.attributes)) continue;
        DataPoint* made = add(*out, p, calculate(value_of(p), value_of(q), rule.operation), arena);
        if (made == nullptr) continue;
        for (auto& kv : q.attributes) made->attributes.set(arena, kv.key, kv.value.deep_copy(arena));
      }
    return out;
  }

  static DataPoint* add(Metric& to, const DataPoint& from, std::optional<double> value, Arena& arena) {
    if (!value) return nullptr;
    DataPoint& p = to.points.push_back(arena, from);
    p.attributes = {};
    for (auto& kv : from.attributes) p.attributes.push_back(arena, {kv.key, kv.value.deep_copy(arena)});
    p.type = otlp::NumberType::real;
    p.real = *value;
    return &p;
  }

  std::vector<Rule> rules_;
  bool matches_attributes_;
};

}  // namespace

using config::field;

std::span<const config::Choice> choices_of(RuleType) {
  static constexpr std::array choices{config::Choice("calculate", RuleType::calculate), config::Choice("scale", RuleType::scale)};
  return choices;
}

std::span<const config::Choice> choices_of(Operation) {
  static constexpr std::array choices{config::Choice("add", Operation::add), config::Choice("subtract", Operation::subtract),
                                      config::Choice("multiply", Operation::multiply), config::Choice("divide", Operation::divide),
                                      config::Choice("percent", Operation::percent)};
  return choices;
}

std::span<const config::FieldInfo> Rule::fields() {
  static const std::array rows{
      field<&Rule::name>("name", "Of the new metric.", {.required = true}),
      field<&Rule::unit>("unit", "Of the new metric."),
      field<&Rule::type>("type", "calculate takes two metrics, scale one and a number.", {.required = true}),
      field<&Rule::metric1>("metric1", "The first operand.", {.required = true}),
      field<&Rule::metric2>("metric2", "calculate: the second operand."),
      field<&Rule::operation>("operation", "What is calculated; percent is metric1 / metric2 * 100."),
      field<&Rule::scale_by>("scale_by", "scale: the second operand."),
  };
  return rows;
}

Result<> Rule::validate() const {
  if (type == RuleType::calculate && metric2.empty()) return fail(Errc::config, "missing required field \"metric2\" for generation type \"calculate\"");
  if (type == RuleType::scale && scale_by <= 0) return fail(Errc::config, "field \"scale_by\" required to be greater than 0 for generation type \"scale\"");
  if (!name.empty() && name == metric1) return fail(Errc::config, "value of field \"name\" may not match value of field \"metric1\"");
  if (!name.empty() && name == metric2) return fail(Errc::config, "value of field \"name\" may not match value of field \"metric2\"");
  return {};
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{field<&Config::rules>("rules", "One new metric each.")};
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "metricsgeneration",
          .aliases = {"metrics_generation", "experimental_metricsgeneration"},
          .summary = "Calculates new metrics from others of the same resource.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext&) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<MetricsGeneration>(*static_cast<const Config*>(config));
          }};
}

}  // namespace weir::processors::metricsgeneration
