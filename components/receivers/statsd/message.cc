#include "components/receivers/statsd/message.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/text.h"

namespace weir::receivers::statsd {
namespace {

struct TypeName {
  std::string_view code, name;
  Type type;
};
constexpr TypeName types[] = {{"c", "counter", Type::counter}, {"g", "gauge", Type::gauge}, {"h", "histogram", Type::histogram}, {"ms", "timing", Type::timing}, {"d", "distribution", Type::distribution}};

// Up to the separator; what is behind it stays in `text`. False when there is none.
bool cut(std::string_view& text, char separator, std::string_view& front) {
  auto at = text.find(separator);
  front = text.substr(0, at);
  text = at == text.npos ? std::string_view() : text.substr(at + 1);
  return at != std::string_view::npos;
}

void set_tag(Message& out, std::string_view name, std::string_view value) {
  auto at = std::lower_bound(out.tags.begin(), out.tags.end(), name, [](auto& tag, std::string_view n) { return tag.first < n; });
  if (at != out.tags.end() && at->first == name) at->second = value;
  else out.tags.insert(at, {name, value});
}

Result<> read_tags(std::string_view text, bool simple, Message& out) {
  while (!text.empty()) {
    std::string_view tag, name;
    cut(text, ',', tag);
    if (tag.empty()) continue;
    std::string_view value = tag;
    cut(value, ':', name);
    if (name.empty() || (value.empty() && !simple)) return fail(Errc::invalid, "invalid tag format: {}", quote_json(tag));
    if (!valid_utf8(tag)) return fail(Errc::invalid, "a tag is not UTF-8");
    set_tag(out, name, value);
  }
  return {};
}

Result<> read_part(std::string_view part, bool simple, Message& out) {
  if (part.starts_with('#')) return read_tags(part.substr(1), simple, out);
  if (part.starts_with('@')) {
    auto rate = parse_go_double(part.substr(1));
    if (!rate) return fail(Errc::invalid, "parse sample rate: {}", part.substr(1));
    out.sample_rate = *rate;
    return {};
  }
  if (part.starts_with("c:")) {
    if (!valid_utf8(part)) return fail(Errc::invalid, "a container's id is not UTF-8");
    if (part.size() > 2) set_tag(out, "container.id", part.substr(2));
    return {};
  }
  if (part.starts_with('T')) {
    if (out.type != Type::counter && out.type != Type::gauge) return fail(Errc::invalid, "only GAUGE and COUNT metrics support a timestamp");
    std::string_view digits = part.substr(1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.timestamp);
    if (error != std::errc{} || end != digits.data() + digits.size() || out.timestamp > 18'000'000'000) return fail(Errc::invalid, "invalid timestamp: {}", digits);
    return {};
  }
  return fail(Errc::invalid, "unrecognized message part: {}", quote_json(part));
}

}  // namespace

std::string_view to_string(Type type) {
  for (auto& row : types)
    if (row.type == type) return row.name;
  return "";
}

Result<> parse_message(std::string_view line, bool simple_tags, Message& out) {
  out = Message{.tags = std::move(out.tags)};
  out.tags.clear();
  std::string_view rest = line, front, type;
  if (!cut(rest, '|', front)) return fail(Errc::invalid, "invalid message format: {}", quote_json(line.substr(0, 100)));
  std::string_view value = front;
  if (!cut(value, ':', out.name)) return fail(Errc::invalid, "invalid <name>:<value> format: {}", quote_json(front.substr(0, 100)));
  if (out.name.empty()) return fail(Errc::invalid, "empty metric name");
  if (value.empty()) return fail(Errc::invalid, "empty metric value");
  if (!valid_utf8(out.name)) return fail(Errc::invalid, "a metric's name is not UTF-8");
  out.addition = value[0] == '-' || value[0] == '+';
  cut(rest, '|', type);
  auto known = std::find_if(std::begin(types), std::end(types), [&](auto& row) { return row.code == type; });
  if (known == std::end(types)) return fail(Errc::invalid, "unsupported metric type: {}", quote_json(type.substr(0, 100)));
  out.type = known->type;
  while (!rest.empty()) {
    std::string_view part;
    cut(rest, '|', part);
    if (part.empty()) break;
    WEIR_TRY(read_part(part, simple_tags, out));
  }
  auto number = parse_go_double(value);
  if (!number) return fail(Errc::invalid, "parse metric value string: {}", quote_json(value.substr(0, 100)));
  if (!std::isfinite(*number)) return fail(Errc::invalid, "discarding metric {}: its value is not finite", quote_json(out.name));
  out.value = *number;
  return {};
}

}  // namespace weir::receivers::statsd
