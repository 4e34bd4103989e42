#include "components/processors/metricstransform/selector.h"

#include <algorithm>
#include <charconv>

namespace weir::processors::metricstransform {
namespace {

bool in_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The name behind a '$', which is taken away with its braces; "" when there is none.
std::string_view take_name(std::string_view& text) {
  bool braces = text.starts_with('{');
  std::size_t from = braces ? 1 : 0, end = from;
  while (end < text.size() && in_word(text[end])) ++end;
  if (end == from || (braces && (end == text.size() || text[end] != '}'))) return {};
  std::string_view out = text.substr(from, end - from);
  text.remove_prefix(end + (braces ? 1 : 0));
  return out;
}

}  // namespace

Result<Selector> Selector::make(const Transform& transform) {
  Selector out;
  out.include_ = transform.include;
  bool regexp = transform.match_type == MatchType::regexp;
  if (regexp) {
    WEIR_ASSIGN(out.regex_, Regex::compile(transform.include));
    out.groups_ = out.regex_->group_names();
  }
  for (auto& [key, value] : transform.experimental_match_labels) {
    Label label{key, value, {}};
    if (regexp) {
      WEIR_ASSIGN(label.regex, Regex::compile(value));
    }
    out.labels_.push_back(std::move(label));
  }
  return out;
}

bool Selector::selects(const otlp::Attributes& attributes) const {
  return std::ranges::all_of(labels_, [&](const Label& label) {
    auto* value = attributes.find(label.key);
    return label.matches(value != nullptr && value->is(otlp::ValueType::string) ? value->text : std::string_view(""));
  });
}

std::size_t Selector::count(const otlp::Metric& metric) const {
  if (labels_.empty()) return metric.points.size();
  return static_cast<std::size_t>(std::ranges::count_if(metric.points, [&](auto& point) { return selects(point.attributes); }));
}

std::string Selector::expand(std::string_view pattern, std::string_view name) const {
  std::vector<std::string_view> found(regex_ ? groups_.size() + 1 : 0);
  if (!regex_ || !regex_->find(RegexText(name), 0, found)) return "";
  std::string out;
  for (std::string_view rest = pattern; !rest.empty();) {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c != '$') {
      out += c;
      continue;
    }
    if (rest.starts_with('$')) {
      out += '$';
      rest.remove_prefix(1);
      continue;
    }
    std::string_view group = take_name(rest);
    if (group.empty()) {
      out += '$';
      continue;
    }
    std::size_t index = found.size();
    auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), index);
    if (error != std::errc{} || end != group.data() + group.size()) {
      auto at = std::ranges::find(groups_, group);
      index = at == groups_.end() ? found.size() : static_cast<std::size_t>(at - groups_.begin()) + 1;
    }
    if (index < found.size()) out += found[index];
  }
  return out;
}

std::vector<std::pair<std::string, std::string_view>> Selector::parts(std::string_view name) const {
  std::vector<std::pair<std::string, std::string_view>> out;
  std::vector<std::string_view> found(groups_.size() + 1);
  if (!regex_ || !regex_->find(RegexText(name), 0, found)) return out;
  for (std::size_t i = 0; i < groups_.size(); ++i)
    if (!found[i + 1].empty()) out.emplace_back(groups_[i].empty() ? fmt::format("${}", i + 1) : groups_[i], found[i + 1]);
  return out;
}

}  // namespace weir::processors::metricstransform
