#include "ottl/text/json.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "base/utf8.h"
#include "otlp/verify.h"
#include "ottl/map_builder.h"
#include "ottl/text/unicode.h"

namespace weir::ottl {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, Arena& arena, JsonNumbers numbers) : text_(text), arena_(arena), numbers_(numbers) {}

  Result<otlp::Value> first() { return value(0); }

  Result<otlp::Value> run() {
    WEIR_ASSIGN(auto out, first());
    skip_space();
    if (at_ < text_.size()) return wrong("after top-level value");
    return out;
  }

 private:
  std::unexpected<Error> wrong(std::string_view where) const {
    if (at_ >= text_.size()) return fail(Errc::invalid, "unexpected end of JSON input");
    return fail(Errc::invalid, "invalid character {} {}", quote_json(text_.substr(at_, 1)), where);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<otlp::Value> value(int depth) {
    if (depth > otlp::max_value_depth) return fail(Errc::invalid, "JSON nested deeper than {}", otlp::max_value_depth);
    skip_space();
    switch (peek()) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': {
        WEIR_ASSIGN(auto text, string());
        return otlp::Value::of(text);
      }
      case 't':
        if (take_word("true")) return otlp::Value::of(true);
        break;
      case 'f':
        if (take_word("false")) return otlp::Value::of(false);
        break;
      case 'n':
        if (take_word("null")) return otlp::Value{};
        break;
      default:
        if (peek() == '-' || (peek() >= '0' && peek() <= '9')) return number();
    }
    return wrong("looking for beginning of value");
  }

  Result<otlp::Value> object(int depth) {
    auto* out = arena_.make<otlp::Attributes>();
    MapBuilder fields(*out, arena_);
    ++at_;
    skip_space();
    if (take('}')) return otlp::Value::of(out);
    for (;;) {
      skip_space();
      if (peek() != '"') return wrong("looking for beginning of object key");
      WEIR_ASSIGN(auto key, string());
      skip_space();
      if (!take(':')) return wrong("after object key");
      WEIR_ASSIGN(auto item, value(depth + 1));
      fields.set(key, item);
      skip_space();
      if (take('}')) return otlp::Value::of(out);
      if (!take(',')) return wrong("after object key:value pair");
    }
  }

  Result<otlp::Value> array(int depth) {
    auto* out = arena_.make<otlp::Array>();
    ++at_;
    skip_space();
    if (take(']')) return otlp::Value::of(out);
    for (;;) {
      WEIR_ASSIGN(auto item, value(depth + 1));
      out->push_back(arena_, item);
      skip_space();
      if (take(']')) return otlp::Value::of(out);
      if (!take(',')) return wrong("after array element");
    }
  }

  Result<otlp::Value> number() {
    std::size_t end = at_ + (peek() == '-');
    std::int64_t whole = 0;
    std::size_t first = end;
    for (; end < text_.size() && text_[end] >= '0' && text_[end] <= '9' && end - first < 16; ++end) whole = whole * 10 + (text_[end] - '0');
    // Whole numbers of up to 15 digits are exact as they are.
    bool ends = end == text_.size() || !std::string_view("+-.0123456789eE").contains(text_[end]);
    if (ends && end > first && end - first < 16) {
      bool negative = text_[at_] == '-';
      at_ = end;
      if (numbers_ == JsonNumbers::whole_or_real) return otlp::Value::of(negative ? -whole : whole);
      return otlp::Value::of(negative ? -static_cast<double>(whole) : static_cast<double>(whole));
    }
    return long_number();
  }
  Result<otlp::Value> long_number() {
    std::size_t end = text_.find_first_not_of("+-.0123456789eE", at_);
    std::string_view digits = text_.substr(at_, end - at_);
    double out = 0;
    auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    bool formed = rest == digits.data() + digits.size() && digits.back() != '.' && !digits.contains("-.");
    if (!formed || error == std::errc::invalid_argument) return wrong("in numeric literal");
    if (error == std::errc::result_out_of_range) return fail(Errc::invalid, "number {} is out of range", digits);
    at_ += digits.size();
    if (numbers_ == JsonNumbers::whole_or_real && digits.find_first_of(".eE") == digits.npos) {
      std::int64_t whole = 0;
      if (std::from_chars(digits.data(), digits.data() + digits.size(), whole).ec == std::errc{}) return otlp::Value::of(whole);
    }
    return otlp::Value::of(out);
  }

  // Past what needs no look at each byte: eight at a time without quotes, backslashes and control characters.
  void skip_plain() {
    constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    auto zero_in = [](std::uint64_t word) { return (word - ones) & ~word & highs; };
    for (; at_ + 8 <= text_.size(); at_ += 8) {
      std::uint64_t word;
      std::memcpy(&word, text_.data() + at_, sizeof word);
      if (zero_in(word ^ ones * '"') | zero_in(word ^ ones * '\\') | zero_in(word & ones * 0xE0)) return;
    }
  }
  Result<std::string_view> string() {
    std::size_t begin = ++at_;
    skip_plain();
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') return text_.substr(begin, at_++ - begin);
      if (c == '\\') return escaped_string(begin);
      if (static_cast<unsigned char>(c) < 0x20) return wrong("in string literal");
    }
    return wrong("in string literal");
  }
  Result<std::string_view> escaped_string(std::size_t begin) {
    std::string out(text_.substr(begin, at_ - begin));
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return arena_.copy(out);
      }
      if (static_cast<unsigned char>(c) < 0x20) break;
      ++at_;
      if (c != '\\') {
        out += c;
        continue;
      }
      constexpr std::string_view letters = "\"\\/bfnrt", codes = "\"\\/\b\f\n\r\t";
      std::size_t known = at_ < text_.size() ? letters.find(text_[at_]) : std::string_view::npos;
      if (known != std::string_view::npos) {
        out += codes[known];
        ++at_;
      } else if (!take('u')) {
        return wrong("in string escape code");
      } else {
        WEIR_ASSIGN(auto rune, code_unit());
        if (rune >= 0xD800 && rune < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
          std::size_t before = at_;
          at_ += 2;
          WEIR_ASSIGN(auto low, code_unit());
          if (low >= 0xDC00 && low < 0xE000)
            rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
          else
            at_ = before;
        }
        append_utf8(out, static_cast<char32_t>(rune));
      }
    }
    return wrong("in string literal");
  }
  Result<std::uint32_t> code_unit() {
    std::uint32_t out = 0;
    std::string_view digits = text_.substr(at_, 4);
    auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    if (digits.size() < 4 || error != std::errc{} || rest != digits.data() + 4) return wrong("in \\u hexadecimal character escape");
    at_ += 4;
    return out;
  }

  std::string_view text_;
  Arena& arena_;
  JsonNumbers numbers_;
  std::size_t at_ = 0;
};

}  // namespace

Result<otlp::Value> parse_json(std::string_view text, Arena& arena, JsonNumbers numbers) { return JsonReader(text, arena, numbers).run(); }

Result<otlp::Value> parse_first_json(std::string_view text, Arena& arena, JsonNumbers numbers) { return JsonReader(text, arena, numbers).first(); }

}  // namespace weir::ottl
