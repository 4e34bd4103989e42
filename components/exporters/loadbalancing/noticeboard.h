#pragma once
// The list of backends of one exporter and signal, found on one core and read on all of them.
#include <mutex>

#include "components/exporters/loadbalancing/resolver.h"

namespace weir::exporters::loadbalancing {

class Noticeboard {
 public:
  using Reader = Resolver::Found;
  // `reader` runs later, on the executor's core, for the list there is and for each that follows, until the token goes (on
  // that core).
  [[nodiscard]] std::shared_ptr<void> subscribe(io::Executor& executor, Reader reader) {
    auto token = std::make_shared<Reader>(std::move(reader));  // the subscriber's; the board only remembers
    std::lock_guard lock(mutex_);
    readers_.push_back({&executor, token});
    if (list_) tell(readers_.back());
    return token;
  }

  void post(const Endpoints& list) {
    std::lock_guard lock(mutex_);
    list_ = list;
    std::erase_if(readers_, [](const Entry& entry) { return entry.reader.expired(); });
    for (auto& entry : readers_) tell(entry);
  }

 private:
  struct Entry {
    io::Executor* executor;
    std::weak_ptr<Reader> reader;
  };
  void tell(const Entry& entry) {
    entry.executor->post([reader = entry.reader, list = *list_] {
      if (auto there = reader.lock()) (*there)(list);
    });
  }

  std::mutex mutex_;  // guards both
  std::optional<Endpoints> list_;
  std::vector<Entry> readers_;
};

}  // namespace weir::exporters::loadbalancing
