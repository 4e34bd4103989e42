// Asks HTTP servers whether they are well. Each core asks some of the targets.
#include "base/log.h"
#include "components/receivers/httpcheck/points.h"
#include "components/receivers/httpcheck/validation.h"
#include "components/shared/auth/auth.h"
#include "engine/decode.h"
#include "net/url.h"

namespace weir::receivers::httpcheck {
namespace {

constexpr int most_redirects = 10;
constexpr Duration standard_timeout = 30s;
// Of an answer's body: when nobody looks at it, and otherwise. What is longer is read only so far.
constexpr std::size_t most_unread = 64 * 1024, most_body = 4 * 1024 * 1024;

class HttpCheck final : public engine::Receiver {
 public:
  HttpCheck(const Config& config, engine::ReceiverContext& context) : config_(config), context_(context), id_(context.id.to_string()) {}
  ~HttpCheck() override {
    context_.executor.cancel(timer_);
    *alive_ = false;
    for (auto& client : clients_) client.reset();
  }

  Result<> start() override {
    if (!context_.intake.takes(otlp::Signal::metrics)) return {};
    std::size_t number = 0;
    for (auto& target : config_.targets) {
      std::vector<std::string> mine;
      for (auto& url : target.urls())
        if (number++ % shards() == context_.shard) mine.push_back(url);
      if (mine.empty()) continue;
      auto settings = target.client.settings();
      WEIR_ASSIGN(auto validator, Validator::make(target.validations));
      settings.max_response_body = validator.empty() && !config_.metrics.response_size.enabled ? most_unread : most_body;
      settings.compression = net::Compression::none;
      WEIR_ASSIGN(auto client, net::HttpClient::make(context_.executor, settings));
      WEIR_ASSIGN(auto authorize, auth::find_client(context_.host, target.client.auth));
      clients_.push_back(std::move(client));
      validators_.push_back(std::make_unique<Validator>(std::move(validator)));
      for (auto& url : mine) checks_.push_back({&target, clients_.back().get(), validators_.back().get(), authorize, url});
    }
    if (checks_.empty()) return {};
    start_ = context_.executor.wall();
    next_ = context_.executor.now() + config_.initial_delay;
    timer_ = context_.executor.at(next_, [this] { round(); });
    return {};
  }

  void stop(io::Task done) override {
    context_.executor.cancel(timer_);
    *alive_ = false;
    done();
  }

 private:
  struct Check {
    const Target* target;
    net::HttpClient* client;
    const Validator* validator;
    std::function<void(net::HeaderList&)> authorize;
    std::string url;
  };
  // Shared by the checks of one round.
  struct Round {
    std::size_t open;
    std::vector<Finding> findings;
  };

  std::size_t shards() const { return std::max<std::size_t>(context_.shards, 1); }

  void round() {
    next_ += config_.collection_interval;
    if (TimePoint now = context_.executor.now(); next_ <= now) next_ = now + config_.collection_interval;
    timer_ = context_.executor.at(next_, [this] { round(); });
    if (busy_) return;  // the last one takes longer than the interval
    busy_ = true;
    auto all = std::make_shared<Round>(Round{checks_.size(), std::vector<Finding>(checks_.size())});
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      all->findings[i] = {.url = checks_[i].url, .method = checks_[i].target->method};
      ask(all, i, checks_[i].url, checks_[i].target->method, context_.executor.now(), 0);
    }
  }

  void ask(const std::shared_ptr<Round>& all, std::size_t i, const std::string& url, const std::string& method, TimePoint began, int redirects) {
    const Check& check = checks_[i];
    Duration timeout = check.target->timeout > 0s ? check.target->timeout : config_.timeout > 0s ? config_.timeout : standard_timeout;
    net::HttpRequest request{.method = method, .url = url, .timeout = timeout};
    bool has_body = !check.target->body.empty() && redirects == 0;
    if (has_body) request.body = {Bytes::copy_of(check.target->body)};
    if (has_body && check.target->auto_content_type) request.headers.add("content-type", content_type(check.target->body));
    if (check.authorize) check.authorize(request.headers);
    check.client->send(std::move(request), [this, all, i, url, method, began, redirects, alive = alive_](Result<net::HttpResponse> result) {
      if (!*alive) return;
      if (result && redirects < most_redirects && (result->status == 301 || result->status == 302 || result->status == 303))
        if (std::string to = redirected(url, result->headers.get("location")); !to.empty())
          return ask(all, i, to, method == "HEAD" ? method : "GET", began, redirects + 1);
      Finding& finding = all->findings[i];
      finding.millis = std::chrono::duration_cast<std::chrono::milliseconds>(context_.executor.now() - began).count();
      if (result) look(finding, *result, *checks_[i].validator);
      else finding.error = result.error().what;
      if (--all->open == 0) finish(*all);
    });
  }

  // Nothing is said about bodies that are empty.
  static void look(Finding& finding, const net::HttpResponse& answer, const Validator& validator) {
    finding.status = answer.status;
    finding.size = static_cast<std::int64_t>(answer.body.size());
    if (!answer.body.empty()) finding.verdicts = validator.check(answer.body);
  }

  static std::string_view content_type(std::string_view body) {
    std::size_t first = body.find_first_not_of(" \t\r\n");
    if (first != body.npos && (body[first] == '{' || body[first] == '[')) return "application/json";
    return body.find('=') != body.npos ? "application/x-www-form-urlencoded" : "text/plain";
  }

  void finish(const Round& all) {
    busy_ = false;
    otlp::Batch batch = to_metrics(all.findings, config_.metrics, start_, context_.executor.wall());
    if (batch.empty()) return batch.settle({});
    std::size_t items = batch.items();
    if (!context_.host.budget().try_charge(batch.bytes(), batch.charge)) {
      batch.settle({});
      return context_.intake.refused(otlp::Signal::metrics, "", items);
    }
    context_.intake.push(std::move(batch), "", [id = id_](Outcome outcome) {
      static log::RateLimit lines;
      if (long long more = 0; outcome && lines.allow(more)) log::error("results of HTTP checks were not taken", {{"receiver", id}, {"error", outcome->what}, {"suppressed", more}});
    });
  }

  Config config_;
  engine::ReceiverContext context_;
  std::string id_;
  std::vector<std::unique_ptr<net::HttpClient>> clients_;
  std::vector<std::unique_ptr<Validator>> validators_;  // of the same targets
  std::vector<Check> checks_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with requests under way
  UnixNanos start_ = 0;
  TimePoint next_{};
  io::TimerId timer_ = 0;
  bool busy_ = false;
};

}  // namespace

using config::field;

std::span<const config::FieldInfo> Target::fields() {
  using T = Target;
  static const std::array rows{
      config::embedded<&T::client>(),
      field<&T::endpoints>("endpoints", "Several URLs with the same settings."),
      field<&T::method>("method", "HTTP method."),
      field<&T::body>("body", "Sent with the request."),
      field<&T::auto_content_type>("auto_content_type", "Guess Content-Type from the body."),
      field<&T::timeout>("timeout", "For the answer; 0 is that of all targets.", {.min = 0s}),
      field<&T::validations>("validations", "What bodies of answers have to have."),
  };
  return rows;
}

std::span<const config::FieldInfo> Validation::fields() {
  using T = Validation;
  static const std::array rows{
      field<&T::contains>("contains", "A text that has to be in it."),
      field<&T::not_contains>("not_contains", "A text that must not be in it."),
      field<&T::json_path>("json_path", "A value that JSON has to have: names and numbers with dots between them."),
      field<&T::equals>("equals", "What that value has to be, as text."),
      field<&T::max_size>("max_size", "Most bytes."),
      field<&T::min_size>("min_size", "Fewest bytes."),
      field<&T::regex>("regex", "A regular expression that has to match."),
  };
  return rows;
}

void Validation::validate(config::Context& context) const {
  if (auto path = JsonPath::parse(json_path); !path) context.error_at("json_path", path.error().what);
  if (auto pattern = Regex::compile(regex); !pattern) context.error_at("regex", pattern.error().what);
}

void Target::validate(config::Context& context) const {
  auto all = urls();
  if (all.empty()) context.error_at("", "at least one of 'endpoint' or 'endpoints' must be specified");
  for (auto& url : all)
    if (auto parsed = net::parse_url(url); !parsed || (!url.starts_with("http://") && !url.starts_with("https://")))
      context.error_at("", fmt::format("\"endpoint\" must be in the form of <scheme>://<hostname>[:<port>]: {}", parsed ? url : parsed.error().what));
  if (method.empty()) context.error_at("method", "must not be empty");
}

std::vector<std::string> Target::urls() const {
  std::vector<std::string> out = endpoints;
  if (!client.endpoint.empty()) out.insert(out.begin(), client.endpoint);
  return out;
}

std::span<const config::FieldInfo> Enabled::fields() {
  static const std::array rows{field<&Enabled::enabled>("enabled", "Whether it is made.")};
  return rows;
}

std::span<const config::FieldInfo> Metrics::fields() {
  static const std::array rows{
      field<&Metrics::duration>("httpcheck.duration", "Milliseconds until the answer."),
      field<&Metrics::error>("httpcheck.error", "1 for a check without an answer, with the reason."),
      field<&Metrics::status>("httpcheck.status", "1 for the class of the status, 0 for the others."),
      field<&Metrics::response_size>("httpcheck.response.size", "Bytes of the answer's body."),
      field<&Metrics::validation_passed>("httpcheck.validation.passed", "How many validations of each type held."),
      field<&Metrics::validation_failed>("httpcheck.validation.failed", "How many did not."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::targets>("targets", "What is checked.", {.required = true}),
      field<&T::collection_interval>("collection_interval", "How often.", {.min = 1ms}),
      field<&T::initial_delay>("initial_delay", "Before the first time."),
      field<&T::timeout>("timeout", "For an answer; 0 is 30s.", {.min = 0s}),
      field<&T::metrics>("metrics", "Which metrics are made."),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "httpcheck",
          .aliases = {"http_check"},
          .summary = "Asks HTTP servers whether they are well.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<HttpCheck>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::receivers::httpcheck
