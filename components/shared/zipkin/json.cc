// What the JSON readers of both versions share.
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>

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

constexpr std::size_t block_size = 64;

// Bit i: the block's byte i is `c`, once it is changed by `also`.
std::uint64_t places_of(const char* block, char c, char also = 0) {
  std::uint64_t out = 0;
#ifdef __SSE2__
  constexpr std::size_t lanes = sizeof(__m128i);
  for (std::size_t i = 0; i < block_size; i += lanes) {
    __m128i bytes = _mm_or_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i)), _mm_set1_epi8(also));
    auto equal = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))));
    out |= std::uint64_t{equal} << i;
  }
#else
  for (std::size_t i = 0; i < block_size; ++i) out |= std::uint64_t{static_cast<char>(block[i] | also) == c} << i;
#endif
  return out;
}

// The quotes that begin or end a text. `escaped`: the block's first byte follows a backslash; then the same for the next block.
std::uint64_t text_quotes(const char* block, bool& escaped) {
  std::uint64_t quotes = places_of(block, '"');
  if (!escaped && places_of(block, '\\') == 0) return quotes;
  for (std::size_t i = 0; i < block_size; ++i) {
    if (escaped) quotes &= ~(std::uint64_t{1} << i);
    escaped = !escaped && block[i] == '\\';
  }
  return quotes;
}

// Bit i: whether an odd number of bits up to i is set.
std::uint64_t odd_up_to(std::uint64_t bits) {
  for (int by = 1; by < 64; by *= 2) bits ^= bits << by;
  return bits;
}

// The JSON value that begins with a bracket at the beginning of `text`, up to the bracket that closes it; empty when none does. What is
// inside is not checked.
std::string_view up_to_closing(std::string_view text) {
  std::size_t depth = 0;
  bool escaped = false;
  std::uint64_t goes_on = 0;  // all ones: a text began in an earlier block
  for (std::size_t at = 0; at < text.size(); at += block_size) {
    const char* block = text.data() + at;
    char last[block_size] = {};
    if (text.size() - at < block_size) block = static_cast<const char*>(std::memcpy(static_cast<char*>(last), block, text.size() - at));
    std::uint64_t texts = odd_up_to(text_quotes(block, escaped)) ^ goes_on;
    goes_on = 0 - (texts >> 63);
    constexpr char other_bracket = 0x20;  // makes { of [ and } of ]
    std::uint64_t open = places_of(block, '{', other_bracket) & ~texts, close = places_of(block, '}', other_bracket) & ~texts;
    for (std::uint64_t left = open | close; left != 0; left &= left - 1) {
      auto place = static_cast<std::size_t>(std::countr_zero(left));
      if ((open >> place & 1) != 0) ++depth;
      else if (--depth == 0) return text.substr(0, at + place + 1);
    }
  }
  return {};
}

// A JSON value that begins with no bracket.
std::string_view up_to_comma(std::string_view text) {
  std::size_t at = 0;
  for (bool in_text = false; at < text.size() && (in_text || (text[at] != ',' && text[at] != ']')); ++at) {
    if (text[at] == '"') in_text = !in_text;
    else if (text[at] == '\\') ++at;
  }
  return at < text.size() ? text.substr(0, at) : std::string_view();
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
    if (rest_.starts_with("null") && rest_.find_first_not_of(" \t\r\n", 4) == rest_.npos) return std::optional<std::string_view>();  // a list of none
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
  bool bracket = rest_.starts_with('{') || rest_.starts_with('[');
  std::string_view element = bracket ? up_to_closing(rest_) : up_to_comma(rest_);
  if (element.empty()) return fail(malformed("the JSON ends too early"));
  rest_.remove_prefix(element.size());
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

Result<std::string_view> text_of(dom::element value, std::string_view key) {
  std::string_view text;
  if (value.get(text) && !value.is_null()) return fail(malformed(fmt::format("{} is no text", key.substr(0, 64))));
  return text;
}

Result<std::uint64_t> number_of(dom::element value, std::string_view key) {
  std::uint64_t number;
  if (!value.get(number)) return number;
  if (value.is_null()) return std::uint64_t{0};
  return fail(malformed(fmt::format("{} is no positive whole number", key)));
}

Result<std::int64_t> signed_number_of(dom::element value, std::string_view key) {
  std::int64_t number;
  if (!value.get(number)) return number;
  if (value.is_null()) return std::int64_t{0};
  return fail(malformed(fmt::format("{} is no whole number", key)));
}

}  // namespace weir::zipkin
