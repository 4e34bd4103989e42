#pragma once
// Runs blocks of OTTL statements over the items of a batch. Items that no statement changed keep their bytes.
#include "components/processors/transform/config.h"
#include "engine/out.h"

namespace weir::processors::transform {

// What the statements of a block run for.
Result<ottl::ContextId> block_context(const Block& block, otlp::Signal signal);

struct CompiledBlock {
  static Result<CompiledBlock> make(const Block& block, otlp::Signal signal, ottl::ErrorMode standard);

  ottl::ContextId context{};
  ottl::Conditions conditions;
  ottl::Program program;
  ottl::ErrorMode error_mode{};
  std::optional<otlp::Excerpt> excerpt;  // what of an item has to be read for it; none: all of it
};

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context);

}  // namespace weir::processors::transform
