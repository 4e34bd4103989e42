#pragma once
// Reads what the Go collector's file storage has written: a bbolt file with one bucket.
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::storage {

// Keys and values of a bucket at the top; nested buckets are left out. Errc::corrupt when this is no such file, or a damaged one.
Result<std::map<std::string, std::string, std::less<>>> read_bolt(std::string_view file, std::string_view bucket);

}  // namespace weir::storage
