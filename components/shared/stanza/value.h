#pragma once
// Values while a line goes through operators: those of OTLP, with an absent value for nil. Texts and containers belong to
// the line, to the settings of an operator or to the arena of the run.
#include "otlp/model.h"

namespace weir::stanza {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

// The name of a type as Go's %T prints it.
std::string_view type_name(const Value& value);
// As Go's %v prints it.
std::string text_of(const Value& value);
// Sets all of `from` in `to`, however many there are.
void merge(Attributes& to, const Attributes& from, Arena& arena);

}  // namespace weir::stanza
