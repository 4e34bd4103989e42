#pragma once
// What a worker thread does with files.
#include "components/receivers/otlpjsonfile/config.h"

namespace weir::receivers::otlpjsonfile {

struct Found {
  std::string path;
  std::string identity;  // device and inode
  std::uint64_t size = 0;
};
// Regular files that match, each once.
std::vector<Found> find_files(const std::vector<std::string>& include, const std::vector<std::string>& exclude);

// Complete lines from an offset on. `next`: behind what was read or passed over.
struct Piece {
  std::vector<std::string> lines;  // without their ends and without empty ones
  std::uint64_t next = 0;
  std::size_t too_long = 0;        // lines that were passed over
  bool skipping = false;           // inside of a line that is too long
  bool gone = false;               // the path leads to another file now, or to a shorter one
};
// About `wanted` bytes, but at least one line, if it is complete.
Piece read_piece(const std::string& path, const std::string& identity, std::uint64_t offset, bool skipping, std::size_t wanted, std::size_t longest);

}  // namespace weir::receivers::otlpjsonfile
