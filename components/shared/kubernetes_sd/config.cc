#include "components/shared/kubernetes_sd/config.h"

#include "base/text.h"
#include "net/url.h"

namespace weir::kubernetes_sd {
namespace {

bool is_set(const scrape::TlsConfig& tls) {
  return !(tls.ca + tls.ca_file + tls.cert + tls.cert_file + tls.key_file + tls.server_name + tls.min_version + tls.max_version).empty() || !tls.key.empty() || tls.insecure_skip_verify;
}

bool is_set(const scrape::HttpConfig& http) {
  bool credentials = http.basic_auth || http.authorization || http.oauth2 || !http.bearer_token.empty() || !http.bearer_token_file.empty();
  bool proxy = !http.proxy.proxy_url.empty() || !http.proxy.no_proxy.empty() || http.proxy.proxy_from_environment;
  return credentials || proxy || is_set(http.tls_config) || !http.http_headers.empty();
}

// What a connection to an API server has no place for.
Result<> check_api_server(const scrape::HttpConfig& http) {
  if (http.oauth2) return fail(Errc::config, "oauth2 is not supported for api_server");
  if (!http.http_headers.empty()) return fail(Errc::config, "http_headers are not supported for api_server");
  if (http.basic_auth && !(http.basic_auth->username_file + http.basic_auth->password_file).empty()) return fail(Errc::config, "files for basic_auth are not supported for api_server");
  if (http.authorization && !equal_ignore_case(trim(http.authorization->type), "bearer")) return fail(Errc::config, "authorization of api_server has to be of type Bearer");
  if (!http.proxy.no_proxy.empty() || http.proxy.proxy_from_environment || !http.proxy.proxy_connect_header.empty()) return fail(Errc::config, "of a proxy only proxy_url is supported for api_server");
  return {};
}

}  // namespace

using config::Choice;
using config::field;
using config::FieldInfo;

std::span<const Choice> choices_of(Role) {
  static constexpr std::array choices{Choice("node", Role::node), Choice("pod", Role::pod), Choice("service", Role::service), Choice("endpoints", Role::endpoints),
                                      Choice("endpointslice", Role::endpoint_slice), Choice("ingress", Role::ingress)};
  return choices;
}

std::span<const FieldInfo> Selector::fields() {
  using T = Selector;
  static const std::array rows{
      field<&T::role>("role", "Which objects it is about: the role's own, or pods, services and nodes that the role looks at.", {.required = true}),
      field<&T::label>("label", "Label selector, as kubectl takes it."),
      field<&T::field_>("field", "Field selector."),
  };
  return rows;
}

std::span<const FieldInfo> Namespaces::fields() {
  using T = Namespaces;
  static const std::array rows{
      field<&T::own_namespace>("own_namespace", "The namespace that we run in, besides the names."),
      field<&T::names>("names", "Only these namespaces; empty: all."),
  };
  return rows;
}

std::span<const FieldInfo> AttachMetadata::fields() {
  using T = AttachMetadata;
  static const std::array rows{
      field<&T::node>("node", "Labels and annotations of the node, for pods and endpoints."),
      field<&T::name_space>("namespace", "Labels and annotations of the namespace."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::role>("role", "What targets are made of: node, pod, service, endpoints, endpointslice or ingress.", {.required = true}),
      field<&T::api_server>("api_server", "URL of the API server; without it the pod's own, or the one of kubeconfig_file."),
      config::embedded<&T::http>(),
      field<&T::kubeconfig_file>("kubeconfig_file", "How to reach the API server; without it as the pod that we are, or by KUBECONFIG."),
      field<&T::namespaces>("namespaces", "Where to look."),
      field<&T::selectors>("selectors", "Which objects to look at."),
      field<&T::attach_metadata>("attach_metadata", "Labels of other objects that targets get."),
  };
  return rows;
}

Result<> Config::validate() const {
  WEIR_TRY(http.check());
  if (api_server.empty() && is_set(http))
    return fail(Errc::config, "{}", kubeconfig_file.empty() ? "to use custom HTTP client configuration please provide the 'api_server' URL explicitly" : "cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
  if (!api_server.empty()) {
    if (!kubeconfig_file.empty()) return fail(Errc::config, "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
    WEIR_TRY(net::parse_url(api_server));
    WEIR_TRY(check_api_server(http));
  }
  auto allowed = [&](Role other) {
    bool endpoints = role == Role::endpoints || role == Role::endpoint_slice;
    if (other == role) return true;
    if (endpoints) return other == Role::pod || other == Role::service || (attach_metadata.node && other == Role::node);
    return role == Role::pod && other == Role::node && attach_metadata.node;
  };
  std::vector<Role> seen;
  for (auto& selector : selectors) {
    if (std::find(seen.begin(), seen.end(), selector.role) != seen.end()) return fail(Errc::config, "duplicated selector role");
    seen.push_back(selector.role);
    if (!allowed(selector.role)) return fail(Errc::config, "a selector's role is not one that this role looks at");
  }
  return {};
}

Result<kube::Connection> Config::connection() const {
  WEIR_TRY(net::parse_url(api_server));
  kube::Connection out{.url = api_server, .tls = http.tls_config.settings(), .token = http.bearer_token.reveal(), .token_file = http.bearer_token_file, .proxy_url = http.proxy.proxy_url};
  while (out.url.ends_with('/')) out.url.pop_back();
  if (http.authorization) {
    out.token = http.authorization->credentials.reveal();
    out.token_file = http.authorization->credentials_file;
  }
  if (http.basic_auth) {
    out.user = http.basic_auth->username;
    out.password = http.basic_auth->password.reveal();
  }
  return out;
}

}  // namespace weir::kubernetes_sd
