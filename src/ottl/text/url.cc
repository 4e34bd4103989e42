#include "ottl/text/url.h"

#include "base/text.h"

namespace weir::ottl {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool unreserved(char c) { return letter(c) || digit(c) || c == '-' || c == '_' || c == '.' || c == '~'; }

// Characters that stand for themselves in a part of a URL.
constexpr std::string_view path_marks = "$&+,/:;=@", user_marks = "$&+,;=", fragment_marks = "$&+,/:;=?@!()*", host_marks = "!$&'()*+,;=:[]<>\"";

std::string escaped(std::string_view text, std::string_view marks) {
  std::string out;
  for (char c : text) {
    if (unreserved(c) || marks.contains(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2])) return fail(Errc::invalid, "invalid URL escape \"{}\"", text.substr(i, 3));
    std::string byte;
    from_hex(text.substr(i + 1, 2), byte);
    out += byte;
    i += 2;
  }
  return out;
}

// Removes `scheme:` from the front, if there is one.
Result<std::string> take_scheme(std::string_view& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (letter(c) || (i > 0 && (digit(c) || c == '+' || c == '-' || c == '.'))) continue;
    if (c == ':' && i == 0) return fail(Errc::invalid, "missing protocol scheme");
    if (c != ':') break;
    std::string scheme = to_lower(text.substr(0, i));
    text.remove_prefix(i + 1);
    return scheme;
  }
  return std::string{};
}

bool valid_user(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return unreserved(c) || std::string_view(":!$&'()*+,;=%@").contains(c); });
}

// host or host:port; the port must be digits.
Result<std::string> split_port(std::string_view& host) {
  std::size_t colon = host.rfind(':');
  if (host.starts_with('[')) {
    std::size_t end = host.find(']');
    if (end == std::string_view::npos) return fail(Errc::invalid, "missing ']' in host");
    std::string_view rest = host.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return fail(Errc::invalid, "invalid port \"{}\" after host", rest);
    colon = rest.empty() ? std::string_view::npos : end + 1;
  }
  if (colon == std::string_view::npos) return std::string{};
  std::string_view port = host.substr(colon + 1);
  if (!std::all_of(port.begin(), port.end(), digit)) return fail(Errc::invalid, "invalid port \":{}\" after host", port);
  host = host.substr(0, colon);
  return std::string(port);
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  Url out;
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return fail(Errc::invalid, "invalid control character in URL");
  std::string_view rest = text.substr(0, text.find('#'));
  if (rest.size() < text.size()) {
    WEIR_ASSIGN(out.fragment, unescaped(text.substr(rest.size() + 1)));
  }
  WEIR_ASSIGN(out.scheme, take_scheme(rest));
  if (std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    out.query = rest.substr(mark + 1);
    out.empty_query_ = out.query.empty();
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) {
    if (!out.scheme.empty()) {
      out.opaque_ = rest;
      return out;
    }
    if (rest.substr(0, rest.find('/')).contains(':')) return fail(Errc::invalid, "first path segment in URL cannot contain colon");
  }
  if (rest.starts_with("//") && (!out.scheme.empty() || !rest.starts_with("///"))) {
    out.has_authority_ = true;
    rest.remove_prefix(2);
    std::string_view authority = rest.substr(0, rest.find('/'));
    rest.remove_prefix(authority.size());
    out.raw_authority_ = authority;
    if (std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      std::string_view user = authority.substr(0, at);
      if (!valid_user(user)) return fail(Errc::invalid, "net/url: invalid userinfo");
      authority.remove_prefix(at + 1);
      out.has_user = true;
      std::size_t colon = user.find(':');
      WEIR_ASSIGN(out.user, unescaped(user.substr(0, colon)));
      if (colon != std::string_view::npos) {
        out.has_password = true;
        WEIR_ASSIGN(out.password, unescaped(user.substr(colon + 1)));
      }
    }
    WEIR_ASSIGN(out.port, split_port(authority));
    if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
    for (char c : authority)
      if (c == ' ' || c == '^' || c == '`' || c == '{' || c == '}' || c == '|' || c == '\\')
        return fail(Errc::invalid, "invalid character \"{}\" in host name", c);
    WEIR_ASSIGN(out.host, unescaped(authority));
  }
  out.raw_path_ = rest;
  WEIR_ASSIGN(out.path, unescaped(rest));
  return out;
}

std::string Url::user_info() const {
  return escaped(user, user_marks) + (has_password ? ":" + escaped(password, user_marks) : "");
}

std::string Url::text() const {
  std::string out = scheme.empty() ? "" : scheme + ":";
  if (!opaque_.empty()) {
    out += opaque_;
  } else {
    if (has_authority_) {
      out += "//";
      if (has_user) out += user_info() + "@";
      std::string_view authority = raw_authority_;
      if (std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
      out += escaped(authority, host_marks);
    }
    // An escaping that is valid is kept; anything else is escaped the usual way.
    bool valid = std::all_of(raw_path_.begin(), raw_path_.end(), [](char c) { return unreserved(c) || std::string_view("!$&'()*+,;=:@[]/%").contains(c); });
    out += valid ? raw_path_ : escaped(path, path_marks);
  }
  if (!query.empty() || empty_query_) out += "?" + query;
  if (!fragment.empty()) out += "#" + escaped(fragment, fragment_marks);
  return out;
}

}  // namespace weir::ottl
