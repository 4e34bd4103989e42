#include "config/provider.h"

#include <cerrno>
#include <cstdio>

#include "base/gates.h"
#include "base/text.h"
#include "config/expand.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

Result<std::string> read_whole_file(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return fail(Errc::config, "cannot open {}: {}", path, std::strerror(errno));
  const std::size_t limit = Limits{}.source_bytes;
  std::string text;
  char buffer[16 * 1024];
  while (std::size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, n);
    if (text.size() > limit) return fail(Errc::config, "{} is larger than {} bytes", path, limit);
  }
  if (std::ferror(file.get())) return fail(Errc::config, "cannot read {}: {}", path, std::strerror(errno));
  return text;
}

bool scheme_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
}

// {"a", "b"} and 1 become {a: {b: 1}}.
Value nest(std::span<const std::string_view> path, Value value, const Mark& mark) {
  for (std::size_t i = path.size(); i-- > 0;) {
    Value map = Value::map(mark);
    map.set(path[i], std::move(value), mark);
    value = std::move(map);
  }
  return value;
}

std::vector<std::string_view> split_path(std::string_view key) {
  std::vector<std::string_view> steps;
  for (;;) {
    auto end = key.find("::");
    steps.push_back(key.substr(0, end));
    if (end == key.npos) return steps;
    key.remove_prefix(end + 2);
  }
}

std::optional<Value> load_source(const std::string& text, const Environment& environment, Problems& problems,
                                 const Limits& limits) {
  Uri uri = parse_uri(text).value_or(Uri{"file", text});
  bool env = uri.scheme == "env";
  auto name = std::make_shared<const Source>(Source{uri.scheme == "file" ? uri.rest : uri.scheme == "yaml" ? "yaml" : text, {}});
  auto content = retrieve(uri, environment);
  if (!content) {
    problems.error({name}, content.error().what);
    return {};
  }
  if (!*content) {
    problems.warning({name}, "the environment variable is not set");
    return Value::null({name});
  }
  auto source = std::make_shared<const Source>(Source{name->name, std::move(**content), env});
  auto value = parse_yaml(source, problems, limits);
  if (!value || value->is_null()) return value;
  if (!value->is_map()) {
    problems.error(value->mark(), "a configuration is a map, not " + value->describe());
    return {};
  }
  split_keys(*value, problems, limits);
  return value;
}

std::optional<Value> load_set(const std::string& text, Problems& problems, const Limits& limits) {
  auto source = std::make_shared<const Source>(Source{"--set", text});
  auto equals = text.find('=');
  if (equals == text.npos || equals == 0) {
    problems.error({source, 1, 1}, "expected key=value");
    return {};
  }
  std::vector<std::string_view> path;
  for (auto step : split_path(std::string_view(text).substr(0, equals)))
    for (auto part : split(step, '.')) path.push_back(trim(part));
  if (path.size() > limits.depth) {
    problems.error({source, 1, 1}, fmt::format("nested more than {} deep", limits.depth));
    return {};
  }
  // Blanks in place of the key keep the columns right.
  auto only_value = std::string(equals + 1, ' ') + text.substr(equals + 1);
  auto value = parse_yaml(std::make_shared<const Source>(Source{"--set", only_value, true}), problems, limits);
  if (!value) return {};
  return nest(path, std::move(*value), {source, 1, 1});
}

}  // namespace

Environment Environment::process() {
  Environment out;
  out.variable = [](const std::string& name) -> std::optional<std::string> {
    auto* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  out.read_file = read_whole_file;
  return out;
}

std::optional<Uri> parse_uri(std::string_view text) {
  auto colon = text.find(':');
  if (colon == text.npos || colon < 2) return {};
  auto scheme = text.substr(0, colon);
  bool letter = (scheme[0] >= 'a' && scheme[0] <= 'z') || (scheme[0] >= 'A' && scheme[0] <= 'Z');
  if (!letter || !std::all_of(scheme.begin(), scheme.end(), scheme_char)) return {};
  return Uri{std::string(scheme), std::string(text.substr(colon + 1))};
}

Result<std::optional<std::string>> retrieve(const Uri& uri, const Environment& environment) {
  if (uri.scheme == "env") return environment.variable(uri.rest);
  if (uri.scheme == "yaml") return uri.rest;
  if (uri.scheme == "file") {
    WEIR_ASSIGN(auto text, environment.read_file(uri.rest));
    return text;
  }
  if ((uri.scheme == "http" || uri.scheme == "https") && environment.fetch) {
    WEIR_ASSIGN(auto text, environment.fetch(uri.to_string()));
    return text;
  }
  return fail(Errc::config, "scheme \"{}\" is not supported for uri \"{}\"", uri.scheme, uri.to_string());
}

void split_keys(Value& map, Problems& problems, const Limits& limits) {
  auto compound = [](const Entry& e) { return e.key.find("::") != e.key.npos; };
  if (std::none_of(map.entries().begin(), map.entries().end(), compound)) return;
  Value out = Value::map(map.mark());
  for (auto& entry : map.entries()) {
    auto path = split_path(entry.key);
    if (path.size() > limits.depth) {
      problems.error(entry.mark, fmt::format("nested more than {} deep", limits.depth));
      continue;
    }
    merge(out, nest(path, std::move(entry.value), entry.mark));
  }
  map = std::move(out);
}

std::optional<Value> load(std::span<const std::string> sources, std::span<const std::string> sets,
                          const Environment& environment, Problems& problems, const Limits& limits) {
  auto before = problems.errors();
  Value merged = Value::map();
  bool append_lists = gates::enabled("confmap.enableMergeAppendOption");
  auto add = [&](std::optional<Value> value) {
    if (value && !value->is_null()) merge(merged, std::move(*value), append_lists);
  };
  if (sources.empty()) problems.error({}, "at least one config flag must be provided");
  for (auto& source : sources) add(load_source(source, environment, problems, limits));
  for (auto& set : sets) add(load_set(set, problems, limits));
  if (problems.errors() != before) return {};
  expand(merged, environment, problems, limits);
  if (problems.errors() != before) return {};
  return merged;
}

}  // namespace weir::config
