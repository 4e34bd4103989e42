#pragma once
// What the kinds of monitors have in common.
#include "components/shared/monitors/monitor.h"

namespace weir::monitors {

using config::Value;

// One monitor that is being read.
struct Source {
  std::string name_space, name;
  const Value& spec;
  const Value& scrape_class;  // null when it has none
  const Settings& settings;
  const Lookup& lookup;

  Result<std::string> secret(const Value& selector) const;           // {name, key}
  Result<std::string> secret_or_config_map(const Value& in) const;  // {secret: {name, key}} or {configMap: …}
};

// An absent or null value, for look-ups that go on.
const Value& child(const Value& in, std::string_view key);
std::string text(const Value& in, std::string_view key);
bool is_true(const Value& in, std::string_view key, bool standard = false);
Value list_of(std::initializer_list<std::string> texts);
// Copies `from` under another name, unless it is absent, null or an empty text.
void copy(const Value& in, std::string_view from, Value& out, std::string_view to);

// Rules.
struct RuleText {
  std::vector<std::string> sources;
  std::string target, regex;
  std::optional<std::string> replacement, separator;
  std::string action;
};
Value rule(const RuleText& parts);
// Rules as the resources write them (sourceLabels), behind those in `out`.
void add_rules(const Value& rules, Value& out);
// "app.kubernetes.io/name" -> "app_kubernetes_io_name"
std::string label_part(std::string_view name);
// Keeps what a selector matches, by meta labels that begin with `prefix` ("__meta_kubernetes_pod_").
void add_selector_rules(const Selector& selector, std::string_view prefix, Value& out);
// Labels of a service or pod that targets get.
void add_label_rules(const Value& names, std::string_view prefix, Value& out);
void add_phase_rule(Value& out);
Value first_rules();
// Rules that the scrape class has, then the user's.
Value metric_rules(const Source& source, const Value& own);

// Settings of a job.
void add_limits(const Value& spec, Value& out);
void add_histograms(const Value& spec, Value& out);
Result<> add_basic_auth(const Source& source, const Value& from, Value& out);
Result<> add_authorization(const Source& source, const Value& from, Value& out, bool with_class);
Result<> add_oauth2(const Source& source, const Value& from, Value& out);
Result<> add_tls(const Source& source, const Value& from, Value& out, bool with_class);
Result<> add_proxy(const Source& source, const Value& from, Value& out);
Result<> add_bearer_token(const Source& source, const Value& from, Value& out);
// All of those.
Result<> add_http(const Source& source, const Value& from, Value& out, bool with_class);

// {role, namespaces, attach_metadata, selectors}
Result<Value> kubernetes_discovery(const Source& source, const Value& namespace_selector, std::string_view role, const Value& attach);

Result<Value> service_monitor_job(const Source& source, const Value& endpoint, std::size_t index);
Result<Value> pod_monitor_job(const Source& source, const Value& endpoint, std::size_t index);
Result<Value> probe_job(const Source& source);
Result<Value> scrape_config_job(const Source& source);

}  // namespace weir::monitors
