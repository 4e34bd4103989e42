#include "weir/allocator/jobs.h"

#include "base/log.h"
#include "config/docs.h"

namespace weir::app {

using config::Value;

namespace {

constexpr std::string_view no_sharding = "__tmp_disable_sharding";

// Labels that a scrape has before relabeling. They are not told to collectors, who have their own.
void seed(const scrape::ScrapeConfig& job, scrape::Labels& labels) {
  auto add = [&](std::string_view name, std::string_view value) {
    if (!labels.has(name)) labels.set(name, value);
  };
  add(scrape::job_label, job.job_name);
  add(scrape::scrape_interval_label, scrape::format_prom_duration(job.own.scrape_interval.value));
  add(scrape::scrape_timeout_label, scrape::format_prom_duration(job.own.scrape_timeout.value));
  add(scrape::metrics_path_label, job.metrics_path);
  add(scrape::scheme_label, job.scheme);
  for (auto& [key, values] : job.params)
    if (!values.empty()) add(fmt::format("{}{}", scrape::param_prefix, key), values[0]);
}

bool is_secret(std::string_view key) {
  for (std::string_view name : {"password", "credentials", "client_secret", "bearer_token", "secrets", "proxy_connect_header", "key"})
    if (key == name) return true;
  return false;
}

void hide_all(Value& value) {
  if (value.is_scalar()) {
    value = Value::string("<secret>");
    return;
  }
  for (auto& item : value.items()) hide_all(item);
  for (auto& entry : value.entries()) hide_all(entry.value);
}

// Secrets are the same everywhere in a job; labels and parameters have names of their own.
void hide_secrets(Value& value) {
  for (auto& entry : value.entries()) {
    if (entry.key == "labels" || entry.key == "params" || entry.key == "endpoint_params") continue;
    if (is_secret(entry.key)) hide_all(entry.value);
    else hide_secrets(entry.value);
  }
  for (auto& item : value.items()) hide_secrets(item);
}

// What the job has from the settings for all jobs: who reads it knows only this job.
Value completed(const monitors::Job& job) {
  Value out = job.written;
  const scrape::ScrapeConfig& config = job.config;
  auto add = [&](std::string_view key, Value value) {
    if (out.get(key) == nullptr) out.set(key, std::move(value));
  };
  auto text = [](std::string text) { return Value::string(std::move(text)); };
  add("scrape_interval", text(scrape::format_prom_duration(config.own.scrape_interval.value)));
  add("scrape_timeout", text(scrape::format_prom_duration(config.own.scrape_timeout.value)));
  add("metrics_path", text(config.metrics_path));
  add("scheme", text(config.scheme));
  add("honor_timestamps", Value::of(config.honor_timestamps));
  add("track_timestamps_staleness", Value::of(config.track_timestamps_staleness));
  add("enable_compression", Value::of(config.enable_compression));
  add("follow_redirects", Value::of(config.http.follow_redirects));
  add("enable_http2", Value::of(config.http.enable_http2));
  Value protocols = Value::list();
  for (auto protocol : config.own.scrape_protocols)
    for (auto& choice : choices_of(scrape::Protocol{}))
      if (choice.value == static_cast<std::int64_t>(protocol)) protocols.push_back(text(std::string(choice.name)));
  add("scrape_protocols", std::move(protocols));
  for (auto [key, value] : {std::pair("sample_limit", config.own.sample_limit), std::pair("target_limit", config.own.target_limit), std::pair("label_limit", config.own.label_limit),
                            std::pair("label_name_length_limit", config.own.label_name_length_limit), std::pair("label_value_length_limit", config.own.label_value_length_limit)})
    if (value > 0) add(key, Value::of(static_cast<std::int64_t>(value)));
  if (config.own.body_size_limit.value > 0) add("body_size_limit", config.own.body_size_limit.encode());
  add("metric_name_validation_scheme", text(config.own.metric_name_validation_scheme));
  add("metric_name_escaping_scheme", text(config.own.metric_name_escaping_scheme));
  // The reader takes these rules for wrong when they have a regex, even the usual one.
  for (std::string_view key : {"relabel_configs", "metric_relabel_configs"})
    if (Value* rules = out.get(key))
      for (auto& rule : rules->items())
        if (const Value* action = rule.get("action"); action != nullptr && (action->text() == "keepequal" || action->text() == "dropequal"))
          std::erase_if(rule.entries(), [](auto& entry) { return entry.key == "regex"; });
  return out;
}

}  // namespace

std::vector<allocation::Item> items_of(const scrape::ScrapeConfig& job, const scrape::Relabeler& relabeler, const std::vector<scrape::TargetGroup>& groups, bool filter) {
  std::vector<allocation::Item> out;
  for (auto& group : groups)
    for (auto& target : group.targets) {
      scrape::Labels labels = group.labels;
      for (auto& label : target) labels.set(label.name, label.value);
      scrape::Labels relabeled = labels;
      if (filter && !relabeler.empty()) {
        seed(job, relabeled);
        relabeled.set(no_sharding, "true");
        if (!relabeler.apply(relabeled)) continue;
        relabeled.remove(no_sharding);
      }
      out.push_back({.job = job.job_name, .address = std::string(labels.get(scrape::address_label)), .labels = std::move(labels),
                     .hash = allocation::identity_of(relabeled, job.job_name), .collector = ""});
    }
  return out;
}

Jobs::~Jobs() { parts_.executor.cancel(timer_); }

void Jobs::later() {
  if (timer_ != 0) return;
  timer_ = parts_.executor.at(std::max(next_, parts_.executor.now() + gather), [this] {
    timer_ = 0;
    next_ = parts_.executor.now() + pause;
    changed_();
  });
}

Result<std::unique_ptr<Jobs::Running>> Jobs::run(monitors::Job job, std::string text) {
  auto out = std::make_unique<Running>();
  if (!parts_.kubeconfig.empty())
    for (auto& sd : job.config.kubernetes_sd_configs)
      if (sd.kubeconfig_file.empty()) sd.kubeconfig_file = parts_.kubeconfig;
  WEIR_ASSIGN(out->relabeler, scrape::Relabeler::make(job.config.relabel_configs, job.config.naming()));
  WEIR_ASSIGN(out->discoveries, scrape::make_discoveries(job.config, {parts_.executor, parts_.host, job.config.job_name}));
  out->job = std::move(job);
  out->text = std::move(text);
  out->groups.resize(out->discoveries.size());
  for (std::size_t i = 0; i < out->discoveries.size(); ++i)
    out->discoveries[i]->start([this, running = out.get(), i](std::vector<scrape::TargetGroup> groups) {
      running->groups[i] = std::move(groups);
      later();
    });
  return out;
}

std::vector<std::string> Jobs::set(const std::string& source, std::vector<monitors::Job> jobs) {
  std::vector<std::string> problems;
  Source now;
  Source& before = sources_[source];
  for (auto& job : jobs) {
    std::string name = job.config.job_name, text = config::to_json(job.written);
    auto elsewhere = std::find_if(sources_.begin(), sources_.end(), [&](auto& other) { return other.first != source && other.second.contains(name); });
    if (now.contains(name) || elsewhere != sources_.end()) {
      problems.push_back(fmt::format("job {} is there already", name));
      continue;
    }
    if (auto old = before.find(name); old != before.end() && old->second->text == text) {
      now[name] = std::move(old->second);
      continue;
    }
    auto running = run(std::move(job), std::move(text));
    if (!running) problems.push_back(fmt::format("job {}: {}", name, running.error().what));
    else now[name] = std::move(*running);
  }
  before = std::move(now);
  later();
  return problems;
}

std::vector<allocation::Item> Jobs::items() const {
  std::vector<allocation::Item> out;
  for (auto& [source, jobs] : sources_)
    for (auto& [name, running] : jobs)
      for (auto& groups : running->groups) {
        auto items = items_of(running->job.config, running->relabeler, groups, parts_.filter);
        std::move(items.begin(), items.end(), std::back_inserter(out));
      }
  return out;
}

std::size_t Jobs::size() const {
  std::size_t out = 0;
  for (auto& [source, jobs] : sources_) out += jobs.size();
  return out;
}

std::vector<std::string> Jobs::names() const {
  std::vector<std::string> out;
  for (auto& [source, jobs] : sources_)
    for (auto& [name, running] : jobs) out.push_back(name);
  return out;
}

Duration Jobs::interval_of(const std::string& job) const {
  for (auto& [source, jobs] : sources_)
    if (auto at = jobs.find(job); at != jobs.end()) return at->second->job.config.own.scrape_interval.value;
  return 1min;
}

std::string Jobs::json(bool secrets) const {
  Value out = Value::map();
  for (auto& [source, jobs] : sources_)
    for (auto& [name, running] : jobs) {
      Value job = completed(running->job);
      if (!secrets) hide_secrets(job);
      out.set(name, std::move(job));
    }
  return config::to_json(out);
}

}  // namespace weir::app
