#pragma once
// Grok patterns: regexes with names for parts, %{NUMBER:bytes:int}.
#include "base/regex.h"
#include "otlp/model.h"

namespace weir::ottl {

class Grok {
 public:
  // `definitions` are NAME=pattern, in front of the built-in ones. Captures without a name of their own are left out
  // with `named_only`, otherwise called like the pattern.
  static Result<Grok> make(std::string_view pattern, bool named_only, std::span<const std::string> definitions);

  // Puts what was captured into `map`; nothing when the text does not match. False when a type does not fit.
  bool extract(std::string_view text, Arena& arena, otlp::Attributes& map, std::string& wrong) const;

 private:
  enum class Type : std::uint8_t { text, integer, real, boolean, unknown };
  struct Capture {
    std::size_t group;
    std::string name;
    Type type;
  };
  explicit Grok(Regex regex) : regex_(std::move(regex)) {}
  static Type type_named(std::string_view word);

  Regex regex_;
  std::vector<Capture> captures_;
};

// The built-in definition of a name, or "".
std::string_view grok_definition(std::string_view name);

}  // namespace weir::ottl
