#pragma once
// Settings of include and exclude: what a span, log record or metric has to look like. All properties that are given
// must match; of the entries of one property (but attributes, resources and libraries) one is enough.
#include "config/field.h"
#include "otlp/model.h"

namespace weir::matching {

enum class MatchType : std::uint8_t { none, strict, regexp, expr };
std::span<const config::Choice> choices_of(MatchType);

// Equal keys and values; without a value the key is enough.
struct AttributeRule {
  std::string key;
  config::Value value;
  static std::span<const config::FieldInfo> fields();
};

struct LibraryRule {
  std::string name;
  std::optional<std::string> version;  // absent: any
  static std::span<const config::FieldInfo> fields();
};

struct SeverityRule {
  std::int32_t min = 0;
  bool match_undefined = false;
  static std::span<const config::FieldInfo> fields();
};

// Older collectors could remember answers of regular expressions; matching is faster than looking them up.
struct RegexpSettings {
  static std::span<const config::FieldInfo> fields();
};

struct Properties {
  MatchType match_type = MatchType::none;
  std::vector<std::string> services, span_names, span_kinds;
  std::vector<std::string> log_bodies, log_severity_texts;
  std::optional<SeverityRule> log_severity_number;
  std::vector<std::string> metric_names;
  std::vector<AttributeRule> attributes, resources;
  std::vector<LibraryRule> libraries;
  RegexpSettings regexp;

  static std::span<const config::FieldInfo> fields();
  // What is wrong whatever the signal.
  void validate(config::Context& context) const;
  // What is wrong for one signal.
  Result<> check(otlp::Signal signal) const;
  // `include:` without anything behind it.
  bool absent() const;
};

}  // namespace weir::matching
