#include "components/processors/resourcedetection/detection.h"

#include "base/log.h"

namespace weir::processors::resourcedetection {

void merge(Finding& into, const Finding& more) {
  for (auto& attribute : more.attributes)
    if (into.find(attribute.key) == nullptr) into.attributes.push_back(attribute);
  if (into.schema_url.empty()) into.schema_url = more.schema_url;
}

Detection::Detection(Config config, io::Workers& workers, std::unique_ptr<Surroundings> around)
    : config_(std::move(config)), workers_(workers), around_(std::move(around)) {
  for (auto& name : config_.detectors) asked_.push_back({.detector = find_detector(name)});
}

void Detection::run(io::Executor& home) {
  {
    std::lock_guard lock(mutex_);
    if (running_ || (last_begun_ && home.now() - *last_begun_ < config_.refresh_interval)) return;
    if (last_begun_ && config_.refresh_interval == 0s) return;
    running_ = true;
    last_begun_ = home.now();
  }
  deadline_ = home.now() + config_.timeout;
  open_ = asked_.size();
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    asked_[i] = {.detector = asked_[i].detector};
    ask(i, home);
  }
  if (asked_.empty()) finish();
}

void Detection::ask(std::size_t i, io::Executor& home) {
  ++asked_[i].attempts;
  auto self = shared_from_this();
  auto work = [self, i] { self->asked_[i].answer = self->asked_[i].detector->detect(self->config_, *self->around_); };
  auto submitted = workers_.submit(io::Workers::Priority::normal, home, std::move(work), [self, i, &home] { self->answered(i, home); });
  if (submitted) return;
  asked_[i].answer = std::unexpected(submitted.error());
  home.post([self, i, &home] { self->answered(i, home); });
}

// A failed detector is asked again after 1 s, 2 s, 4 s, as long as the time lasts.
void Detection::answered(std::size_t i, io::Executor& home) {
  Asked& asked = asked_[i];
  if (!asked.answer) {
    Duration wait = 1s * (1 << std::min(asked.attempts - 1, 6u));
    bool again = asked.answer.error().code == Errc::retryable && home.now() + wait < deadline_;
    log::warn("A detector failed", {{"detector", asked.detector->name}, {"error", asked.answer.error().what}, {"again", again}});
    if (again) {
      home.at(home.now() + wait, [self = shared_from_this(), i, &home] { self->ask(i, home); });
      return;
    }
  }
  if (--open_ == 0) finish();
}

void Detection::finish() {
  auto found = std::make_shared<Finding>();
  std::size_t answers = 0;
  for (Asked& asked : asked_) {
    if (!asked.answer) continue;
    ++answers;
    keep_enabled(*asked.answer, *asked.detector, config_);
    merge(*found, *asked.answer);
  }
  log::info("Detected the resource this runs on", {{"attributes", found->attributes.size()}, {"detectors", answers}});
  std::vector<Waiting> waiting;
  {
    std::lock_guard lock(mutex_);
    if (!result_ || answers > 0) result_ = std::move(found);
    running_ = false;
    waiting = std::exchange(waiting_, {});
  }
  for (auto& [home, told] : waiting) home->post(std::move(told));
}

std::shared_ptr<const Finding> Detection::result() const {
  std::lock_guard lock(mutex_);
  return result_;
}

void Detection::when_done(io::Executor& home, io::Task told) {
  {
    std::lock_guard lock(mutex_);
    if (!result_) {
      waiting_.push_back({&home, std::move(told)});
      return;
    }
  }
  home.post(std::move(told));
}

}  // namespace weir::processors::resourcedetection
