// What the JSON readers of both versions share.

#include "components/shared/zipkin/model.h"

namespace weir::zipkin {

namespace dom = simdjson::dom;

Error malformed(std::string_view what) { return {Errc::invalid, fmt::format("not a list of Zipkin spans: {}", what), {}}; }

bool read_hex(std::string_view digits, std::span<unsigned char> to) {
  std::ranges::fill(to, 0);
  if (digits.size() > 2 * to.size()) return false;
  std::size_t nibble = 2 * to.size() - digits.size();
  for (char c : digits) {
    int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (value < 0) return false;
    to[nibble / 2] = static_cast<unsigned char>(to[nibble / 2] | value << (nibble % 2 ? 0 : 4));
    ++nibble;
  }
  return true;
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
  for (bool in_text = false; at < rest_.size(); ++at) {
    char c = rest_[at];
    if (in_text) {
      if (c == '\\') ++at;
      else if (c == '"') in_text = false;
      continue;
    }
    if (c == '"') in_text = true;
    else if (c == '{' || c == '[') ++depth;
    else if (depth == 0 && (c == ',' || c == ']')) break;
    else if (c == '}' || c == ']') --depth;
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
