#pragma once
// One log record on its way through operators.
#include "base/time.h"
#include "components/shared/stanza/value.h"

namespace weir::stanza {

struct Entry {
  std::int64_t time = 0;  // nanoseconds since 1970
  bool has_time = false;
  UnixNanos observed = 0;
  std::int32_t severity = 0;
  std::string_view severity_text, scope_name;
  std::string_view trace_id, span_id, trace_flags;  // bytes
  Value body;
  Attributes attributes, resource;
  std::string_view checked;  // what was read, if it is UTF-8: parts of it are not checked again

  // Where it was read: a number of the reader's, and where its (first) line begins there. An operator that holds entries
  // back tells from these how far what was read may be forgotten.
  std::uint64_t source = 0, begin = 0;
};

// The same, with texts and containers of its own in `arena`.
Entry copy_of(const Entry& from, Arena& arena);
// An entry whose texts and containers are all its own, for operators that hold one back.
struct HeldEntry {
  Arena arena;
  Entry entry;
};
std::unique_ptr<HeldEntry> hold(const Entry& from);

// INFO, WARN2, …; empty for 0 and numbers that mean nothing.
std::string_view severity_name(std::int32_t number);

}  // namespace weir::stanza
