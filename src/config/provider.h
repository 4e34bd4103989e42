#pragma once
// Where configuration comes from: --config sources, merged in order, then --set, then references expanded.
//   file:PATH or a bare path, env:NAME, yaml:TEXT, http://..., https://...
#include <functional>

#include "config/problems.h"

namespace weir::config {

// How the outside is reached. A test replaces all of it.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<Result<std::string>(std::string_view url)> fetch;  // may be empty: no http(s)

  // The process's own variables and files; files larger than `Limits::source_bytes` are errors.
  static Environment process();
};

// The configuration made of all `sources` and then all `sets` ("a.b.c=value"), with references expanded.
// Empty after an error; warnings are in `problems` in any case.
std::optional<Value> load(std::span<const std::string> sources, std::span<const std::string> sets,
                          const Environment& environment, Problems& problems, const Limits& limits = {});

// A source's or a reference's address.
struct Uri {
  std::string scheme, rest;  // "env", "HOME"

  std::string to_string() const { return scheme + ":" + rest; }
};

// Empty when the text has no scheme: two or more letters, digits or "+.-" starting with a letter, and a colon.
std::optional<Uri> parse_uri(std::string_view text);

// The text behind an address. A variable that is not set is an empty optional.
Result<std::optional<std::string>> retrieve(const Uri& uri, const Environment& environment);

// {"a::b": 1} becomes {a: {b: 1}}, for the keys of the map itself.
void split_keys(Value& map, Problems& problems, const Limits& limits);

}  // namespace weir::config
