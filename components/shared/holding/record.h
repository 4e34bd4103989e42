#pragma once
// Where the bytes of a batch that a stage holds are on disk.
#include <memory>
#include <string>

#include "base/bytes.h"

namespace weir::holding {

// `payload` is a request; all items of the batch that came with it lie in it.
struct Record {
  Bytes payload;
  std::shared_ptr<const std::string> file;  // shared by the records of a segment; null: it is not on disk
  std::uint64_t offset = 0;                 // of the payload in the file
  std::uint64_t number = 0;                 // for HoldLog::leave_on_disk()
};

}  // namespace weir::holding
