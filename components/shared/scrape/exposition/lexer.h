#pragma once
// The name and labels in front of a line of the two text formats.
#include <string>
#include <string_view>

namespace weir::exposition {

struct Dialect {
  bool blanks;    // between tokens
  bool commas;    // must stand between labels
  bool newlines;  // may stand in label values
};
inline constexpr Dialect text_dialect{.blanks = true, .commas = false, .newlines = true};
inline constexpr Dialect openmetrics_dialect{.blanks = false, .commas = true, .newlines = false};

// A name without the old restrictions stands quoted within the braces. All texts are as they came, with their escapes.
class LabelLexer {
 public:
  LabelLexer(std::string_view text, std::size_t at, Dialect dialect) : text_(text), at_(at), dialect_(dialect) {}

  // name{a="b"}: false with `error` when it is something else. Afterwards label() until it is false; name() is complete then.
  bool open_series();
  // `{` has been read. For exemplars, which have no name.
  void open_labels() { inside_ = true; }
  // The next label; false at the end or with `error`.
  bool label(std::string_view& name, std::string_view& value);

  std::size_t at() const { return at_; }
  bool failed() const { return error_ != nullptr; }
  const char* error() const { return error_; }
  // Whether a name was given, in front or within.
  std::string_view name() const { return name_; }

 private:
  bool fail(const char* why) {
    error_ = why;
    return false;
  }
  void skip_blanks();
  bool quoted(bool newlines, std::string_view& content);
  bool word(std::string_view& out);
  bool value(std::string_view& out);
  bool end_label();

  std::string_view text_;
  std::size_t at_;
  Dialect dialect_;
  std::string_view name_;
  const char* error_ = nullptr;
  bool inside_ = false, series_ = false, named_ = false;
};

constexpr bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
constexpr bool is_name_char(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }
// How many bytes at the front are of a metric's name.
std::size_t name_length(std::string_view text);
// The length of "…" at the front with its quotes; 0 when it does not end.
std::size_t quoted_length(std::string_view text, bool newlines);

// \" \\ \n; others stay.
std::string unescaped(std::string_view text, bool quotes = true);

// A sample's value; false for what Prometheus refuses. NaN is always the same one.
bool parse_value(std::string_view text, double& value);
// Seconds to ms.
bool parse_seconds(std::string_view text, std::int64_t& ms);

// le and quantile as OpenMetrics writes numbers.
std::string normal_number(std::string_view text);

}  // namespace weir::exposition
