#include "sim/lives.h"

#include "sim/backend.h"
#include "sim/components.h"
#include "sim/traffic.h"

namespace weir::sim {
namespace {

using engine::testing::World;
using Key = std::pair<otlp::TraceId, otlp::SpanId>;

// What is drawn once for all processes of a world.
struct Rules {
  bool crashes, cuts_power, damages, troubles;
  storage::Sync sync;
  Duration slowest_disk;

  static Rules random(Rng& rng) {
    Rules out{.crashes = rng.chance(0.8), .cuts_power = rng.chance(0.4), .damages = rng.chance(0.25), .troubles = rng.chance(0.4), .sync = {}, .slowest_disk = {}};
    out.cuts_power &= out.crashes;
    out.sync = out.cuts_power || rng.chance(0.3) ? storage::Sync::always : std::array{storage::Sync::interval, storage::Sync::never}[rng.below(2)];
    out.slowest_disk = std::array<Duration, 3>{1ms, 5ms, 200ms}[rng.below(3)];
    return out;
  }
};

// A request that is sent until it is answered OK.
struct Open {
  std::vector<SimSpan> spans;
  std::optional<std::size_t> push;
};

class Lives {
 public:
  Lives(std::uint64_t seed, LivesTotals& totals)
      : rng_(seed), totals_(totals), name_(fmt::format("seed {}", seed)), rules_(Rules::random(rng_)) {
    for (auto* backend : backends()) faults(*backend);
    metrics_->settings.queue.num_consumers = 1;
    metrics_->settings.queue.queue_size.reset();  // full all the time it would keep all others out
  }

  void run() {
    say(fmt::format("crashes {} power cuts {} damage {} trouble {} sync {} slowest disk {}", rules_.crashes, rules_.cuts_power, rules_.damages, rules_.troubles, static_cast<int>(rules_.sync), format_duration(rules_.slowest_disk)));
    for (auto* backend : backends())
      say(fmt::format("failures {} newest first {} in order {} wait for result {} batch {} queue_size {} consumers {}", backend->failures, backend->settings.queue.newest_first, backend->settings.queue.in_order,
                      backend->settings.queue.wait_for_result, backend->settings.queue.batch.has_value(), backend->settings.queue.queue_size.value_or(0), backend->settings.queue.num_consumers));
    std::size_t lives = 2 + rng_.below(4);
    Traffic traffic = Traffic::random(rng_, static_cast<std::int64_t>(lives) * 8s);
    reference_ = std::move(traffic.reference);
    std::size_t next = 0;
    for (std::size_t life = 0; life < lives; ++life) {
      std::size_t until = life + 1 == lives ? traffic.requests.size() : next + rng_.below(traffic.requests.size() - next + 1);
      live(traffic.requests, next, until);
      next = until;
    }
    last_life();
    check();
    totals_.spans += reference_.spans;
    totals_.damaged_worlds += damaged_;
  }

 private:
  // For one world that is run alone.
  void say(const std::string& line) const {
    if (std::getenv("WEIR_SIM_LOG")) fmt::print(stderr, "{}: {}\n", name_, line);
  }
  std::array<Backend*, 3> backends() { return {sampled_.get(), all_.get(), metrics_.get()}; }

  void faults(Backend& backend) {
    auto& queue = backend.settings.queue;
    backend.settings.retry.max_elapsed_time = 0s;
    backend.settings.retry.initial_interval = 200ms;
    backend.slowest = std::array<Duration, 3>{1ms, 100ms, 2s}[rng_.below(3)];
    backend.failures = rng_.chance(0.5) ? 0.4 : 0.0;
    queue.sync = rules_.sync;
    queue.num_consumers = 1 + rng_.below(4);
    queue.newest_first = rng_.chance(0.3);
    queue.in_order = rng_.chance(0.2);
    queue.wait_for_result = rng_.chance(0.2);
    if (rng_.chance(0.3)) queue.batch = exporting::QueueBatchSettings{.flush_timeout = 200ms, .min_size = 1 + rng_.below(40), .max_size = rng_.chance(0.5) ? 40u : 0u};
    if (rng_.chance(0.2)) queue.queue_size = 3;  // overflows: senders are refused and come again
  }

  void build(World& world, bool last) {
    world.host().fs() = disk_.copy();
    world.host().use(world.simulation().workers(rules_.slowest_disk));
    world.simulation().clock().jump_wall(wall_);
    if (rng_.chance(0.3)) world.host().limit_memory(4u << 20);
    groups_ = last || rng_.chance(0.4);
    batches_ = rng_.chance(0.4);
    add(world, "groupbytrace", fmt::format("{{wait_duration: {}s}}", 1 + rng_.below(3)));
    add(world, "batch", "{timeout: 300ms, send_batch_size: 50}");
    add(world, "tail_sampling", fmt::format("{{decision_wait: {}s, policies: [{{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}]}}", 1 + rng_.below(5)));
    add(world, "spanmetrics", "{metrics_flush_interval: 2s}");
    add(world, "servicegraph", "{metrics_flush_interval: 2s, store: {ttl: 10s, max_items: 100000}}");
    world.add(backend_factory(), "backend/sampled", sampled_);
    world.add(backend_factory(), "backend/all", all_);
    world.add(backend_factory(), "backend/metrics", metrics_);
    using otlp::Signal;
    std::vector<std::string> before;
    if (groups_) before.emplace_back("groupbytrace");
    if (batches_) before.emplace_back("batch");
    before.emplace_back("tail_sampling");
    world.pipeline("traces/sampled", Signal::traces, {"source"}, before, {"backend/sampled"});
    world.pipeline("traces/all", Signal::traces, {"source"}, batches_ ? std::vector<std::string>{"batch"} : std::vector<std::string>{}, {"backend/all", "spanmetrics", "servicegraph"});
    world.pipeline("metrics", Signal::metrics, {"spanmetrics", "servicegraph"}, {}, {"backend/metrics"});
    for (auto* backend : backends()) backend->life = std::make_shared<bool>(true);  // shared with the exporters of this process
  }

  void live(const std::vector<Request>& requests, std::size_t from, std::size_t until) {
    ++totals_.lives;
    cores_ = std::array<std::size_t, 4>{1, 2, 3, 5}[rng_.below(4)];
    World world(cores_, rng_.next());
    build(world, false);
    auto& fs = world.host().fs();
    if (rules_.troubles && rng_.chance(0.1)) fs.room = rng_.below(2000);  // nearly full, from the start on
    world.start();
    trouble(fs);
    for (auto& open : open_) open.push.reset();
    for (std::size_t i = from; i < until; ++i) {
      Duration gap = i == from ? Duration(0) : requests[i].at - requests[i - 1].at;
      pass(world, gap);
      open_.push_back({requests[i].spans, {}});
      send(world);
    }
    pass(world, Duration(static_cast<std::int64_t>(rng_.below(6'000'000'000))));
    fs.fault = nullptr;
    fs.room.reset();
    end(world);
    wall_ += Duration(static_cast<std::int64_t>(world.simulation().elapsed().count())) + (rng_.chance(0.1) ? -1h : 1min);
  }

  void trouble(io::MemoryFs& fs) {
    if (!rules_.troubles || rng_.chance(0.4)) return;
    double chance = rng_.chance(0.5) ? 0.05 : 0.4;
    int error = rng_.chance(0.5) ? ENOSPC : EIO;
    fs.fault = [this, chance, error](std::string_view operation, const std::string&) {
      bool changes = operation == "write" || operation == "sync" || operation == "truncate" || operation == "remove" || operation == "rename";
      return changes && rng_.chance(chance) ? error : 0;
    };
  }

  void end(World& world) {
    if (rules_.crashes && rng_.chance(0.75)) {
      ++totals_.kills;
      crashed_ = true;
      say(fmt::format("life {} killed at {}, {} requests open, groupbytrace {} batch {}", totals_.lives, format_duration(world.simulation().elapsed()), open_.size(), groups_, batches_));
      disk_ = world.host().fs().copy();
      for (auto* backend : backends()) *backend->life = false;
      if (world.simulation().elapsed() > longest_sync()) unsynced_.clear();  // of earlier processes: synced at the start
      note_unsynced(world);
      if (rules_.cuts_power && rng_.chance(0.6)) {
        ++totals_.power_cuts;
        power_cut_ = true;
        disk_.cut_power(rng_);
        unsure_.merge(unsynced_);
      }
    } else {
      say(fmt::format("life {} stopped at {}, {} requests open, groupbytrace {} batch {}", totals_.lives, format_duration(world.simulation().elapsed()), open_.size(), groups_, batches_));
      bool hurries = rng_.chance(0.5);
      hurried_ |= hurries;
      world.stop(hurries ? 2s : 1h);
      look(world);
      disk_ = world.host().fs().copy();
    }
    refused_ |= !open_.empty();  // without an answer: they come again, and may be on the disk
    say(fmt::format("delivered so far: {} without sampling, {} sampled", all_->got.size(), sampled_->got.size()));
    said_ += damage_said(world);
    if (rules_.damages && rng_.chance(0.5)) damage();
  }

  // What stages hold is synced within a second, whatever the setting of the queues. groupbytrace hands on to another such log.
  void note_unsynced(World& world) {
    Duration since = world.simulation().elapsed() - 1s - longest_sync();
    for (auto& [key, when] : answered_)
      if (groups_ || rules_.troubles || (when.first == totals_.lives && when.second > since)) unsynced_.insert(key);
  }
  Duration longest_sync() const { return 3 * rules_.slowest_disk + 100ms; }

  // Bits changed, files cut.
  void damage() {
    auto paths = disk_.paths();
    if (paths.empty()) return;
    damaged_ = true;
    for (std::uint64_t n = 1 + rng_.below(3); n-- > 0;) {
      const std::string& path = paths[rng_.below(paths.size())];
      std::size_t size = disk_.content(path)->size();
      switch (rng_.below(4)) {
        case 0:
          cut_ = true;  // what it ended with at the end of a record nobody can know
          disk_.cut(path, rng_.chance(0.3) ? 0 : rng_.below(size + 1));
          break;
        default:
          if (size) disk_.flip_bit(path, rng_.below(size * 8));
      }
    }
  }

  static double damage_said(World& world) {
    double sum = 0;
    for (auto& family : world.host().metrics().collect())
      if (family.name == "weir_queue_damaged_records" || family.name == "weir_held_damaged_records")
        for (auto& sample : family.samples) sum += sample.value;
    return sum;
  }

  // Everything that any process may have held is configured, the disk and the backends are fine.
  void last_life() {
    ++totals_.lives;
    cores_ = 1 + rng_.below(3);
    for (auto* backend : backends()) backend->failures = 0;
    World world(cores_, rng_.next());
    build(world, true);
    world.start();
    for (auto& open : open_) open.push.reset();
    for (int i = 0; i < 1000 && !open_.empty(); ++i) pass(world, 5s);
    if (!open_.empty())
      for (auto& row : world.engine().ledger(true)) say(row.text());
    WEIR_CHECK(open_.empty(), "{}: {} requests are never taken: {}", name_, open_.size(), refusal_);
    world.advance(60s);
    for (int i = 0; i < 1000 && held(world) > 0; ++i) world.advance(10s);
    for (auto& row : world.engine().ledger(true))
      if (row.held > 0) say(row.text());
    WEIR_CHECK(held(world) == 0, "{}: {} items never leave", name_, held(world));
    world.stop(1h);
    said_ += damage_said(world);
    disk_ = world.host().fs().copy();
    nothing_comes_again();
  }

  // What was delivered before an orderly end stays delivered.
  void nothing_comes_again() {
    std::size_t before = sampled_->got.size() + all_->got.size();
    World world(1 + rng_.below(3), rng_.next());
    build(world, true);
    world.start();
    world.advance(60s);
    world.stop(1h);
    std::size_t after = sampled_->got.size() + all_->got.size();
    WEIR_CHECK(before == after, "{}: {} requests came again after everything was delivered", name_, after - before);
  }

  static std::size_t held(World& world) {
    std::size_t held = 0;
    for (auto& row : world.engine().ledger(true))
      if (row.signal == otlp::Signal::traces) held += row.held;  // metrics are made all the time
    return held;
  }

  void send(World& world) {
    for (auto& open : open_) {
      if (open.push) continue;
      open.push = world.push(to_batch(open.spans), rng_.below(cores_));
      for (auto& span : open.spans) ++sent_[{span.trace, span.id}];
    }
  }

  // Takes answers; what was refused is sent again.
  void look(World& world) {
    std::erase_if(open_, [&](Open& open) {
      if (!open.push || !world.answer(*open.push)) return false;
      if (!*world.answer(*open.push)) {
        for (auto& span : open.spans) answered_[{span.trace, span.id}] = {totals_.lives, world.simulation().elapsed()};
        return true;
      }
      ++totals_.refusals;
      refused_ = true;
      refusal_ = (*world.answer(*open.push))->what;
      open.push.reset();
      return false;
    });
  }

  void pass(World& world, Duration d) {
    if (rng_.chance(0.03)) world.simulation().clock().jump_wall((rng_.chance(0.5) ? 1 : -1) * 1h);
    world.advance(d);
    look(world);
    send(world);
    world.check_conservation();
  }

  std::map<Key, std::size_t> spans_at(Backend& backend) {
    std::map<Key, std::size_t> out;
    for (auto& batch : backend.got)
      for (auto& group : batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& span = item.read<otlp::Span>(batch->arena());
            ++out[{span.trace_id, span.span_id}];
          }
    return out;
  }

  // Nothing else came, and all that must come did.
  void check() {
    auto all = spans_at(*all_), sampled = spans_at(*sampled_);
    bool exactly_once = !crashed_ && !hurried_ && !refused_ && !damaged_ && !rules_.troubles;
    std::size_t lost = 0;
    for (auto* got : {&all, &sampled})
      for (auto& [key, times] : *got) {
        WEIR_CHECK(sent_.contains(key), "{}: a span came that was never sent", name_);
        totals_.twice += times - 1;
        if (exactly_once && times > 1) say(fmt::format("twice {}: answered in life {} at {}", got == &all ? "without sampling" : "sampled", answered_[key].first, format_duration(answered_[key].second)));
        WEIR_CHECK(!exactly_once || times == 1, "{}: a span came {} times", name_, times);
      }
    for (auto& [trace, spans] : reference_.traces) {
      std::size_t there = 0, kept = 0, unsure = 0;
      for (auto& span : spans) {
        there += all.contains({trace, span}), kept += sampled.contains({trace, span});
        unsure += unsure_.contains({trace, span}) && !sampled.contains({trace, span});
      }
      lost += spans.size() - there;
      for (auto& span : spans)
        if (Key key{trace, span}; !all.contains(key) || (reference_.failed.contains(trace) && !sampled.contains(key)))
          say(fmt::format("a span answered in life {} at {} is missing", answered_[key].first, format_duration(answered_[key].second)));
      WEIR_CHECK(damaged_ || there == spans.size(), "{}: of a trace of {} spans {} arrived, and it was answered OK", name_, spans.size(), there);
      if (reference_.failed.contains(trace)) {
        lost += spans.size() - kept - unsure;
        WEIR_CHECK(damaged_ || kept + unsure == spans.size(), "{}: of a trace of {} spans that has to be kept {} arrived", name_, spans.size(), kept);
      }
      WEIR_CHECK(kept == 0 || !reference_.clean.contains(trace), "{}: a trace without errors was kept", name_);
      WEIR_CHECK(!exactly_once || kept == 0 || kept == spans.size(), "{}: a trace of {} spans came with {}", name_, spans.size(), kept);
    }
    totals_.damaged_lost += lost;
    WEIR_CHECK(lost == 0 || cut_ || said_ > 0, "{}: {} spans were lost to damage that nothing said", name_, lost);
  }

  Rng rng_;
  LivesTotals& totals_;
  std::string name_;
  Rules rules_;
  std::shared_ptr<Backend> sampled_ = std::make_shared<Backend>(), all_ = std::make_shared<Backend>(), metrics_ = std::make_shared<Backend>();  // shared with the plans
  Reference reference_;
  io::MemoryFs disk_;
  Duration wall_{};  // of processes so far
  std::size_t cores_ = 1;
  std::vector<Open> open_;
  std::map<Key, std::size_t> sent_;
  std::map<Key, std::pair<std::uint64_t, Duration>> answered_;  // in which life, and when in it
  std::set<Key> unsynced_, unsure_;                             // answered just before a kill; and a power cut before that was synced
  double said_ = 0;
  std::string refusal_;  // the last one
  bool groups_ = false, batches_ = false, crashed_ = false, power_cut_ = false, damaged_ = false, cut_ = false, refused_ = false;
  bool hurried_ = false;  // an end had no time to note what was delivered
};

}  // namespace

void run_lives(std::uint64_t seed, LivesTotals& totals) { Lives(seed, totals).run(); }

}  // namespace weir::sim
