#include "kube/exec_token.h"

#include "base/log.h"
#include "kube/json.h"
#include "kube/time.h"

namespace weir::kube {
namespace {

constexpr UnixNanos before_end = 60'000'000'000;  // renewed so long before its end
constexpr Duration pause_after_failure = 5s;

std::string text(const config::Value& in, std::string_view path) {
  const config::Value* value = in.find(path);
  return value != nullptr && value->is_text() ? value->text() : "";
}

}  // namespace

Result<std::pair<std::string, UnixNanos>> parse_exec_credential(std::string_view json) {
  WEIR_ASSIGN(config::Value document, parse_json(json));
  std::string token = text(document, "status::token"), end = text(document, "status::expirationTimestamp");
  if (!text(document, "status::clientCertificateData").empty() && token.empty()) return fail(Errc::config, "it gives a certificate; only tokens are supported");
  if (token.empty()) return fail(Errc::config, "its output has no status.token");
  return std::pair(std::move(token), end.empty() ? UINT64_MAX : parse_time(end));
}

ExecToken::~ExecToken() { executor_.cancel(timer_); }

std::string ExecToken::get() {
  UnixNanos now = executor_.wall();
  if (token_.empty() || until_ == 0 || (until_ != UINT64_MAX && now + before_end >= until_)) run();
  return until_ > now ? token_ : std::string();
}

void ExecToken::when_ready(io::Task then) {
  if (!get().empty()) return then();
  waiting_.push_back(std::move(then));
  // A program that has just failed is asked again after a pause.
  if (process_ == nullptr && timer_ == 0)
    timer_ = executor_.at(not_before_, [this] {
      timer_ = 0;
      run();
    });
}

void ExecToken::run() {
  if (process_ != nullptr || executor_.now() < not_before_) return;
  executor_.cancel(std::exchange(timer_, 0));
  std::vector<std::string> arguments{"env", fmt::format(R"(KUBERNETES_EXEC_INFO={{"apiVersion":"{}","kind":"ExecCredential","spec":{{"interactive":false}}}})", exec_.api_version)};
  for (auto& [name, value] : exec_.environment) arguments.push_back(name + "=" + value);
  arguments.insert(arguments.end(), exec_.arguments.begin(), exec_.arguments.end());
  output_.clear();
  auto started = io::Process::start(executor_, arguments, *this);
  if (!started) return finish(fail(std::move(started).error()));
  process_ = std::move(*started);
  timer_ = executor_.at(executor_.now() + patience, [this] {
    timer_ = 0;
    process_.reset();
    finish(fail(Errc::retryable, "it has not ended within a minute"));
  });
}

void ExecToken::on_output(std::string_view bytes) {
  if (output_.size() + bytes.size() <= max_output) output_ += bytes;
}

void ExecToken::on_exit(std::string how, std::string errors) {
  auto ended = std::move(process_);
  executor_.cancel(std::exchange(timer_, 0));
  bool good = how == "exit status 0";
  finish(good ? take() : Result<>(fail(Errc::retryable, "{}: {}", how, errors)));
}

Result<> ExecToken::take() {
  WEIR_ASSIGN(auto credential, parse_exec_credential(output_));
  token_ = std::move(credential.first);
  until_ = credential.second;
  output_.clear();
  return {};
}

void ExecToken::finish(Result<> result) {
  if (!result) {
    not_before_ = executor_.now() + pause_after_failure;
    log::warn("Kubernetes API: the program that gives the token failed", {{"program", exec_.arguments.empty() ? "" : exec_.arguments[0]}, {"error", result.error().what}});
  }
  for (auto& task : std::exchange(waiting_, {})) task();
}

}  // namespace weir::kube
