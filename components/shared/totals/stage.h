#pragma once
// Makes totals of the items of each batch, by resource, and sends them on as delta sums. Keeps nothing between batches.
#include "components/shared/totals/definition.h"
#include "engine/out.h"

namespace weir::totals {

// `of`: what is wanted of a context. `scope`: the name of the scope of what is made.
Result<std::unique_ptr<engine::Stage>> make_stage(const std::function<Definitions(ottl::ContextId)>& of, std::string_view scope, engine::StageContext& context);

}  // namespace weir::totals
