#include "components/receivers/prometheus/manager.h"

#include "base/log.h"
#include "config/yaml.h"

namespace weir::receivers::prometheus {
namespace {

// Changes within this time are told together.
constexpr Duration publish_pause = 1s;

std::string expanded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    bool braced = i + 1 < text.size() && text[i + 1] == '{';
    std::size_t from = i + (braced ? 2 : 1), to = from;
    while (to < text.size() && (std::isalnum(static_cast<unsigned char>(text[to])) || text[to] == '_')) ++to;
    const char* value = std::getenv(text.substr(from, to - from).c_str());
    if (value != nullptr) out += value;
    i = braced && to < text.size() && text[to] == '}' ? to : to - 1;
  }
  return out;
}

std::string with_shard(std::string text) {
  const char* shard = std::getenv("SHARD");
  constexpr std::string_view reference = "$(SHARD)";
  for (auto at = text.find(reference); at != text.npos; at = text.find(reference, at)) text.replace(at, reference.size(), shard ? shard : "0");
  return text;
}

}  // namespace

Manager::Manager(const Config& config, std::string receiver, io::Executor& executor, engine::Host& host, Hub& hub)
    : config_(config), receiver_(std::move(receiver)), executor_(executor), host_(host), hub_(hub), board_(scrape::Board::of(host)) {}

Manager::~Manager() {
  executor_.cancel(publish_timer_);
  executor_.cancel(allocator_timer_);
  for (auto* list : {&jobs_, &allocated_})
    for (auto& running : *list) board_->remove_job(receiver_, running->job->name());
}

Result<> Manager::start() {
  if (config_.config) {
    WEIR_ASSIGN(auto jobs, config_.config->jobs());
    for (auto& job : jobs) {
      WEIR_ASSIGN(auto running, run(std::move(job)));
      jobs_.push_back(std::move(running));
    }
  }
  if (config_.target_allocator) {
    const auto& allocator = *config_.target_allocator;
    WEIR_ASSIGN(fetcher_, scrape::Fetcher::make(executor_, {}, host_.budget(), allocator.client.settings()));
    ask_allocator();
  }
  return {};
}

Result<std::unique_ptr<Manager::Running>> Manager::run(scrape::ScrapeConfig config) {
  auto out = std::make_unique<Running>();
  WEIR_ASSIGN(out->relabeler, scrape::Relabeler::make(config.relabel_configs, config.naming()));
  scrape::DiscoveryContext context{executor_, host_, config.job_name};
  WEIR_ASSIGN(out->discoveries, scrape::make_discoveries(config, context));
  auto job = std::make_shared<Job>();
  job->trim_suffixes = config_.trim_metric_suffixes;
  if (config_.config)
    for (auto& [name, value] : config_.config->global.external_labels) job->external_labels.emplace_back(name, expanded(value));
  job->config = std::move(config);
  out->job = std::move(job);
  out->groups.resize(out->discoveries.size());
  for (std::size_t i = 0; i < out->discoveries.size(); ++i)
    out->discoveries[i]->start([this, running = out.get(), i](std::vector<scrape::TargetGroup> groups) { found(*running, i, std::move(groups)); });
  return out;
}

void Manager::found(Running& running, std::size_t discovery, std::vector<scrape::TargetGroup> groups) {
  running.groups[discovery] = std::move(groups);
  changed(running);
}

void Manager::changed(Running& running) {
  std::vector<scrape::TargetGroup> all;
  for (auto& groups : running.groups)
    if (groups) all.insert(all.end(), groups->begin(), groups->end());
  scrape::Targets targets = scrape::make_targets(running.job->config, running.relabeler, all);
  for (auto& failure : targets.failures) log::error("Creating target failed", {{"job", running.job->name()}, {"error", failure}});
  board_->discovered(receiver_, running.job->name(), targets);
  // A target that is there already stays the same object, so that its scrapes go on.
  std::map<std::uint64_t, scrape::TargetPtr> known;
  for (auto& target : running.targets) known.emplace(target->hash, target);
  for (auto& target : targets.active)
    if (auto same = known.find(target->hash); same != known.end() && same->second->discovered == target->discovered) target = same->second;
  running.targets = std::move(targets.active);
  std::size_t limit = running.job->config.own.target_limit;
  running.error = limit > 0 && running.targets.size() > limit ? fmt::format("target_limit exceeded (number of targets: {}, limit: {})", running.targets.size(), limit) : "";
  if (publish_timer_ != 0) return;
  TimePoint when = std::max(executor_.now(), published_ + publish_pause);
  publish_timer_ = executor_.at(when, [this] { publish(); });
}

void Manager::publish() {
  publish_timer_ = 0;
  published_ = executor_.now();
  auto assignment = std::make_shared<Assignment>();
  for (auto* list : {&jobs_, &allocated_})
    for (auto& running : *list) assignment->jobs.push_back({running->job, running->targets, running->error});
  hub_.publish(std::move(assignment));
}

void Manager::ask_allocator() {
  const auto& allocator = *config_.target_allocator;
  scrape::Fetcher::Request request{.url = allocator.client.endpoint + "/scrape_configs", .timeout = 30s, .max_body = 64 * 1024 * 1024};
  request.headers.add("accept", "application/json");
  fetcher_->get(std::move(request), [this](Result<scrape::Fetched> answer) { allocator_answered(std::move(answer)); });
}

void Manager::allocator_answered(Result<scrape::Fetched> answer) {
  Result<> taken = !answer ? fail(answer.error()) : answer->status != 200 ? fail(Errc::retryable, "the target allocator answered HTTP status {}", answer->status) : take_jobs(answer->body);
  Duration wait = config_.target_allocator->interval;
  if (!taken) {
    log::error("Failed to retrieve job list", {{"receiver", receiver_}, {"error", taken.error().what}});
    if (allocated_from_.empty()) wait = std::min<Duration>(wait, 1s);
  }
  allocator_timer_ = executor_.at(executor_.now() + wait, [this] { ask_allocator(); });
}

Result<scrape::ScrapeConfig> Manager::allocated_job(const std::string& name, const config::Value& value) const {
  const auto& allocator = *config_.target_allocator;
  config::Value own = value;
  std::erase_if(own.entries(), [](const config::Entry& entry) { return entry.key.ends_with("_sd_configs") || entry.key == "static_configs"; });
  config::Problems problems;
  auto job = config::decode<scrape::ScrapeConfig>(&own, problems);
  WEIR_TRY(problems.result());
  scrape::HttpSd sd{.url = fmt::format("{}/jobs/{}/targets?collector_id={}", allocator.client.endpoint, scrape::query_escape(name), scrape::query_escape(allocator.collector_id)),
                    .refresh_interval = allocator.sd_refresh()};
  sd.client = allocator.client.settings();
  sd.http.follow_redirects = false;
  job->http_sd_configs.push_back(std::move(sd));
  if (allocator.http_scrape_config) job->http = *allocator.http_scrape_config;
  WEIR_TRY(job->complete(config_.config ? config_.config->global : scrape::Global{}));
  return std::move(*job);
}

Result<> Manager::take_jobs(std::string_view body) {
  if (body == allocated_from_) return {};
  WEIR_ASSIGN(config::Value tree, config::parse_yaml(with_shard(std::string(body)), "scrape_configs"));
  std::vector<std::unique_ptr<Running>> made;
  for (auto& [name, mark, value] : tree.entries()) {
    std::string text = config::to_yaml(value);
    auto same = std::find_if(allocated_.begin(), allocated_.end(), [&](auto& old) { return old && old->job->name() == name && old->text == text; });
    if (same != allocated_.end()) {
      made.push_back(std::move(*same));
      continue;
    }
    WEIR_ASSIGN(auto config, allocated_job(name, value));
    WEIR_ASSIGN(auto running, run(std::move(config)));
    running->text = std::move(text);
    // Targets that are known go on until the new job has found its own.
    for (auto& old : allocated_)
      if (old && old->job->name() == running->job->name()) running->targets = old->targets;
    made.push_back(std::move(running));
  }
  for (auto& old : allocated_)
    if (old && std::none_of(made.begin(), made.end(), [&](auto& job) { return job->job->name() == old->job->name(); })) board_->remove_job(receiver_, old->job->name());
  allocated_ = std::move(made);
  allocated_from_ = body;
  log::info("Scrape jobs of the target allocator", {{"receiver", receiver_}, {"jobs", allocated_.size()}});
  if (publish_timer_ == 0) publish_timer_ = executor_.at(executor_.now(), [this] { publish(); });
  return {};
}

}  // namespace weir::receivers::prometheus
