#pragma once
// Text of a statement → tokens. Tokens are views into the text.
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::ottl {

enum class TokenKind : std::uint8_t {
  end,
  name,      // letters, digits and _; whether it is a keyword, enum, function or path segment is the parser's matter
  bytes,     // 0x…
  real,
  integer,
  text,      // with its quotes
  compare,   // == != < <= > >=
  add_sub,   // + -
  mul_div,   // * /
  assign,    // =
  arrow,     // =>
  punct,     // ( ) [ ] { } , . :
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  std::uint32_t at = 0;     // offset in the statement
  std::uint32_t match = 0;  // of a bracket: index of the token that closes (opens) it; 0 when there is none

  bool is(std::string_view s) const { return kind != TokenKind::text && text == s; }
};

// Ends with one `end` token. Statements over 64 KiB are refused.
Result<std::vector<Token>> tokenize(std::string_view statement);

// What is wrong and where, with the line and a caret under it.
std::string explain(std::string_view statement, std::size_t at, std::string_view message);

}  // namespace weir::ottl
