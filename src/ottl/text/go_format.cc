#include "ottl/text/go_format.h"

#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "base/time.h"
#include "base/utf8.h"
#include "ottl/time/civil.h"
#include "ottl/text/unicode.h"

namespace weir::ottl {
namespace {

struct Flags {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  bool source = false;  // %#v: as in a program
  int width = -1, precision = -1;
};

class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Value> arguments, Arena& scratch) : in_(format), args_(arguments), scratch_(scratch) {}

  std::string run() {
    while (!in_.empty()) {
      std::size_t percent = in_.find('%');
      out_ += in_.substr(0, percent);
      if (percent == std::string_view::npos) break;
      in_.remove_prefix(percent + 1);
      directive();
    }
    if (!reordered_ && next_ < args_.size()) extra();
    return std::move(out_);
  }

 private:
  void extra() {
    out_ += "%!(EXTRA ";
    flags_ = {};
    for (std::size_t i = next_; i < args_.size(); ++i) {
      if (i > next_) out_ += ", ";
      if (args_[i].nil())
        out_ += "<nil>";
      else
        typed(args_[i]);
    }
    out_ += ')';
  }
  // type=value
  void typed(const Value& value) {
    out_ += type_name(value);
    out_ += '=';
    print(value, 'v');
  }

  void directive() {
    flags_ = {};
    bool bad_index = false;
    for (bool more = true; more && !in_.empty();) {
      switch (in_[0]) {
        case '+': flags_.plus = true; break;
        case '-': flags_.minus = true, flags_.zero = false; break;
        case '#': flags_.sharp = true; break;
        case ' ': flags_.space = true; break;
        case '0': flags_.zero = !flags_.minus; break;
        default: more = false;
      }
      if (more) in_.remove_prefix(1);
    }
    index(bad_index);
    if (take('*')) {
      if (!star(flags_.width)) out_ += "%!(BADWIDTH)";
      if (flags_.width < -1) flags_.width = -flags_.width, flags_.minus = true, flags_.zero = false;
    } else {
      number(flags_.width);
    }
    if (take('.')) {
      flags_.precision = 0;
      index(bad_index);
      if (take('*')) {
        if (!star(flags_.precision) || flags_.precision < 0) flags_.precision = -1, out_ += "%!(BADPREC)";
      } else {
        number(flags_.precision);
      }
    }
    index(bad_index);
    if (in_.empty()) {
      out_ += "%!(NOVERB)";
      return;
    }
    std::string_view before = in_;
    char32_t verb = take_rune(in_);
    std::string_view shown = before.substr(0, before.size() - in_.size());
    if (verb == '%') {
      out_ += '%';
    } else if (bad_index) {
      out_ += fmt::format("%!{}(BADINDEX)", shown);
    } else if (next_ >= args_.size()) {
      out_ += fmt::format("%!{}(MISSING)", shown);
    } else {
      const Value& value = args_[next_++];
      if (verb == 'v') flags_.source = std::exchange(flags_.sharp, false), flags_.plus = false;
      if (verb < 0x80)
        print(value, static_cast<char>(verb));
      else
        misfit(value, shown);
    }
  }

  bool take(char c) {
    if (in_.empty() || in_[0] != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  void number(int& out) {
    while (!in_.empty() && in_[0] >= '0' && in_[0] <= '9') {
      out = std::min(std::max(out, 0) * 10 + (in_[0] - '0'), max_format_width);
      in_.remove_prefix(1);
    }
  }
  bool star(int& out) {
    if (next_ >= args_.size() || !args_[next_].is(Kind::integer)) return next_ += next_ < args_.size(), false;
    std::int64_t value = args_[next_++].integer;
    if (value > max_format_width || value < -max_format_width) return false;
    return out = static_cast<int>(value), true;
  }
  // [3]: the argument to use next, counted from 1.
  void index(bool& bad) {
    if (in_.empty() || in_[0] != '[') return;
    reordered_ = true;
    std::size_t end = in_.find(']');
    if (end == std::string_view::npos) {
      bad = true;
      in_.remove_prefix(1);
      return;
    }
    int number_given = -1;
    std::string_view digits = in_.substr(1, end - 1);
    for (char c : digits) number_given = c >= '0' && c <= '9' && number_given < 100'000 ? std::max(number_given, 0) * 10 + (c - '0') : 1 << 20;
    in_.remove_prefix(end + 1);
    bad = number_given < 1 || static_cast<std::size_t>(number_given) > args_.size();
    if (!bad) next_ = static_cast<std::size_t>(number_given) - 1;
  }

  static std::string_view list_type(Part part) {
    switch (part) {
      case Part::written_list:
      case Part::partial_list: return "[]interface {}";
      case Part::bounds: return "[]float64";
      case Part::texts: return "[]string";
      default: return "pcommon.Slice";
    }
  }
  static std::string_view type_name(const Value& value) {
    switch (value.kind) {
      case Kind::bytes: return "[]uint8";
      case Kind::map: return "pcommon.Map";
      case Kind::list: return list_type(value.part);
      case Kind::opaque: return value.part == Part::counts ? "[]uint64" : to_string(value.kind);
      case Kind::time: return "time.Time";
      case Kind::duration: return "time.Duration";
      case Kind::trace_id: return "pcommon.TraceID";
      case Kind::span_id: return "pcommon.SpanID";
      case Kind::profile_id: return "pprofile.ProfileID";
      default: return to_string(value.kind);
    }
  }

  // The value keeps the width and the precision that were asked for.
  void misfit(const Value& value, std::string_view verb) {
    out_ += fmt::format("%!{}(", verb);
    flags_.sharp = false;
    if (value.nil()) {
      out_ += "<nil>";
    } else if (value.is(Kind::duration)) {
      out_ += "time.Duration=";
      integer(value, 'v');
    } else {
      typed(value);
    }
    out_ += ')';
  }
  void misfit(const Value& value, char verb) { misfit(value, std::string_view(&verb, 1)); }

  // Width counts characters. Zeros go behind a sign, spaces in front of it.
  void pad(std::string_view text, bool number = false) {
    auto size = static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    int fill = std::max(flags_.width - size, 0);
    if (flags_.minus) {
      out_ += text;
      out_.append(static_cast<std::size_t>(fill), ' ');
      return;
    }
    bool sign = number && flags_.zero && !text.empty() && (text[0] == '+' || text[0] == '-' || text[0] == ' ');
    if (sign) {
      out_ += text[0];
      text.remove_prefix(1);
    }
    out_.append(static_cast<std::size_t>(fill), flags_.zero ? '0' : ' ');
    out_ += text;
  }

  void print(const Value& value, char verb) {
    if (verb == 'w') return misfit(value, verb);
    if (verb == 'T') return value.nil() ? pad("<nil>") : pad(type_name(value));
    switch (value.kind) {
      case Kind::nil: return verb == 'v' ? pad("<nil>") : misfit(value, verb);
      case Kind::boolean: return verb == 't' || verb == 'v' ? pad(value.boolean ? "true" : "false") : misfit(value, verb);
      case Kind::integer: return integer(value, verb);
      case Kind::real: return real(value, verb);
      case Kind::text: return text(value, value.text, verb);
      case Kind::bytes: return bytes(value, verb);
      case Kind::duration: return shows_text(verb) ? text(value, format_duration(Duration(value.integer)), verb) : integer(value, verb);
      case Kind::time: return text(value, go_time_text(value), verb);
      case Kind::trace_id:
      case Kind::profile_id: return text(value, to_hex(value.trace_id.view()), verb);
      case Kind::span_id: return text(value, to_hex(value.span_id.view()), verb);
      case Kind::list: return list(value, verb);
      case Kind::opaque: return value.part == Part::counts ? counts(value, verb) : json(value);
      case Kind::map: return json(value);
    }
  }

  bool shows_text(char verb) const { return (verb == 'v' && !flags_.source) || verb == 's' || verb == 'q' || verb == 'x' || verb == 'X'; }

  // Go prints addresses for these; their JSON is what a person wants to see.
  void json(const Value& value) {
    std::string text;
    append_json(text, value, scratch_);
    pad(text);
  }
  void list(const Value& value, char verb) {
    if (value.part == Part::none) return json(value);
    elements(type_name(value), value.list->size(), [&](std::size_t i) { print(Value::of((*value.list)[i], scratch_, false), verb); });
  }

  void counts(const Value& value, char verb) {
    elements("[]uint64", value.counts().size(), [&](std::size_t i) { integer(Value::of(static_cast<std::int64_t>(value.counts()[i])), verb, "uint64"); });
  }
  void elements(std::string_view type, std::size_t count, auto print_one) {
    if (flags_.source) out_ += type;
    out_ += flags_.source ? '{' : '[';
    for (std::size_t i = 0; i < count; ++i) {
      if (i) out_ += flags_.source ? ", " : " ";
      print_one(i);
    }
    out_ += flags_.source ? '}' : ']';
  }

  void text(const Value& value, std::string_view text, char verb) {
    switch (verb) {
      case 'v':
        if (flags_.source) return quoted(text);
        [[fallthrough]];
      case 's': return pad(cut(text));
      case 'q': return quoted(cut(text));
      case 'x':
      case 'X': return hex(cut_bytes(text), verb);
      default: return misfit(value, verb);
    }
  }
  std::string_view cut(std::string_view text) const {
    if (flags_.precision < 0) return text;
    std::string_view rest = text;
    for (int i = 0; i < flags_.precision && !rest.empty(); ++i) take_rune(rest);
    return text.substr(0, text.size() - rest.size());
  }
  std::string_view cut_bytes(std::string_view text) const {
    return flags_.precision < 0 ? text : text.substr(0, static_cast<std::size_t>(flags_.precision));
  }
  void quoted(std::string_view text) {
    if (flags_.sharp && text.find('`') == std::string_view::npos && text.find('\n') == std::string_view::npos) return pad(fmt::format("`{}`", text));
    std::string out = "\"";
    while (!text.empty()) {
      char first = text[0];
      std::size_t before = text.size();
      char32_t rune = take_rune(text);
      if (rune == 0xFFFD && before - text.size() == 1)
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(first));
      else
        escape(out, rune, '"');
    }
    pad(out + "\"");
  }
  // Of what is no ASCII: not the controls, the spaces, the marks for layout and the private areas.
  static bool printable(char32_t rune) {
    constexpr std::pair<char32_t, char32_t> hidden[] = {{0x80, 0xA0}, {0xAD, 0xAD}, {0x1680, 0x1680}, {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},
                                                        {0x3000, 0x3000}, {0xE000, 0xF8FF}, {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF}};
    return std::none_of(std::begin(hidden), std::end(hidden), [&](auto& range) { return rune >= range.first && rune <= range.second; });
  }
  void escape(std::string& out, char32_t rune, char quote) const {
    constexpr std::string_view codes = "\a\b\f\n\r\t\v\\", letters = "abfnrtv\\";
    if (rune == static_cast<char32_t>(quote)) {
      out += '\\';
      out += quote;
    } else if (rune < 0x80 && codes.find(static_cast<char>(rune)) != std::string_view::npos) {
      out += '\\';
      out += letters[codes.find(static_cast<char>(rune))];
    } else if (rune < 0x20 || rune == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(rune));
    } else if (rune < 0x80 || (!flags_.plus && printable(rune))) {
      append_utf8(out, rune);
    } else {
      out += rune < 0x10000 ? fmt::format("\\u{:04x}", static_cast<std::uint32_t>(rune)) : fmt::format("\\U{:08x}", static_cast<std::uint32_t>(rune));
    }
  }
  void hex(std::string_view bytes, char verb) {
    std::string out;
    std::string prefix = flags_.sharp ? verb == 'x' ? "0x" : "0X" : "";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (flags_.space && i) out += ' ';
      if (i == 0 || flags_.space) out += prefix;
      auto byte = static_cast<unsigned char>(bytes[i]);
      out += verb == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
    }
    pad(out);
  }
  void bytes(const Value& value, char verb) {
    if (verb == 's' || verb == 'q' || verb == 'x' || verb == 'X') return text(value, value.text, verb);
    elements("[]byte", value.text.size(), [&](std::size_t i) {
      auto byte = static_cast<unsigned char>(value.text[i]);
      if (flags_.source)
        out_ += fmt::format("{:#x}", byte);
      else
        integer(Value::of(std::int64_t{byte}), verb, "uint8");
    });
  }

  // `type` is what a verb that does not fit shows.
  void integer(const Value& value, char verb, std::string_view type = {}) {
    std::int64_t v = value.integer;
    auto size = static_cast<std::uint64_t>(v < 0 ? -static_cast<unsigned __int128>(v) : static_cast<unsigned __int128>(v));
    std::string digits;
    switch (verb) {
      case 'v':
      case 'd': digits = fmt::format("{}", size); break;
      case 'b': digits = fmt::format("{}{:b}", flags_.sharp ? "0b" : "", size); break;
      case 'o': digits = fmt::format("{}{:o}", flags_.sharp ? "0" : "", size); break;
      case 'O': digits = fmt::format("0o{:o}", size); break;
      case 'x': digits = fmt::format("{}{:x}", flags_.sharp ? "0x" : "", size); break;
      case 'X': digits = fmt::format("{}{:X}", flags_.sharp ? "0X" : "", size); break;
      case 'c': return character(v);
      case 'q': return quoted_character(v);
      case 'U': return pad(fmt::format("U+{:04X}", static_cast<std::uint64_t>(v)));
      default:
        if (type.empty()) return misfit(value, verb);
        out_ += fmt::format("%!{}({}=", verb, type);
        integer(value, 'v');
        return void(out_ += ')');
    }
    bool zero = flags_.zero;
    if (flags_.precision >= 0) {
      if (flags_.precision == 0 && v == 0) digits.clear();
      while (static_cast<int>(digits.size()) < flags_.precision) digits.insert(0, "0");
      flags_.zero = false;
    }
    pad((v < 0 ? "-" : flags_.plus ? "+" : flags_.space ? " " : "") + digits, true);
    flags_.zero = zero;
  }
  void character(std::int64_t v) {
    std::string out;
    append_utf8(out, v < 0 || v > 0x10FFFF ? 0xFFFD : static_cast<char32_t>(v));
    pad(out);
  }
  void quoted_character(std::int64_t v) {
    std::string out = "'";
    escape(out, v < 0 || v > 0x10FFFF ? 0xFFFD : static_cast<char32_t>(v), '\'');
    pad(out + "'");
  }

  void real(const Value& value, char verb) {
    double v = value.real;
    std::string sign = std::signbit(v) ? "-" : flags_.plus ? "+" : flags_.space ? " " : "";
    if (std::isnan(v) || std::isinf(v)) {
      flags_.zero = false;
      std::string name = std::isnan(v) ? (flags_.plus ? "+NaN" : "NaN") : (std::signbit(v) ? "-Inf" : "+Inf");
      return pad(name);
    }
    v = std::fabs(v);
    int precision = flags_.precision;
    std::string digits;
    switch (verb) {
      case 'v':
      case 'g':
      case 'G':
        digits = precision < 0 ? go_text_of(v) : fmt::format("{:.{}g}", v, std::max(precision, 1));
        if (verb == 'G') std::replace(digits.begin(), digits.end(), 'e', 'E');
        break;
      case 'e': digits = fmt::format("{:.{}e}", v, precision < 0 ? 6 : precision); break;
      case 'E': digits = fmt::format("{:.{}E}", v, precision < 0 ? 6 : precision); break;
      case 'b': digits = binary_real(v); break;
      case 'f':
      case 'F': digits = fmt::format("{:.{}f}", v, precision < 0 ? 6 : precision); break;
      case 'x':
      case 'X':
        digits = hex_real(v, precision);
        if (verb == 'X')
          for (char& c : digits) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        break;
      default: return misfit(value, verb);
    }
    pad(sign + digits, true);
  }
  // The mantissa as a whole number and the power of two it stands for.
  static std::string binary_real(double v) {
    auto bits = std::bit_cast<std::uint64_t>(v);
    auto exponent = static_cast<int>(bits >> 52 & 0x7FF);
    std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
    if (exponent == 0) ++exponent;
    else mantissa |= std::uint64_t{1} << 52;
    return fmt::format("{}p{:+}", mantissa, exponent - 1075);
  }
  static std::string hex_real(double v, int precision) {
    if (v == 0) return "0x0p+00";
    std::string text = precision < 0 ? fmt::format("{:a}", v) : fmt::format("{:.{}a}", v, precision);
    std::size_t p = text.find('p');
    int exponent = std::atoi(text.c_str() + p + 1);
    return text.substr(0, p) + fmt::format("p{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }

  std::string_view in_;
  std::span<const Value> args_;
  Arena& scratch_;
  std::string out_;
  Flags flags_;
  std::size_t next_ = 0;
  bool reordered_ = false;
};

}  // namespace

std::string go_format(std::string_view format, std::span<const Value> arguments, Arena& scratch) {
  return Formatter(format, arguments, scratch).run();
}

}  // namespace weir::ottl
