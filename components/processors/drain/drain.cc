// Gives log records the template of their text.
#include "base/regex.h"
#include "components/processors/drain/tree.h"
#include "engine/decode.h"
#include "engine/out.h"
#include "telemetry/owned.h"

namespace weir::processors::drain {
namespace {

struct MaskingRule {
  std::string name, pattern;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        config::field<&MaskingRule::name>("name", "What takes the place of a match: <name>.", {.required = true}),
        config::field<&MaskingRule::pattern>("pattern", "A regular expression.", {.required = true}),
    };
    return rows;
  }
};

struct Config {
  std::uint64_t tree_depth = 4, max_node_children = 100, max_clusters = 0, warmup_min_clusters = 0;
  double merge_threshold = 0.4;
  std::vector<std::string> extra_delimiters, seed_templates, seed_logs;
  std::string body_field, template_attribute = "log.record.template";
  std::vector<MaskingRule> masking_rules;

  static std::span<const config::FieldInfo> fields() {
    using config::field;
    static const std::array rows{
        field<&Config::tree_depth>("tree_depth", "Depth of the tree: the first tree_depth - 3 words must be equal.", {.min = 3, .max = 100}),
        field<&Config::merge_threshold>("merge_threshold", "This part of the words must be equal for two lines to have one template.", {.min = 0, .max = 1}),
        field<&Config::max_node_children>("max_node_children", "Different words at one place of the tree.", {.min = 2}),
        field<&Config::max_clusters>("max_clusters", "Templates kept; the one used longest ago goes. 0: 10000."),
        field<&Config::extra_delimiters>("extra_delimiters", "What separates words beside white space."),
        field<&Config::body_field>("body_field", "Of a body that is a map: the key whose text is looked at."),
        field<&Config::template_attribute>("template_attribute", "The attribute that gets the template."),
        field<&Config::masking_rules>("masking_rules", "Matches become <name> before a line is looked at."),
        field<&Config::seed_templates>("seed_templates", "Templates that are known from the start."),
        field<&Config::seed_logs>("seed_logs", "Lines that it learns from at the start."),
        field<&Config::warmup_min_clusters>("warmup_min_clusters", "Until so many templates are known, records get none."),
    };
    return rows;
  }
  Result<> validate() const {
    for (auto& rule : masking_rules) {
      if (rule.name == "*" || rule.name.find_first_of("<> \t\r\n") != std::string::npos) return fail(Errc::config, "masking_rules: \"{}\" cannot be a name", rule.name);
      WEIR_TRY(Regex::compile(rule.pattern));
    }
    return {};
  }
};

class Drain final : public engine::Stage {
 public:
  static Result<std::unique_ptr<engine::Stage>> make(const Config& config, const engine::StageContext& context) {
    auto out = std::make_unique<Drain>(config, context);
    for (auto& rule : config.masking_rules) {
      WEIR_ASSIGN(auto regex, Regex::compile(rule.pattern));
      out->masks_.emplace_back("<" + rule.name + ">", std::move(regex));
    }
    for (auto* list : {&config.seed_templates, &config.seed_logs})
      for (auto& line : *list) out->tree_.train(out->tree_.tokens_of(list == &config.seed_logs ? out->masked(line) : line));
    return out;
  }
  Drain(const Config& config, const engine::StageContext& context)
      : config_(config),
        tree_({config.tree_depth, config.merge_threshold, config.max_node_children, config.max_clusters == 0 ? 10'000 : config.max_clusters, config.extra_delimiters}, context.host.budget().empty_charge()),
        active_(telemetry::OwnedGauge(context.host.metrics(), "otelcol_processor_drain_clusters_active", "Current number of active clusters in the tree.",
                                             {{"processor", context.id.to_string()}, {"shard", fmt::format("{}", context.shard)}})),
        annotated_(counter(context, "annotated")),
        unannotated_(counter(context, "unannotated")) {}

  void process(otlp::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) annotate(item, arena);
    active_.set(static_cast<double>(tree_.clusters()));
    out.push(std::move(batch));
  }

 private:
  static telemetry::Counter& counter(const engine::StageContext& context, std::string_view what) {
    return context.host.metrics().counter(fmt::format("otelcol_processor_drain_log_records_{}", what), fmt::format("Number of log records {} with a template.", what),
                                          {{"processor", context.id.to_string()}});
  }

  void annotate(otlp::Item& item, Arena& arena) {
    const otlp::LogRecord& log = item.read<otlp::LogRecord>(arena);
    auto* found = tree_.train(tree_.tokens_of(masked(text_of(log, arena))));
    if (found == nullptr || tree_.clusters() < config_.warmup_min_clusters) return unannotated_.add(1);
    item.edit<otlp::LogRecord>(arena).attributes.set(arena, config_.template_attribute, otlp::Value::of(arena.copy(joined(*found))));
    annotated_.add(1);
  }

  std::string text_of(const otlp::LogRecord& log, Arena& arena) const {
    if (!config_.body_field.empty() && log.body.is(otlp::ValueType::map)) {
      otlp::Value body = log.body;
      if (auto* field = body.map(arena).find(config_.body_field)) return otlp::to_text(*field);
    }
    return otlp::to_text(log.body);
  }

  std::string masked(std::string text) const {
    for (auto& [name, regex] : masks_) {
      std::string out;
      std::size_t at = 0;
      RegexText subject(text);
      std::string_view group[1];
      while (at <= text.size() && regex.find(subject, at, group) && !group[0].empty()) {
        auto begin = static_cast<std::size_t>(group[0].data() - text.data());
        out.append(text, at, begin - at);
        out += name;
        at = begin + group[0].size();
      }
      if (at == 0) continue;
      out.append(text, std::min(at, text.size()));
      text = std::move(out);
    }
    return text;
  }

  Config config_;
  Tree tree_;
  std::vector<std::pair<std::string, Regex>> masks_;
  telemetry::OwnedGauge active_;
  telemetry::Counter &annotated_, &unannotated_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "drain",
          .summary = "Gives log records the template of their text.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) { return Drain::make(*static_cast<const Config*>(config), context); }};
}

}  // namespace weir::processors::drain
