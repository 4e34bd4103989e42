#include "components/exporters/prometheus/exporter.h"

#include "base/log.h"
#include "components/exporters/prometheus/accumulator.h"
#include "components/exporters/prometheus/exposition.h"
#include "components/shared/exporting/exporting.h"
#include "components/shared/web/site.h"
#include "engine/life.h"
#include "telemetry/owned.h"

namespace weir::exporters::prometheus {
namespace {

using engine::Batch;
using engine::Out;
using engine::Reason;

constexpr int max_scrapes = 32;  // at one time
constexpr std::size_t sweep_budget = 20'000;  // series looked at in one go, about 1 ms
constexpr Duration sweep_pause = 20ms;

// All state is on the first core, which is the only one that gets batches (Key::single); the others do nothing.
class Exporter : public engine::Stage, public engine::Listens {
 public:
  Exporter(const Config& config, const engine::StageContext& context)
      : config_(config),
        context_{context.host, context.executor},
        first_(context.shard == 0),
        id_(context.id.to_string()),
        store_(std::make_shared<Store>(config.metric_expiration, config.max_series, context.host.budget())),
        accumulator_(config_, *store_),
        sent_(exporting::SentCounters::of(context)),
        site_(config.server) {
    site_.add("/metrics", [this](const net::Request& request) { return scrape(request); });
    if (first_)
      series_ = telemetry::OwnedGauge(context.host.metrics(), "weir_prometheus_exporter_series", "Series that are served.", {{"exporter", id_}});
    auto space = weir::prometheus::LabelNamer{.utf8 = !weir::prometheus::escapes(config.strategy()), .keep_underscores = true}.build(config.name_space);
    target_info_ = space ? *space + "_target_info" : "target_info";
  }

  Result<> start(Out& out) override {
    if (!first_) return {};
    out.wake_at(out.now() + pause());
    return site_.start(context_.host, context_.executor);
  }

  void process(Batch batch, Out& out) override {
    Outcomes all;
    auto& arena = batch.arena();
    TimePoint now = out.now();
    for (auto& group : batch.groups()) {
      accumulator_.resource(group.resource.read(arena));
      for (auto& scope : group.scopes) {
        accumulator_.scope(scope.scope.read(arena), scope.schema_url);
        std::erase_if(scope.items, [&](weir::otlp::Item& item) {
          Outcomes one = accumulator_.metric(item.read<weir::otlp::Metric>(arena), arena, now);
          tell(item, arena, one, all);
          item.points = one.kept;
          return one.kept == 0;
        });
      }
    }
    batch.prune();
    if (all.invalid) out.count_dropped(all.invalid, Reason::invalid);
    if (all.no_room) out.count_dropped(all.no_room, Reason::cardinality);
    sent_.sent.add(batch.items());
    sent_.failed.add(all.invalid + all.no_room);
    series_.set(static_cast<double>(store_->size()));
    out.delivered(std::move(batch));
  }

  void tick(TimePoint now, Out& out) override {
    if (draining_) return;
    bool done = store_->sweep(now, sweep_budget);
    series_.set(static_cast<double>(store_->size()));
    out.wake_at(now + (done ? pause() : sweep_pause));
  }

  void drain(Out&) override {
    draining_ = true;
    if (first_) site_.stop();
  }
  void share_listeners() override { site_.share_listeners(); }

 private:
  struct Services {
    engine::Host& host;
    io::Executor& executor;
  };

  Duration pause() const { return std::clamp<Duration>(config_.metric_expiration / 2, 1s, 1min); }

  void tell(weir::otlp::Item& item, Arena& arena, const Outcomes& one, Outcomes& all) {
    all.invalid += one.invalid;
    all.no_room += one.no_room;
    long long more = 0;
    if (one.invalid && invalid_lines_.allow(more))
      log::warn("points cannot be served and are dropped", {{"exporter", id_},
                                                             {"metric", item.read<weir::otlp::Metric>(arena).name},
                                                             {"why", one.why},
                                                             {"points", one.invalid},
                                                             {"suppressed", more}});
    if (one.no_room && full_lines_.allow(more))
      log::warn("no room for more series: their points are dropped",
                {{"exporter", id_}, {"series", store_->size()}, {"max_series", config_.max_series}, {"suppressed", more}});
  }

  net::Response scrape(const net::Request& request) {
    if (open_.use_count() > max_scrapes) return web::text("too many scrapes at one time\n", 503);
    Format format = Format::negotiate(request.headers.get("accept"), config_.enable_open_metrics);
    bool gzip = request.headers.get("accept-encoding").find("gzip") != std::string_view::npos;
    net::Response out{.headers = {{"content-type", format.content_type()}}};
    if (gzip) out.headers.add("content-encoding", "gzip");
    out.source = make_scrape(store_, format, config_.send_timestamps, target_info_, context_.executor.now(), gzip, open_);
    return out;
  }

  Config config_;
  Services context_;
  bool first_;
  std::string id_, target_info_;
  std::shared_ptr<Store> store_;  // shared with scrapes under way
  Accumulator accumulator_;
  exporting::SentCounters sent_;
  telemetry::OwnedGauge series_;  // first core only
  std::shared_ptr<void> open_ = std::make_shared<int>();  // one use more for each scrape under way
  web::Site site_;
  bool draining_ = false;
  log::RateLimit invalid_lines_, full_lines_;
};

}  // namespace

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context) {
  return std::make_unique<Exporter>(config, context);
}

}  // namespace weir::exporters::prometheus
