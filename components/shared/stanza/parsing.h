#pragma once
// What all parsers have in common: they read a field, put what they find into another, and may set the record's time,
// severity, trace and scope from it.
#include "components/shared/stanza/operator.h"
#include "ottl/time/layout.h"

namespace weir::stanza {

// ---- time ----------------------------------------------------------------------------------------------------------

enum class LayoutType : std::uint8_t { strptime, gotime, epoch };
std::span<const config::Choice> choices_of(LayoutType);

struct TimeConfig {
  Field parse_from;
  std::string layout;
  LayoutType layout_type = LayoutType::strptime;
  std::string location;
  std::map<std::string, std::string> time_zone_locations;

  static std::span<const config::FieldInfo> fields();
};

class TimeReader {
 public:
  static Result<TimeReader> make(const TimeConfig& config);
  Result<> read(Entry& entry, Run& run) const;

 private:
  Result<std::int64_t> epoch(const Value& value) const;

  Field from_;
  LayoutType type_ = LayoutType::strptime;
  std::string unit_;  // epoch
  std::optional<ottl::TimeLayout> layout_;
  std::shared_ptr<const ottl::Zone> zone_;  // shared with the zone database's other users
  std::map<std::string, std::shared_ptr<const ottl::Zone>, std::less<>> zones_;  // by abbreviation
};

// ---- severity ------------------------------------------------------------------------------------------------------

struct SeverityConfig {
  Field parse_from;
  std::string preset;
  std::map<std::string, config::Value> mapping;
  bool overwrite_text = false;

  static std::span<const config::FieldInfo> fields();
};

class SeverityReader {
 public:
  static Result<SeverityReader> make(const SeverityConfig& config);
  Result<> read(Entry& entry, Run& run) const;

 private:
  std::int32_t number_of(std::string_view word) const;

  Field from_;
  bool overwrite_text_ = false;
  std::map<std::string, std::int32_t, std::less<>> numbers_;  // lower case
};

// ---- trace and scope -----------------------------------------------------------------------------------------------

struct FromConfig {
  Field parse_from;
  static std::span<const config::FieldInfo> fields();
};

struct TraceConfig {
  TraceConfig();
  FromConfig trace_id, span_id, trace_flags;
  static std::span<const config::FieldInfo> fields();
};

Result<> read_trace(const TraceConfig& config, Entry& entry, Run& run);
Result<> read_scope_name(const Field& from, Entry& entry, Run& run);

// ---- parsers -------------------------------------------------------------------------------------------------------

struct ParserConfig : TransformerConfig {
  ParserConfig();
  Field parse_from;
  RootableField parse_to;
  Field body;
  std::optional<TimeConfig> timestamp;
  std::optional<SeverityConfig> severity;
  std::optional<TraceConfig> trace;
  std::optional<FromConfig> scope_name;

  static std::span<const config::FieldInfo> fields();
};

class ParserBase : public Transformer {
 protected:
  Result<> prepare(const ParserConfig& config);
  Result<> transform(Entry& entry, Run& run) override;
  virtual Result<Value> parse(const Value& value, Entry& entry, Run& run) = 0;
  // After everything has been set.
  virtual Result<> finish(Entry&, Run&) { return {}; }
  const Field& parse_from() const { return from_; }
  // Time, severity, trace and scope from what parsers have set.
  Result<> read_blocks(Entry& entry, Run& run) const;

 private:
  Field from_, body_;
  RootableField to_;
  std::optional<TimeReader> time_;
  std::optional<SeverityReader> severity_;
  std::optional<TraceConfig> trace_;
  Field scope_name_;
};

// Text of a text or bytes; fails for other values: "type 'x' cannot be parsed as WHAT".
Result<std::string_view> text_in(const Value& value, std::string_view what);

}  // namespace weir::stanza
