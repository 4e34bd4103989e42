#include "components/shared/stanza/parsing.h"

#include "base/text.h"

namespace weir::stanza {

using config::field;

std::span<const config::FieldInfo> FromConfig::fields() {
  static const std::array rows{field<&FromConfig::parse_from>("parse_from", "The field it is read from.")};
  return rows;
}

TraceConfig::TraceConfig() {
  trace_id.parse_from = Field(Field::Root::body, {"trace_id"});
  span_id.parse_from = Field(Field::Root::body, {"span_id"});
  trace_flags.parse_from = Field(Field::Root::body, {"trace_flags"});
}

std::span<const config::FieldInfo> TraceConfig::fields() {
  static const std::array rows{
      field<&TraceConfig::trace_id>("trace_id", "Where the trace id is, as hex."),
      field<&TraceConfig::span_id>("span_id", "Where the span id is, as hex."),
      field<&TraceConfig::trace_flags>("trace_flags", "Where the flags are, as hex."),
  };
  return rows;
}

ParserConfig::ParserConfig() : parse_from(Field::Root::body, {}), parse_to(Field(Field::Root::attributes, {})) {}

std::span<const config::FieldInfo> ParserConfig::fields() {
  static const auto rows = joined(TransformerConfig::fields(), {
      field<&ParserConfig::parse_from>("parse_from", "The field that is parsed."),
      field<&ParserConfig::parse_to>("parse_to", "The field that gets what was found; maps are merged."),
      field<&ParserConfig::body>("body", "A field that becomes the body when it is there."),
      field<&ParserConfig::timestamp>("timestamp", "Reads the record's time."),
      field<&ParserConfig::severity>("severity", "Reads the record's severity."),
      field<&ParserConfig::trace>("trace", "Reads trace id, span id and flags."),
      field<&ParserConfig::scope_name>("scope_name", "Reads the scope's name."),
  });
  return rows;
}

Result<> ParserBase::prepare(const ParserConfig& config) {
  WEIR_TRY(Transformer::prepare(config));
  from_ = config.parse_from;
  to_ = config.parse_to;
  body_ = config.body;
  if (!body_.empty() && to_.root() == Field::Root::body && to_.keys().empty())
    return fail(Errc::config, "`parse_to: body` not allowed when `body` is configured");
  if (config.timestamp) {
    WEIR_ASSIGN(time_, TimeReader::make(*config.timestamp));
  }
  if (config.severity) {
    WEIR_ASSIGN(severity_, SeverityReader::make(*config.severity));
  }
  trace_ = config.trace;
  if (config.scope_name) {
    scope_name_ = config.scope_name->parse_from;
    if (scope_name_.empty()) return fail(Errc::config, "scope_name: missing required field 'parse_from'");
  }
  return {};
}

Result<> ParserBase::transform(Entry& entry, Run& run) {
  Value value;
  if (!from_.get(entry, run.arena, value))
    return fail(Errc::permanent, "entry is missing the expected parse_from field {}", from_.to_string());
  WEIR_ASSIGN(Value parsed, parse(value, entry, run));
  if (auto set = to_.set(entry, parsed, run.arena); !set) return fail(Errc::permanent, "set parse_to: {}", set.error().what);
  if (!body_.empty())
    if (Value found; body_.get(entry, run.arena, found)) entry.body = found;
  WEIR_TRY(read_blocks(entry, run));
  return finish(entry, run);
}

Result<> ParserBase::read_blocks(Entry& entry, Run& run) const {
  // All of them are tried, whatever becomes of the others; the first error counts.
  Result<> out;
  auto note = [&](std::string_view what, Result<> result) {
    if (out && !result) out = fail(Errc::permanent, "{}: {}", what, result.error().what);
  };
  if (time_) note("time parser", time_->read(entry, run));
  if (severity_) note("severity parser", severity_->read(entry, run));
  if (trace_) note("trace parser", read_trace(*trace_, entry, run));
  if (!scope_name_.empty()) note("scope_name parser", read_scope_name(scope_name_, entry, run));
  return out;
}

Result<> read_trace(const TraceConfig& config, Entry& entry, Run& run) {
  Result<> out;
  auto read = [&](std::string_view what, const Field& from, std::string_view& to) {
    Value value;
    to = {};
    if (!from.get(entry, run.arena, value)) return;
    std::string bytes, hex = text_of(value);
    if (from_hex(hex, bytes))
      to = run.arena.copy(bytes);
    else if (out)
      out = fail(Errc::permanent, "error decoding traces for logs: {}: \"{}\" is not hex", what, hex);
  };
  read("trace_id", config.trace_id.parse_from, entry.trace_id);
  read("span_id", config.span_id.parse_from, entry.span_id);
  read("trace_flags", config.trace_flags.parse_from, entry.trace_flags);
  return out;
}

Result<> read_scope_name(const Field& from, Entry& entry, Run& run) {
  Value value;
  if (!from.get(entry, run.arena, value)) return fail(Errc::permanent, "log entry does not have the expected parse_from field {}", from.to_string());
  if (!value.is(ValueType::string)) return fail(Errc::permanent, "parse_from field {} does not contain a string", from.to_string());
  entry.scope_name = value.text;
  return {};
}

Result<std::string_view> text_in(const Value& value, std::string_view what) {
  if (value.is(ValueType::string) || value.is(ValueType::bytes)) return value.text;
  return fail(Errc::permanent, "type '{}' cannot be parsed as {}", type_name(value), what);
}

}  // namespace weir::stanza
