#include "components/processors/redaction/queries.h"

namespace weir::processors::redaction {
namespace {

constexpr std::string_view dollar_function = "$func$";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// Every character beyond ASCII counts as a letter.
bool is_letter(char c) { return is_ascii_letter(c) || c == '_' || static_cast<unsigned char>(c) > 127; }
bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_name(char c) { return is_alphanumeric(c) || std::string_view("\".?$#/@!").find(c) != std::string_view::npos; }
bool is_operator(char c) { return c != '\0' && std::string_view("+-*/=<>!&|^%~?@:#").find(c) != std::string_view::npos; }
bool is_punctuation(char c) { return c != '\0' && std::string_view("(),;.:[]{}").find(c) != std::string_view::npos; }

// `word` is in lower case.
bool is_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) { return (a | 0x20) == b; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\n\v\f\r";
  auto begin = text.find_first_not_of(spaces);
  return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

// Copies token by token.
class SqlReader {
 public:
  SqlReader(std::string_view sql, Dialect dialect) : sql_(sql.substr(0, sql.find('\0'))), mysql_(dialect == Dialect::mysql), dialect_(dialect) {}

  std::string run() {
    out_.reserve(sql_.size());
    while (at_ < sql_.size()) token();
    return std::string(trimmed(out_));
  }

 private:
  // '\0' behind the end.
  char ahead(std::size_t n) const { return at_ + n < sql_.size() ? sql_[at_ + n] : '\0'; }
  void copy_to(std::size_t end) {
    out_ += sql_.substr(at_, end - at_);
    at_ = std::min(end, sql_.size());
  }
  void hide_to(std::size_t end) {
    out_ += '?';
    at_ = std::min(end, sql_.size());
  }
  template <class Is>
  std::size_t behind(std::size_t from, Is is) const {
    while (from < sql_.size() && is(sql_[from])) ++from;
    return from;
  }

  void token() {
    char c = sql_[at_], next = ahead(1);
    if (is_space(c)) return copy_to(behind(at_, is_space));
    if (is_letter(c)) return word();
    if (c == '"') return mysql_ ? text('"') : quoted_name('"');
    if (c == '\'') return text('\'');
    if ((c == '-' && next == '-') || (c == '#' && mysql_)) return copy_to(std::min(sql_.find('\n', at_), sql_.size()));
    if (c == '/' && next == '*') return comment();
    if ((c == '+' || c == '-') && (is_digit(next) || next == '.')) return hide_to(behind_decimal(at_ + 1));
    if (is_digit(c)) return number();
    if (c == '$') return is_digit(next) ? hide_to(behind(at_ + 2, is_digit)) : dollar_text();
    if (c == '`' && mysql_) return quoted_name('`');
    if (c == '@' && at_sign()) return;
    if (c != '*' && is_operator(c)) return operators();
    copy_to(at_ + 1);
  }

  void word() {
    std::size_t letters = behind(at_, [](char c) { return is_ascii_letter(c) || c == '_'; });
    std::string_view word = sql_.substr(at_, letters - at_);
    char next = letters < sql_.size() ? sql_[letters] : '\0';
    bool ends = next == '\0' || is_space(next) || is_punctuation(next);
    if (ends && (is_word(word, "true") || is_word(word, "false") || is_word(word, "null"))) return hide_to(letters);
    std::size_t end = behind(at_, is_name);
    bool calls = end < sql_.size() && sql_[end] == '(' && !word.empty();
    if (calls) copy_to(end);
    else copy_name(end);
  }

  // `?` for each run of digits.
  void copy_name(std::size_t end) {
    for (bool digits = false; at_ < end; ++at_) {
      bool digit = is_digit(sql_[at_]);
      if (!digit) out_ += sql_[at_];
      else if (!digits) out_ += '?';
      digits = digit;
    }
  }

  // Names that follow each other with a dot between are one. Without its end it is copied as it is.
  void quoted_name(char quote) {
    const char follows[] = {quote, '.', quote};
    std::string_view joint(static_cast<const char*>(follows), sizeof follows);
    for (std::size_t end = sql_.find(quote, at_ + 1); end != sql_.npos; end = sql_.find(quote, end + joint.size()))
      if (sql_.substr(end, joint.size()) != joint) return copy_name(end + 1);
    copy_to(sql_.size());
  }

  void text(char quote) {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && sql_[end] != quote) end += sql_[end] == '\\' ? 2 : 1;
    hide_to(end + 1);
  }

  void comment() {
    auto end = sql_.find("*/", at_ + 2);
    copy_to(end == sql_.npos ? sql_.size() : end + 2);
  }

  std::size_t behind_decimal(std::size_t from) const {
    while (from < sql_.size()) {
      char c = sql_[from];
      bool exponent = c == 'e' || c == 'E';
      if (!is_digit(c) && c != '.' && !exponent) break;
      ++from;
      if (exponent && from < sql_.size() && (sql_[from] == '+' || sql_[from] == '-')) ++from;
    }
    return from;
  }

  void number() {
    char next = ahead(1);
    if (sql_[at_] != '0') return hide_to(behind_decimal(at_ + 1));
    if (next == 'x' || next == 'X') return hide_to(behind(at_ + 2, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }));
    auto octal = [](char c) { return c >= '0' && c <= '7'; };
    hide_to(octal(next) ? behind(at_ + 2, octal) : behind_decimal(at_ + 1));
  }

  // $tag$ ... $tag$. Without its end it is copied as it is.
  void dollar_text() {
    auto tag_end = sql_.find('$', at_ + 1);
    if (tag_end == sql_.npos) return copy_to(sql_.size());
    std::string_view tag = sql_.substr(at_, tag_end + 1 - at_);
    auto end = sql_.find(tag, tag_end + 1);
    if (end == sql_.npos) return copy_to(sql_.size());
    if (tag == dollar_function) {
      std::string_view inside = sql_.substr(tag_end + 1, end - tag_end - 1);
      out_ += dollar_function;
      out_ += SqlReader(inside, dialect_).run();
      out_ += dollar_function;
      at_ = end + tag.size();
      return;
    }
    hide_to(end + tag.size());
  }

  // Names of variables and parameters, operators of JSON. False: it is another operator.
  bool at_sign() {
    char next = ahead(1);
    // Behind the first byte of a character beyond ASCII it ends.
    auto goes_on = [](char c) { return is_alphanumeric(c) && (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    if (next == '@' && is_alphanumeric(ahead(2))) return copy_to(behind(at_ + 2, goes_on)), true;
    if (next == '@' || next == '?' || next == '>') return copy_to(at_ + 2), true;
    if (is_alphanumeric(next)) return copy_to(behind(at_ + 2, goes_on)), true;
    return false;
  }

  void operators() {
    for (std::string_view json : {"->>", "->", "#>>", "#>", "#-", "?|", "?&", "<@"})
      if (sql_.substr(at_).starts_with(json)) return copy_to(at_ + json.size());
    char last = sql_[at_];
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_operator(sql_[end]) && !(last == '=' && (sql_[end] == '?' || sql_[end] == '@'))) last = sql_[end++];
    copy_to(end);
  }

  std::string_view sql_;
  bool mysql_;
  Dialect dialect_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

// A function's text has no function in it: its tag would have ended it.
std::string sql_without_values(std::string_view sql, Dialect dialect) { return SqlReader(sql, dialect).run(); }

std::string memcached_without_values(std::string_view command) { return std::string(trimmed(command.substr(0, command.find("\r\n")))); }

}  // namespace weir::processors::redaction
