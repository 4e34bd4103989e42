#include "components/exporters/loadbalancing/backends.h"

namespace weir::exporters::loadbalancing {

template <class F>
void Backends::each(F f) const {
  for (auto& [address, stage] : stages_) f(*stage);
  for (auto& stage : leaving_) f(*stage);
}

Result<> Backends::update(const std::vector<std::string>& addresses, engine::Out& out) {
  std::map<std::string, Stage> fresh;
  for (auto& address : addresses) {
    if (stages_.contains(address) || fresh.contains(address)) continue;
    WEIR_ASSIGN(auto made, make_(address));
    WEIR_TRY(made->start(out));
    fresh.emplace(address, std::move(made));
  }
  stages_.merge(fresh);
  now_.clear();
  for (auto& address : addresses) now_.push_back(stages_.at(address).get());
  forget_idle();
  std::vector<exporting::QueuedStage*> gone;
  for (auto at = stages_.begin(); at != stages_.end();) {
    auto next = std::next(at);
    if (std::find(addresses.begin(), addresses.end(), at->first) == addresses.end()) {
      gone.push_back(at->second.get());
      leaving_.push_back(std::move(at->second));
      stages_.erase(at);
    }
    at = next;
  }
  for (auto* stage : gone) stage->retire(again_);
  if (!leaving_.empty()) out.wake_at(out.now() + 1s);
  return {};
}

// Connections cannot go from within one of their own callbacks; this runs in a turn of the resolver's or the clock's.
void Backends::forget_idle() {
  std::erase_if(leaving_, [](const Stage& stage) { return stage->idle(); });
}

void Backends::tick(TimePoint now, engine::Out& out) {
  forget_idle();
  if (!leaving_.empty()) out.wake_at(now + 1s);
  each([&](auto& stage) { stage.tick(now, out); });
}

void Backends::drain(engine::Out& out) {
  each([&](auto& stage) { stage.drain(out); });
}

void Backends::abandon(engine::Out& out) {
  each([&](auto& stage) { stage.abandon(out); });
}

bool Backends::idle() const {
  bool idle = true;
  each([&](auto& stage) { idle = idle && stage.idle(); });
  return idle;
}

bool Backends::congested() const {
  return std::any_of(now_.begin(), now_.end(), [](auto* stage) { return stage->congested(); });
}

std::size_t Backends::held() const {
  std::size_t n = 0;
  each([&](auto& stage) { n += stage.held(); });
  return n;
}

}  // namespace weir::exporters::loadbalancing
