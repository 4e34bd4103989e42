#include "weir/allocator/api.h"

#include "base/text.h"
#include "components/shared/scrape/http/fetcher.h"
#include "components/shared/web/site.h"

namespace weir::app {
namespace {

using allocation::Item;

// Percent-encoded, with '+' for a space.
std::string decoded(std::string_view text) { return web::query_value(fmt::format("x={}", text), "x").value_or(""); }

std::string labels_json(const scrape::Labels& labels) {
  std::string out = "{";
  for (auto& label : labels) out += fmt::format("{}{}:{}", out.size() == 1 ? "" : ",", quote_json(label.name), quote_json(label.value));
  return out + "}";
}

std::string target_json(const Item& item) { return fmt::format("{{\"targets\":[{}],\"labels\":{}}}", quote_json(item.address), labels_json(item.labels)); }

std::string link_of(std::string_view job) { return fmt::format("/jobs/{}/targets", scrape::query_escape(job)); }

struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // text; a cell that begins with '/' is a link
};

std::string page(std::string_view title, const std::vector<Table>& tables) {
  std::string out = fmt::format("<!DOCTYPE html><title>{0}</title><h1>{0}</h1><p><a href=\"/\">overview</a> <a href=\"/debug/targets\">targets</a> <a href=\"/debug/jobs\">jobs</a> "
                                "<a href=\"/debug/monitors\">monitors</a> <a href=\"/debug/scrape_configs\">scrape configurations</a></p>", web::escape_html(title));
  for (auto& table : tables) {
    out += fmt::format("<h2>{}</h2><table border=\"1\"><tr>", web::escape_html(table.title));
    for (auto& column : table.columns) out += fmt::format("<th>{}</th>", web::escape_html(column));
    out += "</tr>";
    for (auto& row : table.rows) {
      out += "<tr>";
      for (auto& cell : row)
        out += cell.starts_with('/') ? fmt::format("<td><a href=\"{0}\">{0}</a></td>", web::escape_html(cell)) : fmt::format("<td>{}</td>", web::escape_html(cell));
      out += "</tr>";
    }
    out += "</table>";
  }
  return out;
}

Table collectors_table(const AllocatorState& state) {
  Table out{"Collectors", {"collector", "node", "jobs", "targets"}, {}};
  for (auto& [name, share] : state.allocation.collectors()) out.rows.push_back({name, share.node, fmt::format("{}", share.by_job.size()), fmt::format("{}", share.targets)});
  return out;
}

Table jobs_table(const AllocatorState& state) {
  std::map<std::string, std::size_t> counts;
  for (auto& name : state.jobs.names()) counts[name];
  for (auto& [hash, item] : state.allocation.items()) ++counts[item.job];
  Table out{"Jobs", {"job", "targets", "list"}, {}};
  for (auto& [name, count] : counts) out.rows.push_back({name, fmt::format("{}", count), link_of(name)});
  return out;
}

Table targets_table(const AllocatorState& state) {
  Table out{"Targets", {"job", "target", "collector", "labels"}, {}};
  for (auto& [hash, item] : state.allocation.items()) out.rows.push_back({item.job, item.address, item.collector, scrape::to_string(item.labels)});
  return out;
}

Table monitors_table(const AllocatorState& state) {
  Table out{"Monitors that are skipped", {"monitor", "reason"}, {}};
  for (auto& [name, why] : state.skipped) out.rows.push_back({name, why});
  return out;
}

}  // namespace

void AllocatorApi::on_request(net::Request request, net::Responder responder) { responder.respond(answer(request)); }

net::Response AllocatorApi::answer(const net::Request& request) {
  std::string_view path = request.path();
  if (request.method() != "GET" && request.method() != "HEAD") return web::text("only GET\n", 405);
  bool wants_html = request.headers.get("accept").find("text/html") != std::string_view::npos;
  if (path == "/livez") return web::text("");
  if (path == "/readyz") return web::text("", state_.ready ? 200 : 503);
  if (path == "/metrics") return web::text(metrics_text());
  if (path == "/scrape_configs" && !wants_html) return scrape_configs();
  if (path == "/jobs" && !wants_html) {
    std::map<std::string, std::string> links;
    for (auto& [hash, item] : state_.allocation.items()) links.try_emplace(item.job, link_of(item.job));
    std::string out = "{";
    for (auto& [job, link] : links) out += fmt::format("{}{}:{{\"_link\":{}}}", out.size() == 1 ? "" : ",", quote_json(job), quote_json(link));
    return web::json(out + "}");
  }
  constexpr std::string_view before = "/jobs/", behind = "/targets";
  if (path.starts_with(before) && path.ends_with(behind) && path.size() > before.size() + behind.size())
    return targets(decoded(path.substr(before.size(), path.size() - before.size() - behind.size())), request.query());
  if (path == "/") return web::html(page("weir allocator", {collectors_table(state_), jobs_table(state_), monitors_table(state_)}));
  if (path == "/jobs" || path == "/debug/jobs") return web::html(page("Jobs", {jobs_table(state_)}));
  if (path == "/debug/targets") return web::html(page("Targets", {targets_table(state_)}));
  if (path == "/debug/monitors") return web::html(page("Monitors", {monitors_table(state_)}));
  if (path == "/scrape_configs" || path == "/debug/scrape_configs")
    return web::html(fmt::format("<!DOCTYPE html><title>Scrape configurations</title><pre>{}</pre>", web::escape_html(state_.jobs.json(false))));
  return web::text("not found\n", 404);
}

net::Response AllocatorApi::scrape_configs() { return web::json(state_.jobs.json(secrets_)); }

net::Response AllocatorApi::targets(std::string_view job, std::string_view query) {
  auto collector = web::query_value(query, "collector_id");
  if (!collector) {
    std::map<std::string, std::string> lists;
    for (auto& [hash, item] : state_.allocation.items())
      if (item.job == job && !item.collector.empty()) {
        std::string& list = lists[item.collector];
        list += (list.empty() ? "" : ",") + target_json(item);
      }
    std::string out = "{";
    for (auto& [name, list] : lists)
      out += fmt::format("{}{}:{{\"_link\":{},\"targets\":[{}]}}", out.size() == 1 ? "" : ",", quote_json(name),
                         quote_json(fmt::format("{}?collector_id={}", link_of(job), scrape::query_escape(name))), list);
    return web::json(out + "}");
  }
  std::string list;
  auto add = [&](const Item& item) { list += (list.empty() ? "" : ",") + target_json(item); };
  for (auto& [hash, item] : state_.allocation.items())
    if (item.job == job && item.collector == *collector) add(item);
  std::string name(job);
  state_.handover.forget_old(executor_.now());
  state_.handover.told(*collector, name, state_.jobs.interval_of(name), executor_.now());
  state_.handover.kept_by(*collector, name, [&](std::uint64_t hash) {
    if (auto at = state_.allocation.items().find(hash); at != state_.allocation.items().end() && at->second.collector != *collector) add(at->second);
  });
  return web::json(fmt::format("[{}]", list));
}

// Computed when they are asked for, so that a collector that is gone has no series.
std::string AllocatorApi::metrics_text() const {
  std::vector<telemetry::Family> families = metrics_.collect();
  auto add = [&](std::string name, std::string help, std::size_t value) {
    families.push_back({.name = std::move(name), .help = std::move(help), .unit = "", .type = telemetry::Type::gauge, .samples = {{.labels = {}, .value = static_cast<double>(value), .bounds = {}, .counts = {}}}});
  };
  add("opentelemetry_allocator_collectors_allocatable", "Collectors that can have targets.", state_.allocation.collectors().size());
  add("opentelemetry_allocator_targets_remaining", "Targets after the jobs' rules.", state_.allocation.items().size());
  add("opentelemetry_allocator_targets_unassigned", "Targets that no collector has.", state_.allocation.unassigned());
  add("weir_allocator_monitors_skipped", "Monitors that give no job because something in them is wrong.", state_.skipped.size());
  add("weir_allocator_targets_moving", "Targets that the old and the new collector scrape.", state_.handover.size());
  add("opentelemetry_allocator_targets_per_collector", "Targets of each collector.", 0);
  families.back().samples.clear();
  for (auto& [name, share] : state_.allocation.collectors())
    families.back().samples.push_back({.labels = {{"collector_name", name}}, .value = static_cast<double>(share.targets), .bounds = {}, .counts = {}});
  return telemetry::prometheus_text(families, {});
}

}  // namespace weir::app
