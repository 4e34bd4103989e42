#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::expressions {

enum class TokenKind : std::uint8_t { end, name, word, text, bytes, integer, real, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t at = 0;
  std::string text;  // of texts: what it means
  double real = 0;
  std::int64_t integer = 0;

  // An operator, bracket or reserved word.
  bool is(std::string_view what) const { return (kind == TokenKind::word || kind == TokenKind::symbol) && text == what; }
};

Result<std::vector<Token>> read_tokens(std::string_view text);

}  // namespace weir::expressions
