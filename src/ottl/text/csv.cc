#include "ottl/text/csv.h"

namespace weir::ottl {
namespace {

class Rows {
 public:
  Rows(std::string_view text, std::string_view delimiter, bool lazy) : rest_(text), delimiter_(delimiter), lazy_(lazy) {}

  bool join(std::vector<std::string>& fields) {
    while (next_line()) {
      if (line_ == "\n") continue;
      std::size_t before = fields.size();
      bool good = read_line(fields);
      if (fields.size() == before && !good) return false;
      if (before == 0) continue;
      fields[before - 1] += "\n" + fields[before];
      fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(before));
    }
    return !fields.empty();
  }

 private:
  // With its "\n", which "\r\n" becomes too.
  bool next_line() {
    std::size_t end = rest_.find('\n');
    line_ = rest_.substr(0, end);
    bool more = !rest_.empty();
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    if (end != std::string_view::npos) line_ += '\n';
    at_ = 0;
    return more;
  }
  std::string_view left() const { return std::string_view(line_).substr(at_); }

  // False at a quote where none can be.
  bool read_line(std::vector<std::string>& fields) {
    for (bool more = true; more;) {
      std::string field;
      if (left().starts_with('"') ? !quoted(field, more) : !plain(field, more)) return false;
      fields.push_back(std::move(field));
    }
    return true;
  }

  bool plain(std::string& field, bool& more) {
    std::size_t end = left().find(delimiter_);
    more = end != std::string_view::npos;
    field = left().substr(0, end);
    if (!more && field.ends_with('\n')) field.pop_back();
    at_ += more ? end + delimiter_.size() : 0;
    return lazy_ || !field.contains('"');
  }

  bool quoted(std::string& field, bool& more) {
    ++at_;
    for (;;) {
      std::size_t quote = left().find('"');
      if (quote == std::string_view::npos) {
        if (left().empty()) return more = false, lazy_;
        field += left();
        if (!next_line()) line_.clear(), at_ = 0;
        continue;
      }
      field += left().substr(0, quote);
      at_ += quote + 1;
      if (left().starts_with('"')) {
        field += '"';
        ++at_;
      } else if (left().starts_with(delimiter_)) {
        at_ += delimiter_.size();
        return true;
      } else if (left().empty() || left() == "\n") {
        return more = false, true;
      } else if (lazy_) {
        field += '"';
      } else {
        return false;
      }
    }
  }

  std::string_view rest_, delimiter_;
  bool lazy_;
  std::string line_;
  std::size_t at_ = 0;
};

}  // namespace

bool split_csv_row(std::string_view text, std::string_view delimiter, bool lazy, std::vector<std::string>& fields) {
  bool usable = delimiter != "\"" && delimiter != "\r" && delimiter != "\n" && delimiter != "\xEF\xBF\xBD";
  return usable && Rows(text, delimiter, lazy).join(fields);
}

}  // namespace weir::ottl
