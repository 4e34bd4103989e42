#include "ottl/time/layout.h"

#include "base/text.h"
#include "ottl/time/civil.h"
#include "ottl/time/locale.h"
#include "ottl/text/unicode.h"

namespace weir::ottl {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool begins_fraction(std::string_view text) { return text.size() > 1 && (text[0] == '.' || text[0] == ',') && digit(text[1]); }

void skip_space(std::string_view& text) {
  while (!text.empty() && std::string_view(" \t\n\f\r").contains(text[0])) text.remove_prefix(1);
}

// One digit, or two where there are two.
bool take_number(std::string_view& text, int& out) {
  if (text.empty() || !digit(text[0])) return false;
  out = text[0] - '0';
  text.remove_prefix(1);
  if (!text.empty() && digit(text[0])) {
    out = out * 10 + (text[0] - '0');
    text.remove_prefix(1);
  }
  return true;
}

bool take_digits(std::string_view& text, std::size_t count, std::int64_t& out) {
  if (text.size() < count || !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count), digit)) return false;
  out = 0;
  for (char c : text.substr(0, count)) out = out * 10 + (c - '0');
  text.remove_prefix(count);
  return true;
}

void take_fraction(std::string_view& text, std::int32_t& nanos) {
  text.remove_prefix(1);
  std::int32_t unit = 100'000'000;
  nanos = 0;
  while (!text.empty() && digit(text[0])) {
    nanos += (text[0] - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
}

// The longest of the names that the text starts with, whatever the case; a dot behind it goes along.
template <std::size_t N>
bool take_name(std::string_view& text, const std::array<std::string_view, N>& names, bool dots, int& out) {
  std::string lowered = to_lower_case(text.substr(0, 40));
  std::size_t best = 0;
  for (std::size_t i = 0; i < N; ++i) {
    std::string name = to_lower_case(names[i]);
    if (name.size() <= best || !lowered.starts_with(name)) continue;
    best = name.size();
    out = static_cast<int>(i);
  }
  if (best == 0) return false;
  text.remove_prefix(std::min(best, text.size()));
  if (dots && text.starts_with('.')) text.remove_prefix(1);
  return true;
}

// Spaces of the format stand for one or more spaces of the text, or for its end; the rest must be the same.
bool skip_literal(std::string_view& text, std::string_view literal) {
  while (!literal.empty()) {
    if (literal[0] == ' ') {
      if (!text.empty() && text[0] != ' ') return false;
      while (literal.starts_with(' ')) literal.remove_prefix(1);
      while (text.starts_with(' ')) text.remove_prefix(1);
      continue;
    }
    if (text.empty() || text[0] != literal[0]) return false;
    text.remove_prefix(1);
    literal.remove_prefix(1);
  }
  return true;
}

// ±hh, then `more` pairs of digits joined by `colon`.
bool take_offset(std::string_view& text, std::string_view colon, int more, int& out) {
  std::string_view rest = text;
  if (rest.empty() || (rest[0] != '+' && rest[0] != '-')) return false;
  int sign = rest[0] == '-' ? -1 : 1, seconds = 0, unit = 3600;
  rest.remove_prefix(1);
  for (int i = 0; i <= more; ++i, unit /= 60) {
    if (i > 0) {
      if (!rest.starts_with(colon)) return false;
      rest.remove_prefix(colon.size());
    }
    std::int64_t part;
    if (!take_digits(rest, 2, part) || part > (i == 0 ? 24 : 60)) return false;
    seconds += static_cast<int>(part) * unit;
  }
  text = rest;
  return out = sign * seconds, true;
}

// An abbreviation as Go recognises one: three letters, four that end in T, five that end in ST, or GMT+3.
std::string_view take_abbreviation(std::string_view& text) {
  std::size_t n = 0;
  if (text.starts_with("ChST") || text.starts_with("MeST")) {
    n = 4;
  } else {
    while (n < text.size() && n < 6 && text[n] >= 'A' && text[n] <= 'Z') ++n;
    bool fits = n == 3 || (n == 4 && (text[3] == 'T' || text.starts_with("WITA"))) || (n == 5 && text.substr(3, 2) == "ST");
    if (!fits) n = 0;
    if (n == 3 && text.starts_with("GMT") && text.size() > 4 && (text[3] == '+' || text[3] == '-') && digit(text[4]))
      for (n = 5; n < text.size() && digit(text[n]); ++n) {}
    if (n == 0 && text.size() > 2 && (text[0] == '+' || text[0] == '-') && digit(text[1]) && digit(text[2])) n = 3;
  }
  std::string_view out = text.substr(0, n);
  text.remove_prefix(n);
  return out;
}

}  // namespace

struct TimeLayout::Fields {
  std::int64_t year = 0;
  int month = 0, day = 0, hour = 0, minute = 0, second = 0, offset = 0, year_day = 0;
  std::int32_t nanos = 0;
  bool has_offset = false, pm = false, am = false;
  std::string_view abbreviation;
};

Result<TimeLayout> TimeLayout::make(std::string_view format, std::string_view locale) {
  TimeLayout out;
  if (format.empty()) return fail(Errc::config, "format cannot be empty");
  out.locale_ = find_locale(locale.empty() ? "en" : locale);
  if (out.locale_ == nullptr) return fail(Errc::config, "locale \"{}\" is not known", locale);
  if (std::any_of(format.begin(), format.end(), digit)) return fail(Errc::config, "format string should not contain decimals");
  out.format_ = format;
  std::string_view rest = format;
  while (!rest.empty()) {
    std::size_t percent = rest.find('%');
    out.add_native(rest.substr(0, percent), "");
    if (percent == std::string_view::npos) break;
    rest.remove_prefix(percent);
    if (rest.size() == 1) {
      out.add_literal("%");
      break;
    }
    WEIR_TRY(out.add_directive(rest[1], rest.substr(0, 2)));
    rest.remove_prefix(2);
  }
  out.find_known_zones();
  return out;
}

void TimeLayout::find_known_zones() {
  bool names = std::any_of(chunks_.begin(), chunks_.end(), [](auto& chunk) { return chunk.item == Item::zone_name; });
  if (names)
    for (std::string_view name : {"GMT", "EST", "MST", "HST", "CET", "MET", "EET", "WET", "UCT", "PRC", "ROC", "ROK"})
      if (auto zone = Zone::load(name)) known_zones_.emplace_back(name, *zone);
}

// One of Go's directives at the front of the layout, taken off; false when there is none. Longer ones are tried first.
bool TimeLayout::take_go_directive(std::string_view& layout) {
  struct Directive {
    std::string_view text;
    Chunk chunk;
  };
  auto plain = [](Item item) { return Chunk{.item = item}; };
  auto strict = [](Item item) { return Chunk{.item = item, .strict = true}; };
  auto spaced = [](Item item) { return Chunk{.item = item, .spaces = true}; };
  auto zone = [](int parts, bool colons, bool zulu) { return Chunk{.item = Item::offset_z, .zulu = zulu, .parts = parts, .colons = colons}; };
  static const Directive directives[] = {
      {"January", plain(Item::month_long)}, {"Jan", plain(Item::month_short)}, {"Monday", plain(Item::weekday_long)}, {"Mon", plain(Item::weekday_short)},
      {"MST", plain(Item::zone_name)},      {"2006", plain(Item::year)},       {"002", strict(Item::year_day)},       {"__2", spaced(Item::year_day)},
      {"01", strict(Item::month)},          {"02", strict(Item::day)},         {"03", strict(Item::hour12)},          {"04", strict(Item::minute)},
      {"05", strict(Item::second)},         {"06", plain(Item::short_year)},   {"15", plain(Item::hour)},             {"_2006", plain(Item::literal)},
      {"_2", spaced(Item::day)},            {"1", plain(Item::month)},         {"2", plain(Item::day)},               {"3", plain(Item::hour12)},
      {"4", plain(Item::minute)},           {"5", plain(Item::second)},        {"PM", plain(Item::upper_half)},       {"pm", plain(Item::lower_half)},
      {"-07:00:00", zone(3, true, false)},  {"-070000", zone(3, false, false)}, {"-07:00", zone(2, true, false)},     {"-0700", zone(2, false, false)},
      {"-07", zone(1, false, false)},       {"Z07:00:00", zone(3, true, true)}, {"Z070000", zone(3, false, true)},    {"Z07:00", zone(2, true, true)},
      {"Z0700", zone(2, false, true)},      {"Z07", zone(1, false, true)}};
  if (layout.starts_with("_2006")) return add_literal("_"), layout.remove_prefix(1), take_go_directive(layout);
  for (auto& directive : directives) {
    if (!layout.starts_with(directive.text)) continue;
    // "Jan" is no directive within a word, such as "Janet".
    if (directive.text == "Jan" && layout.size() > 3 && layout[3] >= 'a' && layout[3] <= 'z') continue;
    if (directive.text == "Mon" && layout.size() > 3 && layout[3] >= 'a' && layout[3] <= 'z') continue;
    chunks_.push_back(directive.chunk);
    chunks_.back().directive = directive.text;
    layout.remove_prefix(directive.text.size());
    return true;
  }
  // .000 or ,999 and so on, unless more digits follow.
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',') || (layout[1] != '0' && layout[1] != '9')) return false;
  std::size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
  if (end < layout.size() && digit(layout[end])) return false;
  chunks_.push_back({.item = layout[1] == '9' ? Item::fraction : Item::exact_fraction, .text = std::string(1, layout[0]), .digits = static_cast<int>(end - 1)});
  layout.remove_prefix(end);
  return true;
}

Result<TimeLayout> TimeLayout::make_go(std::string_view layout) {
  TimeLayout out;
  out.go_ = true;
  out.locale_ = find_locale("en");
  out.format_ = layout;
  for (std::size_t i = 0; i + 1 < layout.size(); ++i)
    if (layout[i + 1] == '9' && layout[i] != '.' && layout[i] != ',' && layout[i] != '9')
      return fail(Errc::config, "invalid fractional seconds directive: '{}'. must be preceded with '.' or ','", layout.substr(i, 2));
  while (!layout.empty()) {
    if (out.take_go_directive(layout)) continue;
    out.add_literal(layout.substr(0, 1));
    layout.remove_prefix(1);
  }
  out.find_known_zones();
  return out;
}

bool TimeLayout::read_go_chunk(const Chunk& chunk, bool fraction_next, std::string_view& text, Fields& to) const {
  std::int64_t number;
  auto take = [&](int& field) {
    if (chunk.spaces && text.starts_with(' ')) text.remove_prefix(1);
    if (!chunk.strict) return take_number(text, field);
    if (!take_digits(text, 2, number)) return false;
    return field = static_cast<int>(number), true;
  };
  switch (chunk.item) {
    case Item::year: return take_digits(text, 4, to.year);
    case Item::month: return take(to.month);
    case Item::day: return take(to.day);
    case Item::hour:
    case Item::hour12: return take(to.hour);
    case Item::minute: return take(to.minute);
    case Item::second:
      if (!take(to.second)) return false;
      if (!fraction_next && begins_fraction(text)) take_fraction(text, to.nanos);
      return true;
    case Item::year_day:
      if (chunk.spaces)
        for (int i = 0; i < 2 && text.starts_with(' '); ++i) text.remove_prefix(1);
      if (chunk.spaces) {
        to.year_day = 0;
        std::size_t n = 0;
        while (n < 3 && n < text.size() && digit(text[n])) to.year_day = to.year_day * 10 + (text[n++] - '0');
        text.remove_prefix(n);
        return n > 0;
      }
      return take_digits(text, 3, number) && (to.year_day = static_cast<int>(number), true);
    case Item::exact_fraction: {
      auto size = static_cast<std::size_t>(chunk.digits) + 1;
      if (text.size() < size || (text[0] != '.' && text[0] != ',')) return false;
      std::string_view part = text.substr(0, size);
      if (!std::all_of(part.begin() + 1, part.end(), digit)) return false;
      text.remove_prefix(size);
      return take_fraction(part, to.nanos), true;
    }
    case Item::offset_z:
      if (chunk.zulu && text.starts_with('Z')) {
        to.has_offset = true;
        return text.remove_prefix(1), true;
      }
      return to.has_offset = take_offset(text, chunk.colons ? ":" : "", chunk.parts - 1, to.offset);
    default: return read_chunk(chunk, fraction_next, text, to);
  }
}

void TimeLayout::add_literal(std::string_view text) {
  if (text.empty()) return;
  if (chunks_.empty() || chunks_.back().item != Item::literal) chunks_.push_back({});
  chunks_.back().text += text;
}

// Plain text of a format may hold words of Go's own layouts; they count.
void TimeLayout::add_native(std::string_view text, std::string_view shown) {
  constexpr std::pair<std::string_view, Item> words[] = {
      {"January", Item::month_long}, {"Jan", Item::month_short}, {"Monday", Item::weekday_long}, {"Mon", Item::weekday_short},
      {"MST", Item::zone_name},      {"PM", Item::upper_half},   {"pm", Item::lower_half}};
  while (!text.empty()) {
    bool found = false;
    for (auto& [word, item] : words) {
      if (!text.starts_with(word)) continue;
      chunks_.push_back({item, "", 0, word});
      text.remove_prefix(word.size());
      found = true;
      break;
    }
    if (found) continue;
    add_literal(text.substr(0, 1));
    text.remove_prefix(1);
  }
  (void)shown;
}

Result<> TimeLayout::add_directive(char directive, std::string_view shown) {
  auto one = [&](Item item) -> Result<> {
    chunks_.push_back({item, "", 0, shown});
    return {};
  };
  auto several = [&](std::initializer_list<std::pair<Item, std::string_view>> items) -> Result<> {
    for (auto& [item, text] : items) {
      if (item == Item::literal)
        add_literal(text);
      else
        chunks_.push_back({item, "", 0, shown});
    }
    return {};
  };
  auto fraction = [&](int digits) -> Result<> {
    // The separator belongs to the fraction: without digits it disappears too.
    bool separated = !chunks_.empty() && chunks_.back().item == Item::literal && (chunks_.back().text.ends_with('.') || chunks_.back().text.ends_with(','));
    if (!separated && chunks_.empty()) return add_literal(std::string(static_cast<std::size_t>(digits), '9')), Result<>{};
    if (!separated) return fail(Errc::config, "invalid fractional seconds directive {}: must be preceded with '.' or ','", shown);
    std::string separator(1, chunks_.back().text.back());
    chunks_.back().text.pop_back();
    if (chunks_.back().text.empty()) chunks_.pop_back();
    chunks_.push_back({Item::fraction, separator, digits, shown});
    return {};
  };
  switch (directive) {
    case 'Y': return one(Item::year);
    case 'y': return one(Item::short_year);
    case 'm': return one(Item::month);
    case 'o': return one(Item::month_spaced);
    case 'q': return one(Item::month_number);
    case 'b':
    case 'h': return one(Item::month_short);
    case 'B': return one(Item::month_long);
    case 'd': return one(Item::day);
    case 'e': return one(Item::day_spaced);
    case 'g': return one(Item::day_number);
    case 'a': return one(Item::weekday_short);
    case 'A': return one(Item::weekday_long);
    case 'H': return one(Item::hour);
    case 'I': return one(Item::hour12);
    case 'l': return one(Item::hour12_number);
    case 'p': return one(Item::upper_half);
    case 'P': return one(Item::lower_half);
    case 'M': return one(Item::minute);
    case 'S': return one(Item::second);
    case 'L': return fraction(3);
    case 'f': return fraction(6);
    case 's': return fraction(9);
    case 'Z': return one(Item::zone_name);
    case 'z': return one(Item::offset_z);
    case 'i': return one(Item::offset_hours);
    case 'j': return one(Item::offset_colon);
    case 'k': return one(Item::offset_colons);
    case 'w': return one(Item::offset_seconds);
    case 'D':
    case 'x': return several({{Item::month, ""}, {Item::literal, "/"}, {Item::day, ""}, {Item::literal, "/"}, {Item::year, ""}});
    case 'F': return several({{Item::year, ""}, {Item::literal, "-"}, {Item::month, ""}, {Item::literal, "-"}, {Item::day, ""}});
    case 'T':
    case 'X': return several({{Item::hour, ""}, {Item::literal, ":"}, {Item::minute, ""}, {Item::literal, ":"}, {Item::second, ""}});
    case 'r':
      return several({{Item::hour12, ""}, {Item::literal, ":"}, {Item::minute, ""}, {Item::literal, ":"}, {Item::second, ""}, {Item::literal, " "}, {Item::lower_half, ""}});
    case 'R': return several({{Item::hour, ""}, {Item::literal, ":"}, {Item::minute, ""}});
    case 'c':
      return several({{Item::weekday_short, ""}, {Item::literal, " "}, {Item::month_short, ""}, {Item::literal, " "}, {Item::day, ""}, {Item::literal, " "},
                      {Item::hour, ""}, {Item::literal, ":"}, {Item::minute, ""}, {Item::literal, ":"}, {Item::second, ""}, {Item::literal, " "}, {Item::year, ""}});
    case 'n': return add_literal("\n"), Result<>{};
    case 't': return add_literal("\t"), Result<>{};
    case '%': return add_literal("%"), Result<>{};
    default: return fail(Errc::config, "unsupported directive {}", shown);
  }
}

std::string TimeLayout::write(const Value& value) const {
  const Time& time = value.time;
  Civil c = civil_from(time);
  const Locale& english = *find_locale("en");
  int hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
  std::string out;
  auto add = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) { fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...); };
  for (auto& chunk : chunks_) {
    switch (chunk.item) {
      case Item::literal: out += chunk.text; break;
      case Item::year: add("{:04}", c.year); break;
      case Item::short_year: add("{:02}", (c.year % 100 + 100) % 100); break;
      case Item::month: add("{:02}", c.month); break;
      case Item::month_spaced: add("_{}", c.month); break;  // what the collector writes
      case Item::month_number: add("{}", c.month); break;
      case Item::month_short: out += english.short_months[static_cast<std::size_t>(c.month - 1)]; break;
      case Item::month_long: out += english.months[static_cast<std::size_t>(c.month - 1)]; break;
      case Item::day: add("{:02}", c.day); break;
      case Item::day_spaced: add("{:2}", c.day); break;
      case Item::day_number: add("{}", c.day); break;
      case Item::weekday_short: out += english.short_days[static_cast<std::size_t>(c.weekday)]; break;
      case Item::weekday_long: out += english.days[static_cast<std::size_t>(c.weekday)]; break;
      case Item::hour: add("{:02}", c.hour); break;
      case Item::hour12: add("{:02}", hour12); break;
      case Item::hour12_number: add("{}", hour12); break;
      case Item::minute: add("{:02}", c.minute); break;
      case Item::second: add("{:02}", c.second); break;
      case Item::fraction: {
        std::string digits = fmt::format("{:09}", time.nanos).substr(0, static_cast<std::size_t>(chunk.digits));
        while (digits.ends_with('0')) digits.pop_back();
        if (!digits.empty()) out += chunk.text + digits;
        break;
      }
      case Item::upper_half: out += c.hour >= 12 ? "PM" : "AM"; break;
      case Item::lower_half: out += c.hour >= 12 ? "pm" : "am"; break;
      case Item::zone_name: {
        std::string_view name(value.zone, strnlen(value.zone, sizeof value.zone));
        out += !name.empty() ? std::string(name) : format_offset(time.offset, "", 2);
        break;
      }
      case Item::offset_z: out += time.offset == 0 ? "Z" : format_offset(time.offset, "", 2); break;
      case Item::offset_hours: out += format_offset(time.offset, "", 1); break;
      case Item::offset_colon: out += format_offset(time.offset, ":", 2); break;
      case Item::offset_colons: out += format_offset(time.offset, ":", 3); break;
      case Item::offset_seconds: out += format_offset(time.offset, "", 3); break;
      case Item::year_day:
      case Item::exact_fraction: break;  // only read
    }
  }
  return out;
}

bool TimeLayout::begins_with_digits(Item item) {
  switch (item) {
    case Item::literal:
    case Item::fraction:
    case Item::month_short:
    case Item::month_long:
    case Item::weekday_short:
    case Item::weekday_long:
    case Item::upper_half:
    case Item::lower_half:
    case Item::zone_name:
    case Item::offset_hours:
    case Item::offset_colon:
    case Item::offset_colons:
    case Item::offset_seconds: return false;
    default: return true;
  }
}

bool TimeLayout::read_chunk(const Chunk& chunk, bool fraction_next, std::string_view& text, Fields& to) const {
  std::int64_t number;
  int small;
  bool dots = locale_->language != "en";
  if (begins_with_digits(chunk.item)) skip_space(text);
  switch (chunk.item) {
    case Item::literal: return skip_literal(text, chunk.text);
    case Item::year:
      if (take_digits(text, 4, to.year)) return true;
      if (chunk.directive != "%D" && chunk.directive != "%x") return false;
      [[fallthrough]];
    case Item::short_year:
      if (!take_digits(text, 2, number)) return false;
      return to.year = number + (number >= 69 ? 1900 : 2000), true;
    case Item::month:
    case Item::month_spaced:
    case Item::month_number:
      return take_number(text, to.month);
    case Item::month_short: return take_name(text, locale_->short_months, dots, small) && (to.month = small + 1);
    case Item::month_long: return take_name(text, locale_->months, dots, small) && (to.month = small + 1);
    case Item::day:
    case Item::day_spaced:
    case Item::day_number:
      return take_number(text, to.day);
    case Item::weekday_short: return take_name(text, locale_->short_days, dots, small);
    case Item::weekday_long: return take_name(text, locale_->days, dots, small);
    case Item::hour:
    case Item::hour12:
    case Item::hour12_number: return take_number(text, to.hour);
    case Item::minute: return take_number(text, to.minute);
    case Item::second:
      if (!take_number(text, to.second)) return false;
      // A fraction that the format does not mention.
      if (!fraction_next && begins_fraction(text)) take_fraction(text, to.nanos);
      return true;
    case Item::fraction:
      if (begins_fraction(text)) take_fraction(text, to.nanos);
      return true;
    case Item::upper_half:
    case Item::lower_half: {
      bool upper = chunk.item == Item::upper_half;
      if (dots) {
        std::array<std::string_view, 4> halves = {locale_->am, locale_->pm, "AM", "PM"};
        if (!take_name(text, halves, true, small)) return false;
        (small % 2 ? to.pm : to.am) = true;
        return true;
      }
      if (text.starts_with(upper ? "PM" : "pm"))
        to.pm = true;
      else if (text.starts_with(upper ? "AM" : "am"))
        to.am = true;
      else
        return false;
      return text.remove_prefix(2), true;
    }
    case Item::zone_name: return !(to.abbreviation = take_abbreviation(text)).empty();
    case Item::offset_z:
      to.has_offset = true;
      if (text.starts_with('Z')) return text.remove_prefix(1), true;
      return take_offset(text, ":", 1, to.offset) || take_offset(text, "", 1, to.offset);
    case Item::offset_hours: return to.has_offset = take_offset(text, "", 0, to.offset);
    case Item::offset_colon: return to.has_offset = take_offset(text, ":", 1, to.offset);
    case Item::offset_colons: return to.has_offset = take_offset(text, ":", 2, to.offset);
    case Item::offset_seconds: return to.has_offset = take_offset(text, "", 2, to.offset);
    case Item::year_day:
    case Item::exact_fraction: return false;  // of Go's layouts
  }
  return false;
}

bool TimeLayout::read(std::string_view text, const Zone& zone, UnixNanos now, Value& out, std::string& wrong) const {
  Fields fields;
  std::string_view rest = text;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    std::string_view before = rest;
    bool fraction_next = i + 1 < chunks_.size() && (chunks_[i + 1].item == Item::fraction || chunks_[i + 1].item == Item::exact_fraction);
    if (go_ ? read_go_chunk(chunks_[i], fraction_next, rest, fields) : read_chunk(chunks_[i], fraction_next, rest, fields)) continue;
    wrong = fmt::format("parsing time \"{}\" as \"{}\": cannot parse \"{}\" as \"{}\"", text, format_, before,
                        chunks_[i].item == Item::literal ? std::string_view(chunks_[i].text) : chunks_[i].directive);
    return false;
  }
  if (!rest.empty()) return wrong = fmt::format("parsing time \"{}\": extra text: \"{}\"", text, rest), false;
  if (finish(fields, zone, now, out, wrong)) return true;
  wrong = fmt::format("parsing time \"{}\": {}", text, wrong);
  return false;
}

bool TimeLayout::finish(Fields& f, const Zone& zone, UnixNanos now, Value& out, std::string& wrong) const {
  auto outside = [&](std::string_view what) { return wrong = fmt::format("{} out of range", what), false; };
  bool twelve = std::any_of(chunks_.begin(), chunks_.end(), [](auto& chunk) { return chunk.item == Item::hour12 || chunk.item == Item::hour12_number; });
  bool has_month = std::any_of(chunks_.begin(), chunks_.end(), [](auto& c) { return c.item >= Item::month && c.item <= Item::month_long; });
  bool has_day = std::any_of(chunks_.begin(), chunks_.end(), [](auto& c) { return c.item >= Item::day && c.item <= Item::day_number; });
  if (has_month && (f.month < 1 || f.month > 12)) return outside("month");
  if (f.hour > (twelve ? 12 : 23)) return outside("hour");
  if (f.minute > 59) return outside("minute");
  if (f.second > 59) return outside("second");
  if (f.pm && f.hour < 12) f.hour += 12;
  if (f.am && f.hour == 12) f.hour = 0;
  Civil c{f.year, has_month ? f.month : 1, has_day ? f.day : 1, f.hour, f.minute, f.second};
  if (f.year_day > 0 && !has_month && !has_day) {
    if (f.year_day > (days_in_month(f.year, 2) == 29 ? 366 : 365)) return outside("day-of-year");
    for (c.day = f.year_day; c.day > days_in_month(c.year, c.month); ++c.month) c.day -= days_in_month(c.year, c.month);
  }
  if (c.day < 1 || c.day > days_in_month(c.year, c.month)) return outside("day");

  auto place = [&] {
    std::int64_t wall = seconds_from(c);
    Zone::Rule rule;
    rule.abbreviation.clear();
    if (f.has_offset) {
      rule.offset = f.offset;
      if (f.offset == 0) rule.abbreviation = f.abbreviation.empty() ? "UTC" : std::string(f.abbreviation);
    } else if (!f.abbreviation.empty()) {
      rule.abbreviation = f.abbreviation;
      bool known = f.abbreviation == "UTC" || f.abbreviation.starts_with("GMT") || zone.named(f.abbreviation, wall, rule.offset);
      for (auto& [name, other] : known_zones_)
        if (!known && name == f.abbreviation) known = other->named(name, wall, rule.offset);
      if (!known) return wrong = fmt::format("unknown time zone {}", f.abbreviation), false;
    } else {
      rule = zone.at_wall(wall);
    }
    out = Value::of(Time{wall - rule.offset, f.nanos, rule.offset});
    std::memcpy(out.zone, rule.abbreviation.data(), std::min(rule.abbreviation.size(), sizeof out.zone));
    return true;
  };
  if (c.year != 0) return place();
  // No year in the text: this one, or the last when that would be more than a week ahead.
  Time today = Time::from_unix_nanos(static_cast<std::int64_t>(now));
  c.year = civil_from(today).year;
  if (!place()) return false;
  if (out.time.seconds > today.seconds + 7 * 86'400) --c.year;
  return place();
}

}  // namespace weir::ottl
