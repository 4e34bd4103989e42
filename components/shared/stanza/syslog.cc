#include "components/shared/stanza/syslog.h"

#include <array>

#include "components/shared/stanza/container.h"
#include "ottl/time/civil.h"
#include "ottl/time/zone.h"

namespace weir::stanza {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool graph(char c) { return c > 0x20 && c < 0x7F; }

std::unexpected<Error> expected(std::string_view what, std::string_view whole, std::string_view rest) {
  return fail(Errc::permanent, "expecting {} [col {}]", what, whole.size() - rest.size());
}

// Printable ASCII without spaces, up to `most` of it.
std::string_view take_graph(std::string_view& text, std::size_t most) {
  std::size_t n = 0;
  while (n < text.size() && n < most && graph(text[n])) ++n;
  std::string_view out = text.substr(0, n);
  text.remove_prefix(n);
  return out;
}
bool take(std::string_view& text, char c) { return text.starts_with(c) && (text.remove_prefix(1), true); }
std::string_view known(std::string_view text) { return text == "-" ? std::string_view() : text; }

std::string_view take_name(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && n < 32 && graph(text[n]) && !std::string_view("=]\"").contains(text[n])) ++n;
  std::string_view out = text.substr(0, n);
  text.remove_prefix(n);
  return out;
}

// What stands between quotes. A backslash in front of ", ] and \ goes away, in front of others it stays.
bool take_value(std::string_view& text, Arena& arena, std::string_view& out) {
  std::string made;
  bool escaped = false;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == ']') return false;
    if (text[i] == '\\') {
      if (i + 1 >= text.size()) return false;
      if (std::string_view("\"]\\").contains(text[i + 1])) {
        escaped = true;
        ++i;
      }
    }
    made += text[i];
  }
  if (i >= text.size()) return false;
  out = escaped ? arena.copy(made) : text.substr(0, i);
  if (out.data() == nullptr) out = "";
  text.remove_prefix(i + 1);
  return true;
}

Result<> take_structured_data(std::string_view whole, std::string_view& rest, Arena& arena, SyslogMessage& out) {
  if (take(rest, '-')) return {};
  if (!rest.starts_with('[')) return expected("a structured data section containing one or more elements (`[id( key=\"value\")*]+`) or a nil value", whole, rest);
  out.structured_data = arena.make<Attributes>();
  while (take(rest, '[')) {
    std::string_view id = take_name(rest);
    if (id.empty()) return expected("a structured data element id", whole, rest);
    if (out.structured_data->find(id)) return fail(Errc::permanent, "duplicate structured data element id");
    auto* parameters = arena.make<Attributes>();
    out.structured_data->push_back(arena, {id, Value::of(parameters)});
    while (take(rest, ' ')) {
      std::string_view name = take_name(rest), value;
      if (name.empty() || !take(rest, '=') || !take(rest, '"') || !take_value(rest, arena, value))
        return expected("a structured data parameter (`key=\"value\"`)", whole, rest);
      parameters->set(arena, name, Value::of(value));
      if (parameters->size() > 1000) return fail(Errc::permanent, "more than 1000 structured data parameters");
    }
    if (!take(rest, ']')) return expected("the end of a structured data element", whole, rest);
    if (out.structured_data->size() > 1000) return fail(Errc::permanent, "more than 1000 structured data elements");
  }
  return {};
}

bool printable(char c, bool newlines) {
  auto u = static_cast<unsigned char>(c);
  return (u >= 0x20 && u != 0x7F) || u == '\t' || (newlines && (u == '\n' || u == '\r'));
}

// "Jan  2 15:04:05"
std::optional<ottl::Civil> take_stamp(std::string_view& text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() < 15) return {};
  std::size_t month = months.find(text.substr(0, 3));
  auto two = [&](std::size_t at, int& out) {
    bool padded = text[at] == ' ' && at == 4;
    if ((!digit(text[at]) && !padded) || !digit(text[at + 1])) return false;
    out = (padded ? 0 : text[at] - '0') * 10 + text[at + 1] - '0';
    return true;
  };
  ottl::Civil out{.year = 0};
  bool formed = month != months.npos && month % 3 == 0 && text[3] == ' ' && two(4, out.day) && text[6] == ' ' && two(7, out.hour) && text[9] == ':' &&
                two(10, out.minute) && text[12] == ':' && two(13, out.second);
  if (!formed) return {};
  out.month = static_cast<int>(month / 3) + 1;
  // The year 0 of a time without one is a leap year.
  if (out.day < 1 || out.day > ottl::days_in_month(0, out.month) || out.hour > 23 || out.minute > 59 || out.second > 59) return {};
  text.remove_prefix(15);
  return out;
}

// A word with a space behind it is the host. One of the form app[1] tells both: the host is what follows the bracket.
void take_host(std::string_view& rest, SyslogMessage& out) {
  std::size_t n = 0;
  while (n < rest.size() && n < 255 && graph(rest[n]) && rest[n] != ':') ++n;
  if (n == 0 || n >= rest.size() || rest[n] != ' ') return;
  std::string_view word = rest.substr(0, n);
  std::size_t open = word.find('[');
  if (open != word.npos && open > 0 && open + 1 < word.size()) {
    out.appname = known(word.substr(0, open));
    word.remove_prefix(open + 1);
    if (std::size_t close = word.find(']'); close != word.npos) out.proc_id = known(word.substr(0, close));
  }
  out.hostname = known(word);
  rest.remove_prefix(n);
  while (take(rest, ' ')) {}
}

// "app[12]: message", or parts of it. The message: without ": " behind the tag it has the tag in it, or begins behind its bracket.
std::string_view take_tag(std::string_view rest, SyslogMessage& out) {
  std::size_t n = 0;
  while (n < rest.size() && n < 48 && graph(rest[n]) && rest[n] != ':' && rest[n] != '[') ++n;
  std::string_view left = rest.substr(n), message = rest;
  if (n == 0 || left.empty() || (left[0] != ':' && left[0] != '[')) return rest;
  if (take(left, '[')) {
    std::size_t end = left.find_first_of("[]");
    if (end != left.npos && left[end] == '[') return rest;
    if (!left.empty()) message = left;
    out.appname = known(rest.substr(0, n));
    if (end == left.npos) return message;
    if (end > 0) out.proc_id = known(left.substr(0, end));
    left.remove_prefix(end + 1);
  }
  out.appname = known(rest.substr(0, n));
  return take(left, ':') && take(left, ' ') && !left.empty() ? left : message;
}

std::int64_t with_year(ottl::Civil civil, const ottl::Zone& zone, UnixNanos now) {
  auto today = static_cast<std::int64_t>(now / 1'000'000'000);
  civil.year = ottl::civil_from(ottl::Time{today, 0, 0}).year;
  auto place = [&] {
    std::int64_t wall = ottl::seconds_from(civil);
    return wall - zone.at_wall(wall).offset;
  };
  std::int64_t seconds = place();
  if (seconds > today + 7 * 86'400) {
    --civil.year;
    seconds = place();
  }
  return seconds * 1'000'000'000;
}

// Seconds east of UTC of an RFC 3339 time that was read before: Z, or +02:00.
std::int32_t offset_of(std::string_view stamp) {
  if (stamp.size() < 6 || stamp.back() == 'Z' || stamp.back() == 'z') return 0;
  std::string_view at = stamp.substr(stamp.size() - 6);
  auto two = [&](std::size_t i) { return (at[i] - '0') * 10 + at[i + 1] - '0'; };
  return (two(1) * 60 + two(4)) * (at[0] == '-' ? -60 : 60);
}

}  // namespace

std::optional<int> take_priority(std::string_view& text) {
  std::string_view rest = text;
  if (!take(rest, '<')) return {};
  std::size_t n = 0;
  int value = 0;
  for (; n < rest.size() && n < 3 && digit(rest[n]); ++n) value = value * 10 + rest[n] - '0';
  bool formed = n > 0 && n < rest.size() && rest[n] == '>' && (n == 1 || rest[0] != '0') && value <= 191;
  if (!formed) return {};
  text = rest.substr(n + 1);
  return value;
}

Result<SyslogMessage> read_rfc5424(std::string_view text, Arena& arena) {
  SyslogMessage out;
  std::string_view rest = text;
  out.priority = take_priority(rest);
  if (!out.priority) return expected("a priority value within angle brackets", text, rest);
  int version = 0;
  std::size_t n = 0;
  for (; n < rest.size() && n < 3 && digit(rest[n]); ++n) version = version * 10 + rest[n] - '0';
  if (n == 0 || rest[0] == '0') return expected("a version value in the range 1-999", text, rest);
  out.version = version;
  rest.remove_prefix(n);
  if (!take(rest, ' ')) return expected("a space behind the version", text, rest);
  if (!take(rest, '-')) {
    std::string_view stamp = rest.substr(0, rest.find(' '));
    std::size_t dot = stamp.find('.');
    std::size_t digits = 0;
    if (dot != stamp.npos)
      while (dot + 1 + digits < stamp.size() && digit(stamp[dot + 1 + digits])) ++digits;
    out.time = digits > 6 ? std::nullopt : read_rfc3339(stamp);
    if (!out.time) return expected("a RFC3339MICRO timestamp or a nil value", text, rest);
    out.written = ottl::Time::from_unix_nanos(*out.time);
    out.written.offset = offset_of(stamp);
    if (out.written.offset == 0) out.zone = "UTC";
    rest.remove_prefix(stamp.size());
  }
  struct Part {
    std::string_view* to;
    std::size_t most;
    std::string_view what;
  };
  for (auto& part : {Part{&out.hostname, 255, "an hostname (from 1 to max 255 US-ASCII characters) or a nil value"},
                     Part{&out.appname, 48, "an app-name (from 1 to max 48 US-ASCII characters) or a nil value"},
                     Part{&out.proc_id, 128, "a procid (from 1 to max 128 US-ASCII characters) or a nil value"},
                     Part{&out.msg_id, 32, "a msgid (from 1 to max 32 US-ASCII characters) or a nil value"}}) {
    if (!take(rest, ' ')) return expected("a space", text, rest);
    std::string_view word = take_graph(rest, part.most);
    if (word.empty()) return expected(part.what, text, rest);
    *part.to = known(word);
  }
  if (!take(rest, ' ')) return expected("a space", text, rest);
  WEIR_TRY(take_structured_data(text, rest, arena, out));
  if (rest.empty()) return out;
  if (!take(rest, ' ')) return expected("a space behind the structured data", text, rest);
  out.message = rest;
  return out;
}

Result<SyslogMessage> read_rfc3164(std::string_view text, const ottl::Zone& zone, UnixNanos now, bool embedded_newlines) {
  SyslogMessage out;
  std::string_view rest = text;
  out.priority = take_priority(rest);
  if (!out.priority) return expected("a priority value within angle brackets", text, rest);
  while (take(rest, ' ')) {}
  auto stamp = take_stamp(rest);
  if (!stamp) return expected("a Stamp timestamp", text, rest);
  out.time = with_year(*stamp, zone, now);
  // As text it has the year 0.
  std::int64_t wall = ottl::seconds_from(*stamp);
  auto rule = zone.at_wall(wall);
  out.written = {wall - rule.offset, 0, rule.offset};
  out.zone = rule.abbreviation;
  if (!take(rest, ' ')) return expected("a space behind the timestamp", text, rest);
  while (take(rest, ' ')) {}
  if (rest.ends_with('\n') && !embedded_newlines) rest.remove_suffix(1);

  take_host(rest, out);
  rest = take_tag(rest, out);
  if (rest.empty()) return expected("a message", text, rest);
  for (char c : rest)
    if (!printable(c, embedded_newlines)) return fail(Errc::permanent, "a character that cannot be in a message: {:#04x}", static_cast<unsigned char>(c));
  out.message = rest;
  return out;
}

std::string SyslogMessage::time_text() const {
  ottl::Value value;
  value.time = written;
  zone.copy(value.zone, sizeof value.zone);
  return ottl::go_time_text(value);
}

std::string_view facility_name(int facility) {
  constexpr std::array<std::string_view, 24> names = {"kern",     "user", "mail",     "daemon",  "auth",  "syslog", "lpr",    "news",
                                                      "uucp",     "cron", "authpriv", "ftp",     "ntp",   "security", "console", "cron2",
                                                      "local0",   "local1", "local2", "local3",  "local4", "local5", "local6", "local7"};
  return facility >= 0 && facility < static_cast<int>(names.size()) ? names[static_cast<std::size_t>(facility)] : "";
}

std::string_view syslog_severity_name(int severity) {
  constexpr std::array<std::string_view, 8> names = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
  return names[static_cast<std::size_t>(severity & 7)];
}

std::int32_t severity_of_syslog(int severity) {
  constexpr std::array<std::int32_t, 8> numbers = {21, 19, 18, 17, 13, 10, 9, 5};
  return numbers[static_cast<std::size_t>(severity & 7)];
}

}  // namespace weir::stanza
