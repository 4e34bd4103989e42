#pragma once
// The loop behind an executor. Code of src/io, src/net and src/kube that watches file descriptors asks for it; components hand on the
// executor of their context.
#include "io/executor.h"

namespace weir::io {

class Loop;

// Null under a virtual clock, where there is nothing to watch.
Loop* find_loop(Executor& executor);
// Aborts where find_loop() gives null: nobody opens sockets in a simulation.
Loop& loop_of(Executor& executor);

}  // namespace weir::io
