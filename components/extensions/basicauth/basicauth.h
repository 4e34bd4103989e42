#pragma once
// Names and passwords: checked for receivers, or added for exporters.
#include <atomic>

#include "components/extensions/basicauth/config.h"
#include "components/extensions/basicauth/passwords.h"
#include "components/extensions/basicauth/verdicts.h"
#include "components/shared/auth/auth.h"
#include "components/shared/auth/watched_file.h"

namespace weir::extensions::basicauth {

class BasicAuthServer : public engine::Extension, public auth::Server {
 public:
  BasicAuthServer(const Htpasswd& config, const engine::ExtensionContext& context, io::Fs& fs);
  Result<> start() override;
  void stop() override { file_.reset(); }
  // Identity: "username", and "raw" as it was sent.
  Result<auth::Identity> authenticate(const net::HeaderList& headers) override;

 private:
  void read(std::string_view file);
  Result<bool> is_known(std::string_view credentials, std::string_view user, std::string_view password);

  Htpasswd config_;
  std::unique_ptr<auth::WatchedFile> file_;
  std::atomic<std::shared_ptr<const Passwords>> passwords_;  // shared with other cores while it is replaced
  const Clock& clock_;
  Verdicts verdicts_;
  HashingTime hashing_;
};

class BasicAuthClient : public engine::Extension, public auth::Client {
 public:
  BasicAuthClient(const ClientAuth& config, const engine::ExtensionContext& context, io::Fs& fs);
  Result<> start() override;
  void stop() override;
  void authorize(net::HeaderList& headers) override;

 private:
  void make_value();

  std::string username_, password_;
  std::unique_ptr<auth::WatchedFile> username_file_, password_file_;
  std::atomic<std::shared_ptr<const std::string>> value_;  // of the header; shared with other cores while it is replaced
};

std::unique_ptr<engine::Extension> make(const Config& config, const engine::ExtensionContext& context, io::Fs& fs);

}  // namespace weir::extensions::basicauth
