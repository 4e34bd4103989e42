#include "components/shared/scrape/targets.h"

#include <xxhash.h>

#include <set>

#include "base/text.h"
#include "components/shared/scrape/http/fetcher.h"

namespace weir::scrape {
namespace {

constexpr std::string_view convert_label = "__convert_classic_histograms_to_nhcb__";
constexpr std::string_view classic_label = "__always_scrape_classic_histograms__";
constexpr std::string_view native_label = "__scrape_native_histograms__";

std::optional<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return std::nullopt;
}

Result<bool> switch_of(const Labels& labels, std::string_view name, bool standard) {
  std::string_view text = labels.get(name);
  if (text.empty()) return standard;
  auto value = parse_bool(text);
  if (!value) return fail(Errc::config, "error parsing {}: \"{}\" is neither true nor false", name, text);
  return *value;
}

Result<Duration> time_of(const Labels& labels, std::string_view name, std::string_view what) {
  auto time = parse_prom_duration(labels.get(name));
  if (!time) return fail(Errc::config, "error parsing {}: {}", what, time.error().what);
  if (*time == 0s) return fail(Errc::config, "{} cannot be 0", what);
  return *time;
}

std::string path_escape(std::string_view path) {
  std::string out;
  for (char c : path) {
    bool plain = c > ' ' && c < 0x7F && std::string_view("\"%<>?#[]\\^`{|}").find(c) == std::string_view::npos;
    if (plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string url_of(const ScrapeConfig& job, const Labels& labels) {
  std::map<std::string, std::vector<std::string>> params = job.params;
  for (const Label& label : labels) {
    if (!label.name.starts_with(param_prefix)) continue;
    auto& values = params[label.name.substr(param_prefix.size())];
    if (values.empty()) values.push_back(label.value);
    else values[0] = label.value;
  }
  std::string query;
  for (auto& [key, values] : params)
    for (auto& value : values) query += fmt::format("{}{}={}", query.empty() ? "?" : "&", query_escape(key), query_escape(value));
  std::string path = path_escape(labels.get(metrics_path_label));
  return fmt::format("{}://{}{}{}{}", labels.get(scheme_label), labels.get(address_label), path.starts_with('/') || path.empty() ? "" : "/", path, query);
}

}  // namespace

Labels discovered_labels(const ScrapeConfig& job, const Labels& target, const Labels& group) {
  Labels out = group;
  for (const Label& label : target) out.set(label.name, label.value);
  auto add = [&](std::string_view name, std::string_view value) {
    if (!out.has(name)) out.set(name, value);
  };
  add(job_label, job.job_name);
  add(scrape_interval_label, format_prom_duration(job.own.scrape_interval.value));
  add(scrape_timeout_label, format_prom_duration(job.own.scrape_timeout.value));
  add(metrics_path_label, job.metrics_path);
  add(scheme_label, job.scheme);
  auto text = [](const std::optional<bool>& value) { return value.value_or(false) ? "true" : "false"; };
  add(convert_label, text(job.own.convert_classic_histograms_to_nhcb));
  add(classic_label, text(job.own.always_scrape_classic_histograms));
  add(native_label, text(job.own.scrape_native_histograms));
  for (auto& [key, values] : job.params)
    if (!values.empty()) add(fmt::format("{}{}", param_prefix, key), values[0]);
  return out;
}

Result<TargetPtr> make_target(const ScrapeConfig& job, const Relabeler& relabeler, Labels discovered) {
  auto out = std::make_shared<Target>();
  Labels labels = discovered;
  if (!relabeler.apply(labels)) return TargetPtr();
  std::string address(labels.get(address_label));
  if (address.empty()) return fail(Errc::config, "no address");
  WEIR_TRY(check_target_address(address));
  WEIR_ASSIGN(out->interval, time_of(labels, scrape_interval_label, "scrape interval"));
  WEIR_ASSIGN(out->timeout, time_of(labels, scrape_timeout_label, "scrape timeout"));
  if (out->timeout > out->interval)
    return fail(Errc::config, "scrape timeout cannot be greater than scrape interval (\"{}\" > \"{}\")", labels.get(scrape_timeout_label), labels.get(scrape_interval_label));
  WEIR_ASSIGN(out->convert_histograms, switch_of(labels, convert_label, job.own.convert_classic_histograms_to_nhcb.value_or(false)));
  WEIR_ASSIGN(out->classic_histograms, switch_of(labels, classic_label, job.own.always_scrape_classic_histograms.value_or(false)));
  WEIR_ASSIGN(out->native_histograms, switch_of(labels, native_label, job.own.scrape_native_histograms.value_or(false)));
  std::vector<Label> kept;
  for (const Label& label : labels) {
    if (label.name.starts_with(meta_prefix)) continue;
    if (!valid_utf8(label.value)) return fail(Errc::config, "invalid label value for \"{}\"", label.name);
    kept.push_back(label);
  }
  out->labels = Labels(std::move(kept));
  if (!out->labels.has(instance_label)) out->labels.set(instance_label, address);
  out->discovered = std::move(discovered);
  out->url = url_of(job, out->labels);
  out->hash = hash_of(out->labels) ^ XXH3_64bits(out->url.data(), out->url.size());
  return out;
}

Targets make_targets(const ScrapeConfig& job, const Relabeler& relabeler, const std::vector<TargetGroup>& groups) {
  Targets out;
  std::size_t keep = job.own.keep_dropped_targets == 0 ? 1000 : job.own.keep_dropped_targets;
  std::set<std::uint64_t> seen;
  for (auto& group : groups)
    for (std::size_t i = 0; i < group.targets.size(); ++i) {
      Labels discovered = discovered_labels(job, group.targets[i], group.labels);
      auto target = make_target(job, relabeler, discovered);
      if (!target) {
        out.failures.push_back(fmt::format("instance {} in group {}: {}", i, group.source, target.error().what));
      } else if (*target == nullptr) {
        ++out.dropped_count;
        if (out.dropped.size() < keep) out.dropped.push_back(std::move(discovered));
      } else if (seen.insert((*target)->hash).second) {
        out.active.push_back(std::move(*target));
      }
    }
  return out;
}

}  // namespace weir::scrape
