#include "components/shared/matching/properties.h"

#include "components/shared/matching/sets.h"

namespace weir::matching {
namespace {

constexpr std::array<std::string_view, 5> kinds = {"SPAN_KIND_CLIENT", "SPAN_KIND_CONSUMER", "SPAN_KIND_INTERNAL",
                                                   "SPAN_KIND_PRODUCER", "SPAN_KIND_SERVER"};

template <class T>
void report(const Result<T>& result, std::string_view key, config::Context& context) {
  if (!result) context.error_at(key, result.error().what);
}

Result<> check_spans(const Properties& p) {
  if (!p.log_bodies.empty() || !p.log_severity_texts.empty() || p.log_severity_number || !p.metric_names.empty())
    return fail(Errc::config, "log_bodies, log_severity_texts, log_severity_number and metric_names are not for spans");
  if (p.services.empty() && p.span_names.empty() && p.span_kinds.empty() && p.attributes.empty() && p.libraries.empty() &&
      p.resources.empty())
    return fail(Errc::config, "at least one of services, span_names, span_kinds, attributes, libraries and resources is needed");
  return {};
}

Result<> check_logs(const Properties& p) {
  if (!p.services.empty() || !p.span_names.empty() || !p.span_kinds.empty() || !p.metric_names.empty())
    return fail(Errc::config, "services, span_names, span_kinds and metric_names are not for log records");
  if (p.attributes.empty() && p.libraries.empty() && p.resources.empty() && p.log_bodies.empty() &&
      p.log_severity_texts.empty() && !p.log_severity_number)
    return fail(Errc::config,
                "at least one of attributes, libraries, resources, log_bodies, log_severity_texts and log_severity_number is needed");
  return {};
}

Result<> check_metrics(const Properties& p) {
  if (!p.services.empty() || !p.span_names.empty() || !p.span_kinds.empty() || !p.log_bodies.empty() ||
      !p.log_severity_texts.empty() || p.log_severity_number || !p.attributes.empty() || !p.libraries.empty())
    return fail(Errc::config, "only metric_names and resources are for metrics");
  if (p.metric_names.empty() && p.resources.empty()) return fail(Errc::config, "metric_names or resources is needed");
  return {};
}

}  // namespace

std::span<const config::Choice> choices_of(MatchType) {
  static constexpr config::Choice rows[] = {
      {"strict", MatchType::strict}, {"regexp", MatchType::regexp}, {"expr", MatchType::expr}};
  return rows;
}

std::span<const config::FieldInfo> AttributeRule::fields() {
  using namespace config;
  static const std::array rows{
      field<&AttributeRule::key>("key", "Name of the attribute."),
      field<&AttributeRule::value>("value", "What it must be (strict: same type; regexp: a string). Absent: anything."),
  };
  return rows;
}

std::span<const config::FieldInfo> LibraryRule::fields() {
  using namespace config;
  static const std::array rows{
      field<&LibraryRule::name>("name", "Name of the instrumentation scope."),
      field<&LibraryRule::version>("version", "Its version; absent: any, empty: none."),
  };
  return rows;
}

std::span<const config::FieldInfo> SeverityRule::fields() {
  using namespace config;
  static const std::array rows{
      field<&SeverityRule::min>("min", "Least severity number.", {.min = 0, .max = 24}),
      field<&SeverityRule::match_undefined>("match_undefined", "Records without a severity number match."),
  };
  return rows;
}

std::span<const config::FieldInfo> RegexpSettings::fields() {
  using namespace config;
  static const std::array rows{
      ignored("cacheenabled", "there is no cache, matching is fast enough"),
      ignored("cachemaxnumentries", "there is no cache, matching is fast enough"),
  };
  return rows;
}

std::span<const config::FieldInfo> Properties::fields() {
  using namespace config;
  static const std::array rows{
      field<&Properties::match_type>("match_type", "strict: equal; regexp: found anywhere in the text."),
      field<&Properties::services>("services", "Spans: service.name of the resource."),
      field<&Properties::span_names>("span_names", "Spans: the name."),
      field<&Properties::span_kinds>("span_kinds", "Spans: the kind, as SPAN_KIND_SERVER."),
      field<&Properties::log_bodies>("log_bodies", "Log records: the body, as text."),
      field<&Properties::log_severity_texts>("log_severity_texts", "Log records: the severity text."),
      field<&Properties::log_severity_number>("log_severity_number", "Log records: the severity number."),
      field<&Properties::metric_names>("metric_names", "Metrics: the name."),
      field<&Properties::attributes>("attributes", "Spans, log records: attributes, all of which must match."),
      field<&Properties::resources>("resources", "Resource attributes, all of which must match (metrics: without effect)."),
      field<&Properties::libraries>("libraries", "Instrumentation scopes, all of which must match."),
      field<&Properties::regexp>("regexp", "Of older collectors."),
  };
  return rows;
}

bool Properties::absent() const {
  return match_type == MatchType::none && services.empty() && span_names.empty() && span_kinds.empty() &&
         log_bodies.empty() && log_severity_texts.empty() && !log_severity_number && metric_names.empty() &&
         attributes.empty() && resources.empty() && libraries.empty();
}

void Properties::validate(config::Context& context) const {
  if (absent() || match_type == MatchType::expr) return;
  if (match_type == MatchType::none) return context.error_at("match_type", "is required: strict or regexp");
  report(TextSet::make(match_type, services), "services", context);
  report(TextSet::make(match_type, span_names), "span_names", context);
  report(TextSet::make(match_type, span_kinds), "span_kinds", context);
  report(TextSet::make(match_type, log_bodies), "log_bodies", context);
  report(TextSet::make(match_type, log_severity_texts), "log_severity_texts", context);
  report(TextSet::make(match_type, metric_names), "metric_names", context);
  report(AttributeSet::make(match_type, attributes), "attributes", context);
  report(AttributeSet::make(match_type, resources), "resources", context);
  for (auto& library : libraries) {
    std::array texts{library.name, library.version.value_or("")};
    report(TextSet::make(match_type, texts), "libraries", context);
  }
  if (match_type != MatchType::strict) return;
  for (auto& kind : span_kinds)
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
      context.error_at("span_kinds", fmt::format("'{}' is not one of {}", kind, fmt::join(kinds, ", ")));
}

Result<> Properties::check(otlp::Signal signal) const {
  if (absent()) return {};
  if (match_type == MatchType::expr && signal != otlp::Signal::metrics)
    return fail(Errc::config, "match_type expr is only for metrics");
  switch (signal) {
    case otlp::Signal::traces: return check_spans(*this);
    case otlp::Signal::logs: return check_logs(*this);
    case otlp::Signal::metrics: return check_metrics(*this);
    case otlp::Signal::profiles: break;
  }
  return fail(Errc::config, "include and exclude are for spans, log records and metrics");
}

}  // namespace weir::matching
