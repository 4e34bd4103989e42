#pragma once
// Small text helpers that more than one layer needs.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// JSON string literal with quotes; bytes that are not UTF-8 become U+FFFD.
std::string quote_json(std::string_view text);
// Same, appended.
void append_json_string(std::string& out, std::string_view text);

std::string to_hex(std::string_view bytes);
void append_hex(std::string& out, std::string_view bytes);
// False when the length is odd or a digit is not hex. Any case.
bool from_hex(std::string_view hex, std::string& out);

std::string encode_base64(std::string_view bytes);
void append_base64(std::string& out, std::string_view bytes);
// Standard and URL alphabets, padding optional. False on anything else.
bool decode_base64(std::string_view text, std::string& out);

std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string to_lower(std::string_view text);
bool equal_ignore_case(std::string_view a, std::string_view b);

// The candidate most like `word` (edit distance ≤ 2 or a third of its length), or "" when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// Valid UTF-8 as RFC 3629 has it (no surrogates, no overlong forms). Fast for ASCII.
bool valid_utf8(std::string_view text);

// Shortest decimal text that reads back as the same double; "NaN", "Infinity", "-Infinity" as protobuf JSON has them
// (the caller quotes those).
std::string format_double(double value);
// As Go's encoding/json writes it: 'f' form, 'e' form below 1e-6 and from 1e21 on.
std::string format_json_double(double value);

}  // namespace weir
