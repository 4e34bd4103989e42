#include "components/exporters/prometheus/labels.h"

#include <algorithm>

#include "base/text.h"

namespace weir::exporters::prometheus {
namespace {

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape) ++i;
    out += escape && text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    out += c;
  }
}

void append_name(std::string& out, std::string_view name) {
  if (weir::prometheus::is_plain_name(name)) {
    out += name;
    return;
  }
  out += '"';
  append_escaped(out, name, true);
  out += '"';
}

bool render(LabelPairs& pairs, std::string& out) {
  std::ranges::sort(pairs, {}, &LabelPairs::value_type::first);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    auto& [name, value] = pairs[i];
    if (i > 0 && name == pairs[i - 1].first) return false;
    if (name.starts_with("__") || !valid_utf8(name) || !valid_utf8(value)) return false;
    if (i > 0) out += ',';
    append_name(out, name);
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  return true;
}

// From a quote at the front to the one that closes it, both taken away.
std::string_view LabelReader::take_quoted() {
  std::size_t end = 1;
  while (rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
  std::string_view out = rest_.substr(1, end - 1);
  rest_.remove_prefix(end + 1);
  return out;
}

bool LabelReader::next() {
  if (rest_.empty()) return false;
  if (rest_[0] == ',') rest_.remove_prefix(1);
  if (rest_[0] == '"') {
    std::string_view before = rest_;
    raw_name_ = before.substr(0, take_quoted().size() + 2);
  } else {
    raw_name_ = rest_.substr(0, rest_.find('='));
    rest_.remove_prefix(raw_name_.size());
  }
  rest_.remove_prefix(1);  // =
  raw_value_ = take_quoted();
  return true;
}

std::string LabelReader::name() const {
  return raw_name_[0] == '"' ? unescaped(raw_name_.substr(1, raw_name_.size() - 2)) : std::string(raw_name_);
}
std::string LabelReader::value() const { return unescaped(raw_value_); }

bool has_quoted_name(std::string_view labels) {
  for (LabelReader reader(labels); reader.next();)
    if (reader.raw_name()[0] == '"') return true;
  return false;
}

std::string with_escaped_names(std::string_view labels, weir::prometheus::Escaping escaping) {
  std::string out;
  for (LabelReader reader(labels); reader.next();) {
    if (!out.empty()) out += ',';
    bool quoted = reader.raw_name()[0] == '"';
    out += quoted ? weir::prometheus::escape_name(reader.name(), escaping) : std::string(reader.raw_name());
    out += "=\"";
    out += reader.raw_value();
    out += '"';
  }
  return out;
}

}  // namespace weir::exporters::prometheus
