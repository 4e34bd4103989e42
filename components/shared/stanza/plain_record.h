#pragma once
// Log records without nested values, from an entry straight to their bytes.
#include <string>

#include "components/shared/stanza/entry.h"

namespace weir::stanza {

// Appends an entry as a LogRecord, with the tag and length of a field of a ScopeLogs. False, and nothing is appended, when it has lists or
// maps, or text that is not UTF-8.
bool append_plain_record(const Entry& entry, std::string& out);

}  // namespace weir::stanza
