#include "components/shared/scrape/http/credentials.h"

#include <algorithm>
#include <fstream>

#include "base/text.h"

namespace weir::scrape {
namespace {

Result<std::string> text_or_file(const std::string& text, const std::string& file) {
  if (file.empty()) return text;
  return read_secret_file(file);
}

bool may_hold_credentials(std::string_view header) {
  constexpr std::string_view names[] = {"authorization", "www-authenticate", "cookie", "cookie2", "proxy-authorization", "proxy-authenticate"};
  return std::find(std::begin(names), std::end(names), header) != std::end(names);
}

}  // namespace

Result<std::string> read_secret_file(const std::string& path) {
  constexpr std::size_t limit = 1024 * 1024;
  std::ifstream file(path, std::ios::binary);
  std::string text(limit, '\0');
  file.read(text.data(), static_cast<std::streamsize>(limit));
  if (file.bad() || (!file.is_open())) return fail(Errc::retryable, "unable to read file {}", path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return std::string(trim(text));
}

Result<> add_credentials(const HttpConfig& config, net::HeaderList& headers) {
  if (auto& basic = config.basic_auth) {
    WEIR_ASSIGN(std::string user, text_or_file(basic->username, basic->username_file));
    WEIR_ASSIGN(std::string password, text_or_file(basic->password.reveal(), basic->password_file));
    headers.set("authorization", "Basic " + encode_base64(user + ":" + password));
  } else if (auto& authorization = config.authorization) {
    WEIR_ASSIGN(std::string credentials, text_or_file(authorization->credentials.reveal(), authorization->credentials_file));
    std::string_view type = trim(authorization->type);
    headers.set("authorization", fmt::format("{} {}", type.empty() ? "Bearer" : type, credentials));
  } else if (!config.bearer_token.empty() || !config.bearer_token_file.empty()) {
    WEIR_ASSIGN(std::string token, text_or_file(config.bearer_token.reveal(), config.bearer_token_file));
    headers.set("authorization", "Bearer " + token);
  }
  return {};
}

Result<> add_headers(const HttpConfig& config, bool other_host, net::HeaderList& headers) {
  for (auto& [key, header] : config.http_headers) {
    std::string name = to_lower(key);
    if (other_host && may_hold_credentials(name)) continue;
    headers.remove(name);
    for (auto& value : header.values) headers.add(name, value);
    for (auto& value : header.secrets) headers.add(name, value.reveal());
    for (auto& path : header.files) {
      WEIR_ASSIGN(std::string value, read_secret_file(path));
      headers.add(name, value);
    }
  }
  return {};
}

bool is_same_site(std::string_view host_text, std::string_view original_text) {
  std::string host = to_lower(host_text), original = to_lower(original_text);
  if (original.empty()) return false;
  if (host == original) return true;
  if (host.find_first_of(":%") != host.npos) return false;
  return host.size() > original.size() && host.ends_with(original) && host[host.size() - original.size() - 1] == '.';
}

}  // namespace weir::scrape
