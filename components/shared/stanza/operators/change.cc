// flatten, assign_keys, unquote, regex_replace, sanitize_utf8, noop: the value of one field is changed.
#include "base/utf8.h"
#include "components/shared/stanza/operator.h"
#include "components/shared/stanza/go_text.h"
#include "ottl/text/pattern.h"

namespace weir::stanza {
namespace {

using config::field;

struct FieldConfig : TransformerConfig {
  Field field;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        config::field<&FieldConfig::field>("field", "The field that is changed.", {.required = true}),
    });
    return rows;
  }
};

template <class Self, class Config>
Result<std::unique_ptr<Self>> make_with_field(const Config& config) {
  auto out = std::make_unique<Self>();
  WEIR_TRY(out->begin(config, config.field));
  return out;
}

class FieldChange : public Transformer {
 public:
  Result<> begin(const TransformerConfig& config, const Field& field) {
    field_ = field;
    return prepare(config);
  }

 protected:
  Field field_;
};

class Flatten final : public FieldChange {
 public:
  static Result<std::unique_ptr<Flatten>> make(const FieldConfig& config) { return make_with_field<Flatten>(config); }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value value;
    if (!field_.take(entry, run.arena, value)) return fail(Errc::permanent, "apply flatten: field {} does not exist on entry", field_.to_string());
    if (!value.is(ValueType::map)) {
      WEIR_TRY(field_.set(entry, value, run.arena));
      return fail(Errc::permanent, "apply flatten: field {} is not a map", field_.to_string());
    }
    auto keys = field_.keys();
    if (!keys.empty()) keys.pop_back();
    return Field(field_.root(), keys).set(entry, value, run.arena);
  }
};

struct AssignKeysConfig : FieldConfig {
  std::vector<std::string> keys;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(FieldConfig::fields(), {
        config::field<&AssignKeysConfig::keys>("keys", "The keys, in the order of the list's values."),
    });
    return rows;
  }
};

class AssignKeys final : public FieldChange {
 public:
  static Result<std::unique_ptr<AssignKeys>> make(const AssignKeysConfig& config) {
    if (config.keys.empty()) return fail(Errc::config, "assign_keys missing required field keys");
    WEIR_ASSIGN(auto out, make_with_field<AssignKeys>(config));
    out->keys_ = config.keys;
    return out;
  }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value* value = field_.find(entry, run.arena);
    if (value == nullptr) return fail(Errc::permanent, "apply assign_keys: field {} does not exist on entry", field_.to_string());
    if (!value->is(ValueType::array)) return fail(Errc::permanent, "apply assign_keys: couldn't convert field {} to []any", field_.to_string());
    auto& items = value->array(run.arena);
    if (items.size() != keys_.size())
      return fail(Errc::permanent, "apply assign_keys: field {} contains {} values while there are {} keys", field_.to_string(), items.size(), keys_.size());
    auto* map = run.arena.make<Attributes>();
    for (std::size_t i = 0; i < keys_.size(); ++i) map->set(run.arena, keys_[i], items[i]);
    return field_.set(entry, Value::of(map), run.arena);
  }

  std::vector<std::string> keys_;
};

class Unquote final : public FieldChange {
 public:
  static Result<std::unique_ptr<Unquote>> make(const FieldConfig& config) { return make_with_field<Unquote>(config); }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value* value = field_.find(entry, run.arena);
    if (value == nullptr) return {};
    if (!value->is(ValueType::string)) return fail(Errc::permanent, "type {} cannot be unquoted", type_name(*value));
    std::string text;
    if (!unquote_go(value->text, text)) return fail(Errc::permanent, "invalid syntax");
    *value = Value::of(text.empty() ? std::string_view("") : run.arena.copy(text));
    return {};
  }
};

struct RegexReplaceConfig : FieldConfig {
  std::string regex, regex_name, replace_with;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(FieldConfig::fields(), {
        config::field<&RegexReplaceConfig::regex>("regex", "What is replaced."),
        config::field<&RegexReplaceConfig::regex_name>("regex_name", "Instead of regex: a known one.", {.choices = "ansi_control_sequences"}),
        config::field<&RegexReplaceConfig::replace_with>("replace_with", "What takes its place; ${1} and ${name} are groups."),
    });
    return rows;
  }
};

class RegexReplace final : public FieldChange {
 public:
  static Result<std::unique_ptr<RegexReplace>> make(const RegexReplaceConfig& config) {
    if (config.regex_name.empty() == config.regex.empty()) return fail(Errc::config, "either regex or regex_name must be set");
    if (!config.regex_name.empty() && config.regex_name != "ansi_control_sequences") return fail(Errc::config, "regex_name {} is unknown", config.regex_name);
    WEIR_ASSIGN(auto out, make_with_field<RegexReplace>(config));
    WEIR_ASSIGN(out->pattern_, ottl::Pattern::regex(config.regex.empty() ? R"(\x1B\[[\x30-\x3F]*[\x20-\x2F]*[\x40-\x7E])" : config.regex));
    out->with_ = config.replace_with;
    return out;
  }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value* value = field_.find(entry, run.arena);
    if (value == nullptr) return {};
    if (!value->is(ValueType::string)) return fail(Errc::permanent, "type {} cannot be handled", type_name(*value));
    std::string text;
    std::size_t end = 0;
    pattern_->each_match(value->text, [&](auto& groups, std::size_t begin) {
      text.append(value->text, end, begin - end);
      pattern_->expand(with_, groups, text);
      end = begin + groups[0].size();
      return true;
    });
    if (end == 0 && text.empty()) return {};
    text.append(value->text.substr(end));
    *value = Value::of(text.empty() ? std::string_view("") : run.arena.copy(text));
    return {};
  }

  std::optional<ottl::Pattern> pattern_;
  std::string with_;
};

struct SanitizeConfig : TransformerConfig {
  SanitizeConfig() : field(Field::Root::body, {}) {}
  Field field;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        config::field<&SanitizeConfig::field>("field", "The field whose text is made valid."),
    });
    return rows;
  }
};

class SanitizeUtf8 final : public FieldChange {
 public:
  static Result<std::unique_ptr<SanitizeUtf8>> make(const SanitizeConfig& config) { return make_with_field<SanitizeUtf8>(config); }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value* value = field_.find(entry, run.arena);
    if (value == nullptr) return {};
    bool text = value->is(ValueType::string) || value->is(ValueType::bytes);
    if (!text) return fail(Errc::permanent, "field '{}' is not a string, got {}", field_.to_string(), type_name(*value));
    *value = Value::of(to_valid_utf8(value->text, run.arena));
    return {};
  }
};

class Noop final : public Transformer {
 public:
  static Result<std::unique_ptr<Noop>> make(const TransformerConfig& config) {
    auto out = std::make_unique<Noop>();
    WEIR_TRY(out->prepare(config));
    return out;
  }

 private:
  Result<> transform(Entry&, Run&) override { return {}; }
};

}  // namespace

OperatorType flatten_operator() { return operator_type<FieldConfig, Flatten>("flatten"); }
OperatorType assign_keys_operator() { return operator_type<AssignKeysConfig, AssignKeys>("assign_keys"); }
OperatorType unquote_operator() { return operator_type<FieldConfig, Unquote>("unquote"); }
OperatorType regex_replace_operator() { return operator_type<RegexReplaceConfig, RegexReplace>("regex_replace"); }
OperatorType sanitize_utf8_operator() { return operator_type<SanitizeConfig, SanitizeUtf8>("sanitize_utf8"); }
OperatorType noop_operator() { return operator_type<TransformerConfig, Noop>("noop"); }

}  // namespace weir::stanza
