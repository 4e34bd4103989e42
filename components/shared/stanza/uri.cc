#include "components/shared/stanza/uri.h"

#include "ottl/text/url.h"

namespace weir::stanza {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// %xx and + of a query. False for a broken escape.
bool unescape(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return false;
    int high = digit_of(text[i + 1]), low = digit_of(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

// Adds to `map`. What is wrong is left out; the first wrong part is told.
Result<> read_query(std::string_view query, Attributes& map, Arena& arena) {
  std::map<std::string, otlp::Array*> parameters;
  std::string key, value, wrong;
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.contains(';')) {
      if (wrong.empty()) wrong = "invalid semicolon separator in query";
      continue;
    }
    if (part.empty()) continue;
    std::size_t at = std::min(part.find('='), part.size());
    if (!unescape(part.substr(0, at), key) || !unescape(at < part.size() ? part.substr(at + 1) : "", value)) {
      if (wrong.empty()) wrong = "invalid URL escape";
      continue;
    }
    auto& list = parameters[key];
    if (list == nullptr) list = arena.make<otlp::Array>();
    list->push_back(arena, Value::of(value.empty() ? std::string_view("") : arena.copy(value)));
  }
  if (!parameters.empty()) {
    auto* out = arena.make<Attributes>();
    for (auto& [name, list] : parameters) out->push_back(arena, {arena.copy(name), Value::of(list)});
    map.push_back(arena, {"query", Value::of(out)});
  }
  if (!wrong.empty()) return fail(Errc::permanent, "{}", wrong);
  return {};
}

// The path as it was written, between authority and query.
std::string_view written_path(std::string_view text, bool absolute) {
  text = text.substr(0, text.find('?'));
  if (!absolute) return text;
  text.remove_prefix(text.find(':') + 1);
  if (!text.starts_with("//")) return text.starts_with('/') ? text : std::string_view();  // opaque: mailto:x
  std::size_t slash = text.find('/', 2);
  return slash == text.npos ? std::string_view() : text.substr(slash);
}

bool plain_in_path(char c) { return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-_.~$&+,/:;=@").contains(c); }

// A path as it was written if all in it may stand there, otherwise escaped anew.
std::string escaped_path(std::string_view written) {
  auto may_stand = [](char c) { return plain_in_path(c) || std::string_view("!'()*[]%").contains(c); };
  if (std::all_of(written.begin(), written.end(), may_stand)) return std::string(written);
  std::string out;
  for (std::size_t i = 0; i < written.size(); ++i) {
    char c = written[i];
    // Url::parse() has seen that all escapes are whole.
    if (c == '%') c = static_cast<char>(digit_of(written[i + 1]) << 4 | digit_of(written[i + 2])), i += 2;
    if (plain_in_path(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

Result<Value> parse_uri(std::string_view text, Arena& arena) {
  auto* map = arena.make<Attributes>();
  if (text.starts_with('?')) {
    WEIR_TRY(read_query(text.substr(1), *map, arena));
    return Value::of(map);
  }
  // A URI as it stands in a request: absolute, or a path. A # means nothing there.
  if (text.empty()) return fail(Errc::permanent, "parse \"\": empty url");
  // In an authority it may not stand.
  std::string_view in_front_of_query = text.substr(0, text.find('?'));
  if (std::size_t authority = in_front_of_query.find("://"); authority != text.npos && !text.starts_with('/'))
    if (in_front_of_query.substr(authority + 3, in_front_of_query.find('/', authority + 3) - authority - 3).contains('#'))
      return fail(Errc::permanent, "parse \"{}\": invalid character \"#\" in host name", text);
  std::string without_fragment;
  for (char c : text) without_fragment += c == '#' ? std::string("%23") : std::string(1, c);
  // Without a scheme all in front of the query is a path, also with two slashes.
  std::size_t slashes = std::min(without_fragment.find_first_not_of('/'), without_fragment.size());
  if (slashes > 1) without_fragment.erase(0, slashes - 1);
  WEIR_ASSIGN(auto url, ottl::Url::parse(without_fragment));
  bool absolute = !url.scheme.empty();
  if (!absolute && !text.starts_with('/')) return fail(Errc::permanent, "parse \"{}\": invalid URI for request", text);
  auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) map->push_back(arena, {key, Value::of(arena.copy(value))});
  };
  add("scheme", url.scheme);
  if (absolute) {
    add("user", url.user);
    add("host", url.host);
    add("port", url.port);
  }
  add("path", escaped_path(written_path(text, absolute)));
  (void)read_query(url.query, *map, arena);
  return Value::of(map);
}

}  // namespace weir::stanza
