#pragma once
// A series' labels as one text: sorted, escaped as in the text formats. Equal sets are equal texts.
#include <string>
#include <string_view>
#include <vector>

#include "prometheus/escaping.h"

namespace weir::exporters::prometheus {

using LabelPairs = std::vector<std::pair<std::string, std::string>>;

// Sorts the pairs. False when a name is there twice, is reserved, or a value is not UTF-8: such a series cannot be served.
bool render(LabelPairs& pairs, std::string& out);

// Walks such a text.
class LabelReader {
 public:
  explicit LabelReader(std::string_view labels) : rest_(labels) {}
  bool next();
  std::string_view raw_name() const { return raw_name_; }    // with quotes, if it has any
  std::string_view raw_value() const { return raw_value_; }  // between the quotes, escaped
  std::string name() const;
  std::string value() const;

 private:
  std::string_view take_quoted();
  std::string_view rest_, raw_name_, raw_value_;
};

// True when a name is in quotes, so that peers who know only the old set need it escaped.
bool has_quoted_name(std::string_view labels);
// The same text with every name escaped.
std::string with_escaped_names(std::string_view labels, weir::prometheus::Escaping escaping);

// `\`, line feed and, if asked for, `"` with a backslash in front.
void append_escaped(std::string& out, std::string_view text, bool quotes);
// A name as the text formats have it: in quotes when it is not plain.
void append_name(std::string& out, std::string_view name);

}  // namespace weir::exporters::prometheus
