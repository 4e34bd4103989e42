#pragma once
// Where the API server is and who we are to it: from the pod's own files or from a kubeconfig.
#include "io/fs.h"
#include "net/tls.h"

namespace weir::kube {

enum class AuthType : std::uint8_t { none, service_account, kube_config };

// A program that gives a token.
struct Exec {
  std::vector<std::string> arguments;  // the first one is the program
  std::vector<std::pair<std::string, std::string>> environment;
  std::string api_version;
};

struct Connection {
  std::string url;         // https://10.0.0.1:443, without a slash at the end
  net::TlsClientSettings tls;
  std::string token;
  std::string token_file;  // wins over `token`; read again each minute
  std::string user, password;
  std::optional<Exec> exec;
  std::string name_space;  // where we are: of the pod, or of the kubeconfig's context
  std::string proxy_url;

  bool operator==(const Connection& other) const { return identity() == other.identity(); }
  // Equal for connections that may share watches.
  std::string identity() const;
};

// Looks a variable of the environment up; "" when it is not set.
using Environment = std::function<std::string(const std::string&)>;
Environment process_environment();

// service_account: the variables and files that every pod has. kube_config: KUBECONFIG (the first file that is there) or
// ~/.kube/config, with `context` or its current one. none: only the variables, without TLS checks of a client.
// Errc::config when there is nothing of the kind here.
Result<Connection> find_connection(AuthType type, const std::string& context, io::Fs& fs, const Environment& environment);
Result<Connection> parse_kubeconfig(std::string_view yaml, const std::string& context, const std::string& folder);

// Where a pod finds its token; the variable WEIR_SERVICE_ACCOUNT names another folder.
inline constexpr std::string_view account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<std::string> read_small_file(io::Fs& fs, const std::string& path);

}  // namespace weir::kube
