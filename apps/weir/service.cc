#include "weir/service.h"

#include <csignal>

#include "base/log.h"
#include "components/shared/listeners/listeners.h"
#include "telemetry/detail.h"
#include "weir/own_metrics.h"
#include "weir/own_pipelines.h"

namespace weir::app {
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
  memory_.watch(*team_, cores);
  budget_.set_probe([this] { memory_.check(); });
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
  memory_.reset();
  log::info("Memory", {{"limit", to_string(memory_limit_of(loaded->spec))}});
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
  on_first_core([this](io::Task done) {  // waits: finish_stop() must not come in between
    running_->engine->hurry();
    done();
  });
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

void Service::limit_memory(std::size_t bytes) { memory_.limit(bytes); }

void Service::watch_memory() {
  memory_.check();
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
