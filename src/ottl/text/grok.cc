#include "ottl/text/grok.h"

#include "base/number.h"

namespace weir::ottl {
namespace {

// Enough for the largest built-in pattern many times over; stops definitions that use themselves.
constexpr std::size_t max_expanded = 256 * 1024;

bool word_char(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// NAME, NAME:field or NAME:field:type between %{ and }.
struct Use {
  std::string_view name, field, type;
  bool valid = false;
};

Use read_use(std::string_view inner) {
  Use out;
  auto all = [](std::string_view text, std::string_view more) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) { return word_char(c) || more.contains(c); });
  };
  std::size_t colon = inner.find(':');
  out.name = inner.substr(0, colon);
  out.valid = all(out.name, "");
  if (colon == std::string_view::npos) return out;
  out.field = inner.substr(colon + 1);
  if (std::size_t second = out.field.find(':'); second != std::string_view::npos) {
    out.type = out.field.substr(second + 1);
    out.field = out.field.substr(0, second);
    out.valid &= all(out.type, "");
  }
  out.valid &= all(out.field, ".+");
  return out;
}

class Expansion {
 public:
  Expansion(bool named_only, std::span<const std::string> definitions) : named_only_(named_only), definitions_(definitions) {}

  // Groups get numbers for names, since a name may come up twice.
  Result<> expand(std::string_view pattern, int depth) {
    if (depth > 50 || out.size() > max_expanded) return fail(Errc::config, "a pattern definition uses itself, or the pattern is too large");
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern.substr(i).starts_with("%{")) {
        std::size_t end = pattern.find('}', i);
        Use use = end == std::string_view::npos ? Use{} : read_use(pattern.substr(i + 2, end - i - 2));
        if (use.valid) {
          WEIR_TRY(insert(use, depth));
          i = end;
          continue;
        }
      }
      if (pattern[i] == '\\' && i + 1 < pattern.size()) {
        out += pattern[i];
        out += pattern[++i];
        continue;
      }
      std::size_t own = own_group(pattern.substr(i));
      if (own != 0) i += own - 1;
      else out += pattern[i];
    }
    return {};
  }

  std::string out;
  struct Named {
    std::string name, type;
  };
  std::vector<Named> named;  // by number in the group's name: w0, w1, …

 private:
  Result<> insert(const Use& use, int depth) {
    std::string_view definition = lookup(use.name);
    if (definition.data() == nullptr) return fail(Errc::config, "pattern definition \"{}\" unknown", use.name);
    if (named_only_ && use.field.empty())
      out += "(?:";
    else
      open(use.field.empty() ? use.name : use.field, use.type);
    WEIR_TRY(expand(definition, depth + 1));
    out += ')';
    return {};
  }
  void open(std::string_view name, std::string_view type) {
    out += fmt::format("(?P<w{}>", named.size());
    named.push_back({std::string(name), std::string(type)});
  }
  // A named group written as a regex: its length up to and with the >, or 0.
  std::size_t own_group(std::string_view text) {
    std::size_t start = text.starts_with("(?P<") ? 4 : text.starts_with("(?<") && text.size() > 3 && text[3] != '=' && text[3] != '!' ? 3 : 0;
    std::size_t end = start ? text.find('>', start) : std::string_view::npos;
    if (end == std::string_view::npos) return 0;
    open(text.substr(start, end - start), "");
    return end + 1;
  }
  std::string_view lookup(std::string_view name) const {
    for (auto& definition : definitions_) {
      std::size_t equals = definition.find('=');
      if (std::string_view(definition).substr(0, equals) == name) return std::string_view(definition).substr(equals + 1);
    }
    std::string_view found = grok_definition(name);
    return found.empty() ? std::string_view{} : found;
  }

  bool named_only_;
  std::span<const std::string> definitions_;
};

}  // namespace

Grok::Type Grok::type_named(std::string_view word) {
  if (word.empty() || word == "string") return Type::text;
  if (word == "int" || word == "long") return Type::integer;
  if (word == "double" || word == "float") return Type::real;
  return word == "bool" || word == "boolean" ? Type::boolean : Type::unknown;
}

Result<Grok> Grok::make(std::string_view pattern, bool named_only, std::span<const std::string> definitions) {
  for (std::size_t i = 0; i < definitions.size(); ++i)
    if (definitions[i].find('=') == std::string::npos)
      return fail(Errc::config, "pattern \"{}\" at index {} has incorrect format, expecting NAME=pattern", definitions[i], i);
  Expansion expansion(named_only, definitions);
  WEIR_TRY(expansion.expand(pattern, 0));
  if (named_only && expansion.named.empty()) return fail(Errc::config, "at least 1 named capture group must be supplied in the given regex");
  WEIR_ASSIGN(auto regex, Regex::compile(expansion.out));
  Grok out(std::move(regex));
  auto names = out.regex_.group_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    auto& named = expansion.named[static_cast<std::size_t>(std::atoi(names[i].c_str() + 1))];
    out.captures_.push_back({i + 1, named.name, type_named(named.type)});
  }
  return out;
}

bool Grok::extract(std::string_view text, Arena& arena, otlp::Attributes& map, std::string& wrong) const {
  if (text.data() == nullptr) text = "";
  std::vector<std::string_view> found(regex_.groups() + 1);
  if (!regex_.find(text, 0, found)) return true;
  for (auto& capture : captures_) {
    std::string_view part = found[capture.group];
    if (part.empty()) continue;
    otlp::Value value = otlp::Value::of(part);
    switch (capture.type) {
      case Type::text: break;
      case Type::integer: {
        auto number = parse_go_int(part);
        if (!number) return wrong = fmt::format("\"{}\" is not an integer", part), false;
        value = otlp::Value::of(*number);
        break;
      }
      case Type::real: {
        auto number = parse_go_double(part);
        if (!number) return wrong = fmt::format("\"{}\" is not a number", part), false;
        value = otlp::Value::of(*number);
        break;
      }
      case Type::boolean: {
        bool yes = part == "1" || part == "t" || part == "T" || part == "true" || part == "TRUE" || part == "True";
        bool no = part == "0" || part == "f" || part == "F" || part == "false" || part == "FALSE" || part == "False";
        if (!yes && !no) return wrong = fmt::format("\"{}\" is not a bool", part), false;
        value = otlp::Value::of(yes);
        break;
      }
      case Type::unknown: return wrong = fmt::format("invalid type for {}", capture.name), false;
    }
    map.set(arena, capture.name, value);
  }
  return true;
}

}  // namespace weir::ottl
