// Names spans by their attributes and finds attributes in their names.
#include "base/regex.h"
#include "components/processors/span/config.h"
#include "components/shared/matching/selection.h"
#include "components/shared/matching/sets.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::processors::span {
namespace {

using otlp::Value;

struct Rule {
  Regex regex;
  std::vector<std::string> names;  // of its groups
};

std::string text_of(const Value& value) {
  matching::Digits digits;
  return std::string(matching::text_of(value, digits).value_or("<unknown-attribute-type>"));
}

class SpanStage final : public engine::Stage {
 public:
  SpanStage(const Config& config, matching::Selection selection, std::vector<Rule> rules) : config_(config), selection_(std::move(selection)), rules_(std::move(rules)) {}

  void process(otlp::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes) {
        matching::Selection::Here here;
        if (selection_.selective()) here = selection_.in(group.resource.read(arena), scope.scope.read(arena));
        if (here.none()) continue;
        for (auto& item : scope.items)
          if (const auto& span = item.read<otlp::Span>(arena); here.all() || here.selects(span)) change(item.edit<otlp::Span>(arena), arena);
      }
    out.push(std::move(batch));
  }

 private:
  void change(otlp::Span& span, Arena& arena) const {
    name_by_attributes(span, arena);
    find_attributes(span, arena);
    if (!config_.status) return;
    span.status_code = config_.status->code == "Ok" ? otlp::Span::ok : config_.status->code == "Error" ? otlp::Span::error : otlp::Span::unset;
    span.status_message = arena.copy(config_.status->description);
  }

  // Only when the span has all of them.
  void name_by_attributes(otlp::Span& span, Arena& arena) const {
    if (config_.name.from_attributes.empty() || span.attributes.empty()) return;
    std::string name;
    for (auto& key : config_.name.from_attributes) {
      const Value* value = span.attributes.find(key);
      if (value == nullptr) return;
      if (&key != &config_.name.from_attributes.front()) name += config_.name.separator;
      name += text_of(*value);
    }
    span.name = arena.copy(name);
  }

  // What a group of a rule matches becomes an attribute; in the name its place is taken by the group's name.
  void find_attributes(otlp::Span& span, Arena& arena) const {
    for (auto& rule : rules_) {
      if (span.name.empty()) return;
      std::vector<std::string_view> groups(rule.names.size() + 1);
      RegexText subject(span.name);
      if (!rule.regex.find(subject, 0, groups)) continue;
      std::string name;
      std::size_t at = 0;
      for (std::size_t i = 1; i < groups.size(); ++i) {
        std::string_view match = groups[i];
        std::size_t begin = match.data() == nullptr ? at : static_cast<std::size_t>(match.data() - span.name.data());
        span.attributes.set(arena, arena.copy(rule.names[i - 1]), Value::of(match.data() == nullptr ? std::string_view() : match));
        if (begin < at) continue;  // inside of the one before
        name += fmt::format("{}{{{}}}", span.name.substr(at, begin - at), rule.names[i - 1]);
        at = begin + match.size();
      }
      name += span.name.substr(at);
      if (!config_.name.to_attributes->keep_original_name) span.name = arena.copy(name);
      if (config_.name.to_attributes->break_after_match) return;
    }
  }

  Config config_;
  matching::Selection selection_;
  std::vector<Rule> rules_;
};

Result<std::unique_ptr<engine::Stage>> make(const void* erased, engine::StageContext& context) {
  auto& config = *static_cast<const Config*>(erased);
  WEIR_ASSIGN(auto selection, matching::Selection::make(config.include ? &*config.include : nullptr, config.exclude ? &*config.exclude : nullptr, context.signal));
  std::vector<Rule> rules;
  if (config.name.to_attributes)
    for (auto& pattern : config.name.to_attributes->rules) {
      WEIR_ASSIGN(auto regex, Regex::compile(pattern));
      auto names = regex.group_names();
      rules.push_back({std::move(regex), std::move(names)});
    }
  return std::make_unique<SpanStage>(config, std::move(selection), std::move(rules));
}

}  // namespace

using config::field;
using config::FieldInfo;

std::span<const FieldInfo> ToAttributes::fields() {
  using T = ToAttributes;
  static const std::array rows{
      field<&T::rules>("rules", "Regular expressions; each named group becomes an attribute, and its match in the name becomes {group}. One after another.", {.required = true}),
      field<&T::break_after_match>("break_after_match", "Only the first rule that matches."),
      field<&T::keep_original_name>("keep_original_name", "Leave the name as it is."),
  };
  return rows;
}

std::span<const FieldInfo> Name::fields() {
  using T = Name;
  static const std::array rows{
      field<&T::from_attributes>("from_attributes", "Attributes whose values are the new name, if the span has all of them."),
      field<&T::separator>("separator", "Between the values."),
      field<&T::to_attributes>("to_attributes", "Attributes from the name, after from_attributes."),
  };
  return rows;
}

std::span<const FieldInfo> Status::fields() {
  static const std::array rows{
      field<&Status::code>("code", "Ok, Error or Unset."),
      field<&Status::description>("description", "Of an error."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::include>("include", "Only spans that match this."),
      field<&Config::exclude>("exclude", "Not spans that match this, even when they are included."),
      field<&Config::name>("name", "The span's name."),
      field<&Config::status>("status", "The span's status."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  bool names = !name.from_attributes.empty() || (name.to_attributes && !name.to_attributes->rules.empty());
  if (!names && !status) context.error_at("", "either \"from_attributes\" or \"to_attributes\" must be specified in \"name:\" or \"setStatus\" must be specified");
  if (name.to_attributes)
    for (auto& pattern : name.to_attributes->rules)
      if (auto regex = Regex::compile(pattern); !regex) context.error_at("name::to_attributes::rules", fmt::format("invalid regexp pattern {}: {}", pattern, regex.error().what));
  if (!status) return;
  if (status->code != "Ok" && status->code != "Error" && status->code != "Unset") context.error_at("status::code", "\"status\" must have specified \"code\" as \"Ok\" or \"Error\" or \"Unset\"");
  else if (!status->description.empty() && status->code != "Error") context.error_at("status::description", "\"description\" can be specified only for \"code\" \"Error\"");
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "span",
          .summary = "Names spans by their attributes, finds attributes in their names, sets their status.",
          .signals = {otlp::Signal::traces},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = [](const void* erased, otlp::Signal signal) -> Result<> {
            auto& config = *static_cast<const Config*>(erased);
            if (config.include) WEIR_TRY(config.include->check(signal));
            if (config.exclude) WEIR_TRY(config.exclude->check(signal));
            return {};
          },
          .make_stage = make};
}

}  // namespace weir::processors::span
