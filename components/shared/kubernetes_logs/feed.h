#pragma once
// Changes of Kubernetes objects as log records.
#include <deque>
#include <unordered_set>

#include "components/shared/kubernetes/kubernetes.h"
#include "components/shared/stanza/input.h"

namespace weir::kubernetes {

enum class ChangeType : std::uint8_t { added, modified, deleted };
std::string_view to_string(ChangeType type);  // ADDED

// One core.
class Feed {
 public:
  struct Change {
    kube::ObjectPtr object;
    ChangeType type = ChangeType::added;
    bool initial = false;  // was there when we began
  };
  // Fills the entry, whose texts may live in `arena`; false: not this one.
  using Fill = std::function<bool(const Change&, stanza::Entry&, Arena& arena)>;

  static Result<std::unique_ptr<Feed>> make(const engine::ReceiverContext& context, std::shared_ptr<kube::Cluster> cluster, Fill fill);
  // Each object that the query finds, and each change of it.
  void watch(kube::Query query);
  // All objects that are there, each time.
  void poll(kube::Query query, Duration interval);
  void stop(io::Task done);
  ~Feed();

  static constexpr std::size_t max_waiting = 10'000;

 private:
  struct Watched {
    std::unordered_set<std::string> uids;
    std::map<std::string, kube::ObjectPtr> objects;  // poll
    bool synced = false, polls = false;
  };
  Feed(const engine::ReceiverContext& context, std::shared_ptr<kube::Cluster> cluster, Fill fill);
  void told(Watched& watched, const kube::News& news);
  void add(Change change);
  void drain();
  void poll_later(Watched& watched, Duration interval);

  engine::ReceiverContext context_;
  std::shared_ptr<kube::Cluster> cluster_;
  Fill fill_;
  std::unique_ptr<stanza::Input> input_;
  std::deque<Change> waiting_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<io::TimerId> timers_;                   // one for each that polls
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
  log::RateLimit lines_;
};

}  // namespace weir::kubernetes
