#include "weir/own_pipelines.h"

#include "weir/own_batches.h"

namespace weir::app {

// Makes batches of what was recorded, at intervals. The receiver of one own pipeline; its config is a Feed.
class OwnSource final : public engine::Receiver {
 public:
  OwnSource(const Feed& feed, const engine::ReceiverContext& context)
      : feed_(feed),
        own_(static_cast<OwnPipelines&>(context.host)),
        intake_(context.intake),
        executor_(context.executor),
        dropped_(own_.measured_.counter("weir_own_telemetry_dropped_items", "Own spans, log lines and metrics that found no room.",
                                        {{"signal", std::string(to_string(feed.signal))}})) {}
  ~OwnSource() override { leave(); }

  Result<> start() override {
    std::lock_guard lock(own_.mutex_);
    own_.sources_.push_back(this);
    arm();
    return {};
  }
  void stop(io::Task done) override {
    leave();
    executor_.cancel(timer_);
    timer_ = 0;
    flush();
    done();
  }

  // With the owner's mutex held, from any core.
  void offer(const telemetry::OwnSpan& span) {
    if (feed_.signal == otlp::Signal::traces) keep(spans_, span);
  }
  void offer(const log::Record& record) {
    if (feed_.signal == otlp::Signal::logs) keep(logs_, record);
  }

 private:
  void leave() {
    std::lock_guard lock(own_.mutex_);
    std::erase(own_.sources_, this);
  }
  void arm() {
    timer_ = executor_.at(executor_.now() + feed_.interval, [this] {
      flush();
      arm();
    });
  }

  template <class T>
  void keep(std::vector<T>& waiting, const T& item) {
    if (waiting.size() < feed_.max_waiting)
      waiting.push_back(item);
    else
      lost_.fetch_add(1, std::memory_order_relaxed);
  }
  template <class T>
  std::vector<T> take(std::vector<T>& waiting) {
    std::lock_guard lock(own_.mutex_);
    return std::exchange(waiting, {});
  }
  template <class T, class Make>
  void push_parts(const std::vector<T>& items, Make make) {
    for (std::size_t at = 0; at < items.size(); at += feed_.max_batch)
      push(make(std::span(items).subspan(at, std::min(feed_.max_batch, items.size() - at))));
  }

  void flush() {
    if (auto lost = lost_.exchange(0)) dropped_.add(lost);
    switch (feed_.signal) {
      case otlp::Signal::metrics: return push_metrics();
      case otlp::Signal::logs: return push_parts(take(logs_), [&](auto part) { return logs_batch(part, own_.resource_); });
      default: return push_parts(take(spans_), [&](auto part) { return spans_batch(part, own_.resource_, rng_); });
    }
  }
  void push_metrics() {
    auto families = own_.measured_.collect();
    UnixNanos now = executor_.wall();
    bool delta = feed_.delta && last_at_ != 0;
    push(metrics_batch(families, delta ? std::span<const telemetry::Family>(last_) : std::span<const telemetry::Family>(), own_.resource_,
                       delta ? last_at_ : own_.since_, now));
    if (!feed_.delta) return;
    last_ = std::move(families);
    last_at_ = now;
  }
  void push(otlp::Batch batch) {
    std::size_t items = batch.items();
    intake_.push(std::move(batch), "own", [this, items](Outcome outcome) {
      if (outcome) dropped_.add(items);
    });
  }

  const Feed feed_;
  OwnPipelines& own_;
  engine::Intake& intake_;
  io::Executor& executor_;
  telemetry::Counter& dropped_;
  std::atomic<std::uint64_t> lost_{0};
  std::vector<telemetry::OwnSpan> spans_;  // guarded by the owner's mutex, like logs_
  std::vector<log::Record> logs_;
  std::vector<telemetry::Family> last_;    // delta: what was sent last
  UnixNanos last_at_ = 0;
  Rng rng_ = Rng::from_system();
  io::TimerId timer_ = 0;
};

namespace {

const engine::Factory source_factory{
    .kind = engine::Kind::receiver,
    .type = "own",
    .summary = "weir's own telemetry.",
    .signals = {otlp::all_signals.begin(), otlp::all_signals.end()},
    .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
      return std::make_unique<OwnSource>(*static_cast<const Feed*>(config), context);
    }};

engine::PlanSpec spec_of(std::span<const Feed> feeds) {
  engine::PlanSpec out;
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    config::ComponentId id{"own", std::to_string(i)};
    out.receivers.push_back({id, &source_factory, std::make_shared<const Feed>(feeds[i]), {}});
    out.exporters.push_back(feeds[i].exporter);
    out.pipelines.push_back({.id = fmt::format("{}/own-{}", to_string(feeds[i].signal), i),
                             .signal = feeds[i].signal,
                             .receivers = {id},
                             .processors = {},
                             .exporters = {feeds[i].exporter.id}});
  }
  return out;
}

}  // namespace

OwnPipelines::OwnPipelines(io::Loop& loop, io::Workers& workers, Budget& budget, telemetry::Registry& measured)
    : loop_(loop), workers_(workers), budget_(budget), measured_(measured), since_(loop.wall()) {}

OwnPipelines::~OwnPipelines() { leave_off(); }

void OwnPipelines::start(const OwnTelemetry& own, std::move_only_function<void(Result<>)> done) {
  if (own.feeds.empty()) return done({});
  resource_ = own.resource;
  span_share_ = own.span_share;
  for (auto& feed : own.feeds) {
    wants_spans_ |= feed.signal == otlp::Signal::traces && span_share_ > 0;
    wants_logs_ |= feed.signal == otlp::Signal::logs;
  }
  auto plan = engine::Plan::build(spec_of(own.feeds));
  if (!plan) return done(fail(plan.error().front()));
  engine_ = std::make_unique<engine::Engine>(std::move(*plan), std::vector<io::Executor*>{&loop_}, *this, rng_.next());
  engine_->start([done = std::move(done)](Result<> started) mutable {
    if (!started) return done(fail(started.error().code, "service::telemetry: {}", started.error().what));
    done({});
  });
}

void OwnPipelines::listen() {
  if (!wants_logs_) return;
  listens_ = true;
  log::set_tap([this](log::Record record) { take(std::move(record)); });
}

void OwnPipelines::leave_off() {
  if (std::exchange(listens_, false)) log::set_tap(nullptr);
}

void OwnPipelines::stop(Duration patience, io::Task done) {
  leave_off();
  if (!engine_) return done();
  engine_->stop(patience, std::move(done));
}

void OwnPipelines::record(telemetry::OwnSpan span) {
  std::lock_guard lock(mutex_);
  if (rng_.unit() >= span_share_) return;
  for (OwnSource* source : sources_) source->offer(span);
}

void OwnPipelines::take(log::Record record) {
  std::lock_guard lock(mutex_);
  for (OwnSource* source : sources_) source->offer(record);
}

}  // namespace weir::app
