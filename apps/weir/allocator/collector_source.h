#pragma once
// The collectors that can have targets: pods that run and are ready, or have been until a moment ago.
#include "components/shared/allocation/allocation.h"
#include "components/shared/monitors/selector.h"
#include "kube/cluster.h"

namespace weir::app {

// One core.
class CollectorSource {
 public:
  using Told = std::function<void(std::vector<allocation::Collector>)>;
  struct Parts {
    std::shared_ptr<kube::Cluster> cluster;  // shared with its Home and others that watch
    io::Executor& executor;
    std::string name_space;
    monitors::Selector selector;
    Duration grace{0};  // 0: pods that are not ready stay
  };
  CollectorSource(Parts parts, Told told);
  ~CollectorSource();

  static constexpr Duration pause = 5s;

 private:
  struct Pod {
    kube::ObjectPtr object;
    std::optional<TimePoint> bad_since;
  };
  void take(const kube::Change& change);
  void later(Duration wait);
  void tell();

  Parts parts_;
  Told told_;
  std::map<std::string, Pod> pods_;
  std::vector<allocation::Collector> last_;
  bool listed_ = false, told_once_ = false;
  io::TimerId timer_ = 0;
  std::shared_ptr<void> subscription_;  // ours alone; its type is erased
};

}  // namespace weir::app
