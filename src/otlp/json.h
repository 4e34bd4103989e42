#pragma once
// OTLP JSON, both ways. Inside there is only protobuf: JSON is converted at the edge. Profiles have no JSON form here.
#include "otlp/batch.h"

namespace weir::otlp {

// An Export<Signal>ServiceRequest as JSON to the same as protobuf. Trace and span ids are hex, other bytes base64; 64-bit
// numbers are texts or numbers, enums numbers or names; names are lowerCamelCase or snake_case; unknown fields are skipped.
// Of a key that comes twice the last counts. Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, and are
// counted in `repaired_texts`. Errc::invalid names the place: "resourceSpans[0].scopeSpans[0].spans[3].kind: ...". What it takes meanwhile is charged to
// `budget`, if there is one: Errc::refused or too_large when it has no room. The result is the caller's to charge.
Result<Bytes> json_to_protobuf(Signal signal, std::string_view json, Budget* budget = nullptr, std::size_t* repaired_texts = nullptr);

// The request as compact JSON, defaults left out, enums as numbers. Fields this program does not know are not in it.
std::string to_json(Batch& batch);

}  // namespace weir::otlp
