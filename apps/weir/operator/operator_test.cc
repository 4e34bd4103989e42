#include <doctest/doctest.h>

#include "base/text.h"
#include "io/simulation.h"
#include "kube/json.h"
#include "kube/testing.h"
#include "weir/operator/identity.h"
#include "weir/operator/webhook.h"

using namespace weir;
using namespace weir::app;

namespace {

struct Bench {
  io::Simulation simulation{1, 1};
  kube::testing::FakeApi api{simulation.core(0)};
  std::map<std::string, std::string> secrets;  // target -> body
  std::vector<Certificates> told;
  int conflicts = 0;

  Bench() {
    api.answer_to_send = [this](const std::string& method, const std::string& target, const std::string& body) -> net::HttpResponse {
      if (target.find("/secrets") == std::string::npos) return {.status = 200, .headers = {}, .body = "{}"};
      if (method == "GET") return secrets.contains("s") ? net::HttpResponse{.status = 200, .headers = {}, .body = secrets["s"]} : net::HttpResponse{.status = 404, .headers = {}, .body = {}};
      if (conflicts-- > 0) return {.status = 409, .headers = {}, .body = {}};
      secrets["s"] = body;
      return {.status = 201, .headers = {}, .body = body};
    };
  }
};

}  // namespace

TEST_CASE("operator: a certificate is made once, kept in a Secret and told to the API server") {
  Bench bench;
  Identity identity({.name_space = "otel"}, bench.api, bench.simulation.core(0));
  identity.start([&](const Certificates& c) { bench.told.push_back(c); });
  bench.simulation.advance(1s);
  REQUIRE(bench.told.size() == 1);
  CHECK(valid_until(bench.told[0].cert_pem) > bench.simulation.core(0).wall());
  auto& patch = bench.api.sent.back();
  CHECK(patch.method == "PATCH");
  CHECK(patch.target == "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weir-operator?fieldManager=weir-operator&force=true");
  auto body = kube::parse_json(patch.body);
  REQUIRE(body);
  CHECK(inject::text_at(*body, "webhooks::0::clientConfig::service::path") == "/mutate-v1-pod");
  CHECK(inject::text_at(*body, "webhooks::0::clientConfig::caBundle") == encode_base64(bench.told[0].ca_pem));
  CHECK(inject::text_at(*body, "webhooks::0::failurePolicy") == "Ignore");
  // Another replica uses the same one.
  Identity other({.name_space = "otel"}, bench.api, bench.simulation.core(0));
  other.start([&](const Certificates& c) { bench.told.push_back(c); });
  bench.simulation.advance(1s);
  REQUIRE(bench.told.size() == 2);
  CHECK(bench.told[1].cert_pem == bench.told[0].cert_pem);
  bench.simulation.advance(2h);
  CHECK(bench.told.size() == 2);
}

TEST_CASE("operator: a certificate that ends soon is replaced; a conflict makes it look again") {
  Bench bench;
  bench.conflicts = 1;  // another replica was faster, it seems
  auto old = make_certificates("DNS:a", -24h * 365 * 5);
  REQUIRE(old);
  config::Value secret = config::Value::map();
  secret.set("metadata", inject::map_of({{"resourceVersion", "7"}}));
  secret.set("data", inject::map_of({{"ca.crt", encode_base64(old->ca_pem)}, {"ca.key", encode_base64(old->ca_key_pem)}, {"tls.crt", encode_base64(old->cert_pem)}, {"tls.key", encode_base64(old->key_pem)}}));
  bench.secrets["s"] = config::to_json(secret);
  Identity identity({.name_space = "otel"}, bench.api, bench.simulation.core(0));
  identity.start([&](const Certificates& c) { bench.told.push_back(c); });
  bench.simulation.advance(10s);
  REQUIRE(bench.told.size() == 1);
  CHECK(bench.told[0].cert_pem != old->cert_pem);
  int puts = 0;
  for (auto& sent : bench.api.sent)
    if (sent.method == "PUT") {
      ++puts;
      CHECK(sent.body.find("\"resourceVersion\":\"7\"") != std::string::npos);
    }
  CHECK(puts == 2);
}

TEST_CASE("operator: names of a certificate that cannot be") {
  CHECK_FALSE(make_certificates("IP:nowhere", 1h));
  CHECK(valid_until("no certificate") == 0);
}
