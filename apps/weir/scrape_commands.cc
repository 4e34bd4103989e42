#include "weir/scrape_commands.h"

#include "base/text.h"
#include "components/shared/scrape/exposition/lexer.h"
#include "components/shared/scrape/targets.h"
#include "config/provider.h"
#include "config/yaml.h"
#include "weir/fetch.h"

namespace weir::app {
namespace {

std::string describe(const scrape::Rule& rule) {
  std::string out(scrape::to_string(rule.action));
  if (!rule.source_labels.empty()) {
    out += " source_labels=[";
    for (std::size_t i = 0; i < rule.source_labels.size(); ++i) out += (i ? "," : "") + rule.source_labels[i];
    out += "]";
  }
  if (rule.regex != scrape::Rule::any) out += fmt::format(" regex={}", quote_json(rule.regex));
  if (!rule.target_label.empty()) out += fmt::format(" target_label={}", rule.target_label);
  if (rule.replacement != scrape::Rule::first_group) out += fmt::format(" replacement={}", quote_json(rule.replacement));
  if (rule.modulus != 0) out += fmt::format(" modulus={}", rule.modulus);
  return out;
}

// What is different, one label each.
std::string difference(const scrape::Labels& before, const scrape::Labels& after) {
  std::string out;
  for (auto& label : before)
    if (!after.has(label.name)) out += fmt::format("      - {}={}\n", label.name, quote_json(label.value));
  for (auto& label : after)
    if (before.get(label.name) != label.value) out += fmt::format("      {} {}={}\n", before.has(label.name) ? '~' : '+', label.name, quote_json(label.value));
  return out.empty() ? "      nothing changes\n" : out;
}

std::string explain(const std::vector<scrape::Rule>& rules, scrape::Naming naming, scrape::Labels labels, std::string_view what) {
  auto relabeler = scrape::Relabeler::make(rules, naming);
  if (!relabeler) return fmt::format("  error: {}\n", relabeler.error().what);
  std::string out;
  scrape::Labels before = labels;
  bool kept = relabeler->apply(labels, [&](std::size_t i, const scrape::Labels& now, bool keeps) {
    out += fmt::format("  {}. {}\n", i + 1, describe(rules[i]));
    out += keeps ? difference(before, now) : std::string("      drops it\n");
    before = now;
  });
  if (rules.empty()) out += "  no rules\n";
  out += kept ? fmt::format("  {}: {}\n", what, scrape::to_string(labels)) : fmt::format("  dropped\n");
  return out;
}

// The Prometheus configurations in a tree: its prometheus receivers', or itself.
std::vector<std::pair<std::string, const config::Value*>> prometheus_configs(const config::Value& tree) {
  std::vector<std::pair<std::string, const config::Value*>> out;
  if (tree.get("scrape_configs")) out.emplace_back("", &tree);
  if (const config::Value* receivers = tree.get("receivers"))
    for (auto& [id, mark, value] : receivers->entries())
      if (id == "prometheus" || id.starts_with("prometheus/"))
        if (const config::Value* config = value.get("config")) out.emplace_back(id, config);
  return out;
}

}  // namespace

Result<scrape::Labels> parse_labels(std::string_view text) {
  scrape::Labels out;
  if (text.starts_with('{')) {
    exposition::LabelLexer lexer(text, 1, exposition::text_dialect);
    lexer.open_labels();
    std::string_view name, value;
    while (lexer.label(name, value)) out.set(exposition::unescaped(name), exposition::unescaped(value));
    if (lexer.failed()) return fail(Errc::config, "labels '{}': {}", text, lexer.error());
    return out;
  }
  for (std::string_view part : split(text, ',')) {
    auto equal = part.find('=');
    if (equal == 0 || equal == part.npos) return fail(Errc::config, "labels '{}': expected name=value, not '{}'", text, part);
    out.set(trim(part.substr(0, equal)), trim(part.substr(equal + 1)));
  }
  return out;
}

std::string explain_relabeling(const scrape::ScrapeConfig& job, const scrape::Labels& target) {
  scrape::Labels discovered = scrape::discovered_labels(job, target, {});
  std::string out = fmt::format("  before: {}\n", scrape::to_string(discovered));
  out += explain(job.relabel_configs, job.naming(), discovered, "after");
  auto relabeler = scrape::Relabeler::make(job.relabel_configs, job.naming());
  if (!relabeler) return out;
  auto made = scrape::make_target(job, *relabeler, discovered);
  if (!made) return out + fmt::format("  not scraped: {}\n", made.error().what);
  if (*made) out += fmt::format("  scraped: {} every {}\n", (*made)->url, scrape::format_prom_duration((*made)->interval));
  return out;
}

std::string explain_metric_relabeling(const scrape::ScrapeConfig& job, const scrape::Labels& series) {
  return fmt::format("  before: {}\n", scrape::to_string(series)) + explain(job.metric_relabel_configs, job.naming(), series, "after");
}

int relabel_command(const Options& options) {
  config::Problems problems;
  auto environment = config::Environment::process();
  environment.fetch = fetch;
  auto tree = config::load(options.uris, options.sets, environment, problems);
  auto labels = parse_labels(options.series.empty() ? options.target : options.series);
  if (!labels) problems.error({}, labels.error().what);
  fmt::print(stderr, "{}", problems.to_string());
  if (!tree || problems.failed()) return 1;
  std::size_t shown = 0;
  for (auto& [id, value] : prometheus_configs(*tree)) {
    config::Problems wrong;
    auto decoded = config::decode<scrape::PrometheusConfig>(value, wrong);
    fmt::print(stderr, "{}", wrong.to_string());
    if (!decoded) return 1;
    auto jobs = decoded->jobs();
    if (!jobs) {
      fmt::print(stderr, "{}\n", jobs.error().what);
      return 1;
    }
    for (auto& job : *jobs) {
      if (!options.job.empty() && job.job_name != options.job) continue;
      ++shown;
      fmt::print("{}{}job {}\n{}", id, id.empty() ? "" : ": ", job.job_name, options.series.empty() ? explain_relabeling(job, *labels) : explain_metric_relabeling(job, *labels));
    }
  }
  if (shown == 0) fmt::print(stderr, "no such job in a prometheus receiver of this configuration\n");
  return shown == 0 ? 1 : 0;
}

Result<std::string> targets_table(std::string_view json) {
  WEIR_ASSIGN(config::Value tree, config::parse_yaml(json, "targets"));
  const config::Value* jobs = tree.get("jobs");
  if (jobs == nullptr || !jobs->is_list()) return fail(Errc::invalid, "the answer has no list of jobs");
  auto text = [](const config::Value& value, std::string_view key) { return value.get(key) ? value.get(key)->text() : std::string(); };
  std::string out;
  for (auto& job : jobs->items()) {
    const config::Value* targets = job.get("targets");
    out += fmt::format("{}: job {}: {} targets, {} dropped\n", text(job, "receiver"), text(job, "job"), targets ? targets->size() : 0, text(job, "dropped_count"));
    for (std::size_t i = 0; targets && i < targets->size(); ++i) {
      auto& target = targets->items()[i];
      out += fmt::format("  {:7} {}  core {}  samples {}  duration {}  last {}\n", text(target, "health"), text(target, "url"), text(target, "core"), text(target, "samples"),
                         text(target, "duration_seconds"), text(target, "last_scrape"));
      out += "          labels";
      if (const config::Value* labels = target.get("labels"))
        for (auto& [name, mark, value] : labels->entries()) out += fmt::format(" {}={}", name, quote_json(value.text()));
      out += "\n          before";
      if (const config::Value* labels = target.get("discovered_labels"))
        for (auto& [name, mark, value] : labels->entries()) out += fmt::format(" {}={}", name, quote_json(value.text()));
      out += "\n";
      if (std::string error = text(target, "last_error"); !error.empty()) out += fmt::format("          error {}\n", error);
    }
    if (const config::Value* failures = job.get("failures"))
      for (auto& failure : failures->items()) out += fmt::format("  not a target: {}\n", failure.text());
  }
  return out.empty() ? std::string("no scrape jobs\n") : out;
}

int targets_command(const Options& options) {
  std::string url = options.endpoint;
  if (url.find("://") == url.npos) url = "http://" + url;
  while (url.ends_with('/')) url.pop_back();
  auto answer = fetch(url + "/debug/targetz?format=json");
  auto shown = !answer ? fail(answer.error()) : options.format == "json" ? std::move(answer) : targets_table(*answer);
  if (!shown) {
    fmt::print(stderr, "{}\nThe extension zpages of a running weir answers this: --endpoint says where it is.\n", shown.error().what);
    return 1;
  }
  fmt::print("{}", *shown);
  return 0;
}

}  // namespace weir::app
