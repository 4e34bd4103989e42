// Targets from a URL.
#include "base/log.h"
#include "base/text.h"
#include "components/shared/scrape/discovery/discovery.h"
#include "components/shared/scrape/http/fetcher.h"

namespace weir::scrape {
namespace {

bool is_json(std::string_view content_type) {
  auto semicolon = content_type.find(';');
  if (!equal_ignore_case(trim(content_type.substr(0, semicolon)), "application/json")) return false;
  if (semicolon == content_type.npos) return true;
  std::string rest = to_lower(content_type.substr(semicolon + 1));
  return trim(rest) == "charset=utf-8" || trim(rest) == "charset=\"utf-8\"";
}

class HttpDiscovery final : public Discovery {
 public:
  HttpDiscovery(const HttpSd& config, const DiscoveryContext& context, std::unique_ptr<Fetcher> fetcher)
      : config_(config), executor_(context.executor), job_(context.job), fetcher_(std::move(fetcher)) {}
  ~HttpDiscovery() override { executor_.cancel(timer_); }

  void start(Told told) override {
    told_ = std::move(told);
    ask();
  }

 private:
  void ask() {
    Duration interval = std::max<Duration>(config_.refresh_interval.value, 1s);
    Fetcher::Request request{.url = config_.url, .timeout = interval, .max_body = 64 * 1024 * 1024};
    request.headers.add("accept", "application/json");
    request.headers.add("x-prometheus-refresh-interval-seconds", fmt::format("{}", std::chrono::duration<double>(interval).count()));
    fetcher_->get(std::move(request), [this](Result<Fetched> answer) { answered(std::move(answer)); });
    timer_ = executor_.at(executor_.now() + interval, [this] { ask(); });
  }

  // Without a good answer the targets stay.
  void answered(Result<Fetched> answer) {
    auto groups = read(answer);
    if (!groups) return log::error("http_sd: cannot get targets", {{"job", job_}, {"url", config_.url}, {"error", groups.error().what}});
    told_(std::move(*groups));
  }

  Result<std::vector<TargetGroup>> read(const Result<Fetched>& answer) const {
    if (!answer) return fail(answer.error());
    if (answer->status != 200) return fail(Errc::retryable, "server returned HTTP status {}", answer->status);
    auto type = answer->headers.get("content-type");
    if (!is_json(type)) return fail(Errc::invalid, "unsupported content type {}", quote_json(type));
    WEIR_ASSIGN(auto groups, parse_groups_json(answer->body, config_.url));
    for (auto& group : groups) group.labels.set("__meta_url", config_.url);
    return groups;
  }

  HttpSd config_;
  io::Executor& executor_;
  std::string job_;
  std::unique_ptr<Fetcher> fetcher_;
  Told told_;
  io::TimerId timer_ = 0;
};

}  // namespace

Result<std::unique_ptr<Discovery>> make_http_discovery(const HttpSd& config, const DiscoveryContext& context) {
  WEIR_ASSIGN(auto fetcher, Fetcher::make(context.executor, config.http, context.host.budget(), config.client));
  return std::make_unique<HttpDiscovery>(config, context, std::move(fetcher));
}

}  // namespace weir::scrape
