#pragma once
// Bytes of a file or a connection as lines: encodings, multi-line entries, longest lines, white space.
#include "base/regex.h"
#include "components/shared/stanza/value.h"
#include "config/field.h"
#include "ottl/text/encoding.h"

namespace weir::stanza {

struct MultilineConfig {
  std::string line_start_pattern, line_end_pattern;
  bool omit_pattern = false;
  static std::span<const config::FieldInfo> fields();
};

struct LineSettings {
  std::string encoding = "utf-8";
  MultilineConfig multiline;
  bool preserve_leading = false, preserve_trailing = false;
  std::size_t max_size = 1024 * 1024;
  bool truncate = false;  // what is longer than max_size is cut off, otherwise it becomes lines of its own
  bool one_per_read = false;  // no line ends: each piece of data is one line
};

// How to find lines, and what is in them. One core.
class Lines {
 public:
  static Result<Lines> make(const LineSettings& settings);

  bool is_nop() const { return nop_; }
  // A line without what is around it, as text, or as bytes with the encoding nop. In `arena`, or a view into `raw`.
  Value read(std::string_view raw, Arena& arena);

 private:
  friend class LineScan;
  LineSettings settings_;
  std::optional<Regex> start_, end_;
  std::optional<ottl::TextDecoder> decoder_;  // none: the bytes are UTF-8, or stay what they are
  std::string newline_ = "\n", carriage_return_ = "\r";
  bool nop_ = false, raw_ = false;
  std::string scratch_;
};

// Goes through one piece of data. What is left at its end is not a whole line yet; the next piece begins with it.
class LineScan {
 public:
  // `skipping`: a line that was cut off is not over yet; kept by whoever brings the next piece. at_end: no more data now.
  LineScan(Lines& lines, std::string_view data, bool at_end, bool& skipping);

  // The next line as it stands in the data; nullopt at the end of it. Empty lines are empty texts.
  std::optional<std::string_view> next();
  // Where the latest line began, and how much of the data is behind us.
  std::size_t begin() const { return begin_; }
  std::size_t position() const { return at_; }
  // All that is left, as one line.
  std::string_view rest() const { return data_.substr(at_); }

 private:
  struct Found {
    std::string_view token;
    std::size_t advance;
  };
  // Places in the text that expressions look at: an entry, and where the next one begins.
  struct Span {
    std::size_t begin, end, next;
  };
  std::optional<Found> split();
  std::optional<Found> by_newline() const;
  std::optional<Found> by_expression();
  std::optional<Span> by_start(std::string_view text, std::size_t at);
  std::optional<Span> by_end(std::string_view text, std::size_t at);

  const Lines& lines_;
  std::string_view data_;
  bool at_end_;
  bool& skipping_;
  std::optional<RegexText> subject_;
  // UTF-16 and UTF-32: the data as UTF-8, for expressions, and a place in it that is a known one of the data.
  std::string decoded_;
  std::size_t decoded_at_ = 0, decoded_data_at_ = 0;
  std::size_t at_ = 0, begin_ = 0;
};

}  // namespace weir::stanza
