// Tells counts and states of the cluster's objects in an interval. All on the first core.
#include "base/log.h"
#include "components/receivers/k8s_cluster/facts.h"
#include "components/shared/points/periodic.h"
#include "engine/decode.h"

namespace weir::receivers::k8s_cluster {
namespace {

class Cluster final : public engine::Receiver {
 public:
  Cluster(const Config& config, engine::ReceiverContext& context) : config_(config), context_(context), periodic_(context, config.collection_interval), charge_(context.host.budget().empty_charge()) {}

  Result<> start() override {
    if (context_.shard != 0) return {};
    WEIR_ASSIGN(cluster_, kubernetes::join(config_.api, context_.host, context_.executor, 0, context_.executor.wall()));
    began_ = context_.executor.wall();
    bool everywhere = config_.places().front().empty();
    for (What what : all_of_them) {
      bool of_cluster = what == What::node || what == What::name_space;
      if (of_cluster && !everywhere) continue;
      for (auto& place : config_.places()) watch(what, place);
    }
    periodic_.start(config_.collection_interval, [this] { tell(); });
    return {};
  }

  void stop(io::Task done) override {
    periodic_.stop();
    subscriptions_.clear();
    done();
  }

 private:
  void watch(What what, const std::string& place) {
    kube::Query query = query_of(what);
    query.name_space = place;
    auto& known = *known_.emplace_back(std::make_unique<Known>());
    subscriptions_.push_back(cluster_.cluster->subscribe(std::move(query), context_.executor, [this, what, &known](const kube::News& news) {
      if (news.first) known.clear();
      for (auto& change : news.changes) {
        std::string uid(change.object->uid);
        if (change.removed) known.erase(uid);
        else known[uid] = entries_of(what, *change.object, config_);
      }
      // About what the texts and their places take.
      constexpr std::size_t bytes_of_object = 2048;
      std::size_t objects = 0;
      for (auto& one : known_) objects += one->size();
      charge_.shrink_to(0);
      charge_.grow_unchecked(objects * bytes_of_object);
    }));
  }

  void tell() {
    points::Points out(table(), context_.executor.wall(), began_);
    out.scope("github.com/open-telemetry/opentelemetry-collector-contrib/receiver/k8sclusterreceiver", config_.metrics);
    for (auto& known : known_)
      for (auto& [uid, entries] : *known)
        for (auto& entry : entries) write(entry, out);
    periodic_.push(out.take());
  }

  using Known = std::map<std::string, std::vector<Entry>>;  // by uid
  const Config& config_;                                    // the plan's, which outlives us
  engine::ReceiverContext context_;
  points::Periodic periodic_;
  kubernetes::Membership cluster_;
  std::vector<std::unique_ptr<Known>> known_;  // one for each watch
  Charge charge_;
  UnixNanos began_ = 0;
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "k8s_cluster",
          .summary = "Tells counts and states of a Kubernetes cluster's objects as metrics.",
          .signals = {engine::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* erased, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<Cluster>(*static_cast<const Config*>(erased), context);
          }};
}

}  // namespace weir::receivers::k8s_cluster
