#include "config/expand.h"

#include "base/mask.h"
#include "base/text.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

constexpr std::size_t max_references = 1000;  // for one value, those inside of references included
constexpr std::size_t max_nesting = 100;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

bool valid_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), is_word);
}

// For each "${" the position of its "}", by position. "$$" hides what follows; a "}" closes the innermost.
std::unordered_map<std::size_t, std::size_t> match_braces(std::string_view text) {
  std::unordered_map<std::size_t, std::size_t> ends;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size()) {
      if (text[i + 1] == '{') open.push_back(i);
      if (text[i + 1] == '{' || text[i + 1] == '$') ++i;
    } else if (text[i] == '}' && !open.empty()) {
      ends[open.back()] = i;
      open.pop_back();
    }
  }
  return ends;
}

// What stands between "${" and "}".
struct Reference {
  Uri uri;
  std::optional<std::string> fallback;
  bool old_default = false;  // ${X:-y}
};

std::optional<Reference> parse_reference(std::string_view text) {
  auto split_default = [](std::string_view name) {
    Reference out{{"env", std::string(name)}, {}};
    if (auto at = name.find(":-"); at != name.npos) {
      out.uri.rest = name.substr(0, at);
      out.fallback = name.substr(at + 2);
    }
    return out;
  };
  auto colon = text.find(':');
  if (colon == text.npos || text.substr(colon).starts_with(":-")) {
    auto out = split_default(text);
    out.old_default = colon != text.npos;
    return out;
  }
  auto uri = parse_uri(text);
  if (!uri) return {};
  if (uri->scheme == "env") return split_default(uri->rest);
  return Reference{*uri, {}};
}

class Expander {
 public:
  Expander(const Environment& environment, Problems& problems, const Limits& limits)
      : environment_(environment), problems_(problems), limits_(limits) {}

  void walk(Value& value, bool own_text, std::size_t depth) {
    if (value.is_list()) {
      for (std::size_t i = 0; i < value.items().size(); ++i) {
        Problems::Scope scope(problems_, fmt::format("{}", i));
        walk(value.items()[i], own_text, depth);
      }
    } else if (value.is_map()) {
      for (auto& entry : value.entries()) {
        // A dollar sign in a password is a dollar sign.
        Problems::Scope scope(problems_, entry.key);
        walk(entry.value, own_text && !is_secret_key(entry.key), depth);
      }
    } else if (value.kind() == Value::Kind::string && value.text().find('$') != std::string::npos) {
      if (depth == 0) references_ = 0;
      expand_string(value, own_text, depth);
    }
  }

  void charge(Value::Weight w, const Mark& mark) {
    total_.nodes += w.nodes;
    total_.bytes += w.bytes;
    if (total_.nodes > limits_.nodes || total_.bytes > limits_.text_bytes)
      error(mark, fmt::format("references grew beyond {} values or {} bytes", limits_.nodes, limits_.text_bytes));
  }

 private:
  // Stops everything after the first error of a value: what follows from it would only be noise.
  void error(const Mark& mark, std::string message) {
    if (!stopped()) problems_.error(mark, std::move(message));
    failed_ = true;
  }
  bool exhausted() const { return total_.nodes > limits_.nodes || total_.bytes > limits_.text_bytes; }
  bool stopped() const { return failed_ || reported_exhausted_; }

  // `own_text`: written by the user of the configuration, so the old $X counts. What comes out of a variable may have
  // any dollar sign in it.
  void expand_string(Value& value, bool own_text, std::size_t depth) {
    failed_ = depth == 0 ? false : failed_;
    std::string_view text = value.text();
    auto ends = match_braces(text);
    auto whole = ends.find(0);
    if (whole != ends.end() && whole->second == text.size() - 1) {
      if (auto found = follow(text.substr(2, text.size() - 3), value.mark(), own_text, depth + 1)) value = std::move(*found);
    } else {
      auto expanded = expand_text(text, ends, value.mark(), own_text, depth);
      bool quoted = value.quoted(), was_expanded = value.expanded();
      value = Value::string(std::move(expanded), value.mark());
      value.set_quoted(quoted);
      value.set_expanded(was_expanded);
    }
    reported_exhausted_ |= exhausted();
  }

  std::string expand_text(std::string_view text, const std::unordered_map<std::size_t, std::size_t>& ends,
                          const Mark& mark, bool own_text, std::size_t depth) {
    std::string out;
    for (std::size_t i = 0; i < text.size() && !stopped();) {
      auto dollar = text.find('$', i);
      out += text.substr(i, dollar - i);
      if (dollar == text.npos) break;
      i = dollar;
      char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (next == '$') {
        out += '$';
        i += 2;
      } else if (auto end = ends.find(i); next == '{' && end != ends.end()) {
        append_reference(out, text.substr(i + 2, end->second - i - 2), mark, own_text, depth + 1);
        i = end->second + 1;
      } else if (own_text && is_word(next)) {
        i = append_bare(out, text, i, mark);
      } else {
        out += '$';
        ++i;
      }
    }
    return out;
  }

  void append_reference(std::string& out, std::string_view inner, const Mark& mark, bool own_text, std::size_t depth) {
    auto found = follow(inner, mark, own_text, depth);
    if (!found) return;
    if ((found->is_list() || found->is_map()) && !found->is_text())
      return error(mark, fmt::format("${{{}}} is {}; inside of a text only a scalar can stand", inner, found->describe()));
    out += found->text();
  }

  // The old $X. Returns where the text goes on.
  std::size_t append_bare(std::string& out, std::string_view text, std::size_t at, const Mark& mark) {
    std::size_t end = at + 1;
    if (is_digit(text[end])) ++end;
    else
      while (end < text.size() && is_word(text[end])) ++end;
    std::string name(text.substr(at + 1, end - at - 1));
    auto value = environment_.variable(name);
    if (value) {
      problems_.warning(mark, fmt::format("${0} is the old spelling of ${{env:{0}}}", name));
      charge({0, value->size()}, mark);
      out += *value;
    } else {
      problems_.warning(mark, fmt::format("${0} stays as it is, there is no such environment variable; write $${0} "
                                          "for that, or ${{env:{0}}}", name));
      out += text.substr(at, end - at);
    }
    return end;
  }

  // What is behind the text between "${" and "}", expanded itself.
  std::optional<Value> follow(std::string_view inner, const Mark& mark, bool own_text, std::size_t depth) {
    if (stopped()) return {};
    if (++references_ > max_references || depth > max_nesting) {
      error(mark, "too many recursive expansions");
      return {};
    }
    auto address = expand_text(inner, match_braces(inner), mark, own_text, depth);
    if (stopped()) return {};
    auto found = fetch(address, mark);
    if (!found) return {};
    charge(found->weight(), mark);
    if (stopped() || exhausted()) return {};
    walk(*found, own_text && (address.starts_with("file:") || address.starts_with("yaml:")), depth);
    return found;
  }

  std::optional<Value> fetch(const std::string& address, const Mark& mark) {
    if (address.find('$') != address.npos) {
      error(mark, fmt::format("the uri \"{}\" contains unsupported characters ('$')", address));
      return {};
    }
    auto reference = parse_reference(address);
    if (!reference) {
      error(mark, fmt::format("invalid uri: \"{}\"", address));
      return {};
    }
    bool env = reference->uri.scheme == "env";
    if (reference->old_default)
      problems_.warning(mark, fmt::format("${{{0}}} is an old spelling that newer collectors refuse; write ${{env:{0}}}", address));
    if (env && !valid_name(reference->uri.rest)) {
      error(mark, fmt::format("environment variable \"{}\" has invalid name: a letter or an underscore, then letters, "
                              "digits and underscores; write $${{{}}} for the text itself", reference->uri.rest, address));
      return {};
    }
    auto text = retrieve(reference->uri, environment_);
    if (!text) {
      error(mark, text.error().what);
      return {};
    }
    if (!*text && reference->fallback) *text = std::move(reference->fallback);
    if (env && text->value_or("").empty())
      problems_.warning(mark, fmt::format("environment variable \"{}\" is {}", reference->uri.rest,
                                          *text ? "empty" : "not set"));
    return typed(reference->uri, text->value_or(""), mark);
  }

  // The value that a text stands for. It keeps the text, for settings that want a string.
  Value typed(const Uri& uri, std::string text, const Mark& mark) {
    if (uri.scheme != "env")
      while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    Problems unreadable;
    auto source = std::make_shared<const Source>(Source{uri.to_string(), text, uri.scheme == "env"});
    auto value = parse_yaml(source, unreadable, limits_);
    // What is no YAML, or one text for YAML, is taken as it stands: a password may start with a quote.
    if (!value || value->kind() == Value::Kind::string) value = Value::string(text);
    else if (value->is_map()) split_keys(*value, unreadable, limits_);
    if (!value->is_list() && !value->is_map()) value->set_mark(mark);
    value->set_text(std::move(text));
    value->set_expanded(true);
    return std::move(*value);
  }

  const Environment& environment_;
  Problems& problems_;
  const Limits& limits_;
  Value::Weight total_;
  std::size_t references_ = 0;
  bool failed_ = false, reported_exhausted_ = false;
};

}  // namespace

void expand(Value& value, const Environment& environment, Problems& problems, const Limits& limits) {
  Expander expander(environment, problems, limits);
  expander.charge(value.weight(), value.mark());
  expander.walk(value, true, 0);
}

}  // namespace weir::config
