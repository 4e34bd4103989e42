#include "weir/operator/collector_ports.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace weir::app {

using config::Value;

namespace {

// Where receivers listen: key below the receiver ("" is itself), the port when no endpoint is named (0: then it does not listen).
struct Listener {
  std::string_view type, path, suffix;
  int port;
  std::string_view protocol, application;
};
constexpr Listener listeners[] = {
    {"otlp", "protocols::grpc", "grpc", 4317, "TCP", "grpc"},
    {"otlp", "protocols::http", "http", 4318, "TCP", "http"},
    {"jaeger", "protocols::grpc", "grpc", 14250, "TCP", "grpc"},
    {"jaeger", "protocols::thrift_http", "thrift", 14268, "TCP", "http"},
    {"jaeger", "protocols::thrift_compact", "compact", 6831, "UDP", ""},
    {"jaeger", "protocols::thrift_binary", "binary", 6832, "UDP", ""},
    {"zipkin", "", "", 9411, "TCP", "http"},
    {"statsd", "", "", 8125, "UDP", ""},
    {"fluentforward", "", "", 8006, "TCP", ""},
    {"prometheusremotewrite", "", "", 9090, "TCP", "http"},
    {"loki", "protocols::http", "http", 3500, "TCP", "http"},
    {"tcplog", "", "", 0, "TCP", ""},
    {"udplog", "", "", 0, "UDP", ""},
    {"syslog", "tcp", "tcp", 0, "TCP", ""},
    {"syslog", "udp", "udp", 0, "UDP", ""},
};

std::string text(const Value* in, std::string_view key) {
  const Value* value = in == nullptr ? nullptr : in->get(key);
  return value != nullptr && value->is_text() ? value->text() : "";
}

std::set<std::string> used_receivers(const Value& configuration) {
  std::set<std::string> out;
  if (const Value* pipelines = configuration.find("service::pipelines"))
    for (auto& [id, mark, pipeline] : pipelines->entries())
      if (const Value* list = pipeline.get("receivers"))
        for (auto& one : list->items()) out.insert(one.text());
  return out;
}

// At most 15 letters, digits and dashes, with a letter among them.
std::string name_of(const std::string& id, std::string_view suffix, int port) {
  std::string out;
  for (char c : id + (suffix.empty() ? "" : "-" + std::string(suffix)))
    out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  return out.size() <= 15 ? out : fmt::format("port-{}", port);
}

const Value* section(const Value& receiver, std::string_view path) {
  if (path.empty()) return &receiver;
  const Value* at = &receiver;
  while (!path.empty() && at != nullptr) {
    auto end = std::min(path.find("::"), path.size());
    // A protocol that stands there without settings is null and listens all the same.
    at = at->get(path.substr(0, end));
    path.remove_prefix(std::min(end + 2, path.size()));
  }
  return at;
}

void add_receiver(const std::string& id, const Value& receiver, std::vector<CollectorPort>& out) {
  std::string_view type = std::string_view(id).substr(0, id.find('/'));
  for (auto& listener : listeners) {
    if (listener.type != type) continue;
    const Value* settings = section(receiver, listener.path);
    if (settings == nullptr) continue;
    std::string endpoint = text(settings, "endpoint");
    if (endpoint.empty()) endpoint = text(settings, "listen_address");
    int port = port_of(endpoint).value_or(listener.port);
    if (port == 0) continue;
    out.push_back({name_of(id, listener.suffix, port), port, port, 0, std::string(listener.protocol), std::string(listener.application)});
  }
}

}  // namespace

std::optional<int> port_of(std::string_view endpoint) {
  auto colon = endpoint.rfind(':');
  if (colon == endpoint.npos) return std::nullopt;
  std::string_view digits = endpoint.substr(colon + 1);
  int port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535) return std::nullopt;
  return port;
}

std::vector<CollectorPort> ports_of(const Value& configuration, const Value* more) {
  std::vector<CollectorPort> found, out;
  if (const Value* receivers = configuration.get("receivers"))
    for (auto& id : used_receivers(configuration))
      if (const Value* receiver = receivers->get(id)) add_receiver(id, *receiver, found);
  for (std::size_t i = 0; more != nullptr && i < more->items().size(); ++i) {
    auto& in = more->items()[i];
    auto number = [&](std::string_view key) { return port_of(":" + text(&in, key)).value_or(0); };
    CollectorPort port{text(&in, "name"), number("port"), number("targetPort"), number("hostPort"), text(&in, "protocol"), text(&in, "appProtocol")};
    if (port.service == 0) continue;
    if (port.target == 0) port.target = port.service;
    if (port.protocol.empty()) port.protocol = "TCP";
    if (port.name.empty()) port.name = fmt::format("port-{}", port.service);
    out.push_back(std::move(port));
  }
  for (auto& port : found) {
    bool taken = std::any_of(out.begin(), out.end(), [&](auto& other) { return other.name == port.name || (other.target == port.target && other.protocol == port.protocol); });
    if (!taken) out.push_back(std::move(port));
  }
  return out;
}

bool talks_to_the_api(const Value& configuration) {
  auto type_of = [](std::string_view id) { return id.substr(0, id.find('/')); };
  auto any = [&](std::string_view section, std::initializer_list<std::string_view> types) {
    const Value* all = configuration.get(section);
    if (all == nullptr) return false;
    return std::any_of(all->entries().begin(), all->entries().end(), [&](auto& entry) { return std::find(types.begin(), types.end(), type_of(entry.key)) != types.end(); });
  };
  return any("processors", {"k8sattributes", "k8s_attributes"}) || any("receivers", {"k8s_events", "k8sobjects", "k8s_cluster", "kubeletstats"});
}

}  // namespace weir::app
