#pragma once
// For senders that send a batch in parts.
#include <vector>

#include "otlp/batch.h"

namespace weir::exporting {

// The items that are marked, without receipts: those who wait keep waiting for `batch`. Items are numbered in their order; of metrics it is
// their points that count.
otlp::Batch rest_of(otlp::Batch& batch, const std::vector<bool>& unsent);

}  // namespace weir::exporting
