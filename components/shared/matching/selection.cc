#include "components/shared/matching/selection.h"

namespace weir::matching {
namespace {

std::string_view kind_name(std::int32_t kind) {
  constexpr std::array<std::string_view, 6> names = {"",
                                                     "SPAN_KIND_INTERNAL",
                                                     "SPAN_KIND_SERVER",
                                                     "SPAN_KIND_CLIENT",
                                                     "SPAN_KIND_PRODUCER",
                                                     "SPAN_KIND_CONSUMER"};
  return kind < 0 || kind >= static_cast<std::int32_t>(names.size()) ? "" : names[static_cast<std::size_t>(kind)];
}

bool text_matches(const TextSet& set, const otlp::Value& value) {
  if (set.empty()) return true;
  return value.is(otlp::ValueType::string) ? set.matches(value.text) : set.matches(otlp::to_text(value));
}

bool service_matches(const TextSet& set, const otlp::Resource& resource) {
  if (set.empty()) return true;
  const otlp::Value* service = resource.attributes.find("service.name");
  // What the collector calls a service without a name.
  return service ? text_matches(set, *service) : set.matches("<nil-service-name>");
}

}  // namespace

Result<Matcher> Matcher::make(const Properties& p, otlp::Signal signal) {
  WEIR_TRY(p.check(signal));
  Matcher out;
  // With expr nothing of this is asked: expressions are another language's.
  if (p.match_type == MatchType::expr) return out;
  if (signal == otlp::Signal::metrics) {
    WEIR_ASSIGN(out.names_, TextSet::make(p.match_type, p.metric_names));
    out.looks_at_items_ = !out.names_.empty();
    return out;
  }
  WEIR_ASSIGN(out.services_, TextSet::make(p.match_type, p.services));
  WEIR_ASSIGN(out.names_, TextSet::make(p.match_type, p.span_names));
  WEIR_ASSIGN(out.kinds_, TextSet::make(p.match_type, p.span_kinds));
  WEIR_ASSIGN(out.bodies_, TextSet::make(p.match_type, p.log_bodies));
  WEIR_ASSIGN(out.severity_texts_, TextSet::make(p.match_type, p.log_severity_texts));
  WEIR_ASSIGN(out.attributes_, AttributeSet::make(p.match_type, p.attributes));
  WEIR_ASSIGN(out.resources_, AttributeSet::make(p.match_type, p.resources));
  for (auto& library : p.libraries) {
    Library made;
    WEIR_ASSIGN(made.name, TextSet::make(p.match_type, std::span(&library.name, 1)));
    if (library.version) {
      WEIR_ASSIGN(made.version, TextSet::make(p.match_type, std::span(&*library.version, 1)));
    }
    out.libraries_.push_back(std::move(made));
  }
  out.severity_ = p.log_severity_number;
  out.looks_at_items_ = !out.names_.empty() || !out.kinds_.empty() || !out.bodies_.empty() || !out.severity_texts_.empty() ||
                        out.severity_ || !out.attributes_.empty();
  return out;
}

bool Matcher::matches(const otlp::Resource& resource, const otlp::Scope& scope) const {
  if (!service_matches(services_, resource)) return false;
  for (const Library& library : libraries_)
    if (!library.name.matches(scope.name) || (library.version && !library.version->matches(scope.version))) return false;
  return resources_.matches(resource.attributes);
}

bool Matcher::matches(const otlp::Span& span) const {
  return names_.matches(span.name) && (kinds_.empty() || kinds_.matches(kind_name(span.kind))) &&
         attributes_.matches(span.attributes);
}

bool Matcher::matches(const otlp::LogRecord& record) const {
  return text_matches(bodies_, record.body) && severity_texts_.matches(record.severity_text) &&
         (!severity_ || matching::matches(*severity_, record.severity_number)) && attributes_.matches(record.attributes);
}

bool Matcher::matches(const otlp::Metric& metric) const { return names_.matches(metric.name); }

Result<Selection> Selection::make(const Properties* include, const Properties* exclude, otlp::Signal signal) {
  auto unconditional = [&](const Properties& p) {
    return p.absent() || (signal == otlp::Signal::metrics && (p.metric_names.empty() || p.match_type == MatchType::expr));
  };
  Selection out;
  for (auto [properties, matcher] : {std::pair(include, &out.include_), std::pair(exclude, &out.exclude_)}) {
    if (properties == nullptr) continue;
    WEIR_ASSIGN(Matcher made, Matcher::make(*properties, signal));
    if (!unconditional(*properties)) *matcher = std::move(made);
  }
  return out;
}

Selection::Here Selection::in(const otlp::Resource& resource, const otlp::Scope& scope) const {
  Here here;
  if (include_) {
    if (!include_->matches(resource, scope)) here.none_ = true;
    if (include_->looks_at_items()) here.include_ = &*include_;
  }
  if (exclude_ && exclude_->matches(resource, scope)) {
    if (exclude_->looks_at_items())
      here.exclude_ = &*exclude_;
    else
      here.none_ = true;
  }
  return here;
}

}  // namespace weir::matching
