#pragma once
// What the process knows of one Kubernetes cluster: one watch for each resource, told to every core that wants it.
//
//   API server ──▶ Home (one core): a Reflector for each query ──post──▶ subscriber on core 0, 1, ...
//
// Objects are immutable and shared; each subscriber keeps the index that it needs, on its own core. So nobody locks to
// read, and a change costs one message for each core that asked. See docs/design/kubernetes-store.md.
#include <map>
#include <mutex>

#include "kube/reflector.h"
#include "telemetry/metrics.h"

namespace weir::kube {

struct News {
  std::vector<Change> changes;
  bool first = false;   // whatever was told before does not count any more
  bool synced = false;  // all that the server had was told, now or before
};
using Told = std::function<void(const News&)>;

// Any core may call it.
class Cluster {
 public:
  // `told` runs on the executor's core: first with what is known already, then with each change, until the token goes (on
  // that core).
  [[nodiscard]] std::shared_ptr<void> subscribe(Query query, io::Executor& executor, Told told);

 private:
  friend class Home;
  struct Subscription {
    Query query;
    io::Executor* executor;
    std::weak_ptr<Told> told;  // the subscriber owns it
  };
  std::mutex mutex_;  // guards both; not taken while data is processed
  std::vector<Subscription> subscriptions_;
  std::weak_ptr<class Home> home_;
};

// The watches of a cluster, on the core that made it. While there is none subscribers wait.
class Home : public std::enable_shared_from_this<Home> {
 public:
  struct Parts {
    std::unique_ptr<Transport> transport;
    io::Executor& executor;
    Budget& budget;
    telemetry::Registry& metrics;
    std::uint64_t seed;
  };
  // Call run() when somebody owns it.
  Home(std::shared_ptr<Cluster> cluster, Parts parts);
  ~Home();
  void run();
  // Nothing is waited for and nothing failed since.
  bool synced() const;

 private:
  friend class Cluster;
  class Watch;
  void join(const Cluster::Subscription& subscription);
  void start_new();
  void sweep();

  std::shared_ptr<Cluster> cluster_;
  Parts parts_;
  Rng rng_;
  std::map<std::string, std::unique_ptr<Watch>> watches_;
  io::TimerId sweep_timer_ = 0, start_timer_ = 0;
};

}  // namespace weir::kube
