#pragma once
// Database queries and commands without the values in them. What is left has the shape that the Go collector's sanitizers leave.
#include <optional>
#include <string>
#include <string_view>

namespace weir::processors::redaction {

// MySQL takes double quotes for texts, backquotes for names and # for comments.
enum class Dialect : std::uint8_t { common, mysql };

// Texts, numbers, booleans, null and numbered parameters are `?`, and so are digits in names.
std::string sql_without_values(std::string_view sql, Dialect dialect);

// Commands of Redis or Valkey, one a line: `?` for the arguments that are values.
std::string redis_without_values(std::string_view commands);

// The first line of a command of memcached: values follow behind it.
std::string memcached_without_values(std::string_view command);

// JSON without spaces whose values are all "?"; nullopt: it is not JSON.
std::optional<std::string> json_without_values(std::string_view json);

}  // namespace weir::processors::redaction
