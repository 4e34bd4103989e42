#include "components/shared/scrape/exposition/text_parser.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace weir::exposition {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

struct TypeName {
  std::string_view name;
  MetricType type;
};
constexpr TypeName type_names[] = {
    {"unknown", MetricType::unknown},     {"counter", MetricType::counter},
    {"gauge", MetricType::gauge},         {"histogram", MetricType::histogram},
    {"gaugehistogram", MetricType::gauge_histogram}, {"summary", MetricType::summary},
    {"info", MetricType::info},           {"stateset", MetricType::stateset},
};

// Prometheus text format 0.0.4 and 1.0.0.
class TextParser final : public LineParser {
 public:
  explicit TextParser(std::string_view body) : LineParser(body, text_dialect) {}

  Entry next(std::string_view expected) override {
    for (;;) {
      while (at_ < body_.size() && (is_blank(body_[at_]) || body_[at_] == '\n')) ++at_;
      if (at_ >= body_.size() || body_[at_] == '\0') return Entry::end;
      if (body_[at_] != '#') return sample(expected);
      if (auto entry = comment()) return *entry;
    }
  }

 private:
  std::optional<Entry> comment() {
    std::size_t end = at_ + line().size();
    std::string_view content = without_blanks(line().substr(1));
    bool blank_behind = content.size() < line().size() - 1;
    bool help = content.starts_with("HELP"), is_type = content.starts_with("TYPE");
    if (!blank_behind || !(help || is_type) || content.size() == 4 || !is_blank(content[4])) {
      at_ = end;
      return std::nullopt;
    }
    at_ = end - without_blanks(content.substr(4)).size();
    if (!read_family()) return fail_line("expected a metric's name behind HELP or TYPE");
    text = body_.substr(at_, end - at_);
    if (!text.empty()) text.remove_prefix(1);
    at_ = end;
    if (is_type) return read_type(text, false) ? Entry::type : fail_line("no metric type");
    return valid_utf8(text) ? Entry::help : fail_line("a help text is not UTF-8");
  }

  Entry sample(std::string_view expected) {
    if (!read_series(expected)) return fail_line(error_);
    std::string_view left = without_blanks(line());
    std::size_t n = std::min(left.find_first_of(" \t{"), left.size());
    if (n == 0) return fail_line("expected a value");
    if (!parse_value(left.substr(0, n), value)) return fail_line("a value is no number");
    left = without_blanks(left.substr(n));
    timestamp.reset();
    if (!left.empty() && !read_timestamp(left)) return fail_line("expected a timestamp or the end of the line");
    at_ += line().size();
    return Entry::series;
  }

  bool read_timestamp(std::string_view left) {
    std::int64_t ms = 0;
    auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), ms);
    if (error != std::errc{} || left[0] == '-') return false;
    timestamp = ms;
    return without_blanks({end, static_cast<std::size_t>(left.data() + left.size() - end)}).empty();
  }
};

}  // namespace

std::string_view to_string(MetricType type) {
  for (auto& row : type_names)
    if (row.type == type) return row.name;
  return "unknown";
}

bool Exemplar::operator<(const Exemplar& other) const {
  auto a = timestamp.value_or(0), b = other.timestamp.value_or(0);
  return a != b ? a < b : value < other.value;
}

Entry LineParser::fail_line(std::string_view why) {
  auto number = 1 + std::count(body_.begin(), body_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, body_.size())), '\n');
  std::size_t begin = at_ == 0 ? body_.npos : body_.rfind('\n', at_ - 1);
  std::string_view shown = body_.substr(begin == body_.npos ? 0 : begin + 1);
  shown = shown.substr(0, std::min<std::size_t>(shown.find('\n'), 100));
  return fail(fmt::format("line {}: {}: {}", number, why, quote_json(shown)));
}

// Whether the line begins with this series and with no other one of which it is only a part.
bool LineParser::is_at(std::string_view expected) const {
  if (expected.empty() || !rest().starts_with(expected)) return false;
  if (expected.back() == '}') return true;
  std::string_view behind = rest().substr(expected.size());
  if (!behind.empty() && is_name_char(behind[0])) return false;
  if (dialect_.blanks) behind = without_blanks(behind);
  return !behind.starts_with('{');
}

bool LineParser::read_series(std::string_view expected) {
  as_expected = is_at(expected);
  if (as_expected) {
    series = rest().substr(0, expected.size());
    at_ += expected.size();
    return true;
  }
  LabelLexer lexer(body_, at_, dialect_);
  std::string_view key, content;
  if (lexer.open_series())
    while (lexer.label(key, content)) {}
  if (lexer.failed()) {
    error_ = lexer.error();
    return false;
  }
  series = body_.substr(at_, lexer.at() - at_);
  at_ = lexer.at();
  return true;
}

void LineParser::labels(std::vector<scrape::Label>& out) {
  out.clear();
  LabelLexer lexer(series, 0, dialect_);
  std::string_view key, content;
  lexer.open_series();
  bool numbered = type == MetricType::histogram || type == MetricType::summary;
  while (lexer.label(key, content)) {
    auto& label = out.emplace_back(unescaped(key), unescaped(content));
    if (numbered && label.name == (type == MetricType::summary ? "quantile" : "le")) label.value = normal_number(label.value);
  }
  out.emplace_back(std::string(scrape::metric_name_label), unescaped(lexer.name()));
}

bool LineParser::read_family() {
  std::size_t n = rest().starts_with('"') ? quoted_length(rest(), true) : name_length(rest());
  if (n == 0) return false;
  name = rest().substr(0, n);
  if (name[0] == '"') name = name.substr(1, n - 2);
  at_ += n;
  return true;
}

bool LineParser::read_type(std::string_view word, bool openmetrics) {
  if (!openmetrics && word == "untyped") {
    type = MetricType::unknown;
    return true;
  }
  for (auto& row : type_names)
    if (row.name == word) {
      bool old = row.type == MetricType::counter || row.type == MetricType::gauge || row.type == MetricType::histogram ||
                 row.type == MetricType::summary;
      if (!openmetrics && !old) return false;
      type = row.type;
      return true;
    }
  return false;
}

std::unique_ptr<Parser> make_text_parser(std::string_view body) { return std::make_unique<TextParser>(body); }

}  // namespace weir::exposition
