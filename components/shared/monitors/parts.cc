#include "components/shared/monitors/parts.h"

#include "base/text.h"

namespace weir::monitors {

const Value& child(const Value& in, std::string_view key) {
  static const Value nothing;
  const Value* out = in.get(key);
  return out == nullptr ? nothing : *out;
}

std::string text(const Value& in, std::string_view key) { return child(in, key).is_null() ? std::string() : child(in, key).text(); }

bool is_true(const Value& in, std::string_view key, bool standard) {
  const Value& value = child(in, key);
  return value.kind() == Value::Kind::boolean ? value.as_bool() : standard;
}

Value list_of(std::initializer_list<std::string> texts) {
  Value out = Value::list();
  for (auto& one : texts) out.push_back(Value::string(one));
  return out;
}

void copy(const Value& in, std::string_view from, Value& out, std::string_view to) {
  const Value& value = child(in, from);
  if (value.is_null() || (value.kind() == Value::Kind::string && value.text().empty())) return;
  out.set(to, value);
}

namespace {

Result<std::string> look_up(const Source& source, const Value& selector, bool config_map) {
  Reference reference{config_map, source.name_space, text(selector, "name"), text(selector, "key")};
  if (reference.name.empty() || reference.key.empty()) return fail(Errc::config, "a reference to a {} needs name and key", config_map ? "ConfigMap" : "Secret");
  return source.lookup(reference);
}

bool is_set(const Value& value) { return value.is_map() && value.size() > 0; }

}  // namespace

Result<std::string> Source::secret(const Value& selector) const { return look_up(*this, selector, false); }

Result<std::string> Source::secret_or_config_map(const Value& in) const {
  const Value &in_secret = child(in, "secret"), &in_map = child(in, "configMap");
  if (is_set(in_secret) && is_set(in_map)) return fail(Errc::config, "cannot specify both Secret and ConfigMap");
  return is_set(in_map) ? look_up(*this, in_map, true) : look_up(*this, in_secret, false);
}

void add_limits(const Value& spec, Value& out) {
  for (auto [from, to] : {std::pair("sampleLimit", "sample_limit"), std::pair("targetLimit", "target_limit"), std::pair("labelLimit", "label_limit"),
                          std::pair("labelNameLengthLimit", "label_name_length_limit"), std::pair("labelValueLengthLimit", "label_value_length_limit"),
                          std::pair("keepDroppedTargets", "keep_dropped_targets"), std::pair("bodySizeLimit", "body_size_limit")})
    copy(spec, from, out, to);
}

void add_histograms(const Value& spec, Value& out) {
  for (auto [from, to] : {std::pair("scrapeNativeHistograms", "scrape_native_histograms"), std::pair("nativeHistogramBucketLimit", "native_histogram_bucket_limit"),
                          std::pair("scrapeClassicHistograms", "always_scrape_classic_histograms"),
                          std::pair("convertClassicHistogramsToNHCB", "convert_classic_histograms_to_nhcb"), std::pair("scrapeProtocols", "scrape_protocols")})
    copy(spec, from, out, to);
  // A quantity: "1.1".
  if (std::string factor = text(spec, "nativeHistogramMinBucketFactor"); !factor.empty()) out.set("native_histogram_min_bucket_factor", Value::plain(factor));
}

Result<> add_basic_auth(const Source& source, const Value& from, Value& out) {
  const Value& auth = child(from, "basicAuth");
  if (auth.is_null()) return {};
  Value made = Value::map();
  for (std::string_view part : {"username", "password"}) {
    const Value& selector = child(auth, part);
    if (!is_set(selector) && part == "username") continue;
    WEIR_ASSIGN(std::string secret, source.secret(selector));
    made.set(part, Value::string(std::move(secret)));
  }
  out.set("basic_auth", std::move(made));
  return {};
}

Result<> add_authorization(const Source& source, const Value& from, Value& out, bool with_class) {
  static const Value nothing;
  const Value& own = child(from, "authorization");
  const Value& shared = with_class ? child(source.scrape_class, "authorization") : nothing;
  if (!is_set(own) && !is_set(shared)) return {};
  const Value& main = is_set(own) ? own : shared;
  Value made = Value::map();
  std::string type(trim(text(main, "type")));
  made.set("type", Value::string(type.empty() ? "Bearer" : type));
  const Value& credentials = is_set(child(main, "credentials")) ? child(main, "credentials") : child(shared, "credentials");
  if (is_set(credentials)) {
    WEIR_ASSIGN(std::string secret, source.secret(credentials));
    made.set("credentials", Value::string(std::move(secret)));
  } else {
    copy(shared, "credentialsFile", made, "credentials_file");
  }
  out.set("authorization", std::move(made));
  return {};
}

namespace {

Result<Value> tls_of(const Source& source, const Value& own, const Value& shared) {
  const Value& main = is_set(own) ? own : shared;
  Value made = Value::map();
  copy(main, "insecureSkipVerify", made, "insecure_skip_verify");
  for (auto [from, file] : {std::pair("ca", "ca_file"), std::pair("cert", "cert_file")})
    if (is_set(child(main, from))) {
      WEIR_ASSIGN(std::string pem, source.secret_or_config_map(child(main, from)));
      made.set(from, Value::string(std::move(pem)));
    } else if (std::string path = text(main, from == std::string_view("ca") ? "caFile" : "certFile"); !path.empty()) {
      made.set(file, Value::string(path));
    } else if (std::string of_class = text(shared, from == std::string_view("ca") ? "caFile" : "certFile"); !of_class.empty()) {
      made.set(file, Value::string(of_class));
    }
  if (is_set(child(main, "keySecret"))) {
    WEIR_ASSIGN(std::string key, source.secret(child(main, "keySecret")));
    made.set("key", Value::string(std::move(key)));
  } else {
    std::string path = text(main, "keyFile");
    if (path.empty()) path = text(shared, "keyFile");
    if (!path.empty()) made.set("key_file", Value::string(path));
  }
  copy(main, "serverName", made, "server_name");
  copy(main, "minVersion", made, "min_version");
  copy(main, "maxVersion", made, "max_version");
  return made;
}

}  // namespace

Result<> add_tls(const Source& source, const Value& from, Value& out, bool with_class) {
  static const Value nothing;
  const Value &own = child(from, "tlsConfig"), &shared = with_class ? child(source.scrape_class, "tlsConfig") : nothing;
  if (!is_set(own) && !is_set(shared)) return {};
  WEIR_ASSIGN(Value made, tls_of(source, own, shared));
  out.set("tls_config", std::move(made));
  return {};
}

Result<> add_proxy(const Source& source, const Value& from, Value& out) {
  copy(from, "proxyUrl", out, "proxy_url");
  copy(from, "noProxy", out, "no_proxy");
  copy(from, "proxyFromEnvironment", out, "proxy_from_environment");
  const Value& headers = child(from, "proxyConnectHeader");
  if (!is_set(headers)) return {};
  Value made = Value::map();
  for (auto& [name, mark, values] : headers.entries()) {
    Value list = Value::list();
    for (auto& selector : values.items()) {
      WEIR_ASSIGN(std::string secret, source.secret(selector));
      list.push_back(Value::string(std::move(secret)));
    }
    made.set(name, std::move(list));
  }
  out.set("proxy_connect_header", std::move(made));
  return {};
}

Result<> add_oauth2(const Source& source, const Value& from, Value& out) {
  const Value& oauth2 = child(from, "oauth2");
  if (oauth2.is_null()) return {};
  Value made = Value::map();
  if (!is_set(child(oauth2, "clientId"))) return fail(Errc::config, "oauth2: clientId must be specified");
  WEIR_ASSIGN(std::string id, source.secret_or_config_map(child(oauth2, "clientId")));
  WEIR_ASSIGN(std::string secret, source.secret(child(oauth2, "clientSecret")));
  made.set("client_id", Value::string(std::move(id)));
  made.set("client_secret", Value::string(std::move(secret)));
  copy(oauth2, "tokenUrl", made, "token_url");
  copy(oauth2, "scopes", made, "scopes");
  copy(oauth2, "endpointParams", made, "endpoint_params");
  WEIR_TRY(add_proxy(source, oauth2, made));
  WEIR_TRY(add_tls(source, oauth2, made, false));
  out.set("oauth2", std::move(made));
  return {};
}

Result<> add_bearer_token(const Source& source, const Value& from, Value& out) {
  copy(from, "bearerTokenFile", out, "bearer_token_file");
  const Value& selector = child(from, "bearerTokenSecret");
  if (text(selector, "name").empty()) return {};
  WEIR_ASSIGN(std::string token, source.secret(selector));
  out.set("bearer_token", Value::string(std::move(token)));
  return {};
}

Result<> add_http(const Source& source, const Value& from, Value& out, bool with_class) {
  copy(from, "followRedirects", out, "follow_redirects");
  copy(from, "enableHttp2", out, "enable_http2");
  copy(from, "enableHTTP2", out, "enable_http2");
  WEIR_TRY(add_proxy(source, from, out));
  WEIR_TRY(add_oauth2(source, from, out));
  WEIR_TRY(add_tls(source, from, out, with_class));
  WEIR_TRY(add_bearer_token(source, from, out));
  WEIR_TRY(add_basic_auth(source, from, out));
  return add_authorization(source, from, out, with_class);
}

Result<Value> kubernetes_discovery(const Source& source, const Value& namespace_selector, std::string_view role, const Value& attach) {
  Value out = Value::map();
  out.set("role", Value::string(std::string(role)));
  const Value& names = child(namespace_selector, "matchNames");
  if (!is_true(namespace_selector, "any")) {
    Value list = names.size() > 0 ? names : list_of({source.name_space});
    Value namespaces = Value::map();
    namespaces.set("names", std::move(list));
    out.set("namespaces", std::move(namespaces));
  }
  const Value& metadata = is_set(attach) ? attach : child(source.scrape_class, "attachMetadata");
  if (is_set(metadata) && role != "ingress") {
    Value made = Value::map();
    made.set("node", Value::of(is_true(metadata, "node")));
    out.set("attach_metadata", std::move(made));
  }
  return out;
}

}  // namespace weir::monitors
