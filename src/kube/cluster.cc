#include "kube/cluster.h"

#include "base/log.h"

namespace weir::kube {
namespace {

// So that a watch begins with all that the components of a configuration want of it.
constexpr Duration gather = 20ms;
constexpr Duration sweep_interval = 10s;

}  // namespace

class Home::Watch final : public ReflectorListener {
 public:
  Watch(Home& home, const Query& query)
      : resource_(query.resource.plural),
        objects_(home.parts_.metrics.gauge("weir_kubernetes_objects", "Objects kept of the Kubernetes API.", {{"resource", resource_}})),
        events_(home.parts_.metrics.counter("weir_kubernetes_changes", "Objects that were added, changed or removed.", {{"resource", resource_}})),
        lists_(home.parts_.metrics.counter("weir_kubernetes_lists", "Complete lists that were read.", {{"resource", resource_}})),
        failures_(home.parts_.metrics.counter("weir_kubernetes_failures", "Lists and watches that failed.", {{"resource", resource_}})),
        reflector_(*home.parts_.transport, home.parts_.executor, home.rng_, home.parts_.budget, query, *this) {}
  ~Watch() { objects_.set(0); }

  void join(const Cluster::Subscription& subscription) {
    reflector_.widen(subscription.query.keep);
    auto news = std::make_shared<News>();  // shared with the task
    news->first = true;
    news->synced = reflector_.synced();
    for (auto& object : reflector_.objects()) news->changes.push_back({object, false});
    subscriptions_.push_back(subscription);
    tell(subscription, std::move(news));
  }

  void start() {
    if (!std::exchange(started_, true)) reflector_.start();
  }
  bool synced() const { return reflector_.synced() && !failing_; }
  // False when nobody is left.
  bool prune() {
    std::erase_if(subscriptions_, [](auto& s) { return s.told.expired(); });
    return !subscriptions_.empty();
  }

 private:
  void on_changes(std::vector<Change> changes) override {
    events_.add(changes.size());
    objects_.set(static_cast<double>(reflector_.size()));
    auto news = std::make_shared<News>();  // read by all subscribers, changed by none
    news->changes = std::move(changes);
    news->synced = reflector_.synced();
    for (auto& subscription : subscriptions_) tell(subscription, news);
  }

  void on_synced() override {
    lists_.add();
    if (std::exchange(failing_, false)) log::info("Kubernetes API: a watch works again", {{"resource", resource_}});
    auto news = std::make_shared<News>();
    news->synced = true;
    for (auto& subscription : subscriptions_) tell(subscription, news);
  }

  void on_failure(const Error&) override {
    failures_.add();
    failing_ = true;
  }

  static void tell(const Cluster::Subscription& subscription, std::shared_ptr<const News> news) {
    subscription.executor->post([told = subscription.told, news = std::move(news)] {
      if (auto there = told.lock()) (*there)(*news);
    });
  }

  std::string resource_;
  telemetry::Gauge& objects_;
  telemetry::Counter &events_, &lists_, &failures_;
  std::vector<Cluster::Subscription> subscriptions_;
  bool started_ = false, failing_ = false;
  Reflector reflector_;
};

std::shared_ptr<void> Cluster::subscribe(Query query, io::Executor& executor, Told told) {
  auto token = std::make_shared<Told>(std::move(told));  // the subscriber's; all others only remember it
  Subscription subscription{std::move(query), &executor, token};
  std::lock_guard lock(mutex_);
  std::erase_if(subscriptions_, [](auto& s) { return s.told.expired(); });
  subscriptions_.push_back(subscription);
  if (auto home = home_.lock())
    home->parts_.executor.post([weak = home_, subscription = std::move(subscription)] {
      if (auto there = weak.lock()) there->join(subscription);
    });
  return token;
}

Home::Home(std::shared_ptr<Cluster> cluster, Parts parts) : cluster_(std::move(cluster)), parts_(std::move(parts)), rng_(parts_.seed) {}

Home::~Home() {
  parts_.executor.cancel(sweep_timer_);
  parts_.executor.cancel(start_timer_);
}

void Home::run() {
  sweep_timer_ = parts_.executor.at(parts_.executor.now() + sweep_interval, [this] { sweep(); });
  std::lock_guard lock(cluster_->mutex_);
  cluster_->home_ = weak_from_this();
  for (auto& subscription : cluster_->subscriptions_) join(subscription);
}

void Home::join(const Cluster::Subscription& subscription) {
  auto& watch = watches_[subscription.query.key()];
  if (!watch) watch = std::make_unique<Watch>(*this, subscription.query);
  watch->join(subscription);
  if (start_timer_ == 0) start_timer_ = parts_.executor.at(parts_.executor.now() + gather, [this] { start_new(); });
}

void Home::start_new() {
  start_timer_ = 0;
  for (auto& [key, watch] : watches_) watch->start();
}

void Home::sweep() {
  std::erase_if(watches_, [](auto& entry) { return !entry.second->prune(); });
  sweep_timer_ = parts_.executor.at(parts_.executor.now() + sweep_interval, [this] { sweep(); });
}

bool Home::synced() const {
  return start_timer_ == 0 && std::all_of(watches_.begin(), watches_.end(), [](auto& entry) { return entry.second->synced(); });
}

}  // namespace weir::kube
