// recombine: entries that are parts of one.
#include "components/shared/stanza/joiner.h"
#include "base/text.h"

namespace weir::stanza {
namespace {

using config::field;

struct RecombineConfig : TransformerConfig {
  RecombineConfig() : source_identifier(Field::Root::attributes, {"log.file.path"}) {}
  std::string is_first_entry, is_last_entry, combine_with = "\n", overwrite_with = "oldest";
  std::uint64_t max_batch_size = 1000, max_unmatched_batch_size = 100, max_sources = 1000;
  Field combine_field, source_identifier;
  Duration force_flush_period = 5s;
  config::ByteSize max_log_size;

  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        field<&RecombineConfig::combine_field>("combine_field", "The field whose texts are joined."),
        field<&RecombineConfig::is_first_entry>("is_first_entry", "An expression that is true for the first part. Either this or is_last_entry."),
        field<&RecombineConfig::is_last_entry>("is_last_entry", "An expression that is true for the last part."),
        field<&RecombineConfig::combine_with>("combine_with", "What is put between parts."),
        field<&RecombineConfig::source_identifier>("source_identifier", "Parts belong together only if this field is the same."),
        field<&RecombineConfig::overwrite_with>("overwrite_with", "Which part gives everything but the text: oldest or newest.", {.choices = "oldest|newest"}),
        field<&RecombineConfig::max_batch_size>("max_batch_size", "Parts of one entry at most; 0: no limit."),
        field<&RecombineConfig::max_unmatched_batch_size>("max_unmatched_batch_size", "The same before the expression was true; 0: no limit."),
        field<&RecombineConfig::max_log_size>("max_log_size", "An entry that grew beyond this goes on; 0: no limit."),
        field<&RecombineConfig::max_sources>("max_sources", "Sources with an open entry at most; beyond, all entries go on.", {.min = 1}),
        field<&RecombineConfig::force_flush_period>("force_flush_period", "An entry that is open for this long goes on.", {.min = 1ms}),
    });
    return rows;
  }
};

class Recombine final : public Transformer {
 public:
  static Result<std::unique_ptr<Recombine>> make(const RecombineConfig& config) {
    if (!config.is_first_entry.empty() && !config.is_last_entry.empty()) return fail(Errc::config, "only one of is_first_entry and is_last_entry can be set");
    if (config.is_first_entry.empty() && config.is_last_entry.empty()) return fail(Errc::config, "one of is_first_entry and is_last_entry must be set");
    if (config.combine_field.empty()) return fail(Errc::config, "missing required argument 'combine_field'");
    auto out = std::make_unique<Recombine>();
    WEIR_TRY(out->prepare(config));
    WEIR_ASSIGN(out->condition_, Condition::compile(config.is_first_entry.empty() ? config.is_last_entry : config.is_first_entry));
    out->source_ = config.source_identifier;
    JoinSettings settings{config.combine_with, config.max_batch_size, config.max_unmatched_batch_size, config.max_sources, config.max_log_size.value,
                          config.force_flush_period, !config.is_first_entry.empty(), config.overwrite_with == "newest"};
    out->joiner_.emplace(std::move(settings), config.combine_field);
    return out;
  }

  Then process(Entry& entry, Run& run) override {
    Then then = Then::next;
    auto go = wanted(entry, run, then);
    if (!go || !*go) return then;
    auto matches = condition_->test(entry, run);
    if (!matches) return failed(matches.error(), run);
    Value source;
    bool known = source_.get(entry, run.arena, source) && (source.is(ValueType::string) || source.is(ValueType::bytes));
    return joiner_->add(entry, known ? source.text : std::string_view(), *matches, *this, run) ? Then::next : Then::taken;
  }
  void tick(Run& run) override { joiner_->tick(*this, run); }
  void drain(Run& run) override { joiner_->drain(*this, run); }
  bool holds() const override { return joiner_->holds(); }
  std::optional<std::uint64_t> oldest(std::uint64_t source) const override { return joiner_->oldest(source); }

 private:
  Result<> transform(Entry&, Run&) override { return {}; }

  std::optional<Condition> condition_;
  Field source_;
  std::optional<Joiner> joiner_;
};

}  // namespace

OperatorType recombine_operator() { return operator_type<RecombineConfig, Recombine>("recombine"); }

}  // namespace weir::stanza
