#pragma once
// Objects of Kubernetes as weir keeps them: immutable, one block of memory each, with only what was asked for. A version
// of an object is shared by all cores and never changes; a new version is a new object.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/regex.h"

namespace weir::kube {

enum class Kind : std::uint8_t {
  pod, node, name_space, replica_set, deployment, stateful_set, daemon_set, job, cron_job, service, endpoint_slice, endpoints, ingress, other
};

// What a list or a watch is about.
struct Resource {
  std::string api;     // "/api/v1", "/apis/apps/v1"
  std::string plural;  // "pods"
  Kind kind = Kind::other;
  bool namespaced = true;

  bool operator==(const Resource&) const = default;
  auto operator<=>(const Resource&) const = default;
};
// The resource of a built-in kind.
const Resource& resource_of(Kind kind);

// Entries of labels or annotations, by name or by pattern. An entry that nobody names is not kept.
class Keys {
 public:
  void add(std::string key);
  // Matches whole keys.
  Result<> add_pattern(std::string pattern);
  void add_all() { all_ = true; }
  bool keeps(std::string_view key) const;
  // Adds what `other` keeps. True when that is more than before.
  bool merge(const Keys& other);

 private:
  std::vector<std::string> keys_;  // sorted
  std::vector<std::shared_ptr<const Regex>> patterns_;  // shared with whom they were merged from
  bool all_ = false;
};

// The parts of an object that are wanted besides its name, uid and owners.
struct Keep {
  Keys labels, annotations;
  bool containers = false;  // pods: containers, their images and runs
  bool ports = false;       // pods: of the containers
  bool resources = false;   // pods: requests and limits of the containers
  bool status = false;      // nodes: addresses, conditions
  bool raw = false;         // the whole object as JSON
  // Parts as JSON, unless it is all raw: "spec/replicas" is found under that name in `raw`. Sorted or not, each once.
  std::vector<std::string> paths;

  bool merge(const Keep& other);
};

struct Pair {
  std::string_view key, value;
};
// Sorted by key.
using Pairs = std::span<const Pair>;
std::string_view find(Pairs pairs, std::string_view key);  // "" when absent
bool contains(Pairs pairs, std::string_view key);

struct Owner {
  std::string_view kind, name, uid;
  bool controller = false;
};

struct Port {
  std::string_view name, protocol, app_protocol;
  std::string_view target;  // services: a number or a name
  int number = 0;
};

struct Container {
  std::string_view name, image;
  std::string_view id;        // of the newest run, without "docker://"
  std::string_view image_id;  // of the newest run, as the node reported it
  std::string_view last_id;   // of the run before
  std::string_view runtime;   // what stood in front of "://"
  int restarts = 0;
  bool init = false, ready = false;
  bool reported = false;      // its node has said something of it
  std::span<const Port> ports;
  Pairs requests, limits;     // quantities
};

// Addresses of a service with one state. A condition that nobody has told has its usual value: ready.
struct Endpoint {
  std::span<const std::string_view> addresses;
  std::string_view hostname, node, target_kind, target_name, zone;
  bool ready = false, serving = false, terminating = false;
  bool ready_told = false, serving_told = false, terminating_told = false;
};

struct Subset {
  std::span<const Endpoint> endpoints;
  std::span<const Port> ports;
};

struct Object {
  Kind kind = Kind::other;
  std::string_view name_space, name, uid, version;  // version: resourceVersion
  std::string_view created;                         // RFC 3339
  Pairs labels, annotations;
  std::span<const Owner> owners;
  bool deleting = false;

  // Pods.
  std::string_view ip, host_ip, node, hostname, phase, started;
  std::span<const std::string_view> ips;
  std::span<const Container> containers;
  bool host_network = false;
  std::string_view ready;  // of the condition Ready: True, False, Unknown; also of nodes

  // Nodes: type and address, in the order of the node.
  std::span<const Pair> addresses;
  std::string_view provider_id;
  int kubelet_port = 0;

  // Services and endpoint slices.
  std::string_view cluster_ip, external_name, balancer_ip, type;  // type: of a service; addressType of a slice
  std::span<const Port> ports;         // of a service
  std::span<const Subset> subsets;     // a slice has one

  // Ingresses: host and path; tls hosts.
  std::span<const Pair> paths;
  std::span<const std::string_view> tls_hosts;
  std::string_view ingress_class;

  std::string_view raw;  // JSON: all of it, or {path: part}

  const Owner* controller() const;
  std::size_t bytes = 0;  // of its block
};
using ObjectPtr = std::shared_ptr<const Object>;

// The number in a resourceVersion, 0 when it is none.
std::uint64_t version_number(std::string_view version);

}  // namespace weir::kube
