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

namespace {

// A webhook in front of an API server of its own, asked through a real server would be too much: it is asked as the server asks it.
struct Admission {
  io::Simulation simulation{1, 1};
  telemetry::Registry metrics;
  Budget budget;
  kube::testing::FakeApi requests{simulation.core(0)};
  kube::testing::FakeApi* watched = nullptr;
  std::shared_ptr<kube::Cluster> cluster = std::make_shared<kube::Cluster>();
  std::shared_ptr<kube::Home> home;
  std::unique_ptr<Webhook> webhook;

  Admission() {
    auto made = std::make_unique<kube::testing::FakeApi>(simulation.core(0));
    watched = made.get();
    home = std::make_shared<kube::Home>(cluster, kube::Home::Parts{std::move(made), simulation.core(0), budget, metrics, 1});
    webhook = std::make_unique<Webhook>(cluster, simulation.core(0), requests, metrics, inject::Options{});
    home->run();
  }
  ~Admission() {
    webhook.reset();
    home.reset();
  }
  std::size_t asked(std::string_view part) {
    return static_cast<std::size_t>(std::count_if(requests.sent.begin(), requests.sent.end(), [&](auto& sent) { return sent.target.find(part) != std::string::npos; }));
  }
};

}  // namespace

TEST_CASE("operator: what a review needs and nobody has told yet is asked for") {
  Admission a;
  a.watched->put({"/apis/opentelemetry.io/v1alpha1", "instrumentations"}, "shop", "mine", "u", "", R"(,"spec":{"exporter":{"tls":{"secretName":"s"}}})");
  a.requests.answer_to_send = [](const std::string&, const std::string& target, const std::string&) -> net::HttpResponse {
    if (target.find("/replicasets/") != std::string::npos) return {.status = 200, .headers = {}, .body = R"({"metadata":{"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d"}]}})"};
    return {.status = 404, .headers = {}, .body = {}};
  };
  a.simulation.advance(1s);
  net::RequestHead head;
  head.headers.add(":method", "POST");
  head.headers.add(":path", "/mutate-v1-pod");
  head.index();
  net::Request request(std::move(head));
  request.body = Bytes::copy_of(R"({"request":{"uid":"r","namespace":"shop","object":{"metadata":{"generateName":"web-5d4f-","annotations":{"instrumentation.opentelemetry.io/inject-sdk":"true"},)"
                                R"("ownerReferences":[{"kind":"ReplicaSet","name":"web-5d4f","uid":"rs"}]},"spec":{"containers":[{"name":"a","image":"i"}]}}}})");
  a.webhook->on_request(std::move(request), net::Responder());
  a.simulation.advance(1s);
  CHECK(a.asked("/api/v1/namespaces/shop/secrets/s") == 1);
  CHECK(a.asked("/apis/apps/v1/namespaces/shop/replicasets/web-5d4f") == 1);
}
