#include "components/receivers/prometheus/loop.h"

#include "base/gates.h"
#include "base/log.h"
#include "otlp/batch.h"
#include "prometheus/number.h"

namespace weir::receivers::prometheus {
namespace {

FamilySettings family_settings(const Job& job, const scrape::Target& target) {
  FamilySettings out{.discovered = target.discovered, .job = std::string(target.labels.get(scrape::job_label)), .instance = std::string(target.instance()),
                     .trim_suffixes = job.trim_suffixes, .scope_info = !gates::enabled("receiver.prometheusreceiver.IgnoreScopeInfoMetric", true)};
  for (auto& [name, value] : job.external_labels) out.external_labels.set(name, value);
  return out;
}

std::size_t body_limit(const scrape::ScrapeConfig& config) {
  return config.own.body_size_limit.value > 0 ? config.own.body_size_limit.value - 1 : std::size_t{256} * 1024 * 1024;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Duration offset_of(std::uint64_t hash, Duration interval, UnixNanos now) {
  auto step = static_cast<std::uint64_t>(interval.count());
  std::uint64_t next = step - now % step + hash % step;
  return Duration{static_cast<std::int64_t>(next > step ? next - step : next)};
}

TargetLoop::TargetLoop(LoopContext& context, std::shared_ptr<JobTools> tools, scrape::TargetPtr target)
    : context_(context),
      tools_(std::move(tools)),
      target_(std::move(target)),
      series_(series_settings(tools_->job->config), family_settings(*tools_->job, *target_), target_, tools_->rules, context.churn),
      charge_(context.host.budget().empty_charge()) {}

TargetLoop::~TargetLoop() {
  context_.executor.cancel(timer_);
  if (fetch_ != 0) tools_->fetcher->cancel(fetch_);
  context_.board.remove(context_.receiver, tools_->job->name(), target_->hash);
}

void TargetLoop::start() {
  Duration wait = context_.initial_offset + offset_of(target_->hash ^ context_.offset_seed, target_->interval, context_.executor.wall());
  next_ = context_.executor.now() + wait;
  aligned_ = context_.executor.wall() + static_cast<UnixNanos>(wait.count());
  context_.board.set(context_.receiver, tools_->job->name(), context_.shard, target_);
  timer_ = context_.executor.at(next_, [this] { scrape(); });
}

void TargetLoop::schedule() {
  TimePoint now = context_.executor.now();
  do {
    next_ += target_->interval;
    aligned_ += static_cast<UnixNanos>(target_->interval.count());
  } while (next_ <= now);
  timer_ = context_.executor.at(next_, [this] { scrape(); });
}

void TargetLoop::scrape() {
  schedule();
  if (fetch_ != 0) return;
  UnixNanos wall = context_.executor.wall(), due = aligned_ - static_cast<UnixNanos>(target_->interval.count());
  auto late = static_cast<std::int64_t>(wall - due);
  auto tolerance = std::min<std::int64_t>(target_->interval.count() / 100, 2'000'000);
  if (std::abs(late) > target_->interval.count() / 2) aligned_ += static_cast<UnixNanos>(late);  // the clock was set
  time_ = static_cast<std::int64_t>((std::abs(late) <= tolerance ? due : wall) / 1'000'000);
  began_ = context_.executor.now();
  if (!forced_error_.empty()) {
    series_.take_nothing(time_);
    return finish(fail(Errc::refused, "{}", forced_error_), {}, 0);
  }
  scrape::Fetcher::Request request{.url = target_->url, .headers = tools_->headers, .timeout = target_->timeout, .max_body = body_limit(tools_->job->config), .size_hint = size_hint_};
  request.headers.add("x-prometheus-scrape-timeout-seconds", fmt::format("{}", seconds(target_->timeout)));
  fetch_ = tools_->fetcher->get(std::move(request), [this](Result<scrape::Fetched> answer) { answered(std::move(answer)); });
}

Result<> TargetLoop::take(scrape::Fetched& answer, TargetSeries::Counts& counts) {
  const auto& config = tools_->job->config;
  if (answer.status != 200) return fail(Errc::retryable, "server returned HTTP status {}", answer.status);
  if (answer.body.empty()) {
    series_.take_nothing(time_);
    return {};
  }
  WEIR_ASSIGN(auto format, exposition::format_of(answer.headers.get("content-type"), scrape::format_of(*config.fallback_scrape_protocol)));
  exposition::Options options{.native_histograms = target_->native_histograms, .keep_classic = target_->classic_histograms, .convert_classic = target_->convert_histograms,
                              .start_timestamps = gates::enabled("receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion")};
  auto parser = exposition::make_parser(format, answer.body, options);
  return series_.take(*parser, time_, counts);
}

void TargetLoop::answered(Result<scrape::Fetched> answer) {
  fetch_ = 0;
  TargetSeries::Counts counts;
  Result<> result = answer ? take(*answer, counts) : fail(answer.error());
  double bytes = 0;
  if (answer && answer->status == 200) {
    bytes = static_cast<double>(answer->body.size());
    if (!answer->body.empty()) size_hint_ = answer->body.size();
  } else if (!answer && answer.error().what == scrape::Fetcher::too_large) {
    bytes = -1;
  }
  if (!result) series_.take_nothing(time_);
  if (answer) *answer = {};
  finish(std::move(result), counts, bytes);
}

void TargetLoop::finish(Result<> result, const TargetSeries::Counts& counts, double bytes) {
  Duration took = context_.executor.now() - began_;
  series_.report("up", result ? 1 : 0, time_);
  series_.report("scrape_duration_seconds", seconds(took), time_);
  series_.report("scrape_samples_scraped", static_cast<double>(counts.scraped), time_);
  series_.report("scrape_samples_post_metric_relabeling", static_cast<double>(counts.kept), time_);
  series_.report("scrape_series_added", static_cast<double>(counts.added), time_);
  if (context_.extra_metrics || tools_->job->config.own.extra_scrape_metrics.value_or(false)) {
    series_.report("scrape_timeout_seconds", seconds(target_->timeout), time_);
    series_.report("scrape_sample_limit", static_cast<double>(tools_->job->config.own.sample_limit), time_);
    series_.report("scrape_body_size_bytes", bytes, time_);
  }
  scraped_ = true;
  charge_series();
  std::string error = result ? "" : result.error().what;
  if (!result && !failing_) log::warn("Failed to scrape Prometheus endpoint", {{"job", tools_->job->name()}, {"url", target_->url}, {"error", error}});
  failing_ = !result;
  context_.board.scraped(context_.receiver, tools_->job->name(), target_->hash, {.error = error, .at_ms = time_, .took = took, .samples = counts.scraped, .series = series_.series(), .bytes = charge_.bytes()});
  push();
  if (auto done = std::exchange(after_scrape_, {})) done();
}

// What was read is there already; it counts against what comes next.
void TargetLoop::charge_series() {
  if (series_.series() == charged_series_) return;
  charged_series_ = series_.series();
  std::size_t bytes = series_.bytes();
  if (bytes > charge_.bytes()) charge_.grow_unchecked(bytes - charge_.bytes());
  else charge_.shrink_to(bytes);
}

// In one piece: a scrape's points stay together.
void TargetLoop::push() {
  std::size_t points = 0;
  Bytes request = series_.encode(points);
  if (points == 0) return;
  Charge charge;
  if (!context_.host.budget().try_charge(request.size(), charge)) {
    context_.intake.refused(engine::Signal::metrics, "http", points);
    return;
  }
  std::size_t size = request.size();
  auto batch = otlp::Batch::trusted(engine::Signal::metrics, std::move(request), points);
  batch.set_bytes(size);
  batch.charge = std::move(charge);
  context_.intake.push(std::move(batch), "http", [job = tools_->job->name()](Outcome outcome) {
    static log::RateLimit lines;
    if (long long more = 0; outcome && lines.allow(more)) log::error("Scrape commit failed", {{"job", job}, {"error", outcome->what}, {"suppressed", more}});
  });
}

void TargetLoop::report_stale(std::int64_t now) {
  double stale = weir::prometheus::stale_marker();
  for (std::string_view name : {"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"}) series_.report(name, stale, now);
  if (!context_.extra_metrics && !tools_->job->config.own.extra_scrape_metrics.value_or(false)) return;
  for (std::string_view name : {"scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"}) series_.report(name, stale, now);
}

void TargetLoop::end_series() {
  if (!scraped_) return;
  std::int64_t now = static_cast<std::int64_t>(context_.executor.wall() / 1'000'000);
  series_.take_nothing(now);
  report_stale(now);
  push();
}

// The markers have the time of the next scrape that would have been; they are told later because the target may come back,
// perhaps on another core, and its samples must not stand in front of them.
void TargetLoop::retire(io::Task done) {
  retiring_ = true;
  context_.executor.cancel(timer_);
  if (fetch_ != 0) tools_->fetcher->cancel(std::exchange(fetch_, 0));
  context_.board.remove(context_.receiver, tools_->job->name(), target_->hash);
  if (!scraped_) {
    context_.executor.post(std::move(done));
    return;
  }
  std::int64_t stale_time = static_cast<std::int64_t>(aligned_ / 1'000'000);
  timer_ = context_.executor.at(next_ + target_->interval + target_->interval / 10, [this, stale_time, done = std::move(done)]() mutable {
    series_.take_nothing(stale_time);
    report_stale(stale_time);
    push();
    context_.executor.post(std::move(done));
  });
}

void TargetLoop::resume() {
  retiring_ = false;
  context_.executor.cancel(timer_);
  context_.board.set(context_.receiver, tools_->job->name(), context_.shard, target_);
  TimePoint now = context_.executor.now();
  if (next_ <= now) schedule();
  else timer_ = context_.executor.at(next_, [this] { scrape(); });
}

void TargetLoop::scrape_now(io::Task done) {
  after_scrape_ = std::move(done);
  if (fetch_ != 0) return;  // its answer is the last one
  context_.executor.cancel(timer_);
  scrape();
  context_.executor.cancel(timer_);
}

}  // namespace weir::receivers::prometheus
