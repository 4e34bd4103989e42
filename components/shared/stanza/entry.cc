#include "components/shared/stanza/entry.h"

#include <array>

#include "otlp/copy.h"

namespace weir::stanza {
namespace {

// Keys too: deep_copy() copies what is in values.
Attributes own(const Attributes& from, Arena& arena) {
  Attributes out;
  out.reserve(arena, from.size());
  for (auto& kv : from) out.push_back(arena, {arena.copy(kv.key), kv.value.deep_copy(arena)});
  return out;
}

}  // namespace

Entry copy_of(const Entry& from, Arena& arena) {
  Entry out = from;
  out.body = from.body.deep_copy(arena);
  out.attributes = own(from.attributes, arena);
  out.resource = own(from.resource, arena);
  out.checked = {};
  for (auto text : {&Entry::severity_text, &Entry::scope_name, &Entry::trace_id, &Entry::span_id, &Entry::trace_flags})
    out.*text = arena.copy(from.*text);
  return out;
}

std::unique_ptr<HeldEntry> hold(const Entry& from) {
  auto out = std::make_unique<HeldEntry>();
  out->entry = copy_of(from, out->arena);
  return out;
}

std::string_view severity_name(std::int32_t number) {
  constexpr std::array<std::string_view, 25> names = {"",     "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG",  "DEBUG2", "DEBUG3", "DEBUG4",
                                                      "INFO", "INFO2", "INFO3",  "INFO4",  "WARN",   "WARN2",  "WARN3",  "WARN4",  "ERROR",
                                                      "ERROR2", "ERROR3", "ERROR4", "FATAL", "FATAL2", "FATAL3", "FATAL4"};
  return number > 0 && number < static_cast<std::int32_t>(names.size()) ? names[static_cast<std::size_t>(number)] : "";
}

}  // namespace weir::stanza
