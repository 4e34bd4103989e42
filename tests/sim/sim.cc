// Runs seeds: each one world of cores, traffic, faults and clock jumps. See README.md.
#include <CLI/CLI.hpp>
#include <csignal>

#include "base/log.h"
#include "sim/checks.h"
#include "sim/components.h"
#include "sim/lives.h"

namespace weir::sim {
namespace {

using engine::testing::World;

struct Totals {
  Duration time{};
  std::size_t spans = 0, traces = 0, kept = 0, exemplars = 0, refusals = 0, retries = 0, reloads = 0, failed_reloads = 0;
};

// A processor that does not start on one core.
const engine::Factory& failing_factory() {
  static const engine::Factory factory{.kind = engine::Kind::processor,
                                       .type = "failing",
                                       .summary = "Fails.",
                                       .signals = {otlp::Signal::traces},
                                       .make_stage = [](const void* core, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
                                         struct PassOn : engine::Stage {
                                           void process(otlp::Batch batch, engine::Out& out) override { out.push(std::move(batch)); }
                                         };
                                         if (*static_cast<const std::size_t*>(core) == context.shard) return fail(Errc::config, "told to fail");
                                         return std::make_unique<PassOn>();
                                       }};
  return factory;
}

// One seed.
class Trial {
 public:
  explicit Trial(std::uint64_t seed)
      : rng_(seed),
        cores_(std::array<std::size_t, 4>{1, 2, 3, 8}[rng_.below(4)]),
        name_(fmt::format("seed {} ({} cores)", seed, cores_)),
        traces_(std::make_shared<Backend>()),
        metrics_(std::make_shared<Backend>()),
        world_(cores_, rng_.next()) {}

  void run(Totals& totals) {
    build();
    world_.start();
    reload_chance_ = rng_.chance(0.5) ? 0.1 : 0.0;
    Traffic traffic = Traffic::random(rng_, 30s);
    for (auto& request : traffic.requests) {
      if (Duration wait = request.at - world_.simulation().elapsed(); wait > 0s) pass(wait);
      bool reloads = rng_.chance(reload_chance_);
      if (reloads) begin_reload();
      send(request.spans);
      if (reloads) end_reload();
    }
    for (int i = 0; i < 200 && !retry(); ++i) pass(5s);
    WEIR_CHECK(open_.empty(), "{}: {} requests are never taken", name_, open_.size());
    pass(90s);  // decisions, edges and candidates are through
    for (int i = 0; i < 1000 && waits_to_be_sent() > 0; ++i) pass(10s);  // else it would stay on disk
    for (auto& row : world_.engine().ledger(true)) last_ledger_.push_back(row.text());
    world_.stop(1h);
    if (std::getenv("WEIR_SIM_LEDGER"))
      for (auto& row : last_ledger_) fmt::print(stderr, "{}\n", row);
    for (auto& earlier : earlier_)
      std::ranges::move(earlier->got, std::back_inserter(traces_->got)), traces_->attempts += earlier->attempts;
    if (std::getenv("WEIR_SIM_LEDGER"))
      for (auto& line : history_) fmt::print(stderr, "{}\n", line);
    Seen seen = check(traffic.reference, *traces_, *metrics_, refusals_ == 0, name_);
    totals.reloads += reloads_;
    totals.failed_reloads += failed_reloads_;
    totals.time += world_.simulation().elapsed();
    totals.spans += traffic.reference.spans;
    totals.traces += traffic.reference.traces.size();
    totals.kept += seen.kept.size();
    totals.exemplars += seen.exemplars;
    totals.refusals += refusals_;
    totals.retries += traces_->attempts + metrics_->attempts - traces_->got.size() - metrics_->got.size();
  }

 private:
  struct Open {
    std::size_t push;
    std::vector<SimSpan> spans;
  };

  void faults(Backend& backend) {
    backend.settings.retry.max_elapsed_time = 0s;
    backend.settings.retry.initial_interval = 200ms;
    backend.slowest = std::array<Duration, 3>{1ms, 100ms, 2s}[rng_.below(3)];
    backend.failures = rng_.chance(0.5) ? 0.3 : 0.0;
    if (rng_.chance(0.3)) {
      backend.away_from = TimePoint(Duration(static_cast<std::int64_t>(rng_.below(20)) * 1s));
      backend.away_until = backend.away_from + 30s;
    }
  }

  void build() {
    world_.host().directory = "";  // queues and held spans in memory; disk_queue_test.cc and hold_test.cc have their own worlds
    faults(*traces_);
    faults(*metrics_);
    metrics_->settings.queue.num_consumers = 1;  // in order, so that "never goes back" can be checked
    if (rng_.chance(0.3)) traces_->settings.queue.queue_size = 2;  // overflows: senders are refused and come again
    add(world_, "groupbytrace", "groupbytrace", "{wait_duration: 2s}");
    add(world_, "batch", "batch", "{timeout: 500ms, send_batch_size: 50}");
    add(world_, "tail_sampling", "tail_sampling",
        "{decision_wait: 3s, policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]}");
    groups_ = rng_.chance(0.4);
    batches_ = rng_.chance(0.4);
    add(world_, "spanmetrics", "spanmetrics", "{metrics_flush_interval: 5s, exemplars: {enabled: true}}");
    add(world_, "servicegraph", "servicegraph", "{metrics_flush_interval: 5s, store: {ttl: 1h, max_items: 100000}}");
    world_.add(backend_factory(), "backend/traces", traces_);
    world_.add(backend_factory(), "backend/metrics", metrics_);
    connect(false);
  }

  void connect(bool fails) {
    using otlp::Signal;
    std::vector<std::string> before;
    if (groups_) before.emplace_back("groupbytrace");
    if (batches_) before.emplace_back("batch");
    if (fails) before.emplace_back("failing");
    before.emplace_back("tail_sampling");
    world_.clear_pipelines();
    world_.pipeline("traces/sampled", Signal::traces, {"source"}, before, {"backend/traces"});
    world_.pipeline("traces/all", Signal::traces, {"source"}, {}, {"spanmetrics", "servicegraph"});
    world_.pipeline("metrics", Signal::metrics, {"spanmetrics", "servicegraph"}, {}, {"backend/metrics"});
    if (extra_) world_.pipeline("traces/extra", Signal::traces, {"source"}, {}, {"sink"});
  }

  // Something else than before, now and then with a component that fails.
  void begin_reload() {
    reload_fails_ = rng_.chance(0.3);
    if (reload_fails_) world_.add(failing_factory(), "failing", std::make_shared<std::size_t>(rng_.below(cores_)));
    was_ = {groups_, batches_, extra_};
    switch (rng_.below(5)) {
      case 0: groups_ = !groups_; break;
      case 1: batches_ = !batches_; break;
      case 2: extra_ = !extra_; break;
      case 3: add(world_, "batch", "batch", fmt::format("{{timeout: {}ms, send_batch_size: 50}}", 100 + rng_.below(900))); break;
      default: replace_backend(); break;
    }
    connect(reload_fails_);
    world_.begin_reload(10h);
  }

  void end_reload() {
    auto reloaded = world_.finish_reload();
    WEIR_CHECK(reloaded.has_value() != reload_fails_, "{}: a reload ended otherwise than it should", name_);
    history_.push_back(fmt::format("at {} reload: {}, groups {} batches {} extra {} sources {}", format_duration(world_.simulation().elapsed()), reloaded ? "ok" : "failed", groups_, batches_, extra_, earlier_.size()));
    ++(reloaded ? reloads_ : failed_reloads_);
    if (!reloaded) std::tie(groups_, batches_, extra_) = was_;
    world_.take();
    world_.check_conservation();
  }

  // Another exporter to the same place: it gets what comes from now on.
  void replace_backend() {
    auto fresh = std::make_shared<Backend>();
    fresh->settings = traces_->settings;
    fresh->failures = traces_->failures, fresh->slowest = traces_->slowest;
    fresh->away_from = traces_->away_from, fresh->away_until = traces_->away_until;
    earlier_.push_back(std::exchange(traces_, std::move(fresh)));
    world_.add(backend_factory(), "backend/traces", traces_);
  }

  void send(std::vector<SimSpan> spans) {
    std::size_t push = world_.push(to_batch(spans), rng_.below(cores_));
    open_.push_back({push, std::move(spans)});
  }

  std::size_t waits_to_be_sent() {
    std::size_t held = 0;
    for (auto& row : world_.engine().ledger(true))
      if (row.role == engine::PlanNode::Role::exporter) held += row.held;
    return held;
  }

  // Sends refused requests again, as a client would. True when every request was answered OK.
  bool retry() {
    std::vector<Open> refused;
    std::erase_if(open_, [&](Open& open) {
      auto& answer = world_.answer(open.push);
      if (!answer) return false;
      if (*answer) refused.push_back(std::move(open));
      return true;
    });
    refusals_ += refused.size();
    for (auto& open : refused) send(std::move(open.spans));
    return open_.empty();
  }

  void pass(Duration d) {
    if (rng_.chance(0.05)) world_.simulation().clock().jump_wall((rng_.chance(0.5) ? 1 : -1) * 1h);
    world_.advance(d);
    retry();
    world_.check_conservation();
  }

  Rng rng_;
  std::size_t cores_;
  std::string name_;
  std::shared_ptr<Backend> traces_, metrics_;  // shared with the plan, which takes them for its configuration
  World world_;
  std::vector<Open> open_;
  std::size_t refusals_ = 0, reloads_ = 0, failed_reloads_ = 0;
  double reload_chance_ = 0;
  bool groups_ = false, batches_ = false, extra_ = false, reload_fails_ = false;
  std::tuple<bool, bool, bool> was_;  // before the reload under way
  std::vector<std::shared_ptr<Backend>> earlier_;  // of traces, replaced by reloads
  std::vector<std::string> last_ledger_, history_;
};

// For whoever reads why a world ended the program.
std::uint64_t world_under_way = 0;
void tell_world(int) { std::fputs(fmt::format("in the world of seed {}\n", world_under_way).c_str(), stderr); }

int run(std::uint64_t from, std::uint64_t seeds) {
  Totals totals;
  for (world_under_way = from; world_under_way < from + seeds; ++world_under_way) Trial(world_under_way).run(totals);
  fmt::print("{} worlds from seed {}: {:.1f} simulated hours, {} spans in {} traces, {} kept, {} exemplars, {} requests refused, {} exports retried, {} reloads, {} failed ones\n",
             seeds, from, static_cast<double>(totals.time / 1s) / 3600, totals.spans, totals.traces, totals.kept, totals.exemplars,
             totals.refusals, totals.retries, totals.reloads, totals.failed_reloads);
  return totals.kept > 0 && totals.exemplars > 0 ? 0 : 1;
}

int run_disks(std::uint64_t from, std::uint64_t seeds, const std::vector<std::uint64_t>& also) {
  LivesTotals totals;
  for (world_under_way = from; world_under_way < from + seeds; ++world_under_way) run_lives(world_under_way, totals);
  for (std::uint64_t seed : also) run_lives(world_under_way = seed, totals);
  fmt::print("{} worlds with a disk from seed {}: {} spans, {} processes, {} kills, {} power cuts, {} requests refused, {} spans twice, {} worlds damaged with {} spans lost\n", seeds, from, totals.spans,
             totals.lives, totals.kills, totals.power_cuts, totals.refusals, totals.twice, totals.damaged_worlds, totals.damaged_lost);
  return totals.kills > 0 ? 0 : 1;
}

}  // namespace
}  // namespace weir::sim

int main(int argc, char** argv) {
  std::uint64_t from = 1, seeds = 300;
  CLI::App app("Whole plans on virtual cores, with faults and clock jumps");
  app.add_option("--from", from, "The first seed")->capture_default_str();
  app.add_option("--seeds", seeds, "How many")->capture_default_str();
  bool disk = false;
  app.add_flag("--disk", disk, "Worlds whose process ends and begins again over one disk");
  std::vector<std::uint64_t> also;
  app.add_option("--also", also, "More seeds, with --disk");
  CLI11_PARSE(app, argc, argv);
  // Failed exports are what this is about, and with a disk damage, too.
  bool silent = disk && !std::getenv("WEIR_SIM_LOG");
  weir::log::configure({.level = weir::log::Level::error, .output_paths = {silent ? "/dev/null" : "stderr"}});
  std::signal(SIGABRT, weir::sim::tell_world);
  return disk ? weir::sim::run_disks(from, seeds, also) : weir::sim::run(from, seeds);
}
