#include "components/shared/scrape/exposition/lexer.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/number.h"
#include "base/text.h"
#include "prometheus/number.h"

namespace weir::exposition {
namespace {

// The NaN of Prometheus for a value that was scraped: a stale marker cannot come from outside.
constexpr std::uint64_t normal_nan = 0x7ff8000000000001;

bool parse_small_integer(std::string_view text, double& value) {
  bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 18) return false;
  std::int64_t number = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  value = static_cast<double>(number);
  if (negative) value = -value;
  return true;
}

}  // namespace

std::size_t name_length(std::string_view text) {
  if (text.empty() || !is_name_start(text[0])) return 0;
  std::size_t n = 1;
  while (n < text.size() && is_name_char(text[n])) ++n;
  return n;
}

std::size_t quoted_length(std::string_view text, bool newlines) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\n' && !newlines) return 0;
    if (text[i] == '\\' && (++i >= text.size() || text[i] == '\n')) return 0;
  }
  return 0;
}

std::string unescaped(std::string_view text, bool quotes) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 'n') out += '\n';
    else if (next == '\\' || (next == '"' && quotes)) out += next;
    else {
      out += text[i];
      continue;
    }
    ++i;
  }
  return out;
}

bool parse_value(std::string_view text, double& value) {
  if (parse_small_integer(text, value)) return true;
  std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (!digits.empty() && ((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.')) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return true;
  }
  if (text.find_first_of("pP_") != text.npos) return false;
  auto parsed = parse_go_double(text);
  if (!parsed) return false;
  value = std::isnan(*parsed) ? std::bit_cast<double>(normal_nan) : *parsed;
  return true;
}

bool parse_seconds(std::string_view text, std::int64_t& ms) {
  double seconds;
  if (!parse_value(text, seconds) || !std::isfinite(seconds)) return false;
  ms = go_int_of(seconds * 1000);
  return true;
}

std::string normal_number(std::string_view text) {
  auto number = parse_go_double(text);
  if (!number) return std::string(text);
  std::string out;
  prometheus::append_openmetrics_number(out, *number);
  return out;
}

void LabelLexer::skip_blanks() {
  if (!dialect_.blanks) return;
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
}

bool LabelLexer::open_series() {
  series_ = true;
  std::size_t n = name_length(text_.substr(at_));
  name_ = text_.substr(at_, n);
  named_ = n > 0;
  std::size_t end = at_ += n;
  skip_blanks();
  if (at_ < text_.size() && text_[at_] == '{') {
    ++at_;
    inside_ = true;
  } else {
    at_ = end;
    if (n == 0) return fail("expected a metric's name");
  }
  return true;
}

bool LabelLexer::quoted(bool newlines, std::string_view& content) {
  std::size_t n = quoted_length(text_.substr(at_), newlines);
  if (n == 0) return fail("text without an end");
  content = text_.substr(at_ + 1, n - 2);
  at_ += n;
  return true;
}

bool LabelLexer::word(std::string_view& out) {
  std::size_t n = 0;
  std::string_view rest = text_.substr(at_);
  while (n < rest.size() && (is_name_char(rest[n]) && rest[n] != ':') && (n > 0 || is_name_start(rest[n]))) ++n;
  if (n == 0) return fail("expected a label's name");
  out = rest.substr(0, n);
  at_ += n;
  return true;
}

bool LabelLexer::value(std::string_view& out) {
  skip_blanks();
  if (at_ >= text_.size() || text_[at_] != '=') return fail("expected '=' behind a label's name");
  ++at_;
  skip_blanks();
  if (at_ >= text_.size() || text_[at_] != '"') return fail("expected a label's value in quotes");
  if (!quoted(dialect_.newlines, out)) return false;
  return valid_utf8(out) || fail("a label's value is not UTF-8");
}

// What may stand behind a label: a comma, which may be the last thing, or the end.
bool LabelLexer::end_label() {
  skip_blanks();
  if (at_ < text_.size() && text_[at_] == ',') {
    ++at_;
    return true;
  }
  bool closed = at_ < text_.size() && text_[at_] == '}';
  return closed || !dialect_.commas || fail("expected ',' or '}' behind a label");
}

bool LabelLexer::label(std::string_view& name, std::string_view& out) {
  while (inside_ && error_ == nullptr) {
    skip_blanks();
    if (at_ >= text_.size()) return fail("labels without an end");
    if (text_[at_] == '}') {
      ++at_;
      inside_ = false;
      return series_ && !named_ ? fail("no metric's name") : false;
    }
    if (text_[at_] != '"') return word(name) && value(out) && end_label();
    if (!quoted(series_ || dialect_.newlines, name)) return false;
    skip_blanks();
    bool alone = at_ < text_.size() && (text_[at_] == ',' || text_[at_] == '}');
    if (!alone) return value(out) && end_label();
    if (!series_) return fail("expected '=' behind a label's name");
    if (named_) return fail("two names of the metric");
    name_ = name;
    named_ = true;
    if (text_[at_] == ',') ++at_;
  }
  return false;
}

}  // namespace weir::exposition
