#pragma once
// Expositions as lines, for tests.
#include <doctest/doctest.h>

#include "components/shared/scrape/exposition/parser.h"

namespace weir::exposition::testing {

// "foo{a=\"b\"} 1 @5 # {trace_id=\"x\"} 2 @7", "TYPE foo counter", …; the last line is an error, if there was one.
std::vector<std::string> lines_of(Parser& parser, const std::vector<std::string>& expected = {});
std::vector<std::string> lines_of(Format format, std::string_view body, const Options& options = {});

// Protobuf, written by hand.
std::string field(std::uint32_t number, std::string_view bytes);
std::string field(std::uint32_t number, double value);
std::string field_varint(std::uint32_t number, std::uint64_t value);
inline std::string label_pair(std::string_view name, std::string_view value) { return field(1, field(1, name) + field(2, value)); }
std::string family(std::string_view name, std::string_view help, int type, const std::vector<std::string>& metrics, std::string_view unit = {});

}  // namespace weir::exposition::testing
