// Parsers of log formats: CEF, LEEF, the Common Log Format and the W3C Extended Log Format.
#include "base/number.h"
#include "base/text.h"
#include "ottl/function.h"
#include "ottl/map_builder.h"
#include "ottl/text/pattern.h"

namespace weir::ottl {
namespace {

using otlp::Array;
using otlp::Attributes;

// A map in the scratch arena that is being filled; keys and texts are views into what is parsed, or copied.
class Fields {
 public:
  explicit Fields(EvalContext& c) : c_(c), map_(c.scratch().make<Attributes>()), builder_(*map_, c.scratch()) {}
  void text(std::string_view key, std::string_view value) { builder_.set(key, otlp::Value::of(value)); }
  void copied(std::string_view key, const std::string& value) { text(key, c_.scratch().copy(value)); }
  void number(std::string_view key, std::int64_t value) { builder_.set(key, otlp::Value::of(value)); }
  void map(std::string_view key, const Fields& value) { builder_.set(key, otlp::Value::of(value.map_)); }
  void list(std::string_view key, Array* value) { builder_.set(key, otlp::Value::of(value)); }
  Value value() const { return Value::of(map_); }
  Attributes* get() const { return map_; }

 private:
  EvalContext& c_;
  Attributes* map_;
  MapBuilder builder_;
};

// The text before the delimiter, which is taken off `rest`; all of it when there is none.
std::string_view cut(std::string_view& rest, std::string_view delimiter, bool& found) {
  std::size_t at = rest.find(delimiter);
  found = at != std::string_view::npos;
  std::string_view part = rest.substr(0, at);
  rest = found ? rest.substr(at + delimiter.size()) : std::string_view();
  return part;
}

bool source(EvalContext& c, const Call& call, std::string_view& out) {
  return call.text(c, 0, out) && (!out.empty() || c.fail("{}: cannot parse an empty message", call.info().name));
}

// ---- ParseCEF(text)

std::string unescaped(std::string_view text, std::string_view plain, std::string_view letters = {}, std::string_view stand_for = {}) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t letter = i + 1 < text.size() && text[i] == '\\' ? letters.find(text[i + 1]) : std::string_view::npos;
    if (letter != std::string_view::npos)
      out += stand_for[letter], ++i;
    else if (text[i] == '\\' && i + 1 < text.size() && plain.find(text[i + 1]) != std::string_view::npos)
      out += text[++i];
    else
      out += text[i];
  }
  return out;
}

// The header field up to the next | that is not escaped. `ended` is true when there is one.
std::string_view cef_field(std::string_view& rest, bool& ended) {
  std::size_t i = 0;
  while (i < rest.size() && rest[i] != '|') i += rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '|' || rest[i + 1] == '\\') ? 2 : 1;
  std::string_view field = rest.substr(0, i);
  ended = i < rest.size();
  rest = ended ? rest.substr(i + 1) : std::string_view();
  return field;
}

// The length of the key in `word=…`, or 0.
std::size_t cef_key(std::string_view text) {
  auto in_key = [](char ch) { return std::isalnum(static_cast<unsigned char>(ch)) || ch == '_'; };
  std::size_t size = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), in_key) - text.begin());
  return size < text.size() && text[size] == '=' ? size : 0;
}

void cef_extensions(std::string_view text, Fields& out) {
  std::string_view key;
  std::size_t begin = 0;
  auto finish = [&](std::size_t end) {
    if (key.empty()) return;
    std::string_view value = text.substr(begin, end - begin);
    while (value.ends_with(' ')) value.remove_suffix(1);
    out.copied(key, unescaped(value, "\\=", "nr", "\n\r"));
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t size = i == 0 || text[i - 1] == ' ' ? cef_key(text.substr(i)) : 0;
    if (size == 0) {
      ++i;
      continue;
    }
    finish(i);
    key = text.substr(i, size);
    i = begin = i + size + 1;
  }
  finish(text.size());
}

bool parse_cef(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!source(c, call, text)) return false;
  std::size_t start = text.find("CEF:");
  if (start == std::string_view::npos) return c.fail("invalid CEF message: 'CEF:' not found");
  text.remove_prefix(start + 4);
  constexpr std::array<std::string_view, 7> names = {"cef.version",        "cef.device_vendor",         "cef.device_product", "cef.device_version",
                                                     "cef.device_event_class_id", "cef.name", "cef.severity"};
  Fields fields(c), extensions(c);
  for (std::size_t i = 0; i < names.size(); ++i) {
    bool ended;
    std::string_view field = cef_field(text, ended);
    if (!ended && i + 1 < names.size()) return c.fail("invalid CEF header: expected {} fields, got {}", names.size(), i + 1);
    if (i == 0 && field.empty()) return c.fail("invalid CEF message: missing version");
    if (i == 0)
      fields.text(names[i], field);
    else
      fields.copied(names[i], unescaped(field, "|\\"));
  }
  cef_extensions(text, extensions);
  fields.map("cef.extensions", extensions);
  return out = fields.value(), true;
}

// ---- ParseCLF(text, format?)
Result<> check_clf(Call& call) {
  std::string_view format = call.given(1) ? call.constant(1)->text : "clf";
  if (format == "clf" || format == "combined") return {};
  return fail(Errc::config, "invalid format \"{}\": must be \"clf\" or \"combined\"", format);
}

std::string unescape_clf(std::string_view text) {
  constexpr std::string_view letters = "ntrbfv", stand_for = "\n\t\r\b\f\v";
  auto hex = [](char ch) { return ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char next = text[++i];
    std::size_t letter = letters.find(next);
    if (next == '\\' || next == '"')
      out += next;
    else if (letter != std::string_view::npos)
      out += stand_for[letter];
    else if (next == 'x' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0)
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])), i += 2;
    else
      out += '\\', out += next;
  }
  return out;
}

const Pattern& clf_pattern(bool combined) {
  auto make = [](std::string_view tail) {
    constexpr std::string_view quoted = R"re("((?:[^"\\]|\\.)*)")re";
    std::string text = fmt::format(R"re(^(\S+) (\S+) (\S+) \[([^\]]+)\] {} (\S+) (\S+))re", quoted);
    if (!tail.empty()) text += fmt::format(" {} {}", quoted, quoted);
    return std::move(*Pattern::regex(text + "$"));
  };
  static const Pattern common = make(""), with_agent = make("agent");
  return combined ? with_agent : common;
}

bool parse_clf(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!source(c, call, text)) return false;
  bool combined = call.given(1) && call.constant(1)->text == "combined";
  std::vector<std::string_view> found;
  if (!clf_pattern(combined).find(trim(text), 0, found)) return c.fail("invalid CLF message: it is not in the {} format", combined ? "combined" : "clf");
  Fields fields(c);
  fields.text("clf.remote_host", found[1]);
  fields.text("clf.rfc931", found[2]);
  fields.text("clf.auth_user", found[3]);
  fields.text("clf.timestamp", found[4]);
  std::string_view request = c.scratch().copy(unescape_clf(found[5])), protocol = request;
  fields.text("clf.request", request);
  bool first, second;
  std::string_view method = cut(protocol, " ", first), uri = cut(protocol, " ", second);
  if (first && second) {
    fields.text("clf.method", method);
    fields.text("clf.request_uri", uri);
    fields.text("clf.protocol", protocol);
  }
  auto status = parse_go_int(found[6]), bytes = parse_go_int(found[7]);
  if (!status) return c.fail("invalid status code \"{}\"", found[6]);
  fields.number("clf.status", *status);
  if (!bytes && found[7] != "-") return c.fail("invalid bytes value \"{}\"", found[7]);
  if (bytes) fields.number("clf.bytes", *bytes);
  if (combined) {
    fields.copied("clf.referer", unescape_clf(found[8]));
    fields.copied("clf.user_agent", unescape_clf(found[9]));
  }
  return out = fields.value(), true;
}

// ---- ParseELF(text)

std::string_view next_line(std::string_view& rest) {
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1), rest.size()));
    if (!line.empty()) return line;
  }
  return {};
}

bool elf_values(EvalContext& c, std::string_view line, std::vector<std::string_view>& out) {
  out.clear();
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\t') {
      ++i;
      continue;
    }
    if (line[i] != '"') {
      std::size_t end = std::min(line.find_first_of(" \t", i), line.size());
      out.push_back(line.substr(i, end - i));
      i = end;
      continue;
    }
    // In quotes; "" stands for one.
    std::string text;
    for (++i; i < line.size() && (line[i] != '"' || line.substr(i).starts_with("\"\"")); ++i) text += line[i], i += line[i] == '"';
    if (i >= line.size()) return c.fail("invalid ELF: unterminated quoted value in data line: {}", line);
    ++i;
    out.push_back(c.scratch().copy(text));
  }
  return true;
}

// Words between white space.
Array* words(EvalContext& c, std::string_view text) {
  auto* out = c.scratch().make<Array>();
  for (text = trim(text); !text.empty(); text = trim(text)) {
    std::size_t end = std::min(text.find_first_of(" \t\n\v\f\r"), text.size());
    out->push_back(c.scratch(), otlp::Value::of(text.substr(0, end)));
    text.remove_prefix(end);
  }
  return out;
}

class ElfParser {
 public:
  explicit ElfParser(EvalContext& c) : c_(c), fields_(c), entries_(c.scratch().make<Array>()), names_(c.scratch().make<Array>()) {
    fields_.list("elf.entries", entries_);
  }

  bool line(std::string_view line) { return line.starts_with('#') ? directive(line.substr(1)) : data(line); }
  bool finish(Value& out) {
    if (!has_version_) return c_.fail("invalid ELF: missing #Version directive");
    fields_.list("elf.fields", names_);
    return out = fields_.value(), true;
  }

 private:
  bool directive(std::string_view rest) {
    std::string_view whole = trim(rest);
    bool colon;
    std::string_view key = trim(cut(rest, ":", colon)), value = trim(rest);
    if (!colon) return !equal_ignore_case(whole.substr(0, 6), "fields") || c_.fail("invalid ELF: malformed #Fields directive: {}", whole);
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> texts = {{{"version", "elf.version"},
                                                                                     {"software", "elf.software"},
                                                                                     {"date", "elf.date"},
                                                                                     {"start-date", "elf.start_date"},
                                                                                     {"end-date", "elf.end_date"},
                                                                                     {"remark", "elf.remark"}}};
    if (equal_ignore_case(key, "fields")) names_ = words(c_, value);
    if (equal_ignore_case(key, "version")) has_version_ = true;
    for (auto& [word, name] : texts)
      if (equal_ignore_case(key, word)) fields_.text(name, value);
    return true;
  }

  bool data(std::string_view line) {
    if (names_->empty()) return c_.fail("invalid ELF: data entry found before #Fields directive");
    if (!elf_values(c_, line, values_)) return false;
    Fields entry(c_);
    for (std::size_t i = 0; i < names_->size(); ++i) entry.text((*names_)[i].text, i < values_.size() ? values_[i] : "-");
    entries_->push_back(c_.scratch(), otlp::Value::of(entry.get()));
    return true;
  }

  EvalContext& c_;
  Fields fields_;
  Array *entries_, *names_;
  std::vector<std::string_view> values_;
  bool has_version_ = false;
};

bool parse_elf(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!source(c, call, text)) return false;
  ElfParser parser(c);
  for (std::string_view line = next_line(text); !line.empty(); line = next_line(text))
    if (!parser.line(line)) return false;
  return parser.finish(out);
}

// ---- ParseLEEF(text)

bool leef_delimiter(EvalContext& c, std::string_view text, std::string_view& out) {
  if (text.empty()) return out = "\t", true;
  if (!text.starts_with("0x") && !text.starts_with("0X"))
    return out = text, text.size() == 1 || c.fail("invalid LEEF 2.0 delimiter: must be one character or hex, got \"{}\"", text);
  auto digit = [](char ch) { return std::isxdigit(static_cast<unsigned char>(ch)) != 0; };
  if (text.size() != 4 || !digit(text[2]) || !digit(text[3])) return c.fail("invalid LEEF 2.0 delimiter \"{}\": must be one byte", text);
  char byte = static_cast<char>(std::stoi(std::string(text.substr(2)), nullptr, 16));
  return out = c.scratch().copy({&byte, 1}), true;
}

bool parse_leef(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!source(c, call, text)) return false;
  std::size_t start = text.find("LEEF:");
  if (start == std::string_view::npos) return c.fail("invalid LEEF message: 'LEEF:' not found");
  text.remove_prefix(start + 5);
  bool more;
  std::string_view version = cut(text, "|", more);
  if (!more) return c.fail("invalid LEEF message: missing pipe delimiter in header");
  if (version != "1.0" && version != "2.0") return c.fail("unsupported LEEF version: {} (supported: 1.0, 2.0)", version);
  Fields fields(c), attributes(c);
  fields.text("leef.version", version);
  constexpr std::array<std::string_view, 4> names = {"leef.vendor", "leef.product.name", "leef.product.version", "leef.event.id"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    fields.text(names[i], cut(text, "|", more));
    if (!more && i + 1 < names.size()) return c.fail("invalid LEEF {} header: expected at least 4 fields, got {}", version, i + 1);
  }
  // Version 2.0 may name the delimiter in one more field, which cannot hold a =.
  std::string_view delimiter = "\t", rest = text, fifth = cut(rest, "|", more);
  if (version == "2.0" && fifth.find('=') == std::string_view::npos) {
    if (!leef_delimiter(c, fifth, delimiter)) return false;
    text = rest;
  }
  for (more = !text.empty(); more;) {
    std::string_view pair = cut(text, delimiter, more);
    bool equals;
    std::string_view key = cut(pair, "=", equals);
    if (equals && !key.empty()) attributes.text(key, pair);
  }
  fields.map("leef.attributes", attributes);
  return out = fields.value(), true;
}

FunctionInfo parser(std::string_view name, std::string_view doc, bool (*run)(EvalContext&, const Call&, Value&)) {
  return {.name = name, .doc = doc, .params = {{"target", Takes::text}}, .run = run, .in = In::log, .callers = Callers::transform};
}

}  // namespace

std::span<const FunctionInfo> log_functions() {
  static const std::array rows{
      parser("ParseCEF", "The parts of a message in the Common Event Format as a map: cef.version, cef.device_vendor, …, cef.extensions.", parse_cef),
      FunctionInfo{.name = "ParseCLF",
                   .doc = "The parts of a line in the Common Log Format as a map: clf.remote_host, clf.request, clf.status, …; format combined has "
                          "clf.referer and clf.user_agent too.",
                   .params = {{"target", Takes::text}, {"format", Takes::literal_text, true}},
                   .run = parse_clf,
                   .prepare = check_clf,
                   .in = In::log,
                   .callers = Callers::transform},
      parser("ParseELF", "A file in the W3C Extended Log Format as a map: elf.version, elf.fields, elf.entries, …", parse_elf),
      parser("ParseLEEF", "The parts of a message in the Log Event Extended Format as a map: leef.version, leef.vendor, …, leef.attributes.", parse_leef),
  };
  return rows;
}

}  // namespace weir::ottl
