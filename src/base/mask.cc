#include "base/mask.h"

#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view redacted = "[REDACTED]";

bool ends_url(char c) { return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' || c == '\\' || c == '}' || c == ']'; }

std::size_t end_of_url(std::string_view text, std::size_t at) {
  // A bracket belongs to an IPv6 host when one was opened.
  bool open = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '[') open = true;
    else if (text[at] == ']' && open) open = false;
    else if (ends_url(text[at])) break;
  }
  return at;
}

// `url`: what follows "://".
std::string mask_url_rest(std::string_view url) {
  std::size_t path = std::min(url.find_first_of("/?#"), url.size());
  std::string_view authority = url.substr(0, path), rest = url.substr(path);
  std::string out;
  // A password may hold a slash that nobody escaped: then the '@' comes later.
  if (auto at = authority.rfind('@'); at != authority.npos) {
    out = std::string(redacted) + std::string(authority.substr(at));
  } else if (auto late = url.find('@'); late != url.npos && late < url.find('?') && authority.find(':') != authority.npos) {
    return mask_url_rest(url.substr(late));
  } else {
    out = authority;
  }
  auto query = rest.find('?');
  out += rest.substr(0, query);
  if (query != rest.npos && query + 1 < rest.size()) out += "?" + std::string(redacted);
  return out;
}

std::vector<std::string> words_of(std::string_view key) {
  std::vector<std::string> words(1);
  char before = 0;
  for (char c : key) {
    bool upper = c >= 'A' && c <= 'Z', letter = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter || (upper && before >= 'a' && before <= 'z')) words.emplace_back();
    if (letter) words.back() += upper ? static_cast<char>(c | 0x20) : c;
    before = c;
  }
  std::erase_if(words, [](auto& word) { return word.empty(); });
  return words;
}

std::size_t indent_of(std::string_view line) {
  auto at = line.find_first_not_of(" \t");
  return at == line.npos ? std::string_view::npos : at;
}

// "key" of `  - key: value`, `"key": value` or `key=value`, and where its value begins; an empty key when there is none.
struct KeyAt {
  std::string_view key;
  std::size_t value = 0;
};
KeyAt first_key(std::string_view line, std::size_t from) {
  while (from < line.size() && std::string_view(" \t-{[,?").find(line[from]) != std::string_view::npos) ++from;
  if (from >= line.size() || line[from] == '#') return {};
  char quote = line[from] == '"' || line[from] == '\'' ? line[from] : '\0';
  std::size_t begin = quote ? from + 1 : from, end = begin;
  if (quote) {
    end = line.find(quote, begin);
    if (end == line.npos) return {};
    std::size_t colon = line.find_first_not_of(' ', end + 1);
    if (colon == line.npos || line[colon] != ':') return {};
    return {line.substr(begin, end - begin), colon + 1};
  }
  for (; end < line.size(); ++end) {
    if (line[end] == '=') return {line.substr(begin, end - begin), end + 1};
    if (line[end] == ':' && (end + 1 == line.size() || line[end + 1] == ' ' || line[end + 1] == '\t')) return {line.substr(begin, end - begin), end + 1};
    if (std::string_view(",{}[]\"'").find(line[end]) != std::string_view::npos) return {};
  }
  return {};
}

bool secret_path(std::string_view key) {
  for (std::size_t at = 0; at <= key.size();) {
    auto end = std::min(key.find_first_of(":.", at), key.size());
    if (is_secret_key(key.substr(at, end - at))) return true;
    at = end + 1;
  }
  return false;
}

// Where a value that begins at `at` ends within a flow list or map, or the line.
std::size_t end_of_value(std::string_view line, std::size_t at, bool flow) {
  at = std::min(line.find_first_not_of(' ', at), line.size());
  if (at == line.size()) return at;
  if (line[at] == '"' || line[at] == '\'') {
    char quote = line[at];
    for (++at; at < line.size() && line[at] != quote; ++at)
      if (quote == '"' && line[at] == '\\') ++at;
    return std::min(at + 1, line.size());
  }
  if (!flow || line[at] == '{' || line[at] == '[') return line.size();
  return std::min(line.find_first_of(",}", at), line.size());
}

// "user:pw@host" without a scheme, as people write it where an endpoint belongs.
std::string mask_user_infos(std::string text) {
  for (std::size_t at = 0; (at = text.find('@', at)) != text.npos; ++at) {
    auto before = text.find_last_of(" \t\"'`,;[]{}()<>=/", at == 0 ? text.npos : at - 1);
    std::size_t begin = before == text.npos ? 0 : before + 1;
    if (begin >= at || text.find(':', begin) >= at) continue;
    text.replace(begin, at - begin, redacted);
    at = begin + redacted.size();
  }
  return text;
}

}  // namespace

std::string mask_urls(std::string_view text) {
  std::string out;
  for (;;) {
    auto at = text.find("://");
    if (at == text.npos) return out.append(text);
    out += text.substr(0, at + 3);
    auto end = end_of_url(text, at + 3);
    out += mask_url_rest(text.substr(at + 3, end - at - 3));
    text.remove_prefix(end);
  }
}

bool is_secret_key(std::string_view key) {
  auto words = words_of(key);
  if (words.empty()) return false;
  constexpr std::array<std::string_view, 18> alone{"password",    "passwd", "passphrase", "pwd",    "secret",        "token",  "tokens", "credential",     "credentials",
                                                   "authorization", "pem",    "headers",    "cookie", "apikey",        "inline", "htpasswd", "secrets", "passwords"};
  const std::string& last = words.back();
  if (std::find(alone.begin(), alone.end(), last) != alone.end()) return true;
  if (words.size() < 2) return false;
  if (last == "list" && words.front() == "headers") return true;
  const std::string& before = words[words.size() - 2];
  return last == "key" && (before == "api" || before == "access" || before == "private" || before == "secret" || before == "account" || before == "encryption" || before == "signing");
}

std::string mask_line(std::string_view text, std::size_t line) {
  std::vector<std::string_view> above;
  for (std::size_t at = 1; at < line; ++at) {
    auto end = text.find('\n');
    if (end == text.npos) return {};
    above.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  std::string_view shown = text.substr(0, text.find('\n'));
  if (shown.ends_with('\r')) shown.remove_suffix(1);
  // The keys that this line stands below, by indentation.
  std::size_t indent = indent_of(shown);
  bool is_item = indent < shown.size() && shown[indent] == '-';
  const std::string hidden = std::string(shown.substr(0, std::min(indent, shown.size()))) + std::string(redacted);
  if (shown.find("-----BEGIN") != shown.npos || shown.find("-----END") != shown.npos) return hidden;
  for (std::size_t i = above.size(); i-- > 0 && indent != 0;) {
    std::size_t here = indent_of(above[i]);
    bool list_item = here != std::string_view::npos && above[i][here] == '-';
    // A list may stand at the indentation of its key.
    bool own_list = here == indent && !list_item && is_item;
    if (here == std::string_view::npos || above[i][here] == '#' || (here >= indent && !own_list)) continue;
    if (secret_path(first_key(above[i], here).key)) return hidden;
    indent = here;
    is_item = list_item;
  }
  // Values of secret keys in the line itself.
  std::string out(shown);
  bool flow = false;
  for (std::size_t from = 0; from < out.size();) {
    KeyAt found = first_key(out, from);
    flow = flow || out.find('{') < found.value;
    if (!found.key.empty() && secret_path(found.key)) {
      auto begin = out.find_first_not_of(' ', found.value);
      if (begin == out.npos) break;
      auto end = end_of_value(out, found.value, flow);
      out.replace(begin, end - begin, redacted);
      from = begin + redacted.size();
    }
    auto next = out.find_first_of(",{", std::max(from, found.value));
    if (next == out.npos) break;
    from = next + 1;
  }
  return mask_user_infos(mask_urls(out));
}

}  // namespace weir
