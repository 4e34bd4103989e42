#pragma once
// Checks tokens that requests bring, and adds one to requests that go out.
#include <atomic>

#include "components/extensions/bearertokenauth/config.h"
#include "components/shared/auth/auth.h"
#include "components/shared/auth/watched_file.h"

namespace weir::extensions::bearertokenauth {

class BearerTokenAuth : public engine::Extension, public auth::Server, public auth::Client {
 public:
  BearerTokenAuth(const Config& config, const engine::ExtensionContext& context, io::Fs& fs);

  Result<> start() override;
  void stop() override { file_.reset(); }
  Result<auth::Identity> authenticate(const net::HeaderList& headers) override;
  void authorize(net::HeaderList& headers) override;

 private:
  using Values = std::vector<std::string>;  // of the header, scheme included
  void set(const std::vector<std::string>& tokens);

  Config config_;
  std::string header_;  // in lower case
  std::atomic<std::shared_ptr<const Values>> values_;  // shared with whoever reads them on other cores while they change
  std::unique_ptr<auth::WatchedFile> file_;
};

}  // namespace weir::extensions::bearertokenauth
