#pragma once
// What the two text formats have in common: lines with a series in front, and its labels when somebody wants them.
#include "components/shared/scrape/exposition/lexer.h"
#include "components/shared/scrape/exposition/parser.h"

namespace weir::exposition {

class LineParser : public Parser {
 public:
  LineParser(std::string_view body, Dialect dialect) : body_(body), dialect_(dialect) {}
  void labels(std::vector<scrape::Label>& out) override;
  std::string full_text() const override { return unescaped(text, dialect_.commas); }

 protected:
  // Reads the series at at_ and puts at_ behind it. False with error().
  bool read_series(std::string_view expected);
  Entry fail_line(std::string_view why);
  std::string_view rest() const { return body_.substr(at_); }
  std::string_view line() const { return rest().substr(0, rest().find('\n')); }
  // A metric's name in a comment, quoted or not.
  bool read_family();
  bool read_type(std::string_view word, bool openmetrics);

  std::string_view body_;
  std::size_t at_ = 0;
  Dialect dialect_;

 private:
  bool is_at(std::string_view expected) const;
};

std::unique_ptr<Parser> make_text_parser(std::string_view body);
// With `created`, `_created` lines tell when series began and are no series.
std::unique_ptr<Parser> make_openmetrics_parser(std::string_view body, bool created);
std::unique_ptr<Parser> make_protobuf_parser(std::string_view body, const Options& options);
// Puts a histogram with custom buckets in the place of each classic one that `parser` finds.
std::unique_ptr<Parser> make_converting_parser(std::unique_ptr<Parser> parser, bool keep_classic);

}  // namespace weir::exposition
