#include "components/shared/monitors/monitor.h"

#include "components/shared/monitors/parts.h"

namespace weir::monitors {
namespace {

// The class that the monitor names, else the default one, else null.
Result<const Value*> class_of(const Value& spec, const Settings& settings) {
  static const Value none;
  std::string name = text(spec, "scrapeClass");
  for (auto& one : settings.scrape_classes)
    if (name.empty() ? is_true(one, "default") : text(one, "name") == name) return &one;
  if (!name.empty()) return fail(Errc::config, "scrapeClass: \"{}\" is not one of the scrape classes", name);
  return &none;
}

// A file that the job would have its reader open.
std::string file_in(const Value& job) {
  for (std::string_view path : {"bearer_token_file", "authorization::credentials_file", "tls_config::ca_file", "tls_config::cert_file", "tls_config::key_file"})
    if (const Value* file = job.find(path)) return fmt::format("{}: {}", path, file->text());
  return {};
}

Result<> add(Result<Value> written, const std::string& what, const Settings& settings, Made& out) {
  auto said = [&](const Error& error) { return fail(error.code, "{}{}{}", what, what.empty() ? "" : ": ", error.what); };
  if (!written) return said(written.error());
  std::string file = settings.deny_files ? file_in(*written) : "";
  if (!file.empty()) {
    out.left_out.push_back(fmt::format("{}{}it reads a file, which is not allowed: {}", what, what.empty() ? "" : ": ", file));
    return {};
  }
  auto job = make_job(std::move(*written), settings.global);
  if (!job) return said(job.error());
  out.jobs.push_back(std::move(*job));
  return {};
}

}  // namespace

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, 4> words = {"ServiceMonitor", "PodMonitor", "Probe", "ScrapeConfig"};
  return words[static_cast<std::size_t>(kind)];
}

const kube::Resource& resource_of(Kind kind) {
  static const std::array<kube::Resource, 4> resources = {{{"/apis/monitoring.coreos.com/v1", "servicemonitors"},
                                                           {"/apis/monitoring.coreos.com/v1", "podmonitors"},
                                                           {"/apis/monitoring.coreos.com/v1", "probes"},
                                                           {"/apis/monitoring.coreos.com/v1alpha1", "scrapeconfigs"}}};
  return resources[static_cast<std::size_t>(kind)];
}

Result<Job> make_job(Value written, const scrape::Global& global) {
  // Files are where the job is scraped, perhaps not here.
  config::Problems problems(config::Problems::Purpose::check);
  auto config = config::decode<scrape::ScrapeConfig>(&written, problems);
  WEIR_TRY(problems.result());
  WEIR_TRY(config->complete(global));
  return Job{std::move(written), std::move(*config)};
}

Result<Made> jobs_of(Kind kind, const Value& object, const Settings& settings, const Lookup& lookup) {
  const Value &meta = child(object, "metadata"), &spec = child(object, "spec");
  WEIR_ASSIGN(const Value* scrape_class, class_of(spec, settings));
  Source source{text(meta, "namespace"), text(meta, "name"), spec, *scrape_class, settings, lookup};
  Made out;
  if (kind == Kind::probe) {
    WEIR_TRY(add(probe_job(source), "", settings, out));
    return out;
  }
  if (kind == Kind::scrape_config) {
    WEIR_TRY(add(scrape_config_job(source), "", settings, out));
    return out;
  }
  bool services = kind == Kind::service_monitor;
  std::string_view list = services ? "endpoints" : "podMetricsEndpoints";
  auto& endpoints = child(spec, list).items();
  for (std::size_t i = 0; i < endpoints.size(); ++i)
    WEIR_TRY(add(services ? service_monitor_job(source, endpoints[i], i) : pod_monitor_job(source, endpoints[i], i), fmt::format("{}[{}]", list, i), settings, out));
  return out;
}

}  // namespace weir::monitors
