#include "weir/change.h"

#include "base/log.h"
#include "components/shared/listeners/listeners.h"
#include "engine/life.h"
#include "telemetry/detail.h"

namespace weir::app {
namespace {

// Whether settings have the id as a value, as those of components that use an extension do.
bool names(const engine::ComponentSpec& spec, const config::ComponentId& id) {
  return spec.settings.find(fmt::format("\"{}\"", id.to_string())) != std::string::npos;
}

void share(engine::Extension& extension) {
  if (auto* listens = dynamic_cast<engine::Listens*>(&extension)) listens->share_listeners();
}

bool wants_spans(const OwnTelemetry& own) {
  return std::ranges::any_of(own.feeds, [](const Feed& feed) { return feed.signal == otlp::Signal::traces; });
}

HostedExtension* find(std::vector<HostedExtension>& list, const config::ComponentId& id) {
  auto at = std::ranges::find_if(list, [&](auto& hosted) { return hosted.spec.id == id; });
  return at == list.end() ? nullptr : &*at;
}

}  // namespace

Change::Change(Service& service, std::shared_ptr<const Loaded> to)
    : service_(service),
      running_(*service.running_),
      to_(std::move(to)),
      own_changes_(!running_.loaded || running_.loaded->own.settings != to_->own.settings) {}

Change::~Change() = default;

// Settings of components also tell which lives of extensions they name: with another one they are other settings.
std::expected<engine::Plan, std::vector<Error>> Change::make_plan() {
  engine::PlanSpec spec = to_->spec;
  spec.data_directory = !service_.data_.path.empty();
  auto add_lives = [&](engine::ComponentSpec& of) {
    std::string more;
    for (auto& extension : spec.extensions)
      if (auto at = lives_.find(extension.id.to_string()); at != lives_.end() && names(of, extension.id))
        more += fmt::format(" with {} {}", at->first, at->second);
    of.settings += more;
  };
  for (auto& extension : spec.extensions) {
    add_lives(extension);
    HostedExtension* known = find(running_.extensions, extension.id);
    bool goes_on = known != nullptr && known->spec.settings == extension.settings;
    lives_[extension.id.to_string()] = goes_on ? known->life : ++running_.last_life;
  }
  // What stages do for own telemetry is decided when they are made.
  std::string measured = fmt::format(" detailed {} spans {}", to_->own.detailed, wants_spans(to_->own));
  for (auto* list : {&spec.receivers, &spec.processors, &spec.exporters, &spec.connectors})
    for (auto& component : *list) {
      add_lives(component);
      component.settings += measured;
    }
  return engine::Plan::build(std::move(spec));
}

void Change::run(std::move_only_function<void(Result<>)> done) {
  done_ = std::move(done);
  auto plan = make_plan();
  if (!plan) return take_back(plan.error().front());
  plan_ = std::move(*plan);
  telemetry::set_detailed(to_->own.detailed);
  service_.spans_->set_wanted(wants_spans(to_->own));
  Listeners::of(service_)->open();
  if (!running_.loaded) log::configure(to_->own.logs);
  own_changes_ ? start_own() : start_extensions();
}

engine::Extension* Change::extension(const config::ComponentId& id) const {
  auto at = std::ranges::find_if(extensions_, [&](auto& hosted) { return hosted.spec.id == id; });
  return at == extensions_.end() ? nullptr : at->extension.get();
}

void Change::start_own() {
  own_ = std::make_unique<OwnPipelines>(*service_.cores_.front(), service_.workers_, service_.budget_, service_.metrics_);
  own_->start(to_->own, [this](Result<> started) {
    if (!started) return take_back(std::move(started).error());
    if (!running_.loaded) service_.spans_->lead_to(own_->spans());  // the first request may come before all cores are ready
    start_extensions();
  });
}

void Change::start_extensions() {
  for (auto& hosted : running_.extensions) {
    auto same = [&](auto& spec) { return spec.id == hosted.spec.id && spec.settings == hosted.spec.settings; };
    if (std::ranges::none_of(plan_->spec().extensions, same)) share(*hosted.extension);
  }
  for (auto& spec : plan_->spec().extensions) {
    HostedExtension* known = find(running_.extensions, spec.id);
    if (known != nullptr && known->spec.settings == spec.settings) continue;
    if (auto started = start_extension(spec); !started)
      return take_back({started.error().code, fmt::format("extension \"{}\": {}", spec.id.to_string(), started.error().what), {}});
  }
  if (own_changes_)
    if (auto started = start_metrics_server(); !started) return take_back(std::move(started).error());
  start_engine();
}

Result<> Change::start_extension(const engine::ComponentSpec& spec) {
  engine::ExtensionContext context{.id = spec.id, .executor = *service_.cores_.front(), .host = service_};
  WEIR_ASSIGN(auto made, spec.factory->make_extension(spec.config.get(), context));
  WEIR_TRY(made->start());
  std::lock_guard lock(service_.extensions_mutex_);
  extensions_.push_back({spec, lives_.at(spec.id.to_string()), std::move(made)});
  return {};
}

Result<> Change::start_metrics_server() {
  if (running_.metrics_server) running_.metrics_server->share_listeners();
  WEIR_ASSIGN(metrics_server_, OwnMetricsServer::start(*service_.cores_.front(), to_->own, service_.metrics_, Listeners::of(service_)));
  return {};
}

void Change::start_engine() {
  auto used = [](const engine::Plan& plan, const config::ComponentId& id) {
    return std::ranges::any_of(plan.nodes(), [&](auto& node) { return node.component != nullptr && names(*node.component, id); });
  };
  for (auto& hosted : extensions_) in_use_.push_back(hosted.spec.id);
  for (auto& hosted : running_.extensions)
    if (auto* before = running_.engine->plan(); before != nullptr && used(*before, hosted.spec.id)) in_use_.push_back(hosted.spec.id);
  engine::Plan plan = std::move(*plan_);
  plan_.reset();
  engine_asked_ = true;
  running_.engine->reload(std::move(plan), Service::reload_patience,
                          [this](Result<> reloaded) { reloaded ? take_over() : take_back(std::move(reloaded).error()); },
                          [this] { leave(); });
}

// Nothing fails from here on. What is replaced changes its place with what replaces it.
void Change::take_over() {
  auto& wanted = running_.engine->plan()->spec().extensions;
  std::vector<engine::Extension*> fresh;
  for (auto& hosted : extensions_) fresh.push_back(hosted.extension.get());
  {
    std::lock_guard lock(service_.extensions_mutex_);
    std::vector<HostedExtension> now;
    for (auto& spec : wanted) {
      HostedExtension* made = find(extensions_, spec.id);
      now.push_back(std::move(made != nullptr ? *made : *find(running_.extensions, spec.id)));
    }
    std::erase_if(extensions_, [](auto& hosted) { return hosted.extension == nullptr; });
    for (auto& hosted : running_.extensions)
      if (hosted.extension) extensions_.push_back(std::move(hosted));
    running_.extensions = std::move(now);
  }
  if (own_changes_) {
    if (running_.own) running_.own->leave_off();
    std::swap(running_.own, own_);
    std::swap(running_.metrics_server, metrics_server_);
    metrics_server_.reset();
    log::configure(to_->own.logs);
    service_.spans_->lead_to(running_.own->spans());
    running_.own->listen();
  }
  if (running_.loaded) set_memory_limit();
  running_.loaded = to_;
  service_.set_changing(nullptr);
  Listeners::of(service_)->close_rest();
  for (auto* extension : fresh) extension->ready();
  stop_leaving(false);
  done_({});
}

// That of the new plan: limits that stages named when they were made would only add up to the least.
void Change::set_memory_limit() {
  service_.memory_.reset();
  for (auto& node : running_.engine->plan()->nodes())
    if (node.component != nullptr && node.component->factory->memory_limit != nullptr)
      service_.memory_.limit(node.component->factory->memory_limit(node.component->config.get()));
}

// What was made leaves as what is replaced would have.
void Change::take_back(Error error) {
  if (running_.loaded) {
    telemetry::set_detailed(running_.loaded->own.detailed);
    service_.spans_->set_wanted(wants_spans(running_.loaded->own));
  } else {
    service_.spans_->lead_to(nullptr);
  }
  metrics_server_.reset();
  service_.set_changing(nullptr);
  Listeners::of(service_)->close_rest();
  done_(fail(std::move(error)));
  if (!engine_asked_) leave();
}

// When stages and receivers are gone.
void Change::leave() {
  stop_leaving(true);
  if (own_ == nullptr) return end();
  own_->stop(Service::own_patience, [this] { end(); });
}

// Those that no component uses at once, so that their ports are free; the others when their users are gone.
void Change::stop_leaving(bool users_are_gone) {
  std::vector<HostedExtension> leaving;
  {
    std::lock_guard lock(service_.extensions_mutex_);
    auto stays = [&](const HostedExtension& hosted) {
      return !users_are_gone && std::ranges::any_of(in_use_, [&](auto& id) { return id == hosted.spec.id; });
    };
    auto first = std::stable_partition(extensions_.begin(), extensions_.end(), stays);
    std::move(first, extensions_.end(), std::back_inserter(leaving));
    extensions_.erase(first, extensions_.end());
  }
  for (auto at = leaving.rbegin(); at != leaving.rend(); ++at) at->extension->stop();
}

// Not within one of its own calls.
void Change::end() {
  service_.cores_.front()->post([&service = service_, this] {
    std::erase_if(service.changes_, [this](auto& change) { return change.get() == this; });
  });
}

}  // namespace weir::app
