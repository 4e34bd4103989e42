#include "components/receivers/httpcheck/json_path.h"

#include <simdjson.h>

#include <charconv>

namespace weir::receivers::httpcheck {
namespace {

namespace dom = simdjson::dom;
using Step = JsonPath::Step;
using Steps = std::span<const Step>;

// `*` for any characters, `?` for one. The last star takes more as long as what follows it does not fit.
bool fits(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = pattern.npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') star = p++, taken = n;
    else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) ++p, ++n;
    else if (star == pattern.npos) return false;
    else p = star + 1, n = ++taken;
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

std::string text_of(dom::element value) {
  std::string_view text;
  if (!value.get(text)) return std::string(text);
  if (value.is_null()) return {};
  double number;
  if (value.is_int64() || value.is_uint64() || value.get(number)) return simdjson::to_string(value);
  char digits[400];
  auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number, std::chars_format::fixed);
  return {static_cast<const char*>(digits), static_cast<std::size_t>(end - static_cast<const char*>(digits))};
}

std::optional<dom::element> find(dom::element from, Steps steps, std::string& made);

// An array of what each element has; never absent.
void collect(dom::array list, Steps steps, std::string& out) {
  out = "[";
  for (dom::element element : list) {
    std::string inner;
    auto found = find(element, steps, inner);
    if (!found && inner.empty()) continue;
    if (out.size() > 1) out += ',';
    out += found ? simdjson::to_string(*found) : inner;
  }
  out += ']';
}

// What is not in the text as it is (a length, a list of parts) goes to `made`.
std::optional<dom::element> find(dom::element from, Steps steps, std::string& made) {
  for (; !steps.empty(); steps = steps.subspan(1)) {
    const Step& step = steps.front();
    if (dom::array list; !from.get(list)) {
      if (step.each) {
        if (steps.size() > 1) collect(list, steps.subspan(1), made);
        else made = std::to_string(list.size());
        return std::nullopt;
      }
      std::size_t number = 0;
      auto [end, error] = std::from_chars(step.name.data(), step.name.data() + step.name.size(), number);
      if (error != std::errc() || end != step.name.data() + step.name.size() || list.at(number).get(from)) return std::nullopt;
      continue;
    }
    dom::object object;
    if (from.get(object)) return std::nullopt;
    bool there = false;
    for (auto [name, value] : object) {
      if (step.pattern ? !fits(step.name, name) : name != std::string_view(step.name)) continue;
      from = value;
      there = true;
      break;
    }
    if (!there) return std::nullopt;
  }
  return from;
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view path) {
  constexpr std::string_view queries = "#(", modifiers = "@!{[";
  if (path.find(queries) != path.npos || path.find('|') != path.npos || (!path.empty() && modifiers.find(path[0]) != modifiers.npos))
    return fail(Errc::config, "'{}': queries and modifiers in paths are not supported", path);
  JsonPath out;
  out.steps_.emplace_back();
  for (std::size_t i = 0; i < path.size(); ++i) {
    Step& step = out.steps_.back();
    if (path[i] == '.') {
      out.steps_.emplace_back();
    } else if (path[i] == '\\' && i + 1 < path.size()) {
      step.name += path[++i];
    } else {
      step.name += path[i];
      step.pattern = step.pattern || path[i] == '*' || path[i] == '?';
    }
  }
  for (Step& step : out.steps_) step.each = step.name == "#";
  return out;
}

std::optional<std::string> JsonPath::find(std::string_view json) const {
  dom::parser parser;
  dom::element root;
  if (parser.parse(json.data(), json.size()).get(root)) return std::nullopt;
  std::string made;
  auto found = httpcheck::find(root, steps_, made);
  if (found) return text_of(*found);
  return made.empty() ? std::nullopt : std::optional(std::move(made));
}

}  // namespace weir::receivers::httpcheck
