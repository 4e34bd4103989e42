#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "components/shared/expressions/node.h"
#include "ottl/text/json.h"
#include "ottl/text/unicode.h"

namespace weir::expressions {
namespace {

constexpr std::size_t any_number = 1000;
constexpr BuiltinInfo builtins[] = {
    {"len", Builtin::len, 1, 1, false, Kind::integer},
    {"type", Builtin::type, 1, 1, false, Kind::text},
    {"abs", Builtin::abs, 1, 1},
    {"ceil", Builtin::ceil, 1, 1, false, Kind::real},
    {"floor", Builtin::floor, 1, 1, false, Kind::real},
    {"round", Builtin::round, 1, 1, false, Kind::real},
    {"int", Builtin::int_, 1, 1, false, Kind::integer},
    {"float", Builtin::float_, 1, 1, false, Kind::real},
    {"string", Builtin::string, 1, 1, false, Kind::text},
    {"trim", Builtin::trim, 1, 2, false, Kind::text},
    {"trimPrefix", Builtin::trim_prefix, 1, 2, false, Kind::text},
    {"trimSuffix", Builtin::trim_suffix, 1, 2, false, Kind::text},
    {"upper", Builtin::upper, 1, 1, false, Kind::text},
    {"lower", Builtin::lower, 1, 1, false, Kind::text},
    {"split", Builtin::split, 2, 3, false, Kind::list},
    {"splitAfter", Builtin::split_after, 2, 3, false, Kind::list},
    {"replace", Builtin::replace, 3, 4, false, Kind::text},
    {"repeat", Builtin::repeat, 2, 2, false, Kind::text},
    {"join", Builtin::join, 1, 2, false, Kind::text},
    {"indexOf", Builtin::index_of, 2, 2, false, Kind::integer},
    {"lastIndexOf", Builtin::last_index_of, 2, 2, false, Kind::integer},
    {"hasPrefix", Builtin::has_prefix, 2, 2, false, Kind::boolean},
    {"hasSuffix", Builtin::has_suffix, 2, 2, false, Kind::boolean},
    {"max", Builtin::max, 1, any_number},
    {"min", Builtin::min, 1, any_number},
    {"mean", Builtin::mean, 1, any_number, false, Kind::real},
    {"median", Builtin::median, 1, any_number, false, Kind::real},
    {"toJSON", Builtin::to_json, 1, 1, false, Kind::text},
    {"fromJSON", Builtin::from_json, 1, 1},
    {"toBase64", Builtin::to_base64, 1, 1, false, Kind::text},
    {"fromBase64", Builtin::from_base64, 1, 1, false, Kind::text},
    {"now", Builtin::now, 0, 0, false, Kind::time},
    {"duration", Builtin::duration, 1, 1, false, Kind::duration},
    {"first", Builtin::first, 1, 1},
    {"last", Builtin::last, 1, 1},
    {"get", Builtin::get, 2, 2},
    {"take", Builtin::take, 2, 2, false, Kind::list},
    {"keys", Builtin::keys, 1, 1, false, Kind::list},
    {"values", Builtin::values, 1, 1, false, Kind::list},
    {"reverse", Builtin::reverse, 1, 1, false, Kind::list},
    {"uniq", Builtin::uniq, 1, 1, false, Kind::list},
    {"concat", Builtin::concat, 1, any_number, false, Kind::list},
    {"flatten", Builtin::flatten, 1, 1, false, Kind::list},
    {"sort", Builtin::sort, 1, 2, false, Kind::list},
    {"bitand", Builtin::bit_and, 2, 2, false, Kind::integer},
    {"bitor", Builtin::bit_or, 2, 2, false, Kind::integer},
    {"bitxor", Builtin::bit_xor, 2, 2, false, Kind::integer},
    {"bitshl", Builtin::shift_left, 2, 2, false, Kind::integer},
    {"bitshr", Builtin::shift_right, 2, 2, false, Kind::integer},
    {"all", Builtin::all, 2, 2, true, Kind::boolean},
    {"none", Builtin::none, 2, 2, true, Kind::boolean},
    {"any", Builtin::any, 2, 2, true, Kind::boolean},
    {"one", Builtin::one, 2, 2, true, Kind::boolean},
    {"filter", Builtin::filter, 2, 2, true, Kind::list},
    {"map", Builtin::map, 2, 2, true, Kind::list},
    {"find", Builtin::find, 2, 2, true},
    {"findIndex", Builtin::find_index, 2, 2, true},
    {"findLast", Builtin::find_last, 2, 2, true},
    {"findLastIndex", Builtin::find_last_index, 2, 2, true},
    {"count", Builtin::count, 1, 2, true, Kind::integer},
    {"sum", Builtin::sum, 1, 2, true},
    {"reduce", Builtin::reduce, 2, 3, true},
};

bool is_number(const Value& v) { return v.is(Kind::integer) || v.is(Kind::real); }
double real_of(const Value& v) { return v.is(Kind::integer) ? static_cast<double>(v.integer) : v.real; }

class Call {
 public:
  Call(Builtin id, std::span<const Value> arguments, Evaluation& run, Value& out) : id_(id), a_(arguments), run_(run), out_(out) {}

  bool call() {
    switch (id_) {
      case Builtin::len: return length();
      case Builtin::type: return give(type_name(a_[0]));
      case Builtin::abs:
      case Builtin::ceil:
      case Builtin::floor:
      case Builtin::round: return rounding();
      case Builtin::int_: return to_integer();
      case Builtin::float_: return to_real();
      case Builtin::string: return make(text_of(a_[0], run_.arena));
      case Builtin::max:
      case Builtin::min:
      case Builtin::mean:
      case Builtin::median: return statistics();
      case Builtin::to_json: return to_json();
      case Builtin::now: return out_ = Value::of_unix_nanos(run_.now()), true;
      case Builtin::bit_and:
      case Builtin::bit_or:
      case Builtin::bit_xor:
      case Builtin::shift_left:
      case Builtin::shift_right: return bits();
      case Builtin::get: return get();
      case Builtin::keys:
      case Builtin::values: return entries();
      case Builtin::join:
      case Builtin::first:
      case Builtin::last:
      case Builtin::take:
      case Builtin::reverse:
      case Builtin::uniq:
      case Builtin::concat:
      case Builtin::flatten:
      case Builtin::sort: return lists();
      default: return texts();
    }
  }

 private:
  bool give(std::string_view text) { return out_ = Value::of(text), true; }
  bool make(const std::string& text) {
    if (!run_.spend(text.size() / 16)) return false;
    return out_ = Value::of(text.empty() ? std::string_view("") : run_.arena.copy(text)), true;
  }
  bool wrong(const Value& value) { return run_.fail(fmt::format("a function cannot work on {}", type_name(value))); }

  bool length() {
    const Value& v = a_[0];
    if (v.is(Kind::list)) return out_ = Value::of(static_cast<std::int64_t>(v.list->size())), true;
    if (v.is(Kind::map)) return out_ = Value::of(static_cast<std::int64_t>(v.map->size())), true;
    if (v.is(Kind::bytes)) return out_ = Value::of(static_cast<std::int64_t>(v.text.size())), true;
    if (!v.is(Kind::text)) return wrong(v);
    auto n = std::count_if(v.text.begin(), v.text.end(), [](char c) { return (c & 0xC0) != 0x80; });
    return out_ = Value::of(static_cast<std::int64_t>(n)), true;
  }

  bool rounding() {
    const Value& v = a_[0];
    if (!is_number(v)) return wrong(v);
    if (id_ == Builtin::abs && v.is(Kind::integer)) return out_ = Value::of(v.integer < 0 ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(v.integer)) : v.integer), true;
    double x = real_of(v);
    return out_ = Value::of(id_ == Builtin::abs ? std::abs(x) : id_ == Builtin::ceil ? std::ceil(x) : id_ == Builtin::floor ? std::floor(x) : std::round(x)), true;
  }

  bool to_integer() {
    const Value& v = a_[0];
    if (v.is(Kind::integer)) return out_ = v, true;
    if (v.is(Kind::real)) return out_ = Value::of(go_int_of(v.real)), true;
    if (!v.is(Kind::text)) return wrong(v);
    auto read = parse_go_int(v.text);
    if (!read) return run_.fail(fmt::format("\"{}\" is no whole number", v.text));
    return out_ = Value::of(*read), true;
  }
  bool to_real() {
    const Value& v = a_[0];
    if (is_number(v)) return out_ = Value::of(real_of(v)), true;
    if (!v.is(Kind::text)) return wrong(v);
    auto read = parse_go_double(v.text);
    if (!read) return run_.fail(fmt::format("\"{}\" is no number", v.text));
    return out_ = Value::of(*read), true;
  }

  // Numbers, or lists of them.
  bool gather(const Value& v, std::vector<Value>& to) {
    if (is_number(v)) return to.push_back(v), true;
    if (!v.is(Kind::list)) return wrong(v);
    for (auto& item : *v.list)
      if (!run_.spend(1) || !gather(Value::of(item, run_.arena, true), to)) return false;
    return true;
  }
  bool statistics() {
    std::vector<Value> numbers;
    for (auto& v : a_)
      if (!gather(v, numbers)) return false;
    bool extreme = id_ == Builtin::max || id_ == Builtin::min;
    if (numbers.empty()) return extreme ? run_.fail("no numbers") : (out_ = Value::of(0.0), true);
    std::sort(numbers.begin(), numbers.end(), [](auto& x, auto& y) { return real_of(x) < real_of(y); });
    if (extreme) return out_ = id_ == Builtin::max ? numbers.back() : numbers.front(), true;
    std::size_t n = numbers.size();
    if (id_ == Builtin::median) return out_ = Value::of(n % 2 ? real_of(numbers[n / 2]) : (real_of(numbers[n / 2 - 1]) + real_of(numbers[n / 2])) / 2), true;
    double sum = 0;
    for (auto& v : numbers) sum += real_of(v);
    return out_ = Value::of(sum / static_cast<double>(n)), true;
  }

  bool to_json() {
    std::string text;
    ottl::append_json(text, a_[0], run_.arena);
    return make(text);
  }

  bool bits() {
    if (!a_[0].is(Kind::integer)) return wrong(a_[0]);
    if (!a_[1].is(Kind::integer)) return wrong(a_[1]);
    std::int64_t x = a_[0].integer, y = a_[1].integer;
    bool shift = id_ == Builtin::shift_left || id_ == Builtin::shift_right;
    if (shift && y < 0) return run_.fail("a shift by less than nothing");
    switch (id_) {
      case Builtin::bit_and: return out_ = Value::of(x & y), true;
      case Builtin::bit_or: return out_ = Value::of(x | y), true;
      case Builtin::bit_xor: return out_ = Value::of(x ^ y), true;
      case Builtin::shift_left: return out_ = Value::of(y > 63 ? std::int64_t{0} : static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << y)), true;
      default: return out_ = Value::of(y > 63 ? (x < 0 ? std::int64_t{-1} : std::int64_t{0}) : x >> y), true;
    }
  }

  bool get() {
    const Value &from = a_[0], &key = a_[1];
    out_.clear();
    if (from.is(Kind::map) && key.is(Kind::text)) {
      if (otlp::Value* found = from.map->find(key.text)) out_ = Value::of(*found, run_.arena, true);
    } else if (from.is(Kind::list) && is_number(key)) {
      std::int64_t i = whole_of(key), size = static_cast<std::int64_t>(from.list->size());
      if (i < 0) i += size;
      if (i >= 0 && i < size) out_ = Value::of((*from.list)[static_cast<std::size_t>(i)], run_.arena, true);
    }
    return true;
  }

  bool entries() {
    if (!a_[0].is(Kind::map)) return wrong(a_[0]);
    auto* list = run_.arena.make<otlp::Array>();
    for (auto& kv : *a_[0].map) list->push_back(run_.arena, id_ == Builtin::keys ? otlp::Value::of(kv.key) : kv.value);
    return out_ = Value::of(list), true;
  }

  bool lists() {
    for (std::size_t i = 0; i < (id_ == Builtin::concat ? a_.size() : 1); ++i)
      if (!a_[i].is(Kind::list)) return wrong(a_[i]);
    const otlp::Array& from = *a_[0].list;
    if (!run_.spend(from.size())) return false;
    Arena& arena = run_.arena;
    auto* list = arena.make<otlp::Array>();
    out_ = Value::of(list);
    switch (id_) {
      case Builtin::first:
      case Builtin::last: {
        out_.clear();
        if (from.empty()) return true;
        otlp::Value item = id_ == Builtin::first ? from[0] : from.back();
        return out_ = Value::of(item, arena, true), true;
      }
      case Builtin::take: {
        if (!a_[1].is(Kind::integer) || a_[1].integer < 0) return wrong(a_[1]);
        for (std::size_t i = 0; i < from.size() && i < static_cast<std::uint64_t>(a_[1].integer); ++i) list->push_back(arena, from[i]);
        return true;
      }
      case Builtin::reverse:
        for (std::size_t i = from.size(); i-- > 0;) list->push_back(arena, from[i]);
        return true;
      case Builtin::uniq:
        for (auto& item : from) {
          if (!run_.spend(list->size())) return false;
          if (std::none_of(list->begin(), list->end(), [&](auto& other) { return otlp::equal(item, other); })) list->push_back(arena, item);
        }
        return true;
      case Builtin::concat:
        for (auto& v : a_) {
          if (!run_.spend(v.list->size())) return false;
          for (auto& item : *v.list) list->push_back(arena, item);
        }
        return true;
      case Builtin::flatten: return flatten(from, *list);
      case Builtin::sort: return sort(from, *list);
      default: return join(from);
    }
  }

  bool flatten(const otlp::Array& from, otlp::Array& to) {
    for (otlp::Value item : from) {
      if (!run_.spend(1)) return false;
      if (item.is(otlp::ValueType::array)) {
        if (!flatten(item.array(run_.arena), to)) return false;
      } else {
        to.push_back(run_.arena, item);
      }
    }
    return true;
  }

  bool sort(const otlp::Array& from, otlp::Array& to) {
    bool down = a_.size() > 1 && a_[1].is(Kind::text) && a_[1].text == "desc";
    std::vector<std::pair<Value, otlp::Value>> items;
    for (otlp::Value item : from) items.emplace_back(Value::of(item, run_.arena, true), item);
    for (auto& item : items)
      if (!order(item.first, items[0].first)) return run_.fail("a list of values that have no order");
    if (!run_.spend(items.size() * 8)) return false;
    std::stable_sort(items.begin(), items.end(), [&](auto& x, auto& y) { return down ? *order(x.first, y.first) > 0 : *order(x.first, y.first) < 0; });
    for (auto& item : items) to.push_back(run_.arena, item.second);
    return true;
  }

  bool join(const otlp::Array& from) {
    if (a_.size() > 1 && !a_[1].is(Kind::text)) return wrong(a_[1]);
    std::string text;
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (!from[i].is(otlp::ValueType::string)) return run_.fail("join of what is not text");
      if (i > 0 && a_.size() > 1) text += a_[1].text;
      text += from[i].text;
      if (text.size() > max_text) return run_.fail("the expression makes a text that is too long");
    }
    return make(text);
  }

  bool texts() {
    std::size_t count = id_ == Builtin::replace ? 3 : id_ == Builtin::repeat ? 1 : std::min<std::size_t>(a_.size(), 2);
    for (std::size_t i = 0; i < count; ++i)
      if (!a_[i].is(Kind::text)) return wrong(a_[i]);
    std::string_view text = a_[0].text, other = count > 1 ? a_[1].text : std::string_view(" ");
    if (!run_.spend(text.size() / 16)) return false;
    switch (id_) {
      case Builtin::trim: return give(count > 1 ? trimmed(text, other) : ottl::trim_space(text));
      case Builtin::trim_prefix: return give(text.starts_with(other) ? text.substr(other.size()) : text);
      case Builtin::trim_suffix: return give(text.ends_with(other) ? text.substr(0, text.size() - other.size()) : text);
      case Builtin::upper: return make(ottl::to_upper_case(text));
      case Builtin::lower: return make(ottl::to_lower_case(text));
      case Builtin::split:
      case Builtin::split_after: return split(text, other);
      case Builtin::replace: return replace(text, other, a_[2].text);
      case Builtin::repeat: return repeat(text);
      case Builtin::index_of: return place(text.find(other));
      case Builtin::last_index_of: return place(text.rfind(other));
      case Builtin::has_prefix: return out_ = Value::of(text.starts_with(other)), true;
      case Builtin::has_suffix: return out_ = Value::of(text.ends_with(other)), true;
      case Builtin::to_base64: return make(encode_base64(text));
      case Builtin::from_base64: {
        std::string bytes;
        if (!decode_base64(text, bytes)) return run_.fail("not base64");
        return make(bytes);
      }
      case Builtin::from_json: {
        auto read = ottl::parse_json(text, run_.arena);
        if (!read) return run_.fail(read.error().what);
        return out_ = Value::of(*read, run_.arena, true), true;
      }
      case Builtin::duration: {
        auto read = parse_duration(text);
        if (!read) return run_.fail(read.error().what);
        return out_ = Value::of_duration(read->count()), true;
      }
      default: return wrong(a_[0]);
    }
  }

  bool place(std::size_t at) { return out_ = Value::of(at == std::string_view::npos ? std::int64_t{-1} : static_cast<std::int64_t>(at)), true; }

  static std::string_view trimmed(std::string_view text, std::string_view cutset) {
    auto begin = text.find_first_not_of(cutset);
    if (begin == text.npos) return "";
    return text.substr(begin, text.find_last_not_of(cutset) - begin + 1);
  }

  // How often at most; nothing said is no limit.
  std::optional<std::size_t> limit(std::size_t argument) {
    if (a_.size() <= argument) return std::size_t{0} - 1;
    if (!a_[argument].is(Kind::integer)) return {};
    return a_[argument].integer < 0 ? std::size_t{0} - 1 : static_cast<std::size_t>(a_[argument].integer);
  }

  bool split(std::string_view text, std::string_view separator) {
    auto most = limit(2);
    if (!most) return wrong(a_[2]);
    auto* list = run_.arena.make<otlp::Array>();
    out_ = Value::of(list);
    if (*most == 0) return true;
    bool keep = id_ == Builtin::split_after;
    while (list->size() + 1 < *most) {
      if (!run_.spend(1)) return false;
      std::size_t at;
      if (separator.empty()) {
        std::string_view rest = text;
        if (!rest.empty()) ottl::take_rune(rest);
        at = rest.empty() ? text.npos : text.size() - rest.size();
      } else {
        at = text.find(separator);
      }
      if (at == text.npos) break;
      list->push_back(run_.arena, otlp::Value::of(text.substr(0, at + (keep ? separator.size() : 0))));
      text.remove_prefix(at + separator.size());
    }
    if (!separator.empty() || !text.empty()) list->push_back(run_.arena, otlp::Value::of(text));
    return true;
  }

  bool replace(std::string_view text, std::string_view old, std::string_view with) {
    auto most = limit(3);
    if (!most) return wrong(a_[3]);
    std::string result;
    for (std::size_t n = 0; n < *most && !old.empty(); ++n) {
      std::size_t at = text.find(old);
      if (at == text.npos) break;
      result += text.substr(0, at);
      result += with;
      text.remove_prefix(at + old.size());
      if (result.size() > max_text || !run_.spend(1)) return run_.fail("the expression makes a text that is too long");
    }
    return make(result + std::string(text));
  }

  bool repeat(std::string_view text) {
    if (!a_[1].is(Kind::integer) || a_[1].integer < 0) return wrong(a_[1]);
    auto times = static_cast<std::uint64_t>(a_[1].integer);
    if (times > max_text || times * text.size() > max_text) return run_.fail("the expression makes a text that is too long");
    std::string result;
    for (std::uint64_t i = 0; i < times; ++i) result += text;
    return make(result);
  }

  static constexpr std::size_t max_text = 1 << 20;
  Builtin id_;
  std::span<const Value> a_;
  Evaluation& run_;
  Value& out_;
};

}  // namespace

const BuiltinInfo* find_builtin(std::string_view name) {
  for (auto& info : builtins)
    if (info.name == name) return &info;
  return nullptr;
}

bool call_builtin(Builtin id, std::span<const Value> arguments, Evaluation& evaluation, Value& out) {
  return Call(id, arguments, evaluation, out).call();
}

}  // namespace weir::expressions
