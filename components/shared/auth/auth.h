#pragma once
// What authentication extensions offer to receivers and exporters.
#include "components/shared/net_config/common.h"
#include "engine/component.h"
#include "net/headers.h"

namespace weir::auth {

// What is known about who sent: "username", "subject", ... Processors read it as auth.<key>.
using Identity = std::map<std::string, std::string, std::less<>>;

// Implemented by extensions that check requests. Any core; called before the body is read.
class Server {
 public:
  virtual ~Server() = default;
  // Errc::unauthenticated when the credentials are missing or wrong.
  virtual Result<Identity> authenticate(const net::HeaderList& headers) = 0;
};

// Implemented by extensions that add credentials. Any core.
class Client {
 public:
  virtual ~Client() = default;
  virtual void authorize(net::HeaderList& headers) = 0;
};

// The extension that a receiver names; null when it names none. Errc::config when it is not running or cannot check.
Result<Server*> find_server(engine::Host& host, const std::optional<net_config::ServerAuth>& setting);
// For exporters; an empty function when none is named.
Result<std::function<void(net::HeaderList&)>> find_client(engine::Host& host, const std::optional<net_config::ClientAuth>& setting);

}  // namespace weir::auth
