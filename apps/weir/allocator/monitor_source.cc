#include "weir/allocator/monitor_source.h"

#include <algorithm>

#include "kube/json.h"

namespace weir::app {
namespace {

using monitors::Kind;

std::string key_of(const kube::Object& object) { return fmt::format("{}/{}", object.name_space, object.name); }

std::optional<monitors::Selector> selector_of(const config::Value& value) {
  if (value.is_null()) return std::nullopt;
  auto made = monitors::Selector::make(value);  // checked with the settings
  return made ? std::optional(std::move(*made)) : std::nullopt;
}

const config::Value& of_kind(const MonitorSettings& settings, Kind kind, bool name_spaces) {
  switch (kind) {
    case Kind::service_monitor: return name_spaces ? settings.service_monitor_namespace_selector : settings.service_monitor_selector;
    case Kind::pod_monitor: return name_spaces ? settings.pod_monitor_namespace_selector : settings.pod_monitor_selector;
    case Kind::probe: return name_spaces ? settings.probe_namespace_selector : settings.probe_selector;
    case Kind::scrape_config: break;
  }
  return name_spaces ? settings.scrape_config_namespace_selector : settings.scrape_config_selector;
}

monitors::Settings for_jobs(const AllocatorSettings& settings) {
  monitors::Settings out{.global = {}, .scrape_classes = settings.prometheus_cr.scrape_classes, .deny_files = settings.prometheus_cr.deny_fs_access_through_sms};
  out.global.defaults.scrape_interval = settings.prometheus_cr.scrape_interval;
  out.global.defaults.scrape_protocols = settings.prometheus_cr.scrape_protocols;
  return out;
}

}  // namespace

MonitorSource::MonitorSource(const AllocatorSettings& settings, std::string own_namespace, std::shared_ptr<kube::Cluster> cluster, kube::Transport& transport,
                             io::Executor& executor, std::function<void(Told)> told)
    : settings_(settings), own_namespace_(std::move(own_namespace)), cluster_(std::move(cluster)), executor_(executor), told_(std::move(told)), for_jobs_(for_jobs(settings)),
      references_(transport, executor, settings.prometheus_cr.secret_namespaces, [this] { later(pause); }) {
  for (Kind kind : monitors::all_kinds) {
    auto selector = selector_of(of_kind(settings.prometheus_cr, kind, false));
    if (!selector) continue;
    watched_.push_back(std::make_unique<Watched>(Watched{kind, std::move(selector), selector_of(of_kind(settings.prometheus_cr, kind, true)), {}, false}));
    watch(*watched_.back());
  }
  kube::Query namespaces{.resource = kube::resource_of(kube::Kind::name_space)};
  namespaces.keep.labels.add_all();
  subscriptions_.push_back(cluster_->subscribe(std::move(namespaces), executor_, [this](const kube::News& news) {
    if (news.first) namespaces_.clear();
    for (auto& change : news.changes)
      if (change.removed) namespaces_.erase(std::string(change.object->name));
      else namespaces_[std::string(change.object->name)] = change.object;
    namespaces_listed_ = namespaces_listed_ || news.synced;
    later(pause);
  }));
  // Not all of these resources have to be known to the cluster: those that cannot be listed are not waited for.
  later(patience);
}

MonitorSource::~MonitorSource() { executor_.cancel(timer_); }

void MonitorSource::watch(Watched& watched) {
  kube::Query query{.resource = monitors::resource_of(watched.kind)};
  query.keep.raw = true;
  query.keep.labels.add_all();
  subscriptions_.push_back(cluster_->subscribe(std::move(query), executor_, [this, &watched](const kube::News& news) {
    if (news.first) watched.objects.clear();
    for (auto& change : news.changes) {
      if (change.removed) {
        watched.objects.erase(key_of(*change.object));
        continue;
      }
      Monitor& monitor = watched.objects[key_of(*change.object)];
      auto tree = kube::parse_json(change.object->raw);
      monitor.object = change.object;
      monitor.tree = tree ? std::move(*tree) : config::Value();
    }
    watched.listed = watched.listed || news.synced;
    later(pause);
  }));
}

void MonitorSource::later(Duration wait) {
  bool listed = namespaces_listed_ && std::all_of(watched_.begin(), watched_.end(), [](auto& watched) { return watched->listed; });
  if (timer_ != 0 && (wait >= patience || !listed)) return;
  executor_.cancel(timer_);
  timer_ = executor_.at(executor_.now() + wait, [this] {
    timer_ = 0;
    rebuild();
  });
}

bool MonitorSource::selected(const Watched& watched, const kube::Object& object) const {
  std::string name_space(object.name_space);
  auto among = [&](const std::vector<std::string>& names) { return std::find(names.begin(), names.end(), name_space) != names.end(); };
  const MonitorSettings& settings = settings_.prometheus_cr;
  if (!settings.allow_namespaces.empty() && !among(settings.allow_namespaces)) return false;
  if (among(settings.deny_namespaces) || !watched.selector->matches(object.labels)) return false;
  if (!watched.name_spaces) return name_space == own_namespace_;
  auto at = namespaces_.find(name_space);
  return watched.name_spaces->matches(at == namespaces_.end() ? kube::Pairs() : at->second->labels);
}

void MonitorSource::add(Watched& watched, Monitor& monitor, Told& out) {
  auto made = monitors::jobs_of(watched.kind, monitor.tree, for_jobs_, [this](const monitors::Reference& reference) { return references_.find(reference); });
  std::string name = fmt::format("{} {}", monitors::to_string(watched.kind), key_of(*monitor.object));
  if (made) {
    monitor.last = std::move(made->jobs);
    for (auto& why : made->left_out) out.skipped[name] += (out.skipped.contains(name) && !out.skipped[name].empty() ? "; " : "") + why;
  } else {
    out.skipped[name] = made.error().what;
    if (made.error().code != Errc::retryable) monitor.last.clear();
  }
  for (auto& job : monitor.last) out.jobs.push_back(job);
}

void MonitorSource::rebuild() {
  Told out;
  references_.begin();
  for (auto& watched : watched_)
    for (auto& [key, monitor] : watched->objects)
      if (selected(*watched, *monitor.object)) add(*watched, monitor, out);
  references_.end();
  told_(std::move(out));
}

}  // namespace weir::app
