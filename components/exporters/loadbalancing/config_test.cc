#include "components/exporters/loadbalancing/config.h"

#include <doctest/doctest.h>

#include "config/yaml.h"

using namespace weir;
using namespace weir::exporters::loadbalancing;

namespace {

std::string said(const std::string& yaml, std::optional<Config>* out = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value);
  auto config = config::decode<Config>(&*value, problems);
  std::string text;
  for (auto& problem : problems.all())
    if (!problem.warning) text += problem.message + "\n";
  if (out) *out = std::move(config);
  return text;
}

}  // namespace

TEST_CASE("what is wrong with the settings is said in the collector's words") {
  struct {
    std::string yaml, expected;
  } const rows[] = {
      {"{}", "no resolvers specified for the exporter"},
      {"resolver: {static: {hostnames: [a]}, dns: {hostname: b}}", "only one resolver should be specified"},
      {"{routing_key: attributes, resolver: {dns: {hostname: b}}}", "routing_attributes must be specified when routing_key is \"attributes\""},
      {"{routing_key: service, routing_attributes: [a], resolver: {dns: {hostname: b}}}", "routing_attributes can only be used"},
      {"resolver: {k8s: {service: a.b.pod.c}}", "expected third DNS label to be 'svc'"},
      {"{routing_key: host, resolver: {dns: {hostname: b}}}", "host"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    CHECK(said(row.yaml).find(row.expected) != std::string::npos);
  }
}

TEST_CASE("old spellings and defaults: quoted numbers, the placeholder endpoint, queues on one level") {
  std::optional<Config> config;
  CHECK(said("{protocol: {otlp: {timeout: 1s, endpoint: '', sending_queue: {queue_size: '500'}}}, resolver: {static: {hostnames: 'a,b'}}}", &config).find("non-empty") != std::string::npos);
  CHECK(said("{protocol: {otlp: {timeout: 1s, sending_queue: {queue_size: '500'}}}, resolver: {static: {hostnames: 'a,b'}}}", &config) == "");
  REQUIRE(config);
  CHECK(config->resolver.fixed->hostnames == std::vector<std::string>{"a", "b"});
  CHECK(config->protocol.otlp.exporting.sending_queue->queue_size == 500);
  CHECK_FALSE(config->front.settings().queue.enabled);
  CHECK_FALSE(config->front.settings().retry.enabled);
  CHECK(said("{sending_queue: {}, retry_on_failure: {enabled: true}, resolver: {dns: {hostname: a}}}", &config) == "");
  CHECK(config->front.settings().queue.enabled);
}

TEST_CASE("each signal has its own keys and standard") {
  struct {
    otlp::Signal signal;
    RoutingKey set;
    std::optional<RoutingKey> used;
  } const rows[] = {
      {otlp::Signal::traces, RoutingKey::standard, RoutingKey::trace_id}, {otlp::Signal::metrics, RoutingKey::standard, RoutingKey::service},
      {otlp::Signal::logs, RoutingKey::standard, RoutingKey::service},    {otlp::Signal::logs, RoutingKey::trace_id, RoutingKey::trace_id},
      {otlp::Signal::traces, RoutingKey::metric, std::nullopt},           {otlp::Signal::metrics, RoutingKey::trace_id, std::nullopt},
      {otlp::Signal::logs, RoutingKey::stream_id, std::nullopt},
  };
  for (auto& row : rows) {
    Config config;
    config.routing_key = row.set;
    auto key = routing_key_for(config, row.signal);
    CHECK(key.has_value() == row.used.has_value());
    if (key && row.used) CHECK(*key == *row.used);
  }
}
