#include "components/shared/auth/auth.h"

namespace weir::auth {
namespace {

template <class Interface>
Result<Interface*> find(engine::Host& host, const std::string& name, std::string_view what) {
  auto slash = name.find('/');
  config::ComponentId id{name.substr(0, slash), slash == name.npos ? "" : name.substr(slash + 1)};
  engine::Extension* extension = host.extension(id);
  if (extension == nullptr)
    return fail(Errc::config, "failed to resolve authenticator \"{}\": authenticator not found in service::extensions", name);
  auto* found = dynamic_cast<Interface*>(extension);
  if (found == nullptr) return fail(Errc::config, "extension \"{}\" cannot {}", name, what);
  return found;
}

}  // namespace

Result<Server*> find_server(engine::Host& host, const std::optional<net_config::ServerAuth>& setting) {
  if (!setting) return static_cast<Server*>(nullptr);
  return find<Server>(host, setting->authenticator, "check requests");
}

Result<std::function<void(net::HeaderList&)>> find_client(engine::Host& host, const std::optional<net_config::ClientAuth>& setting) {
  if (!setting) return std::function<void(net::HeaderList&)>{};
  WEIR_ASSIGN(Client * client, find<Client>(host, setting->authenticator, "add credentials"));
  return [client](net::HeaderList& headers) { client->authorize(headers); };
}

}  // namespace weir::auth
