#pragma once
// Where the Go collector's receiver was in its files, for those who switch over.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/fs.h"

namespace weir::receivers::filelog {

struct KnownFile {
  std::string first_bytes;  // its fingerprint
  std::uint64_t offset = 0, record = 0;
  bool header_done = false;
};

// The value of "knownFiles": JSON, or protobuf as newer versions can write it. Errc::corrupt when it is neither.
Result<std::vector<KnownFile>> decode_known_files(std::string_view value);
// From the file of a storage directory that belongs to the receiver; nothing when there is none. Blocks.
Result<std::vector<KnownFile>> read_known_files(io::Fs& fs, const std::string& path);

}  // namespace weir::receivers::filelog
