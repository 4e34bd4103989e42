#include "kube/connection.h"

#include <doctest/doctest.h>

#include "kube/exec_token.h"

using namespace weir;
using namespace weir::kube;

namespace {

void write(io::MemoryFs& fs, const std::string& path, std::string_view text) {
  REQUIRE(fs.make_directory(path.substr(0, path.rfind('/'))));
  auto file = fs.open(path, io::OpenMode::replace);
  REQUIRE(file);
  REQUIRE((*file)->append(std::array{text}));
}

Environment variables(std::map<std::string, std::string> map) {
  return [map = std::move(map)](const std::string& name) { return map.contains(name) ? map.at(name) : ""; };
}

constexpr std::string_view kubeconfig = R"(
current-context: dev
contexts:
- {name: dev, context: {cluster: c1, user: u1, namespace: shop}}
- {name: other, context: {cluster: c2, user: u2}}
- {name: needs, context: {cluster: c2, user: u3}}
- {name: old, context: {cluster: c2, user: u4}}
clusters:
- {name: c1, cluster: {server: "https://api.test:6443/", certificate-authority-data: Q0E=}}
- {name: c2, cluster: {server: "http://127.0.0.1:8001", certificate-authority: ca.pem, insecure-skip-tls-verify: true, tls-server-name: x}}
users:
- {name: u1, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
- {name: u2, user: {token: t, client-certificate: /abs/cert.pem, client-key: rel/key.pem}}
- {name: u3, user: {exec: {command: bin/aws, args: [get-token], env: [{name: A, value: b}], apiVersion: client.authentication.k8s.io/v1beta1}}}
- {name: u4, user: {auth-provider: {name: gcp}}}
)";

}  // namespace

TEST_CASE("connection: what every pod has") {
  io::MemoryFs fs;
  auto environment = variables({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}});
  CHECK_FALSE(find_connection(AuthType::service_account, "", fs, environment));  // no token
  std::string folder(account_folder);
  write(fs, folder + "/token", "secret\n");
  write(fs, folder + "/namespace", "otel");
  write(fs, folder + "/ca.crt", "CA");
  auto found = find_connection(AuthType::service_account, "", fs, environment);
  REQUIRE(found);
  CHECK(found->url == "https://[fd00::1]:443");
  CHECK(found->token_file == folder + "/token");
  CHECK(found->tls.ca_file == folder + "/ca.crt");
  CHECK(found->name_space == "otel");
  auto outside = find_connection(AuthType::service_account, "", fs, variables({}));
  REQUIRE_FALSE(outside);
  CHECK(outside.error().what.find("KUBERNETES_SERVICE_HOST") != std::string::npos);
  auto anonymous = find_connection(AuthType::none, "", fs, environment);
  REQUIRE(anonymous);
  CHECK(anonymous->token_file.empty());
}

TEST_CASE("connection: contexts of a kubeconfig") {
  auto dev = parse_kubeconfig(kubeconfig, "", "/home/x/.kube");
  REQUIRE(dev);
  CHECK(dev->url == "https://api.test:6443");
  CHECK(dev->name_space == "shop");
  CHECK(dev->tls.ca_pem == "CA");
  CHECK(dev->tls.cert_pem == "CERT");
  CHECK(dev->tls.key_pem == "KEY");
  auto other = parse_kubeconfig(kubeconfig, "other", "/home/x/.kube");
  REQUIRE(other);
  CHECK(other->token == "t");
  CHECK(other->tls.ca_file == "/home/x/.kube/ca.pem");
  CHECK(other->tls.cert_file == "/abs/cert.pem");
  CHECK(other->tls.key_file == "/home/x/.kube/rel/key.pem");
  CHECK(other->tls.insecure_skip_verify);
  CHECK(other->name_space == "default");
  CHECK(dev->identity() != other->identity());
  auto needs = parse_kubeconfig(kubeconfig, "needs", "/home");
  REQUIRE(needs);
  REQUIRE(needs->exec);
  CHECK(needs->exec->arguments == std::vector<std::string>{"/home/bin/aws", "get-token"});
  CHECK(needs->exec->environment.at(0).second == "b");
  CHECK(needs->identity() != other->identity());
  auto old = parse_kubeconfig(kubeconfig, "old", "");
  REQUIRE_FALSE(old);
  CHECK(old.error().what.find("auth-provider") != std::string::npos);
  CHECK(parse_kubeconfig(kubeconfig, "none", "").error().what == "kubeconfig: context \"none\" does not exist");
  CHECK_FALSE(parse_kubeconfig("{", "", ""));
  CHECK_FALSE(parse_kubeconfig("[]", "", ""));
}

TEST_CASE("connection: KUBECONFIG lists files, the first that works counts") {
  io::MemoryFs fs;
  write(fs, "/k/b", kubeconfig);
  auto found = find_connection(AuthType::kube_config, "", fs, variables({{"KUBECONFIG", "/k/a:/k/b"}, {"HOME", "/home/x"}}));
  REQUIRE(found);
  CHECK(found->url == "https://api.test:6443");
  write(fs, "/home/x/.kube/config", kubeconfig);
  CHECK(find_connection(AuthType::kube_config, "other", fs, variables({{"HOME", "/home/x"}})));
  CHECK_FALSE(find_connection(AuthType::kube_config, "", fs, variables({{"HOME", "/nobody"}})));
}

TEST_CASE("exec: a program gives the token, again when it ends or is not taken") {
  io::Loop loop;
  auto script = [](std::string_view token, std::string_view end) {
    return fmt::format(R"(test -n "$KUBERNETES_EXEC_INFO" && echo '{{"status":{{"token":"{}'$N'","expirationTimestamp":"{}"}}}}')", token, end);
  };
  ExecToken token(loop, {.arguments = {"sh", "-c", script("t", "2999-01-01T00:00:00Z")}, .environment = {{"N", "7"}}, .api_version = "v1"});
  CHECK(token.get().empty());
  bool ready = false;
  token.when_ready([&] { ready = true; });
  REQUIRE(loop.run_until([&] { return ready; }, 20s));
  CHECK(token.get() == "t7");
  token.refused();
  CHECK(token.get().empty());
  ready = false;
  token.when_ready([&] { ready = true; });
  REQUIRE(loop.run_until([&] { return ready; }, 20s));
  CHECK(token.get() == "t7");

  ExecToken wrong(loop, {.arguments = {"sh", "-c", "exit 3"}, .environment = {}, .api_version = "v1"});
  ready = false;
  wrong.when_ready([&] { ready = true; });
  REQUIRE(loop.run_until([&] { return ready; }, 20s));
  CHECK(wrong.get().empty());
  CHECK(!parse_exec_credential(R"({"status":{"clientCertificateData":"x"}})"));
  CHECK(!parse_exec_credential("{}"));
  CHECK(!parse_exec_credential("["));
  CHECK(parse_exec_credential(R"({"status":{"token":"a"}})")->second == UINT64_MAX);
}
