#include "components/extensions/basicauth/basicauth.h"

#include "base/log.h"
#include "base/text.h"

namespace weir::extensions::basicauth {

BasicAuthServer::BasicAuthServer(const Htpasswd& config, const engine::ExtensionContext& context, io::Fs& fs)
    : config_(config), passwords_(std::make_shared<const Passwords>()), clock_(context.executor) {
  if (!config_.file.empty()) file_ = std::make_unique<auth::WatchedFile>(config_.file, context.executor, fs);
}

Result<> BasicAuthServer::start() {
  if (file_) return file_->start([this](std::string_view content) { read(content); });
  read("");
  return {};
}

void BasicAuthServer::read(std::string_view file) {
  auto passwords = std::make_shared<Passwords>();
  passwords->add(file);
  passwords->add(config_.inline_text.reveal());
  log::info("Read users and passwords.", {{"users", passwords->users()}, {"lines_skipped", passwords->skipped()}});
  passwords_ = std::move(passwords);
  verdicts_.forget();
}

Result<bool> BasicAuthServer::is_known(std::string_view credentials, std::string_view user, std::string_view password) {
  if (auto verdict = verdicts_.find(credentials)) return *verdict;
  TimePoint begun = clock_.now();
  if (!hashing_.allowed(begun)) return fail(Error{Errc::refused, "too many unknown credentials at a time", 1s});
  auto passwords = passwords_.load();
  bool good = passwords->matches(user, password);
  hashing_.spent(clock_.now() - begun);
  verdicts_.keep(credentials, good);
  // A verdict over passwords that were replaced meanwhile must not be remembered.
  if (passwords_.load() != passwords) verdicts_.forget();
  return good;
}

Result<auth::Identity> BasicAuthServer::authenticate(const net::HeaderList& headers) {
  std::string_view header = headers.get("authorization");
  if (header.empty()) return fail(Errc::unauthenticated, "no basic auth provided");
  constexpr std::string_view scheme = "Basic ";
  if (!equal_ignore_case(header.substr(0, scheme.size()), scheme))
    return fail(Errc::unauthenticated, "invalid authorization scheme prefix");
  std::string_view credentials = header.substr(scheme.size());
  std::string decoded;
  std::size_t colon = decode_base64(credentials, decoded) ? decoded.find(':') : decoded.npos;
  if (colon == decoded.npos) return fail(Errc::unauthenticated, "invalid authorization format");
  std::string_view user = std::string_view(decoded).substr(0, colon), password = std::string_view(decoded).substr(colon + 1);
  WEIR_ASSIGN(bool known, is_known(credentials, user, password));
  if (!known) return fail(Errc::unauthenticated, "invalid credentials");
  return auth::Identity{{"username", std::string(user)}, {"raw", std::string(credentials)}};
}

BasicAuthClient::BasicAuthClient(const ClientAuth& config, const engine::ExtensionContext& context, io::Fs& fs)
    : username_(config.username), password_(config.password.reveal()) {
  if (!config.username_file.empty()) username_file_ = std::make_unique<auth::WatchedFile>(config.username_file, context.executor, fs);
  if (!config.password_file.empty()) password_file_ = std::make_unique<auth::WatchedFile>(config.password_file, context.executor, fs);
  make_value();
}

Result<> BasicAuthClient::start() {
  auto watch = [this](auth::WatchedFile* file, std::string& part) -> Result<> {
    if (file == nullptr) return {};
    return file->start([this, &part](std::string_view content) {
      part = trim(content);
      make_value();
    });
  };
  WEIR_TRY(watch(username_file_.get(), username_));
  WEIR_TRY(watch(password_file_.get(), password_));
  if (username_.find(':') != username_.npos) return fail(Errc::config, "username must not contain a colon");
  return {};
}

void BasicAuthClient::stop() {
  username_file_.reset();
  password_file_.reset();
}

void BasicAuthClient::make_value() {
  value_ = std::make_shared<const std::string>("Basic " + encode_base64(fmt::format("{}:{}", username_, password_)));
}

void BasicAuthClient::authorize(net::HeaderList& headers) { headers.set("authorization", *value_.load()); }

std::unique_ptr<engine::Extension> make(const Config& config, const engine::ExtensionContext& context, io::Fs& fs) {
  if (config.htpasswd) return std::make_unique<BasicAuthServer>(*config.htpasswd, context, fs);
  return std::make_unique<BasicAuthClient>(*config.client_auth, context, fs);
}

}  // namespace weir::extensions::basicauth
