#pragma once
// Tokens → tree. Errors show the place with a caret.
#include "base/result.h"
#include "ottl/ast.h"

namespace weir::ottl {

Result<ast::Statement> parse_statement(std::string_view text);
Result<ast::TestPtr> parse_condition(std::string_view text);
Result<ast::ExprPtr> parse_value(std::string_view text);

// Reads a double-quoted literal with Go's escapes. False when an escape is not one of Go's.
bool unquote(std::string_view quoted, std::string& out);

}  // namespace weir::ottl
