#pragma once
// What a list of fields says about itself: the table in a README, and a JSON Schema for editors.
#include "config/field.h"

namespace weir::config {

// A Markdown table of all settings with type and default. `defaults`: what encode_erased() makes of the default settings.
std::string settings_table(std::span<const FieldInfo> fields, const Value& defaults);

// The same for a terminal: two lines for each setting.
std::string settings_text(std::span<const FieldInfo> fields, const Value& defaults);

// A JSON Schema (draft 2020-12) of the section. As lenient as the decoder: numbers may be written as strings, and
// references such as ${env:X} may stand for everything.
Value json_schema(std::span<const FieldInfo> fields, const Value& defaults);

}  // namespace weir::config
