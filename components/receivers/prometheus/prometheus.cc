// Scrapes Prometheus targets. The first core finds them (Manager); each core scrapes those that it owns.
#include <unistd.h>
#include <xxhash.h>

#include <set>

#include "base/log.h"
#include "components/receivers/prometheus/loop.h"
#include "components/receivers/prometheus/manager.h"
#include "engine/decode.h"

namespace weir::receivers::prometheus {
namespace {

// Other machines with the same targets scrape them at other times.
std::uint64_t seed_of_this_machine() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return XXH3_64bits(name.data(), std::strlen(name.data()));
}

class PrometheusReceiver final : public engine::Receiver {
 public:
  PrometheusReceiver(const Config& config, engine::ReceiverContext& context)
      : config_(config),
        context_(context),
        hub_(engine::shared_state<Hub>(context.host, fmt::format("prometheus/{}", context.id.to_string()))),
        board_(scrape::Board::of(context.host)),
        loop_context_{context_.executor, context_.intake, context_.host, seed_of_this_machine(), config_.initial_scrape_offset, config_.report_extra_scrape_metrics,
                      config_.stale_markers_on_shutdown, context_.shard, context_.id.to_string(), *board_,
                      series_churn::Churn::of(context_.host, "receiver", context_.id.to_string())} {}

  ~PrometheusReceiver() override { hub_->leave(context_.shard, membership_); }

  Result<> start() override {
    if (!context_.intake.takes(engine::Signal::metrics)) return {};
    membership_ = hub_->join(context_.shard, context_.executor, [this](std::shared_ptr<const Assignment> assignment) { apply(*assignment); });
    if (context_.shard != 0) return {};
    manager_.emplace(config_, context_.id.to_string(), context_.executor, context_.host, *hub_);
    return manager_->start();
  }

  void stop(io::Task done) override {
    hub_->leave(context_.shard, std::exchange(membership_, {}));
    manager_.reset();
    done_ = std::move(done);
    open_ = 1;
    for (auto& [key, loop] : loops_) {
      if (loop->retiring() || !config_.scrape_on_shutdown) continue;
      ++open_;
      loop->scrape_now([this] { stopped_one(); });
    }
    stopped_one();
  }

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // job, target

  void stopped_one() {
    if (--open_ != 0) return;
    context_.executor.post([this] {
      for (auto& [key, loop] : loops_)
        if (config_.stale_markers_on_shutdown) loop->end_series();
      loops_.clear();
      tools_.clear();
      if (auto done = std::exchange(done_, {})) done();
    });
  }

  void apply(const Assignment& assignment) {
    std::set<Key> wanted;
    for (auto& job : assignment.jobs) apply(job, wanted);
    for (auto& [key, loop] : loops_)
      if (!wanted.contains(key) && !loop->retiring()) loop->retire([this, key] { loops_.erase(key); });
    std::erase_if(tools_, [&](auto& entry) { return std::none_of(assignment.jobs.begin(), assignment.jobs.end(), [&](auto& job) { return job.job->name() == entry.first; }); });
  }

  void apply(const Assignment::JobTargets& job, std::set<Key>& wanted) {
    auto& tools = tools_[job.job->name()];
    if (!tools || tools->job != job.job) {
      // With another configuration everything about the job begins anew.
      std::erase_if(loops_, [&](auto& entry) { return entry.first.first == job.job->name(); });
      auto made = JobTools::make(job.job, context_.executor, context_.host.budget());
      if (!made) {
        log::error("a job cannot be scraped", {{"job", job.job->name()}, {"error", made.error().what}});
        tools_.erase(job.job->name());
        return;
      }
      tools = std::move(*made);
    }
    for (auto& target : job.targets) {
      if (owner_of(job.job->name(), target->hash, context_.shards) != context_.shard) continue;
      Key key{job.job->name(), target->hash};
      auto& loop = loops_[key];
      bool is_new = loop == nullptr;
      if (is_new) loop = std::make_unique<TargetLoop>(loop_context_, tools, target);
      loop->set_forced_error(job.error);
      if (is_new) loop->start();
      else if (loop->retiring()) loop->resume();
      wanted.insert(std::move(key));
    }
  }

  const Config& config_;  // the plan's, which outlives us
  engine::ReceiverContext context_;
  std::shared_ptr<Hub> hub_;             // shared by the cores
  std::shared_ptr<void> membership_;     // the hub is the second owner
  std::shared_ptr<scrape::Board> board_;  // shared with the process
  LoopContext loop_context_;
  std::map<std::string, std::shared_ptr<JobTools>> tools_;
  std::map<Key, std::unique_ptr<TargetLoop>> loops_;
  std::optional<Manager> manager_;  // on the first core
  io::Task done_;
  std::size_t open_ = 0;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "prometheus",
          .summary = "Scrapes Prometheus targets.",
          .signals = {engine::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<PrometheusReceiver>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::receivers::prometheus
