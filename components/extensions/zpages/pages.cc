#include "components/extensions/zpages/pages.h"

#include <cmath>
#include <fstream>

#include "base/gates.h"
#include "base/text.h"
#include "components/shared/web/site.h"
#include "config/yaml.h"

namespace weir::extensions::zpages {
namespace {

using web::escape_html;

constexpr std::string_view frame = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{0}</title><style>
body {{ font: 15px/1.4 sans-serif; margin: 2em; color: #222 }}
nav a {{ margin-right: 1em }}
table {{ border-collapse: collapse; margin: 1em 0 }}
th, td {{ border: 1px solid #ccc; padding: .2em .6em; text-align: left }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums }}
pre {{ background: #f4f4f4; padding: 1em; overflow: auto }}
</style></head><body>
<nav><a href="servicez">service</a><a href="pipelinez">pipelines</a><a href="extensionz">extensions</a><a href="featurez">features</a><a href="targetz">targets</a></nav>
<h1>{0}</h1>
{1}</body></html>
)";

std::string page(std::string_view title, const std::string& body) { return fmt::format(frame, escape_html(title), body); }

// Builds one table; every cell is escaped.
class Table {
 public:
  explicit Table(std::initializer_list<std::string_view> heads) {
    out_ = "<table><tr>";
    for (auto head : heads) out_ += fmt::format("<th>{}</th>", escape_html(head));
    out_ += "</tr>\n";
  }
  Table& row(std::initializer_list<std::string> cells) {
    out_ += "<tr>";
    for (auto& cell : cells) out_ += fmt::format("<td>{}</td>", escape_html(cell));
    out_ += "</tr>\n";
    return *this;
  }
  Table& counts(std::string_view name, std::span<const std::uint64_t> counts) {
    out_ += fmt::format("<tr><td>{}</td>", escape_html(name));
    for (auto n : counts) out_ += fmt::format("<td class=\"n\">{}</td>", n);
    out_ += "</tr>\n";
    return *this;
  }
  std::string end() { return std::move(out_) + "</table>\n"; }

 private:
  std::string out_;
};

std::string join(const std::vector<config::ComponentId>& ids) {
  std::string out;
  for (auto& id : ids) out += (out.empty() ? "" : ", ") + id.to_string();
  return out;
}

std::string_view label(const telemetry::Sample& sample, std::string_view name) {
  for (auto& [key, value] : sample.labels)
    if (key == name) return value;
  return {};
}

const telemetry::Family* find(std::span<const telemetry::Family> metrics, std::string_view name) {
  auto at = std::find_if(metrics.begin(), metrics.end(), [&](auto& family) { return family.name == name; });
  return at == metrics.end() ? nullptr : &*at;
}

constexpr std::array<std::string_view, 6> flows = {"in", "created", "out", "consumed", "delivered", "refused"};

// Component and signal to its counts: the flows, then the sum of what was dropped.
using Ledger = std::map<std::string, std::array<std::uint64_t, flows.size() + 1>>;

Ledger ledger_of(std::span<const telemetry::Family> metrics) {
  Ledger out;
  auto cell = [&](const telemetry::Sample& sample, std::size_t i) -> std::uint64_t& {
    return out[fmt::format("{} {} ({})", label(sample, "kind"), label(sample, "component"), label(sample, "signal"))][i];
  };
  if (auto* items = find(metrics, "weir_ledger_items"))
    for (auto& sample : items->samples) {
      auto flow = std::find(flows.begin(), flows.end(), label(sample, "flow"));
      if (flow != flows.end()) cell(sample, static_cast<std::size_t>(flow - flows.begin())) += static_cast<std::uint64_t>(sample.value);
    }
  if (auto* dropped = find(metrics, "weir_dropped_items_total"))
    for (auto& sample : dropped->samples) cell(sample, flows.size()) += static_cast<std::uint64_t>(sample.value);
  return out;
}

std::string drops_table(std::span<const telemetry::Family> metrics) {
  auto* dropped = find(metrics, "weir_dropped_items_total");
  if (dropped == nullptr || dropped->samples.empty()) return "";
  Table table({"component", "signal", "dropped because", "items"});
  for (auto& sample : dropped->samples)
    table.row({std::string(label(sample, "component")), std::string(label(sample, "signal")), std::string(label(sample, "reason")),
               fmt::format("{:.0f}", sample.value)});
  return "<h2>Dropped</h2>\n" + table.end();
}

std::string command_line_json() {
  std::ifstream file("/proc/self/cmdline");
  std::string word, out;
  while (std::getline(file, word, '\0')) {
    if (!out.empty()) out += ',';
    append_json_string(out, word);
  }
  return out;
}

}  // namespace

std::string service_page(const ProcessFacts& facts) {
  auto mib = [](std::size_t bytes) { return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024)); };
  Table table({"", ""});
  table.row({"started", format_rfc3339(facts.started)})
      .row({"uptime", format_duration(Duration{static_cast<std::int64_t>((facts.now - facts.started) / 1'000'000'000 * 1'000'000'000)})})
      .row({"resident memory", mib(facts.resident)})
      .row({"requests in memory", mib(facts.budget_used)})
      .row({"room for requests", mib(facts.budget_limit)});
  return page("Service weir", table.end());
}

std::string pipelines_page(const engine::Plan* plan, std::span<const telemetry::Family> metrics) {
  if (plan == nullptr) return page("Pipelines", "<p>No pipeline is running.</p>\n");
  Table pipelines({"pipeline", "receivers", "processors", "exporters"});
  for (auto& p : plan->spec().pipelines) pipelines.row({p.id, join(p.receivers), join(p.processors), join(p.exporters)});
  Table counts({"items", "in", "created", "out", "consumed", "delivered", "refused", "dropped"});
  for (auto& [component, row] : ledger_of(metrics)) counts.counts(component, row);
  return page("Pipelines", pipelines.end() + "<h2>What went through</h2>\n" + counts.end() + drops_table(metrics) +
                               "<h2>Plan</h2>\n<pre>" + escape_html(plan->explain()) + "</pre>\n");
}

std::string extensions_page(const engine::Plan* plan) {
  Table table({"extension", "what it does"});
  if (plan)
    for (auto& extension : plan->spec().extensions) table.row({extension.id.to_string(), std::string(extension.factory->summary)});
  return page("Extensions", table.end());
}

std::string targets_page(std::string_view json) {
  auto tree = config::parse_yaml(json, "targets");
  const config::Value* jobs = tree ? tree->get("jobs") : nullptr;
  std::string body;
  auto text = [](const config::Value& value, std::string_view key) { return value.get(key) ? value.get(key)->text() : std::string(); };
  auto labels = [](const config::Value* list) {
    std::string out;
    if (list != nullptr)
      for (auto& [name, mark, value] : list->entries()) out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ", ", name, value.text());
    return out;
  };
  for (std::size_t i = 0; jobs != nullptr && i < jobs->size(); ++i) {
    auto& job = jobs->items()[i];
    body += fmt::format("<h2>{}: {}</h2><p>{} targets dropped by rules</p>\n", escape_html(text(job, "receiver")), escape_html(text(job, "job")), text(job, "dropped_count"));
    Table table{"target", "health", "labels", "before relabeling", "core", "last scrape", "seconds", "samples", "error"};
    if (const config::Value* targets = job.get("targets"))
      for (auto& target : targets->items())
        table.row({text(target, "url"), text(target, "health"), labels(target.get("labels")), labels(target.get("discovered_labels")), text(target, "core"), text(target, "last_scrape"),
                   text(target, "duration_seconds"), text(target, "samples"), text(target, "last_error")});
    body += table.end();
  }
  return page("Targets", body.empty() ? "<p>Nothing is scraped.</p>" : body);
}

std::string features_page() {
  Table table({"gate", "on", "what it does"});
  for (auto& gate : gates::known()) table.row({std::string(gate.name), gates::enabled(gate.name) ? "yes" : "no", std::string(gate.description)});
  for (auto& name : gates::unknown()) table.row({name, gates::enabled(name) ? "yes" : "no", "nothing here: ignored"});
  return page("Features", table.end());
}

std::string expvar_json(const ProcessFacts& facts, std::span<const telemetry::Family> metrics) {
  std::string out = fmt::format(R"({{"cmdline":[{}],"memstats":{{"Sys":{},"HeapInuse":{}}},"metrics":{{)", command_line_json(),
                                facts.resident, facts.budget_used);
  bool first = true;
  for (auto& family : metrics)
    for (auto& sample : family.samples) {
      if (family.type == telemetry::Type::histogram) continue;
      std::string name = family.name;
      for (auto& [key, value] : sample.labels) name += fmt::format("{}{}={}", name.size() == family.name.size() ? "{" : ",", key, value);
      if (!sample.labels.empty()) name += '}';
      if (!std::exchange(first, false)) out += ',';
      append_json_string(out, name);
      out += fmt::format(":{}", std::isfinite(sample.value) ? format_double(sample.value) : "null");
    }
  return out + "}}";
}

}  // namespace weir::extensions::zpages
