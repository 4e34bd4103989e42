// Start times for cumulative series that come without, as those of Prometheus do.
#include "base/regex.h"
#include "components/shared/metric_streams/edit_points.h"
#include "components/shared/metric_streams/stored_point.h"
#include "components/shared/metric_streams/streams.h"
#include "engine/decode.h"

namespace weir::processors::metricstarttime {

enum class Strategy : std::uint8_t { true_reset_point, subtract_initial_point, start_time_metric };
std::span<const config::Choice> choices_of(Strategy);

struct Config {
  Strategy strategy = Strategy::true_reset_point;
  Duration gc_interval = 10min;
  std::string start_time_metric_regex;
  std::uint64_t max_streams = 1'000'000, max_streams_per_metric = 250'000;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

namespace {

using metric_streams::Fate;
using metric_streams::StoredPoint;
using metric_streams::StreamHasher;
using metric_streams::StreamId;
using otlp::MetricType;

constexpr UnixNanos before_reset = 1'000'000;  // a reset happened at least this long before the point that shows it

struct Tracked {
  UnixNanos start = 0;
  StoredPoint last;
  StoredPoint reference;  // subtract_initial_point: what is subtracted; without parts and value after a reset
  bool subtracts = false;
  std::size_t bytes() const { return last.bytes() + reference.bytes(); }
};

class MetricStartTime : public engine::Stage {
 public:
  MetricStartTime(const Config& config, std::optional<Regex> regex, const engine::StageContext& context)
      : config_(config), regex_(std::move(regex)), streams_({config.max_streams, config.max_streams_per_metric}, context), added_(context), begun_(context.executor.wall() / 1'000'000'000 * 1'000'000'000) {}

  void process(engine::Batch batch, engine::Out& out) override {
    if (streams_.size() == 0) out.wake_at(out.now() + config_.gc_interval);
    TimePoint now = out.now();
    Arena& arena = batch.arena();
    starts_.clear();
    if (config_.strategy == Strategy::start_time_metric) find_starts(batch);
    metric_streams::edit_points(
        std::move(batch), out, [this](const otlp::Metric& m) { return wants(m); },
        [&](const otlp::Metric& metric, otlp::DataPoint& point, const StreamHasher& ids) { return fate_of(metric, point, ids, now, arena); },
        [](otlp::Metric&, const StreamHasher&) {});
  }

  void tick(TimePoint now, engine::Out& out) override {
    metric_streams::sweep(streams_, now, config_.gc_interval, out);
  }

 private:
  bool wants(const otlp::Metric& m) const {
    switch (m.type) {
      case MetricType::summary: return true;
      case MetricType::sum:
      case MetricType::histogram:
      case MetricType::exponential_histogram: return m.temporality == otlp::Temporality::cumulative;
      default: return false;
    }
  }

  // What the metrics of each resource say. Resources may be on different cores, so none speaks for another.
  void find_starts(engine::Batch& batch) {
    StreamHasher hasher;
    for (auto& group : batch.groups()) {
      UnixNanos start = start_in(group, batch.arena());
      if (start == 0) continue;
      hasher.resource(group.resource.read(batch.arena()));
      starts_.try_emplace(hasher.resource_id(), start);
    }
  }

  // 0 when there is none.
  UnixNanos start_in(otlp::ResourceGroup& group, Arena& arena) const {
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        auto& m = item.read<otlp::Metric>(arena);
        bool number = m.type == MetricType::gauge || m.type == MetricType::sum;
        bool named = regex_ ? regex_->matches(m.name) : m.name == "process_start_time_seconds";
        if (!named || !number || m.points.empty()) continue;
        double seconds = m.points[0].type == otlp::NumberType::integer ? static_cast<double>(m.points[0].integer) : m.points[0].real;
        if (seconds > 0 && seconds < 1.8e10) return static_cast<UnixNanos>(seconds * 1e9);
      }
    return 0;
  }

  UnixNanos start_of(const StreamId& resource) const {
    auto found = starts_.find(resource);
    return found == starts_.end() ? begun_ : found->second;
  }

  Fate fate_of(const otlp::Metric& metric, otlp::DataPoint& point, const StreamHasher& ids, TimePoint now, Arena& arena) {
    if (point.start_time_unix_nano != 0 && point.start_time_unix_nano != point.time_unix_nano) return Fate::keep();  // has one
    StreamId id = ids.point(point.attributes);
    Tracked* tracked = streams_.find(id, now);
    if (tracked == nullptr) return first(metric, point, id, ids, now);
    point.start_time_unix_nano = tracked->start;
    if (point.flags & 1) return Fate::keep();
    StoredPoint arrived = StoredPoint::of(metric.type, point);
    if (is_reset(tracked->last, arrived, metric.type)) {
      tracked->start = point.time_unix_nano > before_reset ? point.time_unix_nano - before_reset : 0;
      tracked->subtracts = false;
      tracked->reference = {};
    }
    point.start_time_unix_nano = tracked->start;
    tracked->last = arrived.copy();
    if (tracked->subtracts && subtract(arrived, tracked->reference, metric.type)) {
      arrived.start = tracked->start;
      arrived.write(metric.type, arena, point);
    }
    streams_.account(id);
    return Fate::keep();
  }

  Fate first(const otlp::Metric& metric, otlp::DataPoint& point, const StreamId& id, const StreamHasher& ids, TimePoint now) {
    Tracked* tracked = streams_.add(id, ids.name(), now);
    if (tracked == nullptr) return Fate::drop(engine::Reason::cardinality);
    added_.tell(metric, point);
    tracked->last = StoredPoint::of(metric.type, point);
    tracked->start = config_.strategy == Strategy::start_time_metric ? start_of(ids.resource_id()) : point.time_unix_nano;
    if (config_.strategy == Strategy::subtract_initial_point) {
      tracked->reference = tracked->last.copy();
      tracked->subtracts = true;
    }
    streams_.account(id);
    point.start_time_unix_nano = tracked->start;
    return tracked->subtracts ? Fate::consume() : Fate::keep();
  }

  Config config_;
  std::optional<Regex> regex_;
  metric_streams::Streams<Tracked> streams_;
  metric_streams::Added added_;
  UnixNanos begun_;  // of this process, whole seconds
  std::unordered_map<StreamId, UnixNanos> starts_;  // start_time_metric: what the batch at hand says, by resource
};

}  // namespace

std::span<const config::Choice> choices_of(Strategy) {
  static constexpr std::array choices{config::Choice("true_reset_point", Strategy::true_reset_point),
                                      config::Choice("subtract_initial_point", Strategy::subtract_initial_point),
                                      config::Choice("start_time_metric", Strategy::start_time_metric)};
  return choices;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::strategy>("strategy", "Where start times come from."),
      field<&Config::gc_interval>("gc_interval", "A series without a new point for this long is forgotten.", {.min = 1ns}),
      field<&Config::start_time_metric_regex>("start_time_metric_regex", "start_time_metric: which metric has the time; process_start_time_seconds otherwise."),
      field<&Config::max_streams>("max_streams", "Series on all cores together; points of more are dropped and counted."),
      field<&Config::max_streams_per_metric>("max_streams_per_metric", "The same for metrics of one name; 0 is no limit."),
  };
  return rows;
}

Result<> Config::validate() const {
  if (start_time_metric_regex.empty()) return {};
  if (strategy != Strategy::start_time_metric) return fail(Errc::config, "start_time_metric_regex can only be used with the start_time_metric strategy");
  WEIR_TRY(Regex::compile(start_time_metric_regex));
  return {};
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "metricstarttime",
          .aliases = {"metric_start_time"},
          .summary = "Gives cumulative series a start time.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::resource; },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            auto& c = *static_cast<const Config*>(config);
            std::optional<Regex> regex;
            if (!c.start_time_metric_regex.empty()) {
              WEIR_ASSIGN(regex, Regex::compile(c.start_time_metric_regex));
            }
            return std::make_unique<MetricStartTime>(c, std::move(regex), context);
          }};
}

}  // namespace weir::processors::metricstarttime
