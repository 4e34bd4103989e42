#pragma once
// What a storage extension offers to sending queues that name it.
#include <string>

namespace weir::storage {

class StorageExtension {
 public:
  virtual ~StorageExtension() = default;
  virtual const std::string& directory() const = 0;
  // Data is to be synced before it is answered.
  virtual bool syncs() const = 0;
  // Of each queue; 0: the queue's own limit.
  virtual std::uint64_t max_bytes() const = 0;
};

}  // namespace weir::storage
