#include "ottl/time/zone.h"

#include <fstream>

#include "ottl/time/civil.h"

namespace weir::ottl {
namespace {

constexpr std::size_t max_file = 256 * 1024;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string out;
  if (!in) return out;
  out.resize(max_file);
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.size() < 100 && name[0] != '/' && name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' || c == '-' || c == '+';
         });
}

// Big-endian numbers from the front of a file.
struct Cursor {
  std::string_view rest;
  bool good = true;
  std::string_view take(std::size_t n) {
    if (n > rest.size()) return good = false, rest = {}, std::string_view{};
    std::string_view out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
  std::int64_t number(std::size_t bytes) {
    std::string_view text = take(bytes);
    if (text.empty()) return 0;
    std::uint64_t out = text[0] & 0x80 ? ~std::uint64_t{0} : 0;
    for (char c : text) out = out << 8 | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(out);
  }
};

// The parts of a POSIX TZ text: CET-1CEST,M3.5.0,M10.5.0/3
struct Posix {
  std::string_view rest;

  std::string_view name() {
    std::size_t n = 0;
    if (rest.starts_with('<')) {
      n = rest.find('>');
      if (n == std::string_view::npos) return rest = {}, std::string_view{};
      std::string_view out = rest.substr(1, n - 1);
      rest.remove_prefix(n + 1);
      return out;
    }
    while (n < rest.size() && ((rest[n] | 32) >= 'a' && (rest[n] | 32) <= 'z')) ++n;
    std::string_view out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
  int digits() {
    int out = 0;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9' && out < 100'000) {
      out = out * 10 + (rest[0] - '0');
      rest.remove_prefix(1);
    }
    return out;
  }
  bool take(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  int seconds() {
    bool negative = take('-');
    if (!negative) take('+');
    int out = digits() * 3600;
    if (take(':')) out += digits() * 60;
    if (take(':')) out += digits();
    return negative ? -out : out;
  }
};

// Day and wall time of a change in some year: Mm.w.d, Jn or n.
std::int64_t change_in(Posix& text, std::int64_t year) {
  Civil day{.year = year, .month = 1, .day = 1, .hour = 0, .minute = 0, .second = 0};
  if (text.take('M')) {
    day.month = std::clamp(text.digits(), 1, 12);
    text.take('.');
    int week = text.digits();
    text.take('.');
    int weekday = text.digits();
    Civil first = civil_from({seconds_from(day), 0, 0});
    day.day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7;
    while (day.day > days_in_month(year, day.month)) day.day -= 7;
  } else {
    bool julian = text.take('J');
    int n = text.digits();
    bool leap = days_in_month(year, 2) == 29;
    day.day = julian ? n + (leap && n >= 60) : n + 1;
  }
  std::int64_t out = seconds_from(day);
  return out + (text.take('/') ? text.seconds() : 2 * 3600);
}

}  // namespace

Result<std::shared_ptr<const Zone>> Zone::load(std::string_view name) {
  auto out = std::make_shared<Zone>();
  if (name.empty() || name == "UTC") return out;
  std::string file;
  if (name == "Local") {
    const char* tz = std::getenv("TZ");
    if (tz != nullptr && *tz != '\0' && plain_name(tz)) return load(tz);
    if (tz == nullptr) file = read_file("/etc/localtime");
    if (file.empty()) return out;
  } else {
    if (plain_name(name)) file = read_file("/usr/share/zoneinfo/" + std::string(name));
    if (file.empty()) return fail(Errc::config, "unknown time zone {}", name);
  }
  if (!out->parse(file)) return fail(Errc::config, "the file of time zone {} is damaged", name);
  return out;
}

Result<> Zone::parse(std::string_view file) {
  auto damaged = [] { return fail(Errc::corrupt, "not a time zone file"); };
  Cursor in{file};
  // Version 2 and later: a header and data with 32-bit times to skip, then the same with 64-bit times, then the rule.
  for (std::size_t width : {4, 8}) {
    if (in.take(4) != "TZif") return damaged();
    std::string_view version = in.take(16);
    std::size_t count[6];  // utc flags, standard flags, leap seconds, changes, kinds, characters
    for (auto& n : count) n = static_cast<std::size_t>(in.number(4));
    if (!in.good || version[0] < '2' || *std::max_element(count, count + 6) > max_file) return damaged();
    auto [utc, standard, leaps, changes, kinds, characters] = count;
    if (width == 4) {
      in.take(changes * 5 + kinds * 6 + characters + leaps * 8 + standard + utc);
      continue;
    }
    for (std::size_t i = 0; i < changes; ++i) changes_.push_back(in.number(8));
    for (char kind : in.take(changes)) kinds_at_.push_back(static_cast<unsigned char>(kind));
    std::vector<std::size_t> names;
    for (std::size_t i = 0; i < kinds; ++i) {
      auto offset = static_cast<std::int32_t>(in.number(4));
      bool dst = in.number(1) != 0;
      names.push_back(static_cast<std::size_t>(in.number(1)));
      kinds_.push_back({offset, dst, ""});
    }
    std::string_view text = in.take(characters);
    for (std::size_t i = 0; i < kinds; ++i)
      if (names[i] < text.size()) kinds_[i].abbreviation = text.substr(names[i], text.find('\0', names[i]) - names[i]);
    in.take(leaps * 12 + standard + utc);
    if (!in.good || kinds_.empty()) return damaged();
    for (unsigned char kind : kinds_at_)
      if (kind >= kinds_.size()) return damaged();
    if (in.rest.starts_with('\n')) yearly_ = in.rest.substr(1, in.rest.find('\n', 1) - 1);
  }
  return {};
}

Zone::Rule Zone::at(std::int64_t unix) const {
  if (kinds_.empty()) return {};
  auto next = std::upper_bound(changes_.begin(), changes_.end(), unix);
  if (next == changes_.begin()) {
    // Before the first change: the first standard time.
    const Kind* first = &kinds_[0];
    for (auto& kind : kinds_)
      if (!kind.dst) {
        first = &kind;
        break;
      }
    Rule out{first->offset, first->abbreviation};
    if (!changes_.empty()) out.end = changes_[0];
    return out;
  }
  auto index = static_cast<std::size_t>(next - changes_.begin()) - 1;
  const Kind& kind = kinds_[kinds_at_[index]];
  if (next != changes_.end()) return {kind.offset, kind.abbreviation, changes_[index], *next};
  if (!yearly_.empty()) return future(unix);
  return {kind.offset, kind.abbreviation, changes_[index]};
}

Zone::Rule Zone::future(std::int64_t unix) const {
  Posix text{yearly_};
  Rule standard, summer;
  standard.abbreviation = text.name();
  standard.offset = -text.seconds();
  summer.abbreviation = text.name();
  if (summer.abbreviation.empty()) return standard;
  summer.offset = text.rest.starts_with(',') || text.rest.empty() ? standard.offset + 3600 : -text.seconds();
  if (!text.take(',')) return standard;
  std::int64_t year = civil_from({unix, 0, standard.offset}).year;
  Posix rules = text;
  auto changes = [&](std::int64_t of) {
    Posix copy = rules;
    std::int64_t begin = change_in(copy, of) - standard.offset;
    copy.take(',');
    return std::pair{begin, change_in(copy, of) - summer.offset};
  };
  auto [begin, end] = changes(year);
  bool northern = begin < end;
  bool in_summer = northern ? unix >= begin && unix < end : unix >= begin || unix < end;
  Rule out = in_summer ? summer : standard;
  // The neighbouring changes, wherever in the years around they are.
  for (std::int64_t of : {year - 1, year, year + 1}) {
    auto [b, e] = changes(of);
    for (std::int64_t change : {b, e}) {
      if (change <= unix) out.begin = std::max(out.begin, change);
      if (change > unix) out.end = std::min(out.end, change);
    }
  }
  return out;
}

Zone::Rule Zone::at_wall(std::int64_t wall) const {
  Rule rule = at(wall);
  if (rule.offset == 0) return rule;
  std::int64_t unix = wall - rule.offset;
  if (unix < rule.begin || unix >= rule.end) rule = at(unix);
  return rule;
}

bool Zone::named(std::string_view abbreviation, std::int64_t wall, std::int32_t& offset) const {
  for (auto& kind : kinds_) {
    if (kind.abbreviation != abbreviation) continue;
    Rule rule = at(wall - kind.offset);
    if (rule.abbreviation == abbreviation) return offset = rule.offset, true;
  }
  for (auto& kind : kinds_)
    if (kind.abbreviation == abbreviation) return offset = kind.offset, true;
  return abbreviation == "UTC" && kinds_.empty() ? (offset = 0, true) : false;
}

}  // namespace weir::ottl
