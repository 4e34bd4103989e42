// What the JSON readers of both versions share.

#include "components/shared/zipkin/model.h"

namespace weir::zipkin {

namespace dom = simdjson::dom;

Error malformed(std::string_view what) { return {Errc::invalid, fmt::format("not a list of Zipkin spans: {}", what), {}}; }

namespace {

constexpr std::array<std::uint8_t, 256> make_hex_values() {
  std::array<std::uint8_t, 256> out{};
  out.fill(0xFF);
  for (int i = 0; i < 10; ++i) out[static_cast<std::size_t>('0' + i)] = static_cast<std::uint8_t>(i);
  for (int i = 0; i < 6; ++i) out[static_cast<std::size_t>('a' + i)] = out[static_cast<std::size_t>('A' + i)] = static_cast<std::uint8_t>(10 + i);
  return out;
}
constexpr auto hex_values = make_hex_values();

// What ends a run of characters that mean nothing to JsonElements: outside and inside of texts.
constexpr std::uint8_t outside = 1, inside = 2;
constexpr std::array<std::uint8_t, 256> make_stops() {
  std::array<std::uint8_t, 256> out{};
  for (unsigned char c : {'{', '}', '[', ']', ','}) out[c] = outside;
  out[static_cast<unsigned char>('"')] = outside | inside;
  out[static_cast<unsigned char>('\\')] = inside;
  return out;
}
constexpr auto stops = make_stops();

// The first character at or behind `at` that is one of those.
std::size_t next_stop(std::string_view text, std::size_t at, std::uint8_t which) {
  while (at < text.size() && (stops[static_cast<unsigned char>(text[at])] & which) == 0) ++at;
  return at;
}

// Behind the text whose first character stands at `at`; past the end when it has none.
std::size_t behind_text(std::string_view text, std::size_t at) {
  for (;;) {
    at = next_stop(text, at, inside);
    if (at >= text.size() || text[at] == '"') return at + 1;
    at += 2;  // a backslash and what it escapes
  }
}

}  // namespace

bool read_hex(std::string_view digits, std::span<unsigned char> to) {
  std::ranges::fill(to, 0);
  if (digits.size() > 2 * to.size()) return false;
  std::uint8_t wrong = 0;
  std::size_t nibble = 2 * to.size() - digits.size();
  for (char c : digits) {
    std::uint8_t value = hex_values[static_cast<unsigned char>(c)];
    wrong |= value;
    to[nibble / 2] = static_cast<unsigned char>(to[nibble / 2] << 4 | (value & 0x0F));
    ++nibble;
  }
  return wrong < 16;
}

void JsonElements::skip_space() {
  auto at = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(std::min(at, rest_.size()));
}

Result<std::optional<std::string_view>> JsonElements::next() {
  skip_space();
  if (!begun_) {
    if (!rest_.starts_with('[')) return fail(malformed("no JSON array"));
    rest_.remove_prefix(1);
    skip_space();
  }
  if (rest_.starts_with(']')) {
    rest_.remove_prefix(1);
    skip_space();
    if (!rest_.empty()) return fail(malformed("text behind the array"));
    return std::optional<std::string_view>();
  }
  if (begun_) {
    if (!rest_.starts_with(',')) return fail(malformed("no comma between two spans"));
    rest_.remove_prefix(1);
    skip_space();
  }
  begun_ = true;
  std::size_t depth = 0, at = 0;
  for (;; ++at) {
    at = next_stop(rest_, at, outside);
    if (at >= rest_.size()) break;
    char c = rest_[at];
    if (c == '"') at = behind_text(rest_, at + 1) - 1;
    else if (c == '{' || c == '[') ++depth;
    else if (depth == 0 && (c == ',' || c == ']')) break;
    else if (c != ',') --depth;
  }
  if (at >= rest_.size()) return fail(malformed("the JSON ends too early"));
  std::string_view element = rest_.substr(0, at);
  rest_.remove_prefix(at);
  return std::optional(element);
}

Result<dom::element> JsonSpan::parse(std::string_view element) {
  if (std::size_t wanted = element.size() * tree_factor; wanted > charged_) {
    if (!charge_.grow(wanted - charged_)) return fail(no_room());
    charged_ = wanted;
  }
  dom::element out;
  if (auto error = parser_.parse(element.data(), element.size()).get(out)) return fail(malformed(simdjson::error_message(error)));
  return out;
}

Result<std::string_view> text_member(dom::element object, std::string_view key, Scratch& scratch) {
  dom::element value;
  if (object[key].get(value) || value.is_null()) return std::string_view();
  std::string_view text;
  if (value.get(text)) return fail(malformed(fmt::format("{} is no text", key)));
  if (!scratch.take(text.size())) return fail(no_room());
  return scratch.arena().copy(text);
}

Result<std::uint64_t> number_member(dom::element object, std::string_view key) {
  dom::element value;
  if (object[key].get(value) || value.is_null()) return std::uint64_t{0};
  std::uint64_t number;
  if (!value.get(number)) return number;
  if (std::int64_t negative; !value.get(negative)) return static_cast<std::uint64_t>(negative);
  return fail(malformed(fmt::format("{} is no whole number", key)));
}

}  // namespace weir::zipkin
