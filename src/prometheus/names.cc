#include "prometheus/names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "base/utf8.h"

namespace weir::prometheus {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool in_metric(char c) { return is_letter(c) || is_digit(c) || c == ':'; }
bool in_label(char c) { return is_letter(c) || is_digit(c); }
bool only_underscores(std::string_view text) { return text.find_first_not_of('_') == text.npos; }

// Bytes of the character at the front; 1 for what is not UTF-8.
std::size_t step(std::string_view text) {
  return std::max<std::size_t>(1, utf8_length(reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

// Characters that `allowed` has not become '_', one for each.
template <class Allowed>
std::string replace_others(std::string_view text, Allowed allowed) {
  std::string out;
  out.reserve(text.size());
  for (; !text.empty(); text.remove_prefix(step(text))) out += allowed(text[0]) ? text[0] : '_';
  return out;
}

// One '_' for each run of characters that are neither letters nor digits.
std::string collapse_label(std::string_view text) {
  std::string out;
  bool in_run = false;
  for (; !text.empty(); text.remove_prefix(step(text))) {
    bool allowed = in_label(text[0]);
    if (allowed || !in_run) out += allowed ? text[0] : '_';
    in_run = !allowed;
  }
  return out;
}

using Tokens = std::vector<std::string>;

template <class Allowed>
Tokens tokens_of(std::string_view text, Allowed allowed) {
  Tokens out;
  std::string token;
  for (char c : text) {  // bytes beyond ASCII are never allowed, so runs are the same by bytes and by characters
    if (allowed(c)) {
      token += c;
    } else if (!token.empty()) {
      out.push_back(std::move(token));
      token.clear();
    }
  }
  if (!token.empty()) out.push_back(std::move(token));
  return out;
}

std::string joined(const Tokens& tokens) {
  std::string out;
  for (auto& token : tokens) {
    if (!out.empty()) out += '_';
    out += token;
  }
  return out;
}

bool contains(const Tokens& tokens, std::string_view word) { return std::ranges::find(tokens, word) != tokens.end(); }

void move_to_end(Tokens& tokens, std::string_view word) {
  std::erase(tokens, word);
  tokens.emplace_back(word);
}

struct UnitWord {
  std::string_view unit, word;
};
constexpr std::array units{
    UnitWord{"d", "days"},          UnitWord{"h", "hours"},         UnitWord{"min", "minutes"},     UnitWord{"s", "seconds"},
    UnitWord{"ms", "milliseconds"}, UnitWord{"us", "microseconds"}, UnitWord{"ns", "nanoseconds"},  UnitWord{"By", "bytes"},
    UnitWord{"KiBy", "kibibytes"},  UnitWord{"MiBy", "mebibytes"},  UnitWord{"GiBy", "gibibytes"},  UnitWord{"TiBy", "tibibytes"},
    UnitWord{"KBy", "kilobytes"},   UnitWord{"MBy", "megabytes"},   UnitWord{"GBy", "gigabytes"},   UnitWord{"TBy", "terabytes"},
    UnitWord{"m", "meters"},        UnitWord{"V", "volts"},         UnitWord{"A", "amperes"},       UnitWord{"J", "joules"},
    UnitWord{"W", "watts"},         UnitWord{"g", "grams"},         UnitWord{"Cel", "celsius"},     UnitWord{"Hz", "hertz"},
    UnitWord{"1", ""},              UnitWord{"%", "percent"},
};
constexpr std::array per_units{
    UnitWord{"s", "second"}, UnitWord{"m", "minute"}, UnitWord{"h", "hour"}, UnitWord{"d", "day"},
    UnitWord{"w", "week"},   UnitWord{"mo", "month"}, UnitWord{"y", "year"},
};

std::string_view word_of(std::span<const UnitWord> rows, std::string_view unit) {
  for (auto& row : rows)
    if (row.unit == unit) return row.word;
  return unit;
}

std::string_view unit_of(std::span<const UnitWord> rows, std::string_view word) {
  for (auto& row : rows)
    if (row.word == word && !word.empty()) return row.unit;
  return word;
}

struct UnitSuffixes {
  std::string main, per;  // "bytes", "per_second"
};

UnitSuffixes suffixes_of(std::string_view unit) {
  UnitSuffixes out;
  auto slash = unit.find('/');
  auto usable = [](std::string_view part) { return !part.empty() && part.find_first_of("{}") == part.npos; };
  if (auto main = trim(unit.substr(0, slash)); usable(main)) out.main = word_of(units, main);
  if (slash == unit.npos) return out;
  if (auto per = trim(unit.substr(slash + 1)); usable(per)) out.per = "per_" + std::string(word_of(per_units, per));
  return out;
}

std::string clean_unit(std::string_view unit) {
  std::string out;
  for (char c : replace_others(unit, in_metric))
    if (c != '_' || (!out.empty() && out.back() != '_')) out += c;
  return out;
}

void add_unit(Tokens& tokens, std::string_view unit) {
  auto [main, per] = suffixes_of(unit);
  main = clean_unit(main);
  per = clean_unit(per);
  if (contains(tokens, main)) main.clear();
  if (per == "per_") per.clear();
  if (per.ends_with('_')) per.pop_back();
  if (!per.empty() && main.ends_with('_')) main.pop_back();
  if (!main.empty()) tokens.push_back(std::move(main));
  if (!per.empty()) tokens.push_back(std::move(per));
}

std::string with_suffixes(std::string_view name, std::string_view unit, MetricKind kind, std::string_view name_space) {
  Tokens tokens = tokens_of(name, in_metric);
  add_unit(tokens, unit);
  if (kind == MetricKind::counter) move_to_end(tokens, "total");
  if (unit == "1" && kind == MetricKind::gauge) move_to_end(tokens, "ratio");
  if (!name_space.empty()) tokens.insert(tokens.begin(), replace_others(name_space, [](char c) { return in_metric(c) || c == '_'; }));
  return joined(tokens);
}

std::string without_suffixes(std::string_view name, std::string_view name_space) {
  auto allowed = [](char c) { return in_metric(c) || c == '_'; };
  std::string out = joined(tokens_of(name, allowed));
  return name_space.empty() ? out : joined(tokens_of(name_space, allowed)) + "_" + out;
}

std::string_view without_end(std::string_view name, std::string_view suffix) {
  bool longer = name.ends_with(suffix) && name.size() > suffix.size() + 1;
  return longer ? name.substr(0, name.size() - suffix.size() - 1) : name;
}

// Suffixes that are there already are moved, so that each stands once, in the same order.
std::string with_utf8_suffixes(std::string_view name, std::string_view unit, MetricKind kind) {
  bool ratio = unit == "1" && kind == MetricKind::gauge, total = kind == MetricKind::counter;
  if (ratio) name = without_end(name, "ratio");
  if (total) name = without_end(name, "total");
  auto [main, per] = suffixes_of(unit);
  if (!per.empty()) name = without_end(name, per);
  std::string out(name);
  if (!main.empty() && !out.ends_with(main)) out += "_" + main;
  if (!per.empty()) out += "_" + per;
  if (total) out += "_total";
  if (ratio) out += "_ratio";
  return out;
}

}  // namespace

Result<std::string> MetricNamer::build(std::string_view name, std::string_view unit, MetricKind kind) const {
  if (!escapes(strategy)) {
    std::string whole = name_space.empty() ? std::string(name) : name_space + "_" + std::string(name);
    if (whole.empty()) return fail(Errc::invalid, "a metric without a name");
    return adds_suffixes(strategy) ? with_utf8_suffixes(whole, unit, kind) : whole;
  }
  std::string out = adds_suffixes(strategy) ? with_suffixes(name, unit, kind, name_space) : without_suffixes(name, name_space);
  if (!out.empty() && is_digit(out[0])) out.insert(0, 1, '_');
  if (out.empty() || (only_underscores(out) && out != name))
    return fail(Errc::invalid, "nothing is left of the metric name \"{}\" in Prometheus's characters", name);
  return out;
}

Result<std::string> LabelNamer::build(std::string_view name) const {
  if (name.empty()) return fail(Errc::invalid, "a label without a name");
  std::string out;
  if (utf8) {
    out = name;
  } else if (keep_underscores) {
    out = replace_others(name, in_label);
  } else if (name.size() >= 4 && name.starts_with("__") && name.ends_with("__")) {
    out = "__" + collapse_label(name.substr(2, name.size() - 4)) + "__";
  } else {
    out = collapse_label(name);
  }
  if (!utf8 && is_digit(out[0]))
    out.insert(0, "key_");
  else if (!utf8 && prefix_underscore && out.starts_with('_') && !out.starts_with("__"))
    out.insert(0, "key");
  if (only_underscores(out)) return fail(Errc::invalid, "nothing is left of the label name \"{}\" in Prometheus's characters", name);
  return out;
}

std::string unit_name(std::string_view unit, bool utf8) {
  auto [main, per] = suffixes_of(unit);
  if (!utf8) {
    main = clean_unit(main);
    per = clean_unit(per);
  }
  std::string out = main;
  if (!out.empty() && !per.empty()) out += '_';
  out += per;
  if (out.starts_with('_')) out.erase(0, 1);
  if (out.ends_with('_')) out.pop_back();
  return out;
}

std::string unit_of_name(std::string_view words) {
  if (words == "ratio") return "1";
  auto per = words.find("_per_");
  if (per == words.npos) return std::string(unit_of(units, words));
  std::string out(unit_of(units, words.substr(0, per)));
  if (auto rest = words.substr(per + 5); !rest.empty()) out += "/" + std::string(unit_of(per_units, rest));
  return out;
}

std::string trim_suffixes(std::string_view name, MetricKind kind, std::string_view unit_words) {
  auto cut = [&](std::string_view word) {
    if (!word.empty() && name.size() > word.size() + 1 && name.ends_with(word) && name[name.size() - word.size() - 1] == '_')
      name.remove_suffix(word.size() + 1);
  };
  if (kind == MetricKind::counter) cut("total");
  cut(unit_words);
  return std::string(name);
}

}  // namespace weir::prometheus
