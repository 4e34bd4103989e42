#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "components/shared/stanza/parsing.h"

namespace weir::stanza {
namespace {

using config::field;

constexpr std::string_view whole_units[] = {"s", "ms", "us", "ns"}, split_units[] = {"s.ms", "s.us", "s.ns"};

template <std::size_t N>
bool among(const std::string_view (&list)[N], std::string_view what) {
  return std::find(std::begin(list), std::end(list), what) != std::end(list);
}

std::int64_t unit_nanos(std::string_view unit) { return unit == "s" ? 1'000'000'000 : unit == "ms" ? 1'000'000 : unit == "us" ? 1'000 : 1; }
std::int64_t wrapped_product(std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)); }

// Capitals that may be the abbreviation of a zone: words of two to five of them.
template <class Each>
void each_abbreviation(std::string_view text, Each each) {
  auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (std::size_t i = 0; i < text.size();) {
    if (!word(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && word(text[end])) ++end;
    std::string_view whole = text.substr(i, end - i);
    if (whole.size() >= 2 && whole.size() <= 5 && std::all_of(whole.begin(), whole.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) each(whole);
    i = end;
  }
}

}  // namespace

std::span<const config::Choice> choices_of(LayoutType) {
  static constexpr config::Choice rows[] = {{"strptime", LayoutType::strptime}, {"", LayoutType::strptime}, {"gotime", LayoutType::gotime}, {"epoch", LayoutType::epoch}};
  return rows;
}

std::span<const config::FieldInfo> TimeConfig::fields() {
  static const std::array rows{
      field<&TimeConfig::parse_from>("parse_from", "The field that says when it was."),
      field<&TimeConfig::layout>("layout", "How it is written: strptime directives, Go's reference time, or s, ms, us, ns, s.ms, s.us, s.ns."),
      field<&TimeConfig::layout_type>("layout_type", "What layout is: strptime, gotime or epoch."),
      field<&TimeConfig::location>("location", "The time zone of texts without one; without it, UTC when the layout ends in Z, otherwise this machine's."),
      field<&TimeConfig::time_zone_locations>("time_zone_locations", "Zones that abbreviations in the text mean, such as {EST: America/New_York}."),
  };
  return rows;
}

Result<TimeReader> TimeReader::make(const TimeConfig& config) {
  TimeReader out;
  if (config.parse_from.empty()) return fail(Errc::config, "missing required parameter 'parse_from'");
  if (config.layout.empty()) return fail(Errc::config, "missing required configuration parameter `layout`");
  out.from_ = config.parse_from;
  out.type_ = config.layout_type;
  if (config.layout_type == LayoutType::epoch) {
    if (!among(whole_units, config.layout) && !among(split_units, config.layout))
      return fail(Errc::config, "invalid `layout` for `epoch` type: \"{}\"; known: s, ms, us, ns, s.ms, s.us, s.ns", config.layout);
    out.unit_ = config.layout;
    return out;
  }
  bool go = config.layout_type == LayoutType::gotime;
  auto layout = go ? ottl::TimeLayout::make_go(config.layout) : ottl::TimeLayout::make(config.layout);
  if (!layout) return fail(Errc::config, "invalid {} layout: {}", go ? "gotime" : "strptime", layout.error().what);
  out.layout_ = std::move(*layout);
  std::string_view zone = !config.location.empty() ? std::string_view(config.location) : config.layout.ends_with('Z') ? "UTC" : "Local";
  auto load = [](std::string_view name) -> Result<std::shared_ptr<const ottl::Zone>> {
    auto found = ottl::Zone::load(name);
    if (!found) return fail(Errc::config, "invalid 'location': failed to load location {}: {}", name, found.error().what);
    return found;
  };
  WEIR_ASSIGN(out.zone_, load(zone));
  if (!config.time_zone_locations.empty() && config.layout.find(go ? "MST" : "%Z") == std::string::npos)
    return fail(Errc::config, "'time_zone_locations' requires the layout to contain a timezone abbreviation directive, but \"{}\" has none", config.layout);
  for (auto& [abbreviation, name] : config.time_zone_locations) {
    WEIR_ASSIGN(out.zones_[abbreviation], load(name));
  }
  return out;
}

Result<> TimeReader::read(Entry& entry, Run& run) const {
  Value value;
  if (!from_.get(entry, run.arena, value)) return fail(Errc::permanent, "log entry does not have the expected parse_from field {}", from_.to_string());
  if (type_ == LayoutType::epoch) {
    WEIR_ASSIGN(entry.time, epoch(value));
    entry.has_time = true;
    return {};
  }
  if (!value.is(ValueType::string) && !value.is(ValueType::bytes)) return fail(Errc::permanent, "type {} cannot be parsed as a time", type_name(value));
  const ottl::Zone* zone = zone_.get();
  if (!zones_.empty())
    each_abbreviation(value.text, [&](std::string_view word) {
      auto found = zones_.find(word);
      if (found != zones_.end() && zone == zone_.get()) zone = found->second.get();
    });
  ottl::Value time;
  std::string wrong;
  if (!layout_->read(value.text, *zone, run.now, time, wrong)) return fail(Errc::permanent, "{}", wrong);
  entry.time = time.time.unix_nanos();
  entry.has_time = true;
  return {};
}

Result<std::int64_t> TimeReader::epoch(const Value& value) const {
  bool split_unit = unit_.size() > 2;
  std::string stamp;
  switch (value.type) {
    case ValueType::string:
    case ValueType::bytes: stamp = value.text; break;
    case ValueType::integer: stamp = fmt::format("{}{}", value.integer, split_unit ? ".0" : ""); break;
    case ValueType::real:
      if (!split_unit)
        stamp = fmt::format("{}", go_int_of(value.real));
      else
        stamp = fmt::format("{:10.{}f}", value.real, unit_ == "s.ms" ? 3 : unit_ == "s.us" ? 6 : 9);
      break;
    default: return fail(Errc::permanent, "type {} cannot be parsed as a time", type_name(value));
  }
  auto invalid = [&] { return fail(Errc::permanent, "invalid value '{}' for layout '{}'", stamp, unit_); };
  if (!split_unit) {
    auto number = parse_go_int(stamp);
    if (!number) return invalid();
    return wrapped_product(*number, unit_nanos(unit_));
  }
  // What stands behind the dot is a count of units, not a fraction: 1.5 as s.ms is 1 s and 5 ms.
  auto parts = split(stamp, '.');
  if (parts.size() != 2) return invalid();
  auto seconds = parse_go_int(parts[0]), rest = parse_go_int(parts[1]);
  if (!seconds || !rest) return invalid();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(wrapped_product(*seconds, 1'000'000'000)) +
                                   static_cast<std::uint64_t>(wrapped_product(*rest, unit_nanos(std::string_view(unit_).substr(2)))));
}

}  // namespace weir::stanza
