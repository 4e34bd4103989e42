#pragma once
// What one core knows of a cluster: pods by whatever may name them, and the objects around them.
#include <deque>
#include <unordered_map>

#include "components/processors/k8sattributes/rules.h"
#include "otlp/model.h"
#include "telemetry/owned.h"

namespace weir::processors::k8sattributes {

// A name of a pod, hashed with a seed of the process.
struct Identity {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Identity&) const = default;
};
struct IdentityHash {
  std::size_t operator()(const Identity& id) const { return static_cast<std::size_t>(id.low); }
};

// What a resource says of where it comes from.
struct Claim {
  std::optional<Identity> pod;
  std::string connection;   // the address that the pod was identified by, if it was the connection's
  std::string sources;      // which sources were used, for metrics
  std::string name_space, node, deployment_uid, statefulset_uid, daemonset_uid, job_uid;
};

// The objects that a claim leads to. Equal pointers, equal attributes.
struct Resolution {
  kube::ObjectPtr pod, name_space, node, replica_set, deployment, stateful_set, daemon_set, job, system;
  bool operator==(const Resolution&) const = default;
};

// The collector's counters of what a watch says; counted on the first core only.
class WatchMetrics {
 public:
  WatchMetrics(telemetry::Registry& registry, bool counts);
  void count(std::string_view kind, const kube::Change& change, bool known);
  void pods(std::size_t identities);

 private:
  telemetry::Registry& registry_;
  bool counts_;
  std::map<std::string, telemetry::Counter*> counters_;
  telemetry::OwnedGauge table_;
};

class Catalog {
 public:
  struct Parts {
    kubernetes::Membership cluster;
    io::Executor& executor;
    telemetry::Registry& metrics;
    bool first_core;
    std::uint64_t seed;
  };
  static Result<std::shared_ptr<Catalog>> make(const Config& config, Parts parts);
  ~Catalog();

  // True when everything that is watched has been listed once.
  bool synced() const;
  // Changes with each change of anything.
  std::uint64_t generation() const { return generation_; }
  Claim claim(const otlp::Attributes& attributes, std::string_view peer) const;
  Resolution resolve(const Claim& claim) const;
  const Rules& rules() const { return rules_; }

 private:
  struct Pod {
    kube::ObjectPtr object;
    std::vector<Identity> names, old_names;  // old: had before, until their time is over
    TimePoint gone = TimePoint::max();  // when it is forgotten
    bool ignored = false;
  };
  struct Leaving {
    TimePoint when;
    Identity pod;
    std::optional<Identity> name;  // none: the pod itself
  };
  using Objects = std::unordered_map<std::string, kube::ObjectPtr>;

  Catalog(const Config& config, Rules rules, Parts parts);
  Result<> subscribe();
  Result<> watch(From from, kube::Kind kind, bool by_name);
  void watch(kube::Query query, kube::Told told);
  void on_pods(const kube::News& news);
  void rename(const kube::News& news);
  void put(const kube::ObjectPtr& object);
  void remove(const kube::ObjectPtr& object);
  void lose(Pod& pod, const Identity& name);
  bool wins(const Pod& pod, const Pod& other) const;
  bool ignores(const kube::Object& pod) const;
  std::vector<Identity> names_of(const kube::Object& pod) const;
  void add_names(const kube::Object& pod, const Association& association, std::vector<Identity>& out) const;
  std::vector<std::string> values_of(const kube::Object& pod, const AssociationSource& source) const;
  Relatives relatives_of(const kube::Object& pod) const;
  std::optional<Claim> claim_by(const Association& association, const otlp::Attributes& attributes, std::string_view peer) const;
  std::optional<Claim> claim_without_rules(const otlp::Attributes& attributes, std::string_view peer) const;
  Identity hash(std::span<const AssociationSource> sources, std::span<const std::string> values) const;
  void forget_later();
  void forget();
  static kube::ObjectPtr find(const Objects& in, std::string_view key);

  Config config_;
  Rules rules_;
  Parts parts_;
  bool named_by_attributes_ = false;  // an association asks for attributes, such as the owner's name
  std::vector<Regex> excluded_;
  WatchMetrics metrics_;
  std::unordered_map<Identity, Pod, IdentityHash> pods_;       // by uid
  std::unordered_map<Identity, Pod*, IdentityHash> by_name_;
  std::array<Objects, from_count> objects_;                    // namespaces and nodes by name, others by uid
  Objects replica_sets_;
  std::deque<Leaving> leaving_;
  io::TimerId timer_ = 0;
  std::uint64_t generation_ = 1;
  std::vector<std::unique_ptr<bool>> listed_;                  // one for each watch
  std::vector<std::shared_ptr<void>> subscriptions_;           // ours alone; their type is erased
};

}  // namespace weir::processors::k8sattributes
