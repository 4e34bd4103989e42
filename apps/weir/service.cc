#include "weir/service.h"

#include <csignal>

#include "base/log.h"
#include "components/shared/listeners/listeners.h"
#include "weir/change.h"

namespace weir::app {
namespace {

// The items that each component dropped because the process ends.
std::map<std::string, std::uint64_t> lost(const std::vector<engine::LedgerRow>& ledger) {
  std::map<std::string, std::uint64_t> out;
  for (auto& row : ledger) out[row.component] += row.dropped[static_cast<std::size_t>(engine::Reason::shutdown)];
  return out;
}

}  // namespace

Service::Service(std::size_t cores, io::Team::Threads threads) {
  std::vector<io::Loop*> loops;
  for (std::size_t i = 0; i < cores; ++i)
    loops.push_back(cores_.emplace_back(std::make_unique<io::Loop>(io::CoreId{static_cast<std::uint16_t>(i)})).get());
  team_ = std::make_unique<io::Team>(std::move(loops), threads);
  memory_.watch(*team_, cores);
  budget_.set_probe([this] { memory_.check(); });
  spans_ = std::make_unique<SpanRelay>();
  process_metrics_ = add_process_metrics(metrics_, budget_);
  listeners_ = Listeners::of(*this);
  cores_.front()->post([this] { watch_memory(); });
}

Service::~Service() {
  if (running_) halt(0s);
}

void Service::on_first_core(std::function<void(io::Task)> work) {
  std::promise<void> finished;
  cores_.front()->post([&] { work([&finished] { finished.set_value(); }); });
  finished.get_future().wait();
}

Result<> Service::start(Loaded loaded) {
  std::vector<io::Executor*> executors;
  for (auto& core : cores_) executors.push_back(core.get());
  log::configure(loaded.own.logs);
  log::info("Memory", {{"limit", to_string(memory_limit_of(loaded.spec))}});
  running_ = std::make_unique<Running>();
  running_->engine = std::make_unique<engine::Engine>(executors, *this, Rng::from_system().next());
  WEIR_TRY(change_to(std::move(loaded)));
  running_->ledger_source = add_ledger_metrics(metrics_, *running_->engine);
  return {};
}

Result<> Service::reload(Loaded loaded) { return change_to(std::move(loaded)); }

Result<> Service::change_to(Loaded loaded) {
  auto to = std::make_shared<const Loaded>(std::move(loaded));  // kept by what runs, to be compared with the next one
  Result<> result;
  on_first_core([&](io::Task done) {
    Change& change = *changes_.emplace_back(std::make_unique<Change>(*this, to));
    set_changing(&change);
    change.run([&result, done = std::move(done)](Result<> changed) mutable {
      result = std::move(changed);
      done();
    });
  });
  return result;
}

void Service::halt(Duration patience) {
  if (!running_) return;
  on_first_core([&](io::Task done) { begin_halt(patience, std::move(done)); });
  end_halt();
}

// On the first core.
void Service::begin_halt(Duration patience, io::Task done) {
  for (auto& hosted : running_->extensions) hosted.extension->not_ready();
  running_->engine->stop(patience, [this, patience, done = std::move(done)]() mutable {
    wait_for_changes([this, patience, done = std::move(done)]() mutable {
      for (auto at = running_->extensions.rbegin(); at != running_->extensions.rend(); ++at) at->extension->stop();
      running_->metrics_server.reset();
      {
        std::lock_guard lock(extensions_mutex_);
        running_->extensions.clear();
      }
      if (!running_->own) return done();
      running_->own->stop(std::min(patience, own_patience), [this, done = std::move(done)]() mutable {
        spans_->lead_to(nullptr);
        done();
      });
    });
  });
}

// Until nothing of earlier configurations is left.
void Service::wait_for_changes(io::Task done) {
  if (changes_.empty()) return done();
  cores_.front()->after(5ms, [this, done = std::move(done)]() mutable { wait_for_changes(std::move(done)); });
}

void Service::end_halt() {
  running_->ledger_source.reset();
  last_ledger_ = running_->engine->ledger(false);
  running_.reset();
}

std::future<void> Service::begin_stop(Duration patience) {
  lost_before_stop_ = lost(ledger());
  std::promise<void> finished;
  auto future = finished.get_future();
  cores_.front()->post([this, patience, finished = std::move(finished)]() mutable {
    begin_halt(patience, [finished = std::move(finished)]() mutable { finished.set_value(); });
  });
  return future;
}

void Service::hurry() {
  on_first_core([this](io::Task done) {  // waits: finish_stop() must not come in between
    running_->engine->hurry();
    done();
  });
}

bool Service::finish_stop() {
  end_halt();
  bool whole = true;
  for (auto& [component, items] : lost(last_ledger_)) {
    std::uint64_t now_lost = items - lost_before_stop_[component];
    if (now_lost == 0) continue;
    whole = false;
    log::error("Stopped before everything was delivered", {{"component", component}, {"dropped_items", now_lost}});
  }
  return whole;
}

std::vector<engine::LedgerRow> Service::ledger() const {
  return running_ ? running_->engine->ledger(false) : last_ledger_;
}

void Service::set_changing(const Change* change) {
  std::lock_guard lock(extensions_mutex_);
  changing_ = change;
}

telemetry::SpanSink* Service::own_spans() { return spans_->wanted() ? spans_.get() : nullptr; }

engine::Extension* Service::extension(const config::ComponentId& id) {
  std::lock_guard lock(extensions_mutex_);
  if (changing_ != nullptr)
    if (auto* found = changing_->extension(id)) return found;
  for (auto& hosted : running_->extensions)
    if (hosted.spec.id == id) return hosted.extension.get();
  return nullptr;
}

void Service::limit_memory(std::size_t bytes) { memory_.limit(bytes); }

void Service::watch_memory() {
  memory_.check();
  cores_.front()->after(100ms, [this] { watch_memory(); });
}

std::string Service::describe_plan() { return plan() ? plan()->explain() : std::string(); }

const engine::Plan* Service::plan() { return running_ ? running_->engine->plan() : nullptr; }

void Service::request_shutdown(const Error& reason) {
  log::error("Shutting down", {{"error", reason.what}});
  failed_ = true;
  kill(getpid(), SIGTERM);
}

}  // namespace weir::app
