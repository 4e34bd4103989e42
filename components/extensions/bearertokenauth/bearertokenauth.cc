#include "components/extensions/bearertokenauth/bearertokenauth.h"

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/text.h"

namespace weir::extensions::bearertokenauth {
namespace {

// In a time that tells nothing about where they differ.
bool equal(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (auto line : split(text, '\n'))
    if (auto token = trim(line); !token.empty()) out.emplace_back(token);
  return out;
}

}  // namespace

BearerTokenAuth::BearerTokenAuth(const Config& config, const engine::ExtensionContext& context, io::Fs& fs)
    : config_(config), header_(to_lower(config.header)) {
  if (!config_.filename.empty()) {
    set({});
    file_ = std::make_unique<auth::WatchedFile>(config_.filename, context.executor, fs);
    return;
  }
  std::vector<std::string> tokens;
  for (auto& token : config_.tokens) tokens.push_back(token.reveal());
  if (!config_.token.empty()) tokens.push_back(config_.token.reveal());
  set(tokens);
}

Result<> BearerTokenAuth::start() {
  if (!file_) return {};
  if (!config_.token.empty() || !config_.tokens.empty()) log::warn("a filename is specified. Configured token(s) is ignored!");
  WEIR_TRY(file_->start([this](std::string_view content) {
    auto tokens = lines_of(content);
    // An empty file is one that is being written.
    if (tokens.empty()) return log::warn("A file of bearer tokens is empty.", {{"filename", config_.filename}});
    set(tokens);
    log::info("refresh token", {{"filename", config_.filename}});
  }));
  if (values_.load()->empty()) return fail(Errc::config, "{} has no token", config_.filename);
  return {};
}

void BearerTokenAuth::set(const std::vector<std::string>& tokens) {
  auto values = std::make_shared<Values>();
  for (auto& token : tokens) values->push_back(config_.scheme.empty() ? token : config_.scheme + " " + token);
  values_ = std::move(values);
}

Result<auth::Identity> BearerTokenAuth::authenticate(const net::HeaderList& headers) {
  auto given = headers.find(header_);
  if (!given || given->empty()) return fail(Errc::unauthenticated, "missing or empty authorization header: {}", config_.header);
  auto values = values_.load();
  bool known = false;
  // The scheme's word may be written in any case, the token may not.
  std::string as_configured(*given);
  if (equal_ignore_case(given->substr(0, config_.scheme.size()), config_.scheme)) as_configured.replace(0, config_.scheme.size(), config_.scheme);
  for (auto& value : *values) known |= equal(value, as_configured);
  if (!known) return fail(Errc::unauthenticated, "scheme or token does not match");
  return auth::Identity{};
}

void BearerTokenAuth::authorize(net::HeaderList& headers) {
  auto values = values_.load();
  if (!values->empty()) headers.set(header_, values->front());
}

}  // namespace weir::extensions::bearertokenauth
