#pragma once
// The registry behind Host::shared.
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace weir::engine {

class SharedStates {
 public:
  std::shared_ptr<void> get(std::string_view key, const std::function<std::shared_ptr<void>()>& make) {
    std::lock_guard lock(mutex_);
    auto at = states_.find(key);
    if (at == states_.end()) at = states_.emplace(std::string(key), std::weak_ptr<void>{}).first;
    auto state = at->second.lock();  // shared by the cores that use it; this registry only remembers
    if (!state) at->second = state = make();
    return state;
  }

 private:
  std::mutex mutex_;  // guards states_
  std::map<std::string, std::weak_ptr<void>, std::less<>> states_;
};

}  // namespace weir::engine
