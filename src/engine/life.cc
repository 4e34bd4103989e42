#include "engine/life.h"

namespace weir::engine {

static thread_local const std::string* current = nullptr;

std::string_view current_life() { return current != nullptr ? std::string_view(*current) : std::string_view(); }

LifeScope::LifeScope(std::string name) : name_(std::move(name)), before_(std::exchange(current, &name_)) {}
LifeScope::~LifeScope() { current = before_; }

}  // namespace weir::engine
