#include "components/shared/kubernetes_logs/feed.h"

#include "base/log.h"

namespace weir::kubernetes {

std::string_view to_string(ChangeType type) {
  constexpr std::array<std::string_view, 3> words = {"ADDED", "MODIFIED", "DELETED"};
  return words[static_cast<std::size_t>(type)];
}

Result<std::unique_ptr<Feed>> Feed::make(const engine::ReceiverContext& context, std::shared_ptr<kube::Cluster> cluster, Fill fill) {
  std::unique_ptr<Feed> out(new Feed(context, std::move(cluster), std::move(fill)));
  stanza::InputConfig settings;
  settings.retry_on_failure.enabled = true;
  WEIR_ASSIGN(out->input_, stanza::Input::make(settings, context, "kubernetes"));
  return out;
}

Feed::Feed(const engine::ReceiverContext& context, std::shared_ptr<kube::Cluster> cluster, Fill fill)
    : context_(context), cluster_(std::move(cluster)), fill_(std::move(fill)) {}

Feed::~Feed() {
  for (auto timer : timers_) context_.executor.cancel(timer);
}

void Feed::watch(kube::Query query) {
  Watched& watched = *watched_.emplace_back(std::make_unique<Watched>());
  subscriptions_.push_back(cluster_->subscribe(std::move(query), context_.executor, [this, &watched](const kube::News& news) { told(watched, news); }));
}

void Feed::poll(kube::Query query, Duration interval) {
  Watched& watched = *watched_.emplace_back(std::make_unique<Watched>());
  watched.polls = true;
  subscriptions_.push_back(cluster_->subscribe(std::move(query), context_.executor, [this, &watched, interval](const kube::News& news) {
    bool before = watched.synced;
    told(watched, news);
    if (!before && watched.synced) poll_later(watched, Duration::zero());
    if (!before && watched.synced) timers_.push_back(0), poll_later(watched, interval);
  }));
}

void Feed::poll_later(Watched& watched, Duration interval) {
  if (interval == Duration::zero()) {
    for (auto& [key, object] : watched.objects) add({object, ChangeType::added, false});
    return drain();
  }
  timers_.back() = context_.executor.at(context_.executor.now() + interval, [this, &watched, interval] {
    poll_later(watched, Duration::zero());
    poll_later(watched, interval);
  });
}

void Feed::told(Watched& watched, const kube::News& news) {
  for (auto& change : news.changes) {
    std::string uid(change.object->uid);
    if (watched.polls) {
      if (change.removed) watched.objects.erase(uid);
      else watched.objects[uid] = change.object;
      continue;
    }
    bool known = watched.uids.contains(uid);
    if (change.removed && !known) continue;
    if (change.removed) watched.uids.erase(uid);
    else watched.uids.insert(uid);
    // After a new list what is there already is told again by its changes only.
    if (news.first && known) continue;
    add({change.object, change.removed ? ChangeType::deleted : known ? ChangeType::modified : ChangeType::added, !watched.synced});
  }
  watched.synced = watched.synced || news.synced;
  drain();
}

void Feed::add(Change change) {
  if (waiting_.size() < max_waiting) return waiting_.push_back(std::move(change));
  context_.intake.refused(otlp::Signal::logs, "kubernetes", 1);
  long long more = 0;
  if (lines_.allow(more)) log::error("Changes of Kubernetes objects are lost: the pipeline takes too long.", {{"receiver", context_.id.to_string()}, {"suppressed", more}});
}

void Feed::drain() {
  while (!waiting_.empty() && !input_->full()) {
    Change change = std::move(waiting_.front());
    waiting_.pop_front();
    stanza::Entry entry;
    if (fill_(change, entry, input_->memory())) input_->take(entry);
  }
  if (!waiting_.empty()) input_->on_room([this] { drain(); });
}

void Feed::stop(io::Task done) {
  subscriptions_.clear();
  for (auto timer : timers_) context_.executor.cancel(timer);
  timers_.clear();
  drain();
  input_->stop(std::move(done));
}

}  // namespace weir::kubernetes
