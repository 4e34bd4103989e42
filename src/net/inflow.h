#pragma once
// Decompression in a fixed amount of memory, of bodies that are looked at once and not kept.
#include <memory>
#include <string_view>

#include "net/compression.h"

namespace weir::net {

class Inflow {
 public:
  virtual ~Inflow() = default;
  // The next compressed bytes. Calls `out` with what comes of them, piece by piece; false when they are damaged.
  virtual bool take(std::string_view in, const std::function<void(std::string_view)>& out) = 0;

  // Null when too many are at work on this core (they hold up to 100 KiB each, of zstd 1 MiB).
  static std::unique_ptr<Inflow> make(Compression compression);
};

}  // namespace weir::net
