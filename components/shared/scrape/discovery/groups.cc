// Lists of targets, as files and HTTP services have them.
#include <simdjson.h>

#include "components/shared/scrape/discovery/discovery.h"
#include "config/yaml.h"

namespace weir::scrape {
namespace {

namespace dom = simdjson::dom;

Error wrong(std::string_view source, std::size_t group, std::string_view what) {
  return {Errc::invalid, fmt::format("{}: group {}: {}", source, group, what), {}};
}

void add_target(TargetGroup& group, std::string_view address) {
  group.targets.emplace_back().set(address_label, address);
}

Result<> read_json_group(const dom::object& object, TargetGroup& out, std::string_view source, std::size_t number) {
  for (auto [key, value] : object) {
    if (value.is_null() && (key == "targets" || key == "labels")) continue;
    if (key == "targets") {
      dom::array list;
      if (value.get(list)) return fail(wrong(source, number, "targets is no list"));
      for (auto item : list) {
        std::string_view address;
        if (item.get(address)) return fail(wrong(source, number, "a target is no text"));
        add_target(out, address);
      }
    } else if (key == "labels") {
      dom::object labels;
      if (value.get(labels)) return fail(wrong(source, number, "labels is no object"));
      for (auto [name, text] : labels) {
        std::string_view content;
        if (text.get(content)) return fail(wrong(source, number, "a label's value is no text"));
        if (!valid_label_name(name, Naming::utf8)) return fail(wrong(source, number, "a label has no name"));
        out.labels.set(name, content);
      }
    } else {
      return fail(wrong(source, number, fmt::format("unknown field \"{}\"", key)));
    }
  }
  return {};
}

struct Groups {
  std::vector<StaticConfig> groups;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::field<&Groups::groups>("groups", "Groups.")};
    return rows;
  }
};

}  // namespace

Result<std::vector<TargetGroup>> parse_groups_json(std::string_view text, std::string_view source) {
  dom::parser parser;
  simdjson::padded_string padded(text);
  dom::element root;
  if (auto error = parser.parse(padded).get(root)) return fail(Errc::invalid, "{}: {}", source, simdjson::error_message(error));
  if (root.is_null()) return std::vector<TargetGroup>{};
  dom::array list;
  if (root.get(list)) return fail(Errc::invalid, "{}: no list of target groups", source);
  std::vector<TargetGroup> out;
  for (auto item : list) {
    dom::object object;
    if (item.get(object)) return fail(wrong(source, out.size(), "is no object"));
    auto& group = out.emplace_back(fmt::format("{}:{}", source, out.size()));
    WEIR_TRY(read_json_group(object, group, source, out.size() - 1));
  }
  return out;
}

Result<std::vector<TargetGroup>> parse_groups_yaml(std::string_view text, std::string_view source) {
  WEIR_ASSIGN(config::Value tree, config::parse_yaml(text, source));
  config::Value root = config::Value::map();
  root.set("groups", std::move(tree));
  config::Problems problems;
  auto groups = config::decode<Groups>(&root, problems);
  WEIR_TRY(problems.result());
  std::vector<TargetGroup> out;
  for (auto& group : groups->groups) {
    auto& made = out.emplace_back(fmt::format("{}:{}", source, out.size()));
    for (auto& [name, value] : group.labels) made.labels.set(name, value);
    for (auto& address : group.targets) add_target(made, address);
  }
  return out;
}

}  // namespace weir::scrape
