#pragma once
// What a component may do during a reload, besides staying or leaving.
#include "engine/component.h"

namespace weir::engine {

// Implemented by components that listen. Called before a plan starts that does not have this component or has other settings for it.
// share_listeners() puts copies of its sockets where the new component finds them (components/shared/listeners) and goes on serving.
// Called on the component's core, before stop() or drain().
class Listens {
 public:
  virtual ~Listens() = default;
  virtual void share_listeners() = 0;
};

// Implemented by receivers that fetch data (files, targets, offsets). Such a receiver must not run beside the one it replaces, since both
// would fetch the same data. start() only reports errors; begin() is called when the plan serves and the receiver with this id in the
// plan before, if any, has stopped.
class Begins {
 public:
  virtual ~Begins() = default;
  virtual void begin() = 0;
};

// The name of a component's life: it begins with the plan that brought the component and ends when a plan does not have it or has other
// settings for it. Only in make_stage, make_receiver and start().
std::string_view current_life();

// Sets the life while the object exists.
class LifeScope {
 public:
  explicit LifeScope(std::string name);
  ~LifeScope();
  LifeScope(const LifeScope&) = delete;

 private:
  std::string name_;
  const std::string* before_;
};

// As Host::shared, for state that the cores of one component share (a queue's size, a rate). The component under its settings before a
// reload has a state of its own. `T` is default-constructible. Only in make_stage, make_receiver and start().
template <class T, class Context>
std::shared_ptr<T> life_state(const Context& context, std::string_view key) {
  return shared_state<T>(context.host, fmt::format("{} {}", current_life(), key));
}

}  // namespace weir::engine
