#include "weir/scenario/compare.h"

#include "base/text.h"

namespace weir::app::scenario {
namespace {

using config::Value;

bool is_number(const Value& value) {
  return value.kind() == Value::Kind::integer || value.kind() == Value::Kind::unsigned_integer || value.kind() == Value::Kind::number;
}

bool same_scalar(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return a.as_double() == b.as_double();
  if (a.kind() == Value::Kind::boolean && b.kind() == Value::Kind::boolean) return a.as_bool() == b.as_bool();
  return a.kind() == b.kind() && a.text() == b.text();
}

class Differ {
 public:
  std::vector<std::string> lines;

  void compare(const std::string& path, const Value& expected, const Value* actual) {
    bool absent = actual == nullptr || actual->is_null() || (actual->is_map() && actual->size() == 0);
    if (expected.is_null() || (expected.is_map() && expected.size() == 0)) {
      if (expected.is_null() && !absent) different(path, "nothing", one_line(*actual));
      return;
    }
    static const Value no_map = Value::map();
    if (actual == nullptr && expected.is_map()) actual = &no_map;
    if (actual == nullptr) return different(path, one_line(expected), "nothing");
    if (expected.is_map() && actual->is_map()) {
      for (auto& entry : expected.entries()) compare(path.empty() ? entry.key : path + "." + entry.key, entry.value, actual->get(entry.key));
    } else if (expected.is_list() && actual->is_list() && expected.size() == actual->size()) {
      for (std::size_t i = 0; i < expected.size(); ++i) compare(fmt::format("{}[{}]", path, i), expected.items()[i], &actual->items()[i]);
    } else if (!expected.is_scalar() || !actual->is_scalar() || !same_scalar(expected, *actual)) {
      different(path, one_line(expected), one_line(*actual));
    }
  }

 private:
  void different(const std::string& path, const std::string& expected, const std::string& got) {
    lines.push_back(fmt::format("{}: expected {}, got {}", path, expected, got));
  }
};

// The largest pairing: an item that asks for little must not take the only partner of one that asks for more.
class Pairing {
 public:
  Pairing(const std::vector<Value>& expected, const std::vector<Value>& actual) : partner_of_actual(actual.size(), -1) {
    for (auto& item : expected) {
      auto& row = fits_.emplace_back();
      for (std::size_t i = 0; i < actual.size(); ++i)
        if (differences(item, actual[i]).empty()) row.push_back(i);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      std::vector<bool> seen(actual.size());
      paired.push_back(pair(i, seen));
    }
  }
  std::vector<bool> paired;  // by expected item
  std::vector<int> partner_of_actual;

 private:
  bool pair(std::size_t item, std::vector<bool>& seen) {
    for (std::size_t at : fits_[item]) {
      if (seen[at]) continue;
      seen[at] = true;
      if (partner_of_actual[at] >= 0 && !pair(static_cast<std::size_t>(partner_of_actual[at]), seen)) continue;
      partner_of_actual[at] = static_cast<int>(item);
      return true;
    }
    return false;
  }
  std::vector<std::vector<std::size_t>> fits_;
};

void write(const Value& value, std::string& out) {
  if (value.is_map()) {
    out += '{';
    for (auto& entry : value.entries()) {
      if (out.back() != '{') out += ", ";
      out += entry.key + ": ";
      write(entry.value, out);
    }
    out += '}';
  } else if (value.is_list()) {
    out += '[';
    for (auto& item : value.items()) {
      if (out.back() != '[') out += ", ";
      write(item, out);
    }
    out += ']';
  } else if (value.is_null()) {
    out += "null";
  } else {
    bool ambiguous = value.kind() == Value::Kind::string && (value.text().empty() || Value::plain(value.text()).kind() != Value::Kind::string ||
                                                             value.text().find_first_of("{}[],:#\"'\n ") != std::string::npos);
    out += ambiguous ? quote_json(value.text()) : value.text();
  }
}

}  // namespace

std::vector<std::string> differences(const Value& expected, const Value& actual) {
  Differ differ;
  differ.compare("", expected, &actual);
  return std::move(differ.lines);
}

std::string one_line(const Value& value) {
  std::string out;
  write(value, out);
  return out;
}

std::string diff(const std::vector<Value>& expected, const std::vector<Value>& actual) {
  Pairing pairing(expected, actual);
  std::string out;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (pairing.paired[i]) continue;
    out += "  - " + one_line(expected[i]) + "\n";
    std::optional<std::vector<std::string>> nearest;
    for (std::size_t a = 0; a < actual.size(); ++a) {
      if (pairing.partner_of_actual[a] >= 0) continue;
      auto lines = differences(expected[i], actual[a]);
      if (!nearest || lines.size() < nearest->size()) nearest = std::move(lines);
    }
    if (nearest)
      for (auto& line : *nearest) out += "      " + line + "\n";
  }
  for (std::size_t a = 0; a < actual.size(); ++a)
    if (pairing.partner_of_actual[a] < 0) out += "  + " + one_line(actual[a]) + "\n";
  return out;
}

}  // namespace weir::app::scenario
