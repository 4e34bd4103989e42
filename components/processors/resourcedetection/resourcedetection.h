#pragma once
// Adds the attributes that detectors found to each resource. Until the first detection is over, at most for its
// `timeout`, batches wait here: they are charged to the memory budget and their senders wait for the answer.
#include "components/processors/resourcedetection/detector.h"
#include "engine/out.h"

namespace weir::processors::resourcedetection {

// `around`: instead of the real machine; for tests.
Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context,
                                                  std::unique_ptr<Surroundings> around);

}  // namespace weir::processors::resourcedetection
