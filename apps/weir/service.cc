#include "weir/service.h"

#include <malloc.h>

#include <csignal>

#include "base/log.h"
#include "base/memory.h"
#include "components/shared/listeners/listeners.h"
#include "telemetry/detail.h"
#include "weir/own_metrics.h"
#include "weir/own_pipelines.h"

namespace weir::app {
namespace {

// Bodies in flight may fill this share of the soft limit; the rest is for what is made of them.
constexpr double body_share = 0.6;

}  // namespace

// What exists between a start and the next stop.
struct Service::Running {
  std::shared_ptr<const Loaded> loaded;  // the configuration, kept for going back to it
  std::vector<std::pair<config::ComponentId, std::unique_ptr<engine::Extension>>> extensions;
  std::unique_ptr<OwnPipelines> own;  // outlives the engine, which records spans there
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<OwnMetricsServer> metrics_server;
  std::shared_ptr<void> ledger_source;
};

Service::Service(std::size_t cores, io::Team::Threads threads) {
  std::vector<io::Loop*> loops;
  for (std::size_t i = 0; i < cores; ++i)
    loops.push_back(cores_.emplace_back(std::make_unique<io::Loop>(io::CoreId{static_cast<std::uint16_t>(i)})).get());
  team_ = std::make_unique<io::Team>(std::move(loops), threads);
  refusing_from_ = total_memory() / 100 * 75;
  budget_.set_limit(static_cast<std::size_t>(static_cast<double>(refusing_from_) * body_share));
  budget_.set_probe([this] { check_memory(); });
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

std::expected<engine::Plan, std::vector<Error>> Service::plan_of(const Loaded& loaded) const {
  engine::PlanSpec spec = loaded.spec;
  spec.data_directory = !data_.path.empty();
  return engine::Plan::build(std::move(spec));
}

Result<> Service::start(Loaded loaded) { return launch(std::make_shared<const Loaded>(std::move(loaded))); }

Result<> Service::launch(std::shared_ptr<const Loaded> loaded) {
  auto plan = plan_of(*loaded);
  if (!plan) return fail(plan.error().front());
  log::configure(loaded->own.logs);
  telemetry::set_detailed(loaded->own.detailed);
  auto running = std::make_unique<Running>();
  running->loaded = loaded;
  std::vector<io::Executor*> executors;
  for (auto& core : cores_) executors.push_back(core.get());
  running->engine = std::make_unique<engine::Engine>(std::move(*plan), executors, *this, Rng::from_system().next());
  running->own = std::make_unique<OwnPipelines>(*cores_.front(), workers_, budget_, metrics_);
  running_ = std::move(running);

  Result<> result;
  on_first_core([&](io::Task done) {
    running_->own->start(loaded->own, [this, &result, done = std::move(done)](Result<> started) mutable {
      if (result = std::move(started); !result) return done();
      start_engine([&result, done = std::move(done)](Result<> ready) mutable {
        result = std::move(ready);
        done();
      });
    });
  });
  if (!result) {
    halt(0s);
    return result;
  }
  Listeners::of(*this)->close_rest();
  running_->ledger_source = add_ledger_metrics(metrics_, *running_->engine);
  return {};
}

// After own telemetry, on the first core.
void Service::start_engine(std::move_only_function<void(Result<>)> done) {
  if (auto started = start_extensions(); !started) return done(std::move(started));
  running_->engine->start([this, done = std::move(done)](Result<> started) mutable {
    if (started) started = serve_own_metrics();
    for (auto& [id, extension] : running_->extensions)
      if (started) extension->ready();
    done(std::move(started));
  });
}

Result<> Service::start_extensions() {
  for (auto& spec : running_->loaded->spec.extensions) {
    engine::ExtensionContext context{.id = spec.id, .executor = *cores_.front(), .host = *this};
    auto made = spec.factory->make_extension(spec.config.get(), context);
    Result<> started = made ? (*made)->start() : Result<>(std::unexpected(made.error()));
    if (!started) return fail(started.error().code, "extension \"{}\": {}", spec.id.to_string(), started.error().what);
    running_->extensions.emplace_back(spec.id, std::move(*made));
  }
  return {};
}

Result<> Service::serve_own_metrics() {
  auto server = OwnMetricsServer::start(*cores_.front(), running_->loaded->own, metrics_, Listeners::of(*this));
  if (!server) return fail(std::move(server).error());
  running_->metrics_server = std::move(*server);
  return {};
}

void Service::halt(Duration patience) {
  if (!running_) return;
  on_first_core([&](io::Task done) { begin_halt(patience, std::move(done)); });
  end_halt();
}

// On the first core.
void Service::begin_halt(Duration patience, io::Task done) {
  for (auto& [id, extension] : running_->extensions) extension->not_ready();
  running_->engine->stop(patience, [this, patience, done = std::move(done)]() mutable {
    for (auto at = running_->extensions.rbegin(); at != running_->extensions.rend(); ++at) at->second->stop();
    running_->metrics_server.reset();
    running_->extensions.clear();
    running_->own->stop(std::min(patience, own_patience), std::move(done));
  });
}

void Service::end_halt() {
  running_->ledger_source.reset();
  last_ledger_ = running_->engine->ledger(false);
  running_.reset();
}

Result<> Service::reload(Loaded loaded) {
  auto before = running_->loaded;
  auto fresh = std::make_shared<const Loaded>(std::move(loaded));
  if (auto plan = plan_of(*fresh); !plan) return fail(plan.error().front());
  halt(reload_patience);
  if (auto started = launch(fresh); !started) {
    if (auto again = launch(before); !again)
      request_shutdown(Error{Errc::internal, "the configuration before the reload does not start any more: " + again.error().what, {}});
    return started;
  }
  return {};
}

std::future<void> Service::begin_stop(Duration patience) {
  Listeners::of(*this)->stop();
  std::promise<void> finished;
  auto future = finished.get_future();
  cores_.front()->post([this, patience, finished = std::move(finished)]() mutable {
    begin_halt(patience, [finished = std::move(finished)]() mutable { finished.set_value(); });
  });
  return future;
}

void Service::hurry() {
  cores_.front()->post([this] { running_->engine->hurry(); });
}

bool Service::finish_stop() {
  end_halt();
  std::uint64_t lost = 0;
  for (auto& row : last_ledger_) lost += row.dropped[static_cast<std::size_t>(engine::Reason::shutdown)];
  if (lost) log::error("Stopped before everything was delivered", {{"dropped_items", lost}});
  return lost == 0;
}

std::vector<engine::LedgerRow> Service::ledger() const {
  return running_ ? running_->engine->ledger(false) : last_ledger_;
}

telemetry::SpanSink* Service::own_spans() { return running_ ? running_->own->spans() : nullptr; }

engine::Extension* Service::extension(const config::ComponentId& id) {
  if (running_)
    for (auto& [known, extension] : running_->extensions)
      if (known == id) return extension.get();
  return nullptr;
}

void Service::limit_memory(std::size_t bytes) {
  std::lock_guard lock(memory_mutex_);
  refusing_from_ = std::min(refusing_from_.load(), bytes);
  budget_.set_limit(static_cast<std::size_t>(static_cast<double>(refusing_from_) * body_share));
}

// Opens and closes the budget by what the process really uses.
void Service::check_memory() {
  std::size_t resident = resident_memory(), limit = refusing_from_.load(std::memory_order_relaxed);
  if (resident > limit) {
    if (!budget_.closed()) give_back_memory();
    budget_.set_closed(resident_memory() > limit);
  } else if (resident < limit / 10 * 9) {
    if (budget_.closed()) mallopt(M_TRIM_THRESHOLD, kept_by_allocator);
    budget_.set_closed(false);
  }
}

// What was freed goes back to the system: between what is in use, and at the end of each core's heap, which the allocator
// looks at only when its core frees something large.
void Service::give_back_memory() {
  constexpr int little = 128 * 1024;
  mallopt(M_TRIM_THRESHOLD, little);
  malloc_trim(0);
  team_->each_thread([] {
    void* volatile large = std::malloc(little);  // else the compiler leaves out both
    std::free(large);
  });
}

void Service::watch_memory() {
  // What was given up since the budget closed shows only when it is back with the system; each second, as it takes a while.
  if (budget_.closed() && ++rounds_closed_ % 10 == 0) give_back_memory();
  check_memory();
  cores_.front()->after(100ms, [this] { watch_memory(); });
}

std::string Service::describe_plan() { return running_ ? running_->engine->plan().explain() : std::string(); }

const engine::Plan* Service::plan() { return running_ ? &running_->engine->plan() : nullptr; }

void Service::request_shutdown(const Error& reason) {
  log::error("Shutting down", {{"error", reason.what}});
  failed_ = true;
  kill(getpid(), SIGTERM);
}

}  // namespace weir::app
