#include "components/exporters/loadbalancing/config.h"

#include "base/text.h"
#include "net/socket.h"

namespace weir::exporters::loadbalancing {

using config::field;
using config::FieldInfo;

namespace {

constexpr std::array key_names{
    config::Choice("", RoutingKey::standard),     config::Choice("traceID", RoutingKey::trace_id),
    config::Choice("service", RoutingKey::service), config::Choice("resource", RoutingKey::resource),
    config::Choice("metric", RoutingKey::metric), config::Choice("streamID", RoutingKey::stream_id),
    config::Choice("attributes", RoutingKey::attributes)};

std::string_view name_of(RoutingKey key) {
  for (auto& choice : key_names)
    if (choice.value == static_cast<std::int64_t>(key)) return choice.name;
  return {};
}

// The first is the signal's standard.
std::span<const RoutingKey> keys_of(otlp::Signal signal) {
  using enum RoutingKey;
  static constexpr std::array traces{trace_id, service, attributes};
  static constexpr std::array metrics{service, resource, metric, stream_id, attributes};
  static constexpr std::array logs{service, trace_id, resource, attributes};
  if (signal == otlp::Signal::traces) return traces;
  if (signal == otlp::Signal::metrics) return metrics;
  return logs;
}

}  // namespace

std::span<const config::Choice> choices_of(RoutingKey) { return key_names; }

std::span<const config::Choice> choices_of(RingVersion) {
  static constexpr std::array choices{config::Choice("0.158", RingVersion::v0_158), config::Choice("0.131", RingVersion::v0_131),
                                      config::Choice("0.89", RingVersion::v0_89)};
  return choices;
}

std::span<const FieldInfo> Protocol::fields() {
  static const std::array rows{field<&Protocol::otlp>("otlp", "Settings of the otlp exporter, used for every backend; its endpoint is not.")};
  return rows;
}

std::span<const FieldInfo> StaticResolver::fields() {
  static const std::array rows{
      field<&StaticResolver::hostnames>("hostnames", "host:port of every backend; without a port 4317 is dialled.", {.required = true})};
  return rows;
}

std::span<const FieldInfo> DnsResolver::fields() {
  using T = DnsResolver;
  static const std::array rows{
      field<&T::hostname>("hostname", "Name whose addresses are the backends.", {.required = true}),
      field<&T::port>("port", "Port of all of them. Without it the ring is built of bare addresses and 4317 is dialled."),
      field<&T::interval>("interval", "Time between lookups; 0 is 5s.", {.min = 0s}),
      field<&T::timeout>("timeout", "For one lookup; 0 is 1s.", {.min = 0s}),
  };
  return rows;
}

std::span<const FieldInfo> KubernetesResolver::fields() {
  using T = KubernetesResolver;
  static const std::array rows{
      field<&T::service>("service", "name, name.namespace or name.namespace.svc.domain; the own namespace when none is named.", {.required = true}),
      field<&T::ports>("ports", "Ports of every pod, each a backend. Without them 4317 is dialled."),
      field<&T::timeout>("timeout", "Accepted, without effect: a watch has time-outs of its own.", {.min = 0s}),
      field<&T::return_hostnames>("return_hostnames", "Backends by their names in a headless service instead of addresses."),
  };
  return rows;
}

void StaticResolver::validate(config::Context& context) const {
  for (std::size_t i = 0; i < hostnames.size(); ++i) {
    auto checked = net::check_endpoint({.endpoint = address_of(hostnames[i])});
    if (!checked) context.error_at(fmt::format("hostnames::{}", i), checked.error().what);
  }
}

void DnsResolver::validate(config::Context& context) const {
  auto checked = net::parse_endpoint(fmt::format("{}:{}", hostname, port.empty() ? "4317" : port));
  if (!checked) context.error_at("", checked.error().what);
}

void KubernetesResolver::validate(config::Context& context) const {
  auto wrong = [&](std::string_view what) { context.error_at("service", fmt::format("invalid Kubernetes service FQDN: {} in \"{}\"", what, service)); };
  auto labels = split(service, '.');
  if (labels.front().empty()) return context.error_at("service", "no service specified to resolve the backends");
  if (labels.size() < 3) return;
  if (labels[1].empty()) return wrong("namespace segment missing");
  if (labels[2] != "svc") return wrong("expected third DNS label to be 'svc'");
  if (labels.size() == 3) return wrong("missing cluster domain");
}

std::span<const FieldInfo> CloudMapResolver::fields() {
  using T = CloudMapResolver;
  static const std::array rows{
      field<&T::namespace_name>("namespace", "Cloud Map namespace.", {.required = true}),
      field<&T::service_name>("service_name", "Cloud Map service.", {.required = true}),
      field<&T::health_status>("health_status", "Which instances count.", {.choices = "HEALTHY|UNHEALTHY|ALL|HEALTHY_OR_ELSE_ALL"}),
      field<&T::interval>("interval", "Time between queries.", {.min = 0s}),
      field<&T::timeout>("timeout", "For one query.", {.min = 0s}),
      field<&T::port>("port", "Port of every instance instead of its own."),
      field<&T::owner_account>("owner_account", "Account of a shared namespace."),
  };
  return rows;
}

std::span<const FieldInfo> Resolvers::fields() {
  static const std::array rows{
      field<&Resolvers::fixed>("static", "A fixed list of backends."),
      field<&Resolvers::dns>("dns", "The addresses of a name."),
      field<&Resolvers::k8s>("k8s", "The pods of a Kubernetes service, from its endpoint slices. The service account needs get, list and watch for them."),
      field<&Resolvers::aws_cloud_map>("aws_cloud_map", "Instances in AWS Cloud Map. Accepted; does not start."),
  };
  return rows;
}

void Resolvers::validate(config::Context& context) const {
  int set = fixed.has_value() + dns.has_value() + k8s.has_value() + aws_cloud_map.has_value();
  if (set == 0) return context.error_at("", "no resolvers specified for the exporter");
  if (set > 1) context.error_at("", "only one resolver should be specified");
  if (auto missing = missing_client(*this); !missing.empty()) context.error_at("aws_cloud_map", missing);
}

std::string missing_client(const Resolvers& config) {
  if (config.aws_cloud_map) return "resolver aws_cloud_map: this build has no AWS client; use dns or static";
  return {};
}

Config::Config() {
  front.timeout = 0s;
  front.retry_on_failure.enabled = false;
  front.sending_queue.reset();
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::protocol>("protocol", "How backends are spoken to."),
      field<&Config::resolver>("resolver", "Where backends come from; exactly one."),
      field<&Config::routing_key>("routing_key", "What stays together: traceID, service, resource, metric, streamID or attributes."),
      field<&Config::routing_attributes>("routing_attributes", "Names of the attributes, for routing_key attributes."),
      field<&Config::ring>("ring", "Version of the Go exporter's ring, for layers shared with collectors of that age."),
      config::embedded<&Config::front>(),
  };
  return rows;
}

Result<> Config::validate() const {
  bool by_attributes = routing_key == RoutingKey::attributes;
  if (by_attributes && routing_attributes.empty())
    return fail(Errc::config, "routing_attributes must be specified when routing_key is \"attributes\"");
  if (!by_attributes && !routing_attributes.empty())
    return fail(Errc::config, "routing_attributes can only be used when routing_key is \"attributes\"; got \"{}\"", name_of(routing_key));
  return {};
}

Result<RoutingKey> routing_key_for(const Config& config, otlp::Signal signal) {
  auto keys = keys_of(signal);
  if (config.routing_key == RoutingKey::standard) return keys.front();
  if (std::find(keys.begin(), keys.end(), config.routing_key) != keys.end()) return config.routing_key;
  return fail(Errc::config, "unsupported routing_key: \"{}\" for {}", name_of(config.routing_key), to_string(signal));
}

}  // namespace weir::exporters::loadbalancing
