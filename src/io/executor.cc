#include "io/executor.h"

namespace weir::io {
namespace {
thread_local CoreId current = no_core;
}

CoreId current_core() { return current; }

CoreScope::CoreScope(CoreId core) : before_(std::exchange(current, core)) {}
CoreScope::~CoreScope() { current = before_; }

}  // namespace weir::io
