#include "components/exporters/loki/lines.h"

#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "base/utf8.h"

namespace weir::exporters::loki {
namespace {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

bool append_map(std::string& out, const Attributes& map) {
  std::map<std::string_view, const Value*> sorted;
  for (auto& kv : map) sorted.emplace(kv.key, &kv.value);
  char separator = '{';
  for (auto& [key, value] : sorted) {
    out += std::exchange(separator, ',');
    append_go_json_string(out, key);
    out += ':';
    if (!append_go_json(out, *value)) return false;
  }
  if (sorted.empty()) out += '{';
  out += '}';
  return true;
}

void append_key(std::string& out, std::string_view key) {
  out += out.empty() ? "{\"" : ",\"";
  out += key;
  out += "\":";
}

// ---- logfmt --------------------------------------------------------------------------------------------------------

using Pairs = std::vector<std::pair<std::string, std::string>>;

void add_value(Pairs& to, const std::string& key, const Value& value, int depth = 0) {
  std::string prefix = key.empty() ? "" : key + "_";
  if (depth > 64) return;
  switch (value.type) {
    case ValueType::empty: return;
    case ValueType::string: to.emplace_back(key, value.text); return;
    case ValueType::boolean: to.emplace_back(key, value.boolean ? "true" : "false"); return;
    case ValueType::integer: to.emplace_back(key, fmt::format("{}", value.integer)); return;
    case ValueType::real: to.emplace_back(key, go_text_of(value.real)); return;
    case ValueType::bytes: to.emplace_back(key, value.text); return;
    case ValueType::map: {
      Arena scratch;
      Value copy = value;
      for (auto& kv : copy.map(scratch)) add_value(to, prefix + std::string(kv.key), kv.value, depth + 1);
      return;
    }
    case ValueType::array: {
      Arena scratch;
      Value copy = value;
      std::size_t i = 0;
      for (auto& item : copy.array(scratch)) add_value(to, fmt::format("{}{}", prefix, i++), item, depth + 1);
      return;
    }
  }
}

// A line of logfmt as pairs. False when it is none.
bool parse_logfmt(std::string_view line, Pairs& out) {
  line = line.substr(0, line.find('\n'));
  std::size_t i = 0;
  auto space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (true) {
    while (i < line.size() && space(line[i])) ++i;
    if (i == line.size()) return true;
    std::size_t begin = i;
    while (i < line.size() && !space(line[i]) && line[i] != '=' && line[i] != '"') ++i;
    if (i == begin || (i < line.size() && line[i] == '"')) return false;
    std::string key(line.substr(begin, i - begin)), value;
    if (!valid_utf8(key)) return false;
    if (i < line.size() && line[i] == '=') {
      ++i;
      if (i < line.size() && line[i] == '"') {
        for (++i; i < line.size() && line[i] != '"'; ++i) {
          if (line[i] != '\\') {
            value += line[i];
            continue;
          }
          if (++i >= line.size()) return false;
          constexpr std::string_view names = "\"\\/'bfnrt", codes = "\"\\/'\b\f\n\r\t";
          auto at = names.find(line[i]);
          if (at == names.npos) return false;
          value += codes[at];
        }
        if (i >= line.size()) return false;
        ++i;
        if (i < line.size() && !space(line[i])) return false;
      } else {
        begin = i;
        while (i < line.size() && !space(line[i]) && line[i] != '=' && line[i] != '"') ++i;
        if (i < line.size() && !space(line[i])) return false;
        value = line.substr(begin, i - begin);
      }
    }
    out.emplace_back(std::move(key), std::move(value));
  }
}

void set(Pairs& pairs, std::string_view key, std::string value) {
  for (auto& [have, old] : pairs)
    if (have == key) return void(old = std::move(value));
  pairs.emplace_back(key, std::move(value));
}

void append_logfmt_value(std::string& out, std::string_view value) {
  bool quoted = value == "null" || !valid_utf8(value);
  for (char c : value) quoted |= static_cast<unsigned char>(c) <= ' ' || c == '=' || c == '"' || c == 0x7F;
  if (!quoted) {
    out += value;
    return;
  }
  out += '"';
  auto* p = reinterpret_cast<const unsigned char*>(value.data());
  for (std::size_t i = 0; i < value.size();) {
    std::size_t n = utf8_length(p + i, value.size() - i);
    char c = value[i];
    if (n == 0) out += "\\ufffd";
    else if (n > 1) out += value.substr(i, n);
    else if (c == '\\' || c == '"') out += '\\', out += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else if (c == '\t') out += "\\t";
    else if (p[i] < 0x20 || c == 0x7F) out += fmt::format("\\u{:04x}", p[i]);
    else out += c;
    i += std::max<std::size_t>(n, 1);
  }
  out += '"';
}

std::string logfmt_key(std::string_view key) {
  std::string out;
  for (char c : key)
    if (static_cast<unsigned char>(c) > ' ' && c != '=' && c != '"' && c != 0x7F) out += c;
  return out;
}

}  // namespace

void append_go_json_string(std::string& out, std::string_view text) {
  out += '"';
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    unsigned char c = p[i];
    if (c < 0x80) {
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '<': out += "\\u003c"; break;
        case '>': out += "\\u003e"; break;
        case '&': out += "\\u0026"; break;
        default:
          if (c < 0x20) out += fmt::format("\\u{:04x}", c);
          else out += static_cast<char>(c);
      }
      ++i;
      continue;
    }
    std::size_t n = utf8_length(p + i, text.size() - i);
    std::string_view character = text.substr(i, std::max<std::size_t>(n, 1));
    if (n == 0) out += "\\ufffd";
    else if (character == "\u2028") out += "\\u2028";
    else if (character == "\u2029") out += "\\u2029";
    else out += character;
    i += character.size();
  }
  out += '"';
}

bool append_go_json(std::string& out, const Value& value) {
  Arena scratch;
  Value copy = value;
  switch (value.type) {
    case ValueType::empty: out += "null"; return true;
    case ValueType::string: append_go_json_string(out, value.text); return true;
    case ValueType::boolean: out += value.boolean ? "true" : "false"; return true;
    case ValueType::integer: out += fmt::format("{}", value.integer); return true;
    case ValueType::real:
      if (!std::isfinite(value.real)) return false;
      out += format_json_double(value.real);
      return true;
    case ValueType::bytes: out += '"' + encode_base64(value.text) + '"'; return true;
    case ValueType::map: return append_map(out, copy.map(scratch));
    case ValueType::array: {
      out += '[';
      bool first = true;
      for (auto& item : copy.array(scratch)) {
        if (!std::exchange(first, false)) out += ',';
        if (!append_go_json(out, item)) return false;
      }
      out += ']';
      return true;
    }
  }
  return true;
}

bool json_line(const Record& r, std::string& out) {
  out.clear();
  if (r.log.body.type != ValueType::empty) {
    append_key(out, "body");
    if (!append_go_json(out, r.log.body)) return false;
  }
  if (!r.log.trace_id.empty()) append_key(out, "traceid"), out += '"' + to_hex(r.log.trace_id.view()) + '"';
  if (!r.log.span_id.empty()) append_key(out, "spanid"), out += '"' + to_hex(r.log.span_id.view()) + '"';
  if (!r.log.severity_text.empty()) append_key(out, "severity"), append_go_json_string(out, r.log.severity_text);
  if (r.log.flags != 0) append_key(out, "flags"), out += fmt::format("{}", r.log.flags);
  if (!r.attributes.empty()) {
    append_key(out, "attributes");
    if (!append_go_json(out, otlp::Value::of(const_cast<Attributes*>(&r.attributes)))) return false;
  }
  if (!r.resource.empty()) {
    append_key(out, "resources");
    if (!append_go_json(out, otlp::Value::of(const_cast<Attributes*>(&r.resource)))) return false;
  }
  if (!r.scope.name.empty()) {
    append_key(out, "instrumentation_scope");
    std::string scope;
    append_key(scope, "name"), append_go_json_string(scope, r.scope.name);
    if (!r.scope.version.empty()) append_key(scope, "version"), append_go_json_string(scope, r.scope.version);
    if (!r.scope.attributes.empty()) {
      append_key(scope, "attributes");
      if (!append_go_json(scope, otlp::Value::of(const_cast<Attributes*>(&r.scope.attributes)))) return false;
    }
    out += scope + "}";
  }
  out += out.empty() ? "{}" : "}";
  return true;
}

bool logfmt_line(const Record& r, std::string& out) {
  Pairs pairs;
  switch (r.log.body.type) {
    case ValueType::empty: break;
    case ValueType::string:
      if (!parse_logfmt(r.log.body.text, pairs)) pairs = {{"msg", std::string(r.log.body.text)}};
      break;
    case ValueType::map: add_value(pairs, "", r.log.body); break;
    case ValueType::array: add_value(pairs, "body", r.log.body); break;
    default: add_value(pairs, "msg", r.log.body);
  }
  if (!r.log.trace_id.empty()) set(pairs, "traceID", to_hex(r.log.trace_id.view()));
  if (!r.log.span_id.empty()) set(pairs, "spanID", to_hex(r.log.span_id.view()));
  if (!r.log.severity_text.empty()) set(pairs, "severity", std::string(r.log.severity_text));
  if (r.log.flags != 0) set(pairs, "flags", fmt::format("{}", r.log.flags));
  for (auto& kv : r.attributes) add_value(pairs, "attribute_" + std::string(kv.key), kv.value);
  for (auto& kv : r.resource) add_value(pairs, "resource_" + std::string(kv.key), kv.value);
  if (!r.scope.name.empty()) {
    pairs.emplace_back("instrumentation_scope_name", r.scope.name);
    if (!r.scope.version.empty()) pairs.emplace_back("instrumentation_scope_version", r.scope.version);
    for (auto& kv : r.scope.attributes) add_value(pairs, "instrumentation_scope_attribute_" + std::string(kv.key), kv.value);
  }
  out.clear();
  for (auto& [key, value] : pairs) {
    std::string clean = logfmt_key(key);
    if (clean.empty()) return false;
    if (!out.empty()) out += ' ';
    out += clean + "=";
    append_logfmt_value(out, value);
  }
  return true;
}

std::string raw_line(const Record& record) { return otlp::to_text(record.log.body); }

}  // namespace weir::exporters::loki
