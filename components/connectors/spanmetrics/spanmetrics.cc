#include "components/connectors/spanmetrics/spanmetrics.h"

#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/log.h"
#include "components/connectors/spanmetrics/adjusted_count.h"
#include "components/connectors/spanmetrics/candidates.h"
#include "components/connectors/spanmetrics/emission.h"
#include "components/connectors/spanmetrics/kept.h"
#include "components/connectors/spanmetrics/resources.h"
#include "components/shared/storage/kept_state.h"
#include "config/value.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "telemetry/owned.h"

namespace weir::connectors::spanmetrics {
namespace {

using engine::Out;
using engine::Reason;
using otlp::AttributeView;
using otlp::Batch;

// How often candidates hear whether their traces were kept.
constexpr Duration review_interval = 1s;

// A resource that did not come again for so long after a restart begins anew.
constexpr UnixNanos kept_for = static_cast<UnixNanos>(std::chrono::nanoseconds(24h).count());

// Stable over restarts, unlike a random one, so that series go on; two connectors of a process differ.
std::string instance_of(const Config& config, const config::ComponentId& id) {
  if (!config.instance_id.empty()) return config.instance_id;
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {};
  std::string name(host.data());
  return id.name.empty() ? name : fmt::format("{}/{}", name, id.name);
}

struct Metrics {
  telemetry::OwnedGauge series, resources, candidates;
  telemetry::Counter &overflow, &unplaced;

  static Metrics of(const engine::StageContext& context) {
    auto& registry = context.host.metrics();
    telemetry::Labels own = {{"connector", context.id.to_string()}};
    return {telemetry::OwnedGauge(registry, "weir_spanmetrics_series", "Series that span metrics count.", own),
            telemetry::OwnedGauge(registry, "weir_spanmetrics_resources", "Resources that span metrics count for.", own),
            telemetry::OwnedGauge(registry, "weir_spanmetrics_exemplar_candidates", "Spans that wait for a sampler's decision to become exemplars.", own),
            registry.counter("weir_spanmetrics_overflow", "Spans and events that were counted in overflow series.", own),
            registry.counter("weir_spanmetrics_exemplar_candidates_passed_over", "Spans for which no place among the candidates was left.", own)};
  }
};

class SpanMetrics : public engine::Stage {
 public:
  SpanMetrics(const Config& config, Dimensions dimensions, const engine::StageContext& context)
      : config_(config),
        dimensions_(std::move(dimensions)),
        rng_(context.rng.next()),
        seed_(context.rng.next()),
        budget_(context.host.budget()),
        meeting_(engine::life_state<Meeting>(context, "meeting")),
        board_(decisions::board_of(context.host)),
        metrics_(Metrics::of(context)),
        id_(context.id.to_string()),
        core_(context.shard),
        cores_(context.shards),
        alike_(dimensions_.calls_and_durations_alike()),
        interval_(config.metrics_flush_interval),
        per_unit_(config.histogram.unit == Unit::seconds ? 1e9 : 1e6),
        bounds_(config.histogram.bounds()),
        footprint_(budget_, *meeting_),
        resources_(config_, dimensions_.wanted(), *meeting_, footprint_, seed_, context.shards > 1 ? std::optional(context.shard) : std::nullopt),
        candidates_({.per_point = static_cast<std::size_t>(std::max<std::int64_t>(0, config.exemplars.max_per_data_point)),
                     .waiting = std::max<std::size_t>(1, config.exemplars.max_candidates / context.shards),
                     .max_wait = config.exemplars.max_wait}),
        emission_(config),
        context_(context) {
    slots_.resize(dimensions_.wanted().size());
    event_slots_.resize(slots_.size());
    if (config.exemplars.enabled && config.exemplars.traces != ExemplarTraces::all) board_->watch();
  }

  void seek(otlp::Sought& sought) const override { dimensions_.wanted().seek(sought); }

  ~SpanMetrics() override {
    series_count_ = 0;
    metrics_.series.set(0), metrics_.resources.set(0), metrics_.candidates.set(0);
  }

  Result<> start(Out& out) override {
    take_up();
    next_flush_ = meeting_->join(core_, cores_, out.now());
    schedule_flush(out.now());
    out.wake_at(next_flush_);
    return {};
  }

  void process(Batch batch, Out& out) override {
    now_ = out.now();
    wall_ = out.wall();
    only_kept_ = kept_only();
    Arena& arena = batch.arena();
    dimensions_.use(batch.sought());
    std::size_t dropped = 0;
    for (auto& group : batch.groups()) dropped += take(group, arena, out);
    out.count_consumed(batch.items() - dropped);
    batch.settle({});
    if (drained_) return finish(out);
    if (!candidates_.empty()) review_later(out);
  }

  void tick(TimePoint now, Out& out) override {
    if (now >= next_review_) {
      next_review_ = TimePoint::max();
      candidates_.review(*board_, now);
      if (!candidates_.empty()) review_later(out);
    }
    if (now >= next_flush_) {
      flush(now, out);
      schedule_flush(now);
    }
    out.wake_at(std::min(next_flush_, next_review_));
    observe_size();
  }

  // What changed since the last flush; counts that nobody has seen yet go up from zero, as always.
  void drain(Out& out) override {
    if (!std::exchange(drained_, true)) finish(out);
  }
  bool idle() const override { return saving_ == 0; }

 private:
  void finish(Out& out) {
    candidates_.review(*board_, out.now());
    auto changed = [](const Series& series) { return series.touched; };
    UnixNanos wall = wall_ = out.wall();
    std::vector<Batch> bodies = last_zeros(wall, [](const Resource&) { return true; });
    emission_.at(wall);
    resources_.each([&](Resource& resource) { emission_.add(resource, alike_, changed); });
    std::ranges::move(emission_.finish(), std::back_inserter(bodies));
    send(std::move(bodies), true, out);
    keep();
    if (!keeps_) return resources_.each([&](Resource& resource) { remove_series(resource, [](const Series&) { return true; }); });
    resources_.each([&](Resource& resource) {
      each_series(resource, [](Series& series) { series.fresh = series.touched = false, series.exemplars.clear(); });
    });
  }

  // Only what adds up over restarts is worth keeping.
  void take_up() {
    if (config_.delta()) return;
    keeps_ = storage::KeptState::of(context_, config::to_yaml(engine::encode_config<Config>(&config_)));
    if (!keeps_) return;
    kept_ = engine::life_state<KeptResources>(context_, "kept");
    for (auto& part : keeps_->take_parts())
      if (!kept_->add(part, budget_.charge_unchecked(part.size())))
        log::error("A part of what was counted before the restart cannot be read", {{"connector", id_}});
  }

  void keep() {
    if (!keeps_) return;
    Packer out;
    resources_.each([&](Resource& resource) {
      if (!resource.overflow) KeptResources::pack(out, resource.identity, wall_, pack_series(resource));
    });
    if (core_ == 0) kept_->pack(out, wall_ - std::min(wall_, kept_for));
    ++saving_;
    keeps_->save(core_, out.finish(), context_.executor, [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) --saving_;
    });
  }

  // What was counted for a resource before the restart, if this is its first span since. Not more than has room.
  void take_up(Resource& resource) {
    if (!kept_ || resource.taken_up) return;
    resource.taken_up = true;
    auto state = kept_->take(resource.identity);
    if (!state) return;
    bool whole = unpack_series(*state, [&](Family family, std::unique_ptr<Series> series) { take_up(resource.tables[family], family, std::move(series)); });
    if (!whole) log::error("What was counted for a resource before the restart cannot be read", {{"connector", id_}});
  }
  void take_up(SeriesTable& table, Family family, std::unique_ptr<Series> series) {
    UnixNanos start = series->start;
    bool as_explicit = !series->buckets.empty(), as_exponential = series->exponential != nullptr;
    std::vector<std::uint64_t> buckets = std::move(series->buckets);
    auto exponential = std::move(series->exponential);
    series->buckets.clear();
    prepare(family, *series);
    if (as_explicit != !series->buckets.empty() || as_exponential != (series->exponential != nullptr)) return;
    if (as_explicit && buckets.size() != series->buckets.size()) return;
    if (as_exponential && exponential->size() != series->exponential->size()) return;
    series->buckets = std::move(buckets);
    series->exponential = std::move(exponential);
    series->start = start;
    series->fresh = false;
    series->last_seen = now_;
    series->hash = XXH3_64bits_withSeed(series->key.data(), series->key.size(), seed_);
    if (series->overflow ? table.overflow() != nullptr : table.find({series->key, series->hash}) != nullptr) return;
    if (!footprint_.take(series->bytes)) return;
    table.add(std::move(series));
    ++table.active;
    ++series_count_;
  }

  std::size_t take(otlp::ResourceGroup& group, Arena& arena, Out& out) {
    const Source* source = resources_.find(group.resource, arena, now_);
    if (source == nullptr) {
      std::size_t spans = 0;
      for (auto& scope : group.scopes) spans += scope.items.size();
      out.count_dropped(spans, Reason::invalid);
      return spans;
    }
    take_up(*source->resource);
    for (auto& scope : group.scopes) take(*source, scope, arena);
    return 0;
  }

  void take(const Source& source, otlp::ScopeGroup& scope, Arena& arena) {
    std::string_view name, version;
    if (!config_.include_instrumentation_scope.empty()) {
      auto& message = scope.scope.read(arena);
      if (dimensions_.is_scope_dimension(message.name)) name = message.name, version = message.version;
    }
    for (auto& item : scope.items) {
      if (!slots_.empty()) std::fill(slots_.begin(), slots_.end(), AttributeView{});
      otlp::SpanView span(item, dimensions_.wanted(), slots_);
      Subject subject{.source = source, .span = span, .scope_name = name, .scope_version = version};
      measure(subject, arena);
    }
  }

  void measure(Subject& subject, Arena& arena) {
    const otlp::SpanView& span = subject.span;
    std::uint64_t nanoseconds =
        span.end_time_unix_nano > span.start_time_unix_nano ? span.end_time_unix_nano - span.start_time_unix_nano : 0;
    double duration = static_cast<double>(nanoseconds) / per_unit_;
    auto [spans, adjusted] = counts_.of(span.trace_state, rng_);
    subject.adjusted = adjusted;
    subject.slots = slots_;
    key_.truncate(0);
    dimensions_.append_common_key(subject, key_);
    common_key_ = key_.size();

    Series& series = series_of(calls, subject, arena);
    series.count += spans;
    if (!config_.histogram.disable) {
      Series& durations_series = alike_ ? series : series_of(durations, subject, arena);
      if (!alike_) durations_series.count += spans;
      observe(durations_series, duration, spans);
      if (!alike_) offer(durations_series, span, duration, nanoseconds);
    }
    offer(series, span, duration, nanoseconds);
    if (config_.events.enabled) count_events(subject, spans, duration, nanoseconds, arena);
  }

  void count_events(Subject& subject, std::uint64_t spans, double duration, std::uint64_t nanoseconds, Arena& arena) {
    subject.span.each_event([&](const otlp::AttributesView& event) {
      std::fill(event_slots_.begin(), event_slots_.end(), AttributeView{});
      dimensions_.wanted().find(event, event_slots_);
      subject.event_slots = event_slots_;
      subject.event = &event;
      Series& series = series_of(events, subject, arena);
      series.count += spans;
      offer(series, subject.span, duration, nanoseconds);
    });
    subject.event_slots = {};
    subject.event = nullptr;
  }

  void observe(Series& series, double duration, std::uint64_t spans) {
    if (series.exponential) return series.exponential->add(duration, spans);
    series.sum += duration * static_cast<double>(spans);
    auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), duration) - bounds_.begin();
    series.buckets[static_cast<std::size_t>(bucket)] += spans;
  }

  void offer(Series& series, const otlp::SpanView& span, double duration, std::uint64_t nanoseconds) {
    if (!config_.exemplars.enabled || series.overflow || span.trace_id.empty() || !candidates_.wanted(series)) return;
    ExemplarSpan exemplar{span.trace_id, span.span_id, duration};
    if (!only_kept_)
      series.exemplars.push_back(exemplar);
    else if (!candidates_.offer(series, exemplar, class_of(nanoseconds), now_))
      metrics_.unplaced.add();
  }

  bool kept_only() const {
    if (!config_.exemplars.enabled) return false;
    return config_.exemplars.traces == ExemplarTraces::kept ||
           (config_.exemplars.traces == ExemplarTraces::automatic && board_->decides());
  }

  Series& series_of(Family family, const Subject& subject, Arena& arena) {
    if (subject.source.resource->overflow) return overflow_series(family, subject.source.resource->tables[family]);
    key_.truncate(common_key_);
    dimensions_.append_key(family, subject, arena, key_);
    SeriesKey key{key_.view(), XXH3_64bits_withSeed(key_.view().data(), key_.size(), seed_)};
    SeriesTable& table = subject.source.resource->tables[family];
    Series* series = table.find(key);
    // With delta temporality a series of an earlier interval is as new as one never seen.
    if (series == nullptr || (config_.delta() && !series->touched)) series = &admit(family, table, series, key, subject, arena);
    series->touched = true;
    series->last_seen = now_;
    if (series->overflow) metrics_.overflow.add();
    return *series;
  }

  Series& overflow_series(Family family, SeriesTable& table) {
    Series& series = overflow_of(family, table);
    series.touched = true;
    series.last_seen = now_;
    metrics_.overflow.add();
    return series;
  }

  Series& admit(Family family, SeriesTable& table, Series* known, const SeriesKey& key, const Subject& subject, Arena& arena) {
    auto limit = static_cast<std::size_t>(config_.aggregation_cardinality_limit);
    if (limit && table.active >= limit) return overflow_of(family, table);
    if (known == nullptr) {
      auto series = std::make_unique<Series>();
      series->key = key.bytes;
      series->hash = key.hash;
      series->attributes = dimensions_.attributes(family, subject, arena);
      prepare(family, *series);
      if (!footprint_.take(series->bytes)) return overflow_of(family, table);
      known = &table.add(std::move(series));
      ++series_count_;
    }
    ++table.active;
    return *known;
  }

  Series& overflow_of(Family family, SeriesTable& table) {
    if (Series* series = table.overflow()) {
      if (!series->touched && config_.delta()) ++table.active;
      return *series;
    }
    if (!std::exchange(warned_, true))
      log::warn("More series than aggregation_cardinality_limit or the memory budget allow; the rest is counted in series with otel.metric.overflow.",
                {{"component", id_}, {"limit", config_.aggregation_cardinality_limit}});
    auto series = std::make_unique<Series>();
    series->overflow = true;
    otlp::Resource as_message;
    Arena arena;
    as_message.attributes.set(arena, "otel.metric.overflow", otlp::Value::of(true));
    otlp::Writer writer;
    encode(as_message, writer);
    series->attributes = std::string(writer.view());
    prepare(family, *series);
    footprint_.take_unchecked(series->bytes);
    ++table.active;
    ++series_count_;
    return table.add(std::move(series));
  }

  void prepare(Family family, Series& series) {
    series.start = wall_;
    bool has_durations = !config_.histogram.disable && (family == durations || (family == calls && alike_));
    if (has_durations && config_.histogram.exponential)
      series.exponential = std::make_unique<histograms::Exponential>(static_cast<std::uint32_t>(std::max(0, config_.histogram.exponential->max_size)));
    else if (has_durations)
      series.buckets.resize(bounds_.size() + 1);
    constexpr std::size_t overhead = 96;  // its place in the tables and the allocator's share
    series.bytes = sizeof(Series) + overhead + series.key.size() + series.attributes.size() + series.buckets.size() * 8 +
                   (series.exponential ? sizeof(histograms::Exponential) + series.exponential->size() * 8 : 0) +
                   (config_.exemplars.enabled ? static_cast<std::size_t>(std::clamp<std::int64_t>(config_.exemplars.max_per_data_point, 0, 1024)) * sizeof(ExemplarSpan) : 0);
  }

  template <class F>
  static void each_series(Resource& resource, F f) {
    for (auto& table : resource.tables)
      for (auto& series : table.all()) f(*series);
  }

  template <class Gone>
  void remove_series(Resource& resource, Gone gone) {
    for (auto& table : resource.tables)
      table.remove_if(gone, [&](std::unique_ptr<Series> series) {
        if (!config_.delta()) --table.active;
        footprint_.give_back(series->bytes);
        --series_count_;
        candidates_.discard(std::move(series));
      });
  }

  // Of resources that leave for good: the zero that a series begins with, so that its count can follow at once.
  template <class Leaves>
  std::vector<Batch> last_zeros(UnixNanos wall, Leaves leaves) {
    auto unseen = [&](const Series& series) { return !config_.delta() && series.fresh; };
    emission_.at(wall - static_cast<UnixNanos>(std::chrono::nanoseconds(1ms).count()));
    resources_.each([&](Resource& resource) {
      if (leaves(resource)) emission_.add_zeros(resource, unseen);
    });
    resources_.each([&](Resource& resource) {
      if (leaves(resource)) each_series(resource, [](Series& series) { series.fresh = false; });
    });
    return emission_.finish();
  }

  void flush(TimePoint now, Out& out) {
    candidates_.review(*board_, now);
    // One instant: where an interval ends the next one begins.
    UnixNanos wall = out.wall();
    std::vector<Batch> bodies = config_.delta() ? std::vector<Batch>() : last_zeros(wall, [](const Resource& resource) { return resource.evicted; });
    emission_.at(wall);
    auto ready = [&](const Series& series) { return !config_.delta() || series.touched; };
    resources_.each([&](Resource& resource) { emission_.add(resource, alike_, ready); });
    std::ranges::move(emission_.finish(), std::back_inserter(bodies));
    send(std::move(bodies), false, out);
    resources_.each([&](Resource& resource) {
      each_series(resource, [&](Series& series) {
        if (ready(series)) series.fresh = false, series.exemplars.clear();
      });
    });
    if (config_.delta())
      begin_interval(wall);
    else
      expire(now);
    resources_.each([&](Resource& resource) { each_series(resource, [](Series& series) { series.touched = false; }); });
  }

  // Cumulative series leave from their core: what another one sent first could be overtaken, and a series would seem to
  // go back. Nothing goes back in deltas, so there an interval of all cores leaves as one request.
  void send(std::vector<Batch> bodies, bool last, Out& out) {
    for (Batch& body : bodies) body.charge = budget_.charge_unchecked(body.bytes());
    if (config_.delta()) bodies = meeting_->bring(core_, std::move(bodies), last);
    std::optional<Batch> joined;  // small ones
    for (Batch& body : bodies) {
      if (joined && joined->bytes() + body.bytes() > largest_request) out.emit(*std::exchange(joined, std::nullopt));
      if (joined)
        joined->append(std::move(body));
      else
        joined = std::move(body);
    }
    if (joined) out.emit(std::move(*joined));
  }

  // Delta: counts start anew. Series that were quiet are remembered for their last flush while there is room for that.
  void begin_interval(UnixNanos wall) {
    auto remembered = static_cast<std::size_t>(config_.metric_timestamp_cache_size) / cores_;
    bool forget = series_count_ > std::max<std::size_t>(1, remembered);
    resources_.each([&](Resource& resource) {
      if (forget) remove_series(resource, [](const Series& series) { return !series.touched; });
      if (resource.evicted) remove_series(resource, [](const Series&) { return true; });
      each_series(resource, [&](Series& series) {
        if (series.touched) series.restart(wall);
      });
      for (auto& table : resource.tables) table.active = 0;
    });
    resources_.remove_if([](const Resource& resource) {
      return std::all_of(resource.tables.begin(), resource.tables.end(), [](auto& table) { return table.all().empty(); });
    });
  }

  void expire(TimePoint now) {
    auto over = [&](Duration limit, TimePoint seen) { return limit > 0s && now - seen >= limit; };
    auto gone = [&](const Resource& resource) { return resource.evicted || over(config_.metrics_expiration, resource.last_seen); };
    resources_.each([&](Resource& resource) {
      bool all = gone(resource);
      if (all || config_.series_expiration > 0s)
        remove_series(resource, [&](const Series& series) { return all || over(config_.series_expiration, series.last_seen); });
    });
    resources_.remove_if(gone);
  }

  // Flushes of all cores fall on one grid.
  void schedule_flush(TimePoint now) {
    if (next_flush_ > now) return;
    next_flush_ += ((now - next_flush_) / interval_ + 1) * interval_;
  }

  void review_later(Out& out) {
    if (next_review_ != TimePoint::max()) return;
    next_review_ = out.now() + review_interval;
    out.wake_at(next_review_);
  }

  void observe_size() {
    metrics_.series.set(static_cast<double>(series_count_));
    metrics_.resources.set(static_cast<double>(resources_.size()));
    metrics_.candidates.set(static_cast<double>(candidates_.size()));
  }

  static constexpr std::size_t largest_request = 2 * 1024 * 1024;

  const Config config_;
  Dimensions dimensions_;
  Rng rng_;
  const std::uint64_t seed_;  // of hashes: clients choose what is hashed
  Budget& budget_;
  std::shared_ptr<Meeting> meeting_;         // shared by the cores of this connector
  std::shared_ptr<decisions::Board> board_;  // shared by all samplers and readers of the process
  Metrics metrics_;
  const std::string id_;
  const std::uint16_t core_, cores_;
  const bool alike_;
  const Duration interval_;
  const double per_unit_;
  const std::vector<double> bounds_;
  Footprint footprint_;
  Resources resources_;
  Candidates candidates_;
  Emission emission_;
  const engine::StageContext context_;
  std::shared_ptr<storage::KeptState> keeps_;  // shared by all cores; null: nothing is kept
  std::shared_ptr<KeptResources> kept_;        // the same
  std::size_t saving_ = 0;
  bool drained_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // a save that ends later looks whether this is still there
  AdjustedCounts counts_;
  std::size_t series_count_ = 0;
  bool warned_ = false;
  TimePoint next_flush_{}, next_review_ = TimePoint::max();

  // Of the request and span at hand.
  TimePoint now_{};
  UnixNanos wall_ = 0;
  bool only_kept_ = false;
  KeyBuffer key_;
  std::size_t common_key_ = 0;
  std::vector<AttributeView> slots_, event_slots_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context) {
  WEIR_ASSIGN(auto dimensions, Dimensions::make(config, instance_of(config, context.id)));
  return std::make_unique<SpanMetrics>(config, std::move(dimensions), context);
}

}  // namespace weir::connectors::spanmetrics
