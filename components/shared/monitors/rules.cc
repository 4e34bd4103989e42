// Relabel rules, in the form that prometheus.yaml has.
#include "base/text.h"
#include "components/shared/monitors/parts.h"

namespace weir::monitors {

Value rule(const RuleText& parts) {
  Value out = Value::map();
  auto set = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out.set(key, Value::string(value));
  };
  if (!parts.sources.empty()) {
    Value sources = Value::list();
    for (auto& name : parts.sources) sources.push_back(Value::string(name));
    out.set("source_labels", std::move(sources));
  }
  if (parts.separator) out.set("separator", Value::string(*parts.separator));
  set("target_label", parts.target);
  set("regex", parts.regex);
  if (parts.replacement) out.set("replacement", Value::string(*parts.replacement));
  set("action", parts.action);
  return out;
}

void add_rules(const Value& rules, Value& out) {
  for (auto& in : rules.items()) {
    Value made = Value::map();
    const Value& sources = child(in, "sourceLabels");
    if (sources.size() > 0) made.set("source_labels", sources);
    if (const Value& separator = child(in, "separator"); !separator.is_null()) made.set("separator", separator);
    copy(in, "targetLabel", made, "target_label");
    copy(in, "regex", made, "regex");
    if (std::string modulus = text(in, "modulus"); !modulus.empty() && modulus != "0") made.set("modulus", child(in, "modulus"));
    if (const Value& replacement = child(in, "replacement"); !replacement.is_null()) made.set("replacement", replacement);
    if (std::string action = text(in, "action"); !action.empty()) made.set("action", Value::string(to_lower(action)));
    out.push_back(std::move(made));
  }
}

std::string label_part(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  return out;
}

void add_selector_rules(const Selector& selector, std::string_view prefix, Value& out) {
  using Op = Selector::Operator;
  for (auto& [key, op, values] : selector.requirements()) {
    std::string label = fmt::format("{}label_{}", prefix, label_part(key)), present = fmt::format("{}labelpresent_{}", prefix, label_part(key));
    std::string action = op == Op::in || op == Op::exists ? "keep" : "drop";
    if (op == Op::exists || op == Op::does_not_exist) {
      out.push_back(rule({.sources = {present}, .regex = "true", .action = action}));
      continue;
    }
    std::string any;
    for (auto& value : values) any += (any.empty() ? "" : "|") + value;
    out.push_back(rule({.sources = {label, present}, .regex = fmt::format("({});true", any), .action = action}));
  }
}

void add_label_rules(const Value& names, std::string_view prefix, Value& out) {
  for (auto& name : names.items())
    out.push_back(rule({.sources = {fmt::format("{}label_{}", prefix, label_part(name.text()))}, .target = label_part(name.text()), .regex = "(.+)", .replacement = "${1}"}));
}

void add_phase_rule(Value& out) { out.push_back(rule({.sources = {"__meta_kubernetes_pod_phase"}, .regex = "(Failed|Succeeded)", .action = "drop"})); }

Value first_rules() {
  Value out = Value::list();
  out.push_back(rule({.sources = {"job"}, .target = "__tmp_prometheus_job_name"}));
  return out;
}

Value metric_rules(const Source& source, const Value& own) {
  Value out = Value::list();
  add_rules(child(source.scrape_class, "metricRelabelings"), out);
  add_rules(own, out);
  return out;
}

}  // namespace weir::monitors
