#include "weir/operator/identity.h"

#include "base/log.h"
#include "base/text.h"
#include "inject/pod.h"
#include "kube/json.h"
#include "net/url.h"

namespace weir::app {

using config::Value;

namespace {

constexpr Duration look_interval = 1h;
constexpr Duration retry_interval = 5s;

std::string secret_entry(const Value& secret, std::string_view key) {
  std::string out;
  return decode_base64(inject::entry_of(secret, "data", key), out) ? out : "";
}

}  // namespace

void Identity::start(Told told) {
  told_ = std::move(told);
  look();
}

void Identity::again(Duration wait, const std::string& why) {
  if (!why.empty()) log::warn("operator: the webhook's certificate", {{"error", why}});
  executor_.cancel(timer_);
  timer_ = executor_.at(executor_.now() + wait, [this] {
    timer_ = 0;
    look();
  });
}

void Identity::look() {
  transport_.send("GET", fmt::format("/api/v1/namespaces/{}/secrets/{}", settings_.name_space, settings_.secret), "", "", [this](Result<net::HttpResponse> response) {
    if (!response) return again(retry_interval, response.error().what);
    found(*response);
  });
}

void Identity::found(const net::HttpResponse& response) {
  if (response.status == 404) return make("");
  if (response.status != 200) return again(retry_interval, fmt::format("the API server answered {}", response.status));
  auto secret = kube::parse_json(response.body);
  if (!secret) return again(retry_interval, secret.error().what);
  Certificates there{secret_entry(*secret, "ca.crt"), secret_entry(*secret, "ca.key"), secret_entry(*secret, "tls.crt"), secret_entry(*secret, "tls.key")};
  UnixNanos until = valid_until(there.cert_pem);
  bool good = until > executor_.wall() + static_cast<UnixNanos>(renew_before.count()) && !there.ca_pem.empty() && !there.key_pem.empty();
  if (!good) return make(inject::text_at(*secret, "metadata::resourceVersion"));
  publish(std::move(there));
}

// Another replica may do it at the same time: the one that comes second sees a conflict and looks again.
void Identity::make(const std::string& version) {
  auto made = make_certificates(names(), valid);
  if (!made) return again(look_interval, made.error().what);
  Value meta = inject::map_of({{"name", settings_.secret}, {"namespace", settings_.name_space}});
  if (!version.empty()) meta.set("resourceVersion", Value::string(version));
  Value secret = inject::map_of({{"apiVersion", "v1"}, {"kind", "Secret"}, {"type", "kubernetes.io/tls"}});
  secret.set("metadata", std::move(meta));
  secret.set("data", inject::map_of({{"ca.crt", encode_base64(made->ca_pem)}, {"ca.key", encode_base64(made->ca_key_pem)},
                                     {"tls.crt", encode_base64(made->cert_pem)}, {"tls.key", encode_base64(made->key_pem)}}));
  std::string target = fmt::format("/api/v1/namespaces/{}/secrets", settings_.name_space);
  transport_.send(version.empty() ? "POST" : "PUT", version.empty() ? target : target + "/" + settings_.secret, "application/json", config::to_json(secret),
                  [this](Result<net::HttpResponse> response) {
                    if (response && (response->status < 300 || response->status == 409)) return look();
                    again(retry_interval, response ? fmt::format("the API server answered {}", response->status) : response.error().what);
                  });
}

std::string Identity::names() const {
  if (!settings_.url.empty())
    if (auto url = net::parse_url(settings_.url)) {
      bool address = url->host.find_first_not_of("0123456789.:") == std::string::npos;
      return (address ? "IP:" : "DNS:") + url->host;
    }
  std::string base = fmt::format("{}.{}.svc", settings_.service, settings_.name_space);
  return fmt::format("DNS:{0},DNS:{0}.cluster.local", base);
}

std::string Identity::webhooks(const std::string& ca_pem) const {
  auto client = [&](std::string_view path) {
    Value out = inject::map_of({{"caBundle", encode_base64(ca_pem)}});
    if (!settings_.url.empty()) {
      out.set("url", Value::string(settings_.url + std::string(path)));
      return out;
    }
    Value service = inject::map_of({{"name", settings_.service}, {"namespace", settings_.name_space}, {"path", path}});
    service.set("port", Value::of(std::int64_t{443}));
    out.set("service", std::move(service));
    return out;
  };
  auto webhook = [&](std::string_view name, std::string_view path, std::string_view policy, std::string_view group, std::string_view version, std::string_view resource,
                     std::initializer_list<std::string_view> operations) {
    Value rule = Value::map();
    rule.set("apiGroups", inject::list_of({group}));
    rule.set("apiVersions", inject::list_of({version}));
    rule.set("resources", inject::list_of({resource}));
    rule.set("operations", inject::list_of(operations));
    Value rules = Value::list();
    rules.push_back(std::move(rule));
    Value out = inject::map_of({{"name", name}, {"failurePolicy", policy}, {"sideEffects", "None"}, {"reinvocationPolicy", "Never"}});
    out.set("admissionReviewVersions", inject::list_of({"v1"}));
    out.set("timeoutSeconds", Value::of(std::int64_t{10}));
    out.set("rules", std::move(rules));
    out.set("clientConfig", client(path));
    return out;
  };
  Value list = Value::list();
  list.push_back(webhook("mpod.kb.io", "/mutate-v1-pod", "Ignore", "", "v1", "pods", {"CREATE"}));
  list.push_back(webhook("minstrumentation.kb.io", "/mutate-opentelemetry-io-v1alpha1-instrumentation", "Fail", "opentelemetry.io", "v1alpha1", "instrumentations", {"CREATE", "UPDATE"}));
  if (settings_.collectors)
    list.push_back(webhook("mcollector.kb.io", "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector", "Fail", "opentelemetry.io", "v1beta1", "opentelemetrycollectors", {"CREATE", "UPDATE"}));
  Value out = inject::map_of({{"apiVersion", "admissionregistration.k8s.io/v1"}, {"kind", "MutatingWebhookConfiguration"}});
  out.set("metadata", inject::map_of({{"name", settings_.webhook}}));
  out.set("webhooks", std::move(list));
  return config::to_json(out);
}

void Identity::publish(Certificates certificates) {
  if (certificates.cert_pem == in_use_) return again(look_interval, "");
  std::string target = fmt::format("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{}?fieldManager=weir-operator&force=true", settings_.webhook);
  std::string body = webhooks(certificates.ca_pem);
  transport_.send("PATCH", target, "application/apply-patch+yaml", std::move(body), [this, c = std::move(certificates)](Result<net::HttpResponse> response) mutable {
    if (!response || response->status >= 300)
      return again(retry_interval, response ? fmt::format("the API server answered {} to the webhook configuration: {}", response->status, response->body.substr(0, 300)) : response.error().what);
    in_use_ = c.cert_pem;
    log::info("operator: the API server knows the webhook", {{"configuration", settings_.webhook}});
    told_(c);
    again(look_interval, "");
  });
}

}  // namespace weir::app
