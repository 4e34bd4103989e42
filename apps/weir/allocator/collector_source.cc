#include "weir/allocator/collector_source.h"

namespace weir::app {
namespace {

bool is_bad(const kube::Object& pod) { return pod.phase != "Running" || (!pod.ready.empty() && pod.ready != "True"); }

}  // namespace

CollectorSource::CollectorSource(Parts parts, Told told) : parts_(std::move(parts)), told_(std::move(told)) {
  kube::Query query{.resource = kube::resource_of(kube::Kind::pod), .name_space = parts_.name_space};
  query.label_selector = parts_.selector.to_string();
  subscription_ = parts_.cluster->subscribe(std::move(query), parts_.executor, [this](const kube::News& news) {
    if (news.first) pods_.clear();
    for (auto& change : news.changes) take(change);
    listed_ = listed_ || news.synced;
    if (listed_) later(told_once_ ? pause : Duration::zero());
  });
}

CollectorSource::~CollectorSource() { parts_.executor.cancel(timer_); }

void CollectorSource::take(const kube::Change& change) {
  std::string name(change.object->name);
  if (change.removed) {
    pods_.erase(name);
    return;
  }
  Pod& pod = pods_[name];
  if (!is_bad(*change.object)) pod.bad_since.reset();
  else if (!pod.bad_since) pod.bad_since = parts_.executor.now();
  pod.object = change.object;
}

void CollectorSource::later(Duration wait) {
  if (timer_ != 0) return;
  timer_ = parts_.executor.at(parts_.executor.now() + wait, [this] {
    timer_ = 0;
    tell();
  });
}

void CollectorSource::tell() {
  std::vector<allocation::Collector> now;
  Duration next = Duration::max();
  for (auto& [name, pod] : pods_) {
    if (pod.object->node.empty()) continue;
    if (pod.bad_since && parts_.grace > Duration::zero()) {
      Duration left = parts_.grace - (parts_.executor.now() - *pod.bad_since);
      if (left <= Duration::zero()) continue;
      next = std::min(next, left);
    }
    now.push_back({name, std::string(pod.object->node)});
  }
  if (next != Duration::max()) later(next);
  if (told_once_ && now == last_) return;
  told_once_ = true;
  last_ = now;
  told_(std::move(now));
}

}  // namespace weir::app
