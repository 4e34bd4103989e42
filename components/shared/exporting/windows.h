#pragma once
// For formats that say a resource again with each of its items: a body of some kilobytes that has a large resource and many small items could
// become gigabytes.
#include "components/shared/exporting/sender.h"

namespace weir::exporting {

// Whether what is made of a batch has its resources and scopes more often than the batch.
using Repeats = std::function<bool(otlp::Batch&)>;

// Pieces of which each becomes some MiB at most, without receipts. None: the batch can go as it is.
struct Windows {
  static constexpr std::uint32_t nowhere = ~std::uint32_t{0};

  std::vector<otlp::Batch> list;
  std::vector<std::uint32_t> window_of;  // each item's, of metrics each point's
  std::size_t given_up = 0;              // items that are nowhere: the batch would become more than most_growth allows
};
Windows windows_of(otlp::Batch& batch);

// A batch may become so many times its bytes, and room_to_grow more.
inline constexpr std::size_t most_growth = 256, room_to_grow = 64 * 1024 * 1024;

// Sends batches of which windows_of() makes several one window after another, in turns of the core of their own.
std::unique_ptr<Sender> in_windows(std::unique_ptr<Sender> sender, const engine::StageContext& context, Repeats repeats = [](otlp::Batch&) { return true; });

}  // namespace weir::exporting
