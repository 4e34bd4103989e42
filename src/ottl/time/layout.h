#pragma once
// strptime-like formats, read and written the way the collector (over Go's time package) does.
#include <string>

#include "ottl/value.h"
#include "ottl/time/zone.h"

namespace weir::ottl {

struct Locale;  // names of months and days in some language

class TimeLayout {
 public:
  // `locale` is a language tag ("de", "es-ES"); "" is English.
  static Result<TimeLayout> make(std::string_view format, std::string_view locale = "");

  // The same for Go's own layouts ("2006-01-02T15:04:05.999Z07:00").
  static Result<TimeLayout> make_go(std::string_view layout);

  std::string write(const Value& time) const;
  // Text without zone is in `zone`; text without year is in the last twelve months before `now`, more or less.
  bool read(std::string_view text, const Zone& zone, UnixNanos now, Value& out, std::string& wrong) const;

 private:
  enum class Item : std::uint8_t {
    literal, year, short_year, month, month_spaced, month_number, month_short, month_long, day, day_spaced, day_number, weekday_short, weekday_long, hour,
    hour12, hour12_number, minute, second, fraction, upper_half, lower_half, zone_name, offset_z, offset_hours, offset_colon, offset_colons, offset_seconds,
    year_day, exact_fraction,  // of Go's layouts only
  };
  struct Chunk {
    Item item = Item::literal;
    std::string text;  // literal; fraction: the separator
    int digits = 0;    // fraction
    std::string_view directive;
    // Of Go's layouts: exactly as wide as the directive, with zeros or spaces in front; for zones: Z means UTC, and only
    // this form of an offset is taken.
    bool strict = false, spaces = false, zulu = false;
    int parts = 0;      // of an offset
    bool colons = false;
  };
  struct Fields;
  static bool begins_with_digits(Item item);  // space in front of such an item does not count
  Result<> add_directive(char directive, std::string_view shown);
  bool read_go_chunk(const Chunk& chunk, bool fraction_next, std::string_view& text, Fields& to) const;
  bool take_go_directive(std::string_view& layout);
  void add_native(std::string_view text, std::string_view shown);
  void add_literal(std::string_view text);
  bool read_chunk(const Chunk& chunk, bool fraction_next, std::string_view& text, Fields& to) const;
  bool finish(Fields& fields, const Zone& zone, UnixNanos now, Value& out, std::string& wrong) const;

  void find_known_zones();

  std::string format_;
  bool go_ = false;
  std::vector<Chunk> chunks_;
  const Locale* locale_ = nullptr;
  std::vector<std::pair<std::string, std::shared_ptr<const Zone>>> known_zones_;  // abbreviations that are zone names
};

}  // namespace weir::ottl
