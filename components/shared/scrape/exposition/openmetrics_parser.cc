// OpenMetrics text, as strict about blanks as Prometheus is.
#include <algorithm>

#include "base/text.h"
#include "components/shared/scrape/exposition/text_parser.h"

namespace weir::exposition {
namespace {

bool has_created(MetricType type) {
  return type == MetricType::counter || type == MetricType::summary || type == MetricType::histogram;
}

class OpenMetricsParser final : public LineParser {
 public:
  OpenMetricsParser(std::string_view body, bool created) : LineParser(body, openmetrics_dialect), created_(created) {}

  Entry next(std::string_view expected) override {
    for (;;) {
      exemplar_text_ = {};
      if (at_ >= body_.size()) return fail("the text does not end with # EOF");
      if (body_[at_] == '#') return comment();
      Entry entry = sample(expected);
      if (entry != Entry::series || !created_ || !is_created()) return entry;
    }
  }

  bool exemplar(Exemplar& out) override {
    if (exemplar_text_.empty()) return false;
    LabelLexer lexer(exemplar_text_, 1, dialect_);
    lexer.open_labels();
    out.labels.clear();
    std::string_view key, content;
    while (lexer.label(key, content)) out.labels.emplace_back(key, content);
    std::sort(out.labels.begin(), out.labels.end());
    out.value = exemplar_value_;
    out.timestamp = exemplar_time_;
    exemplar_text_ = {};
    return true;
  }

  std::int64_t start_timestamp() override;

 private:
  Entry comment();
  Entry sample(std::string_view expected);
  bool read_number(std::string_view& token);
  Entry read_exemplar();
  bool is_created() const { return has_created(type) && metric_name().ends_with("_created"); }
  bool failed() const { return !error_.empty(); }
  void look_ahead();
  std::string_view metric_name() const;
  std::string identity(std::string_view base) const;

  bool created_;
  std::string_view exemplar_text_;  // {…}
  double exemplar_value_ = 0;
  std::optional<std::int64_t> exemplar_time_;
  std::string created_identity_;  // of the `_created` line that comes next; empty: none of this metric
  std::int64_t created_ms_ = 0;
  std::size_t looked_until_ = 0;
};

Entry OpenMetricsParser::comment() {
  std::string_view text_line = line();
  bool ended = at_ + text_line.size() < body_.size();
  if (text_line == "# EOF")
    return at_ + 6 >= body_.size() ? Entry::end : fail_line("something stands behind # EOF");
  std::string_view word = text_line.substr(0, 7);
  Entry entry = word == "# HELP " ? Entry::help : word == "# TYPE " ? Entry::type : word == "# UNIT " ? Entry::unit : Entry::failed;
  if (entry == Entry::failed) return fail_line("expected HELP, TYPE, UNIT or EOF");
  std::size_t end = at_ + text_line.size();
  at_ += 7;
  if (!read_family()) return fail_line("expected a metric's name");
  if (!ended || at_ > end || body_[at_] != ' ') return fail_line("expected a text behind the metric's name");
  text = body_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  if (entry == Entry::type && !read_type(text, true)) return fail_line("no metric type");
  if (entry == Entry::help && !valid_utf8(text)) return fail_line("a help text is not UTF-8");
  if (entry == Entry::unit && !text.empty() && !(name.size() > text.size() && name.ends_with(text) && name[name.size() - text.size() - 1] == '_'))
    return fail_line("the unit is not the end of the metric's name");
  return entry;
}

// One blank, then what is no blank.
bool OpenMetricsParser::read_number(std::string_view& token) {
  std::string_view left = rest();
  if (!left.starts_with(' ')) return false;
  token = left.substr(1, std::min(left.find_first_of(" \n", 1), left.size()) - 1);
  at_ += 1 + token.size();
  return !token.empty();
}

Entry OpenMetricsParser::sample(std::string_view expected) {
  if (!read_series(expected)) return fail_line(error_);
  std::string_view token;
  if (!read_number(token)) return fail_line("expected a value");
  if (!parse_value(token, value)) return fail_line("a value is no number");
  timestamp.reset();
  if (!rest().starts_with('\n') && !rest().starts_with(" # {")) {
    std::int64_t ms;
    if (!read_number(token) || !parse_seconds(token, ms)) return fail_line("expected a timestamp, an exemplar or the end of the line");
    timestamp = ms;
  }
  if (rest().starts_with(" # {")) return read_exemplar();
  if (!rest().starts_with('\n')) return fail_line("expected an exemplar or the end of the line");
  ++at_;
  return Entry::series;
}

Entry OpenMetricsParser::read_exemplar() {
  at_ += 3;
  LabelLexer lexer(body_, at_ + 1, dialect_);
  lexer.open_labels();
  std::string_view key, content, token;
  while (lexer.label(key, content)) {}
  if (lexer.failed()) return fail_line(lexer.error());
  exemplar_text_ = body_.substr(at_, lexer.at() - at_);
  at_ = lexer.at();
  if (!read_number(token) || !parse_value(token, exemplar_value_)) return fail_line("expected an exemplar's value");
  exemplar_time_.reset();
  if (!rest().starts_with('\n')) {
    std::int64_t ms;
    if (!read_number(token) || !parse_seconds(token, ms)) return fail_line("expected an exemplar's timestamp");
    exemplar_time_ = ms;
  }
  if (!rest().starts_with('\n')) return fail_line("expected the end of the line behind an exemplar");
  ++at_;
  return Entry::series;
}

std::string_view OpenMetricsParser::metric_name() const {
  LabelLexer lexer(series, 0, dialect_);
  std::string_view key, content;
  lexer.open_series();
  if (lexer.name().empty())
    while (lexer.label(key, content)) {}
  return lexer.name();
}

// What a series and its `_created` have in common.
std::string OpenMetricsParser::identity(std::string_view base) const {
  std::string out(base);
  LabelLexer lexer(series, 0, dialect_);
  std::string_view key, content;
  lexer.open_series();
  while (lexer.label(key, content)) {
    if ((type == MetricType::summary && key == "quantile") || (type == MetricType::histogram && key == "le")) continue;
    out += '\xff';
    out += key;
    out += '\xff';
    out += content;
  }
  return out;
}

// Looks for the next `_created` line of this metric, once for all series in front of it.
void OpenMetricsParser::look_ahead() {
  OpenMetricsParser ahead(body_, false);
  ahead.at_ = at_;
  ahead.type = type;
  constexpr std::string_view suffix = "_created";
  created_identity_.clear();
  while (ahead.next({}) == Entry::series) {
    std::string_view metric = ahead.metric_name();
    if (!metric.ends_with(suffix)) continue;
    metric.remove_suffix(suffix.size());
    created_identity_ = ahead.identity(metric);
    created_ms_ = static_cast<std::int64_t>(std::clamp(ahead.value * 1000, -9e18, 9e18));
    break;
  }
  looked_until_ = ahead.failed() ? body_.size() : ahead.at_;
}

std::int64_t OpenMetricsParser::start_timestamp() {
  if (!has_created(type)) return 0;
  if (at_ >= looked_until_) look_ahead();
  return !created_identity_.empty() && identity(name) == created_identity_ ? created_ms_ : 0;
}

}  // namespace

std::unique_ptr<Parser> make_openmetrics_parser(std::string_view body, bool created) {
  return std::make_unique<OpenMetricsParser>(body, created);
}

}  // namespace weir::exposition
