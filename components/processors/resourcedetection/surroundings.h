#pragma once
#include "components/processors/resourcedetection/detector.h"
#include "io/fs.h"

namespace weir::processors::resourcedetection {

// The real ones. Requests run on the core of `executor`, which must outlive it; the worker that asks waits for the answer.
std::unique_ptr<Surroundings> real_surroundings(const Config& config, io::Executor& executor, io::Fs& fs);

}  // namespace weir::processors::resourcedetection
