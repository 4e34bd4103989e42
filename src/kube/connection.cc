#include "kube/connection.h"

#include <cstdlib>

#include "base/text.h"
#include "config/yaml.h"

namespace weir::kube {

std::string Connection::identity() const {
  std::string program;
  for (std::size_t i = 0; exec && i < exec->arguments.size(); ++i) program += exec->arguments[i] + "\n";
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", program, url, token, token_file, user, password, tls.ca_file, tls.ca_pem, tls.cert_file,
                     tls.cert_pem, tls.insecure_skip_verify, tls.server_name_override, proxy_url);
}

Environment process_environment() {
  return [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
}

Result<std::string> read_small_file(io::Fs& fs, const std::string& path) {
  constexpr std::size_t max_bytes = 1024 * 1024;
  WEIR_ASSIGN(auto file, fs.open(path, io::OpenMode::read));
  if (file->size() > max_bytes) return fail(Errc::config, "{} has {} bytes, more than {}", path, file->size(), max_bytes);
  std::string content(file->size(), '\0');
  WEIR_ASSIGN(std::size_t n, file->read_at(0, content));
  content.resize(n);
  return content;
}

namespace {

std::string namespace_in(const std::string& folder, io::Fs& fs) {
  auto content = read_small_file(fs, folder + "/namespace");
  std::string name(content ? trim(*content) : std::string_view());
  return name.empty() ? "default" : name;
}

Result<Connection> in_cluster(AuthType type, io::Fs& fs, const Environment& environment) {
  std::string host = environment("KUBERNETES_SERVICE_HOST"), port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty())
    return fail(Errc::config, "unable to load k8s config, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined");
  if (host.find(':') != host.npos && !host.starts_with('[')) host = "[" + host + "]";
  std::string folder = environment("WEIR_SERVICE_ACCOUNT");
  if (folder.empty()) folder = account_folder;
  Connection out{.url = fmt::format("https://{}:{}", host, port), .name_space = namespace_in(folder, fs)};
  if (type == AuthType::none) {
    out.tls.insecure_skip_verify = true;
    return out;
  }
  out.token_file = folder + "/token";
  WEIR_TRY(read_small_file(fs, out.token_file));
  std::string ca = folder + "/ca.crt";
  if (read_small_file(fs, ca)) out.tls.ca_file = ca;
  out.tls.reload_interval = 1min;
  return out;
}

// Text at a path of keys, "" when it is not there.
std::string text(const config::Value* in, std::string_view key) {
  const config::Value* value = in == nullptr ? nullptr : in->get(key);
  return value != nullptr && value->is_scalar() ? value->text() : "";
}

// The entry of a list of {name: N, <inner>: {...}}.
const config::Value* named(const config::Value& root, std::string_view list, std::string_view name, std::string_view inner) {
  const config::Value* entries = root.get(list);
  if (entries == nullptr || !entries->is_list()) return nullptr;
  for (auto& entry : entries->items())
    if (text(&entry, "name") == name) return entry.get(inner);
  return nullptr;
}

std::string absolute(const std::string& path, const std::string& folder) {
  return path.empty() || path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

// Inline data in base64 wins over a file.
Result<> take_pem(const config::Value* in, const std::string& key, const std::string& folder, std::string& file, std::string& pem) {
  std::string data = text(in, key + "-data");
  if (!data.empty() && !decode_base64(data, pem)) return fail(Errc::config, "kubeconfig: {}-data is not base64", key);
  if (data.empty()) file = absolute(text(in, key), folder);
  return {};
}

Result<> take_exec(const config::Value& in, const std::string& folder, Connection& out) {
  Exec exec{.arguments = {text(&in, "command")}, .environment = {}, .api_version = text(&in, "apiVersion")};
  if (exec.arguments[0].empty()) return fail(Errc::config, "kubeconfig: exec has no command");
  // As kubectl has it: a name is looked for in PATH, a relative path begins at the kubeconfig.
  if (exec.arguments[0].find('/') != std::string::npos) exec.arguments[0] = absolute(exec.arguments[0], folder);
  if (exec.api_version.empty()) exec.api_version = "client.authentication.k8s.io/v1";
  if (const config::Value* args = in.get("args"))
    for (auto& argument : args->items()) exec.arguments.push_back(argument.text());
  if (const config::Value* variables = in.get("env"))
    for (auto& variable : variables->items()) exec.environment.emplace_back(text(&variable, "name"), text(&variable, "value"));
  out.exec = std::move(exec);
  return {};
}

Result<> take_user(const config::Value* user, const std::string& folder, Connection& out) {
  if (user == nullptr) return {};
  if (user->get("auth-provider") != nullptr) return fail(Errc::config, "kubeconfig: users with auth-provider are not supported; use exec, a token or a certificate");
  if (const config::Value* exec = user->get("exec")) WEIR_TRY(take_exec(*exec, folder, out));
  WEIR_TRY(take_pem(user, "client-certificate", folder, out.tls.cert_file, out.tls.cert_pem));
  WEIR_TRY(take_pem(user, "client-key", folder, out.tls.key_file, out.tls.key_pem));
  out.token = text(user, "token");
  out.token_file = absolute(text(user, "tokenFile"), folder);
  out.user = text(user, "username");
  out.password = text(user, "password");
  return {};
}

Result<Connection> from_kubeconfig(const std::string& context, io::Fs& fs, const Environment& environment) {
  std::string home = environment("HOME"), listed = environment("KUBECONFIG");
  std::vector<std::string> paths;
  for (auto path : split(listed, ':'))
    if (!path.empty()) paths.emplace_back(path);
  if (paths.empty()) paths.push_back(home + "/.kube/config");
  Result<Connection> last = fail(Errc::config, "no kubeconfig");
  for (auto& path : paths) {
    auto content = read_small_file(fs, path);
    last = content ? parse_kubeconfig(*content, context, path.substr(0, path.rfind('/'))) : Result<Connection>(fail(Errc::config, "kubeconfig: {}", content.error().what));
    if (last) return last;
  }
  return last;
}

}  // namespace

Result<Connection> parse_kubeconfig(std::string_view yaml, const std::string& wanted, const std::string& folder) {
  auto root = config::parse_yaml(yaml, "kubeconfig");
  if (!root) return fail(Errc::config, "{}", root.error().what);
  std::string name = wanted.empty() ? text(&*root, "current-context") : wanted;
  const config::Value* context = named(*root, "contexts", name, "context");
  if (context == nullptr) return fail(Errc::config, "kubeconfig: context \"{}\" does not exist", name);
  const config::Value* cluster = named(*root, "clusters", text(context, "cluster"), "cluster");
  Connection out{.url = text(cluster, "server"), .name_space = text(context, "namespace")};
  if (out.url.empty()) return fail(Errc::config, "kubeconfig: cluster \"{}\" has no server", text(context, "cluster"));
  while (out.url.ends_with('/')) out.url.pop_back();
  if (out.name_space.empty()) out.name_space = "default";
  out.tls.insecure_skip_verify = text(cluster, "insecure-skip-tls-verify") == "true";
  out.tls.server_name_override = text(cluster, "tls-server-name");
  out.proxy_url = text(cluster, "proxy-url");
  WEIR_TRY(take_pem(cluster, "certificate-authority", folder, out.tls.ca_file, out.tls.ca_pem));
  WEIR_TRY(take_user(named(*root, "users", text(context, "user"), "user"), folder, out));
  return out;
}

Result<Connection> find_connection(AuthType type, const std::string& context, io::Fs& fs, const Environment& environment) {
  if (type == AuthType::kube_config) return from_kubeconfig(context, fs, environment);
  return in_cluster(type, fs, environment);
}

}  // namespace weir::kube
