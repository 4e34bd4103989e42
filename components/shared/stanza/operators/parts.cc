// time_parser, severity_parser, trace_parser, scope_name_parser: what parsers do on the side, on its own.
#include "components/shared/stanza/parsing.h"

namespace weir::stanza {
namespace {

// The settings of such a part stand at the operator's own level.
template <class Settings>
struct PartConfig : TransformerConfig {
  Settings part;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {config::embedded<&PartConfig::part>()});
    return rows;
  }
};

template <class Settings, class Reader>
class Part final : public Transformer {
 public:
  static Result<std::unique_ptr<Part>> make(const PartConfig<Settings>& config) {
    auto out = std::make_unique<Part>();
    WEIR_TRY(out->prepare(config));
    WEIR_ASSIGN(out->reader_, Reader::make(config.part));
    return out;
  }

 private:
  Result<> transform(Entry& entry, Run& run) override { return reader_->read(entry, run); }
  std::optional<Reader> reader_;
};

struct TraceReader {
  static Result<TraceReader> make(const TraceConfig& config) { return TraceReader{config}; }
  Result<> read(Entry& entry, Run& run) const { return read_trace(config, entry, run); }
  TraceConfig config;
};

struct ScopeReader {
  static Result<ScopeReader> make(const FromConfig& config) {
    if (config.parse_from.empty()) return fail(Errc::config, "missing required field 'parse_from'");
    return ScopeReader{config.parse_from};
  }
  Result<> read(Entry& entry, Run& run) const { return read_scope_name(from, entry, run); }
  Field from;
};

template <class Settings, class Reader>
OperatorType part_type(std::string_view type) {
  return operator_type<PartConfig<Settings>, Part<Settings, Reader>>(type);
}

}  // namespace

OperatorType time_parser_operator() { return part_type<TimeConfig, TimeReader>("time_parser"); }
OperatorType severity_parser_operator() { return part_type<SeverityConfig, SeverityReader>("severity_parser"); }
OperatorType trace_parser_operator() { return part_type<TraceConfig, TraceReader>("trace_parser"); }
OperatorType scope_name_parser_operator() { return part_type<FromConfig, ScopeReader>("scope_name_parser"); }

}  // namespace weir::stanza
