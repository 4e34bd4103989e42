#pragma once
// What a component may have to do with a reload, besides going on or leaving.
#include "engine/component.h"

namespace weir::engine {

// Implemented by receivers, extensions and stages that listen. A plan without this component, or with other settings for
// it, is about to start beside it: share_listeners() puts copies of its sockets where the new one finds them
// (components/shared/listeners), and goes on. On the component's core; comes before stop() or drain(), if at all.
class Listens {
 public:
  virtual ~Listens() = default;
  virtual void share_listeners() = 0;
};

// Implemented by receivers that fetch for themselves: one must not run beside the one it replaces, since both would take
// the same (files, targets, offsets). start() finds out what can be wrong; begin() comes when the plan serves and the
// receiver with this id in the plan before, if there is one, has stopped.
class Begins {
 public:
  virtual ~Begins() = default;
  virtual void begin() = 0;
};

// One life of a component, from the plan that it came with to the one that has it no more or with other settings, by name.
// In make_stage, make_receiver and start() only.
std::string_view current_life();

// Sets it for as long as it exists.
class LifeScope {
 public:
  explicit LifeScope(std::string name);
  ~LifeScope();
  LifeScope(const LifeScope&) = delete;

 private:
  std::string name_;
  const std::string* before_;
};

// Host::shared for what the cores of one component share (a queue's size, a rate), but not with the same component under
// the settings before a reload. `T` is default-constructible. In make_stage, make_receiver and start() only.
template <class T, class Context>
std::shared_ptr<T> life_state(const Context& context, std::string_view key) {
  return shared_state<T>(context.host, fmt::format("{} {}", current_life(), key));
}

}  // namespace weir::engine
