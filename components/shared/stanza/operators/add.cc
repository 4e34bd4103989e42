// add, copy, move, remove: fields from one place to another.
#include "components/shared/matching/constant.h"
#include "components/shared/stanza/operator.h"

namespace weir::stanza {
namespace {

using config::field;

struct AddConfig : TransformerConfig {
  Field field;
  config::Value value;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        config::field<&AddConfig::field>("field", "The field that gets the value.", {.required = true}),
        config::field<&AddConfig::value>("value", "The value, or EXPR(...) for what an expression gives."),
    });
    return rows;
  }
};

class Add final : public Transformer {
 public:
  static Result<std::unique_ptr<Add>> make(const AddConfig& config) {
    auto out = std::make_unique<Add>();
    WEIR_TRY(out->prepare(config));
    out->field_ = config.field;
    bool text = config.value.kind() == config::Value::Kind::string;
    std::string_view written = text ? std::string_view(config.value.text()) : std::string_view();
    if (written.starts_with("EXPR(") && written.ends_with(")")) {
      WEIR_ASSIGN(out->expression_, compile_value(written.substr(5, written.size() - 6)));
    } else if (!config.value.is_null()) {
      out->value_ = matching::to_otlp(config.value, out->constants_);
    }
    return out;
  }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    if (expression_) {
      WEIR_ASSIGN(Value value, evaluate(*expression_, entry, run));
      return field_.set(entry, fresh(value, run), run.arena);
    }
    if (value_.is(ValueType::empty)) return fail(Errc::permanent, "add: missing required field 'value'");
    return field_.set(entry, fresh(value_, run), run.arena);
  }
  // Containers are copied: others may change what they are part of.
  static Value fresh(const Value& value, Run& run) {
    bool container = value.is(ValueType::map) || value.is(ValueType::array);
    return container ? value.deep_copy(run.arena) : value;
  }

  Field field_;
  Arena constants_;
  Value value_;
  std::optional<expressions::Expression> expression_;
};

struct FromToConfig : TransformerConfig {
  Field from, to;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        field<&FromToConfig::from>("from", "The field whose value it is."),
        field<&FromToConfig::to>("to", "The field that gets it."),
    });
    return rows;
  }
};

template <bool taken>
class FromTo final : public Transformer {
 public:
  static Result<std::unique_ptr<FromTo>> make(const FromToConfig& config) {
    if (config.from.empty()) return fail(Errc::config, "{}: missing from field", taken ? "move" : "copy");
    if (config.to.empty()) return fail(Errc::config, "{}: missing to field", taken ? "move" : "copy");
    auto out = std::make_unique<FromTo>();
    WEIR_TRY(out->prepare(config));
    out->from_ = config.from;
    out->to_ = config.to;
    return out;
  }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value value;
    if constexpr (taken) {
      if (!from_.take(entry, run.arena, value)) return fail(Errc::permanent, "move: field does not exist: {}", from_.to_string());
    } else {
      if (!from_.get(entry, run.arena, value)) return fail(Errc::permanent, "copy: from field does not exist in this entry: {}", from_.to_string());
      if (value.is(ValueType::map) || value.is(ValueType::array)) value = value.deep_copy(run.arena);
    }
    return to_.set(entry, value, run.arena);
  }

  Field from_, to_;
};

struct RemoveConfig : TransformerConfig {
  RootableField field;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        config::field<&RemoveConfig::field>("field", "What goes; also all attributes, or the whole resource."),
    });
    return rows;
  }
};

class Remove final : public Transformer {
 public:
  static Result<std::unique_ptr<Remove>> make(const RemoveConfig& config) {
    if (config.field.empty()) return fail(Errc::config, "remove: field is empty");
    auto out = std::make_unique<Remove>();
    WEIR_TRY(out->prepare(config));
    out->field_ = config.field;
    return out;
  }

 private:
  Result<> transform(Entry& entry, Run& run) override {
    Value gone;
    if (!field_.take(entry, run.arena, gone)) return fail(Errc::permanent, "remove: field does not exist: {}", field_.to_string());
    return {};
  }

  RootableField field_;
};

struct RetainConfig : TransformerConfig {
  std::vector<Field> kept;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        field<&RetainConfig::kept>("fields", "What stays. Body, attributes and resource are left alone unless one of these is in them."),
    });
    return rows;
  }
};

class Retain final : public Transformer {
 public:
  static Result<std::unique_ptr<Retain>> make(const RetainConfig& config) {
    if (config.kept.empty()) return fail(Errc::config, "retain: 'fields' is empty");
    auto out = std::make_unique<Retain>();
    WEIR_TRY(out->prepare(config));
    out->fields_ = config.kept;
    return out;
  }

 private:
  bool concerns(Field::Root root) const {
    return std::any_of(fields_.begin(), fields_.end(), [&](auto& field) { return field.root() == root; });
  }
  Result<> transform(Entry& entry, Run& run) override {
    Entry kept = entry;
    if (concerns(Field::Root::body)) kept.body = {};
    if (concerns(Field::Root::attributes)) kept.attributes = {};
    if (concerns(Field::Root::resource)) kept.resource = {};
    for (auto& field : fields_) {
      Value value;
      if (!field.get(entry, run.arena, value)) continue;
      WEIR_TRY(field.set(kept, value, run.arena));
    }
    entry.body = kept.body;
    entry.attributes = kept.attributes;
    entry.resource = kept.resource;
    return {};
  }

  std::vector<Field> fields_;
};

}  // namespace

OperatorType add_operator() { return operator_type<AddConfig, Add>("add"); }
OperatorType copy_operator() { return operator_type<FromToConfig, FromTo<false>>("copy"); }
OperatorType move_operator() { return operator_type<FromToConfig, FromTo<true>>("move"); }
OperatorType remove_operator() { return operator_type<RemoveConfig, Remove>("remove"); }
OperatorType retain_operator() { return operator_type<RetainConfig, Retain>("retain"); }

}  // namespace weir::stanza
