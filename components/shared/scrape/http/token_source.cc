#include "components/shared/scrape/http/token_source.h"

#include "base/text.h"
#include "components/shared/scrape/http/credentials.h"
#include "components/shared/scrape/http/fetcher.h"
#include "config/yaml.h"

namespace weir::scrape {

Result<std::unique_ptr<TokenSource>> TokenSource::make(io::Executor& executor, const OAuth2& config) {
  std::unique_ptr<TokenSource> out(new TokenSource(executor, config));
  HttpConfig http{.tls_config = config.tls_config, .proxy = config.proxy};
  auto settings = http.settings();
  settings.timeout = 30s;
  settings.max_response_body = 1024 * 1024;
  WEIR_ASSIGN(out->client_, net::HttpClient::make(executor, std::move(settings)));
  return out;
}

TokenSource::~TokenSource() { waiting_.clear(); }

void TokenSource::get(Done done) {
  if (!config_.client_secret_file.empty()) {
    auto secret = read_secret_file(config_.client_secret_file);
    if (!secret) return done(fail(std::move(secret.error())));
    if (asked_with_ != *secret) token_.clear();
    asked_with_ = std::move(*secret);
  } else {
    asked_with_ = config_.client_secret.reveal();
  }
  if (!token_.empty() && executor_.now() < expires_) return done(token_);
  waiting_.push_back(std::move(done));
  if (waiting_.size() == 1) ask(true);
}

// Servers want the credentials either in the header or in the body: the header first, as the standard says.
void TokenSource::ask(bool in_header) {
  std::string body = "grant_type=client_credentials";
  if (!config_.scopes.empty()) {
    std::string scopes;
    for (auto& scope : config_.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
    body += "&scope=" + query_escape(scopes);
  }
  for (auto& [key, value] : config_.endpoint_params) body += "&" + query_escape(key) + "=" + query_escape(value);
  net::HttpRequest request{.url = config_.token_url};
  request.headers.add("content-type", "application/x-www-form-urlencoded");
  std::string id = query_escape(config_.client_id), secret = query_escape(asked_with_);
  if (in_header) request.headers.add("authorization", "Basic " + encode_base64(id + ":" + secret));
  else body += "&client_id=" + id + "&client_secret=" + secret;
  request.body.push_back(Bytes::take(std::move(body)));
  client_->send(std::move(request), [this, in_header](Result<net::HttpResponse> answer) { answered(std::move(answer), in_header); });
}

void TokenSource::answered(Result<net::HttpResponse> answer, bool in_header) {
  if (!answer) return tell(fail(std::move(answer.error())));
  bool refused = answer->status / 100 != 2;
  if (refused && in_header && answer->status < 500) return ask(false);
  if (refused) return tell(fail(Errc::retryable, "oauth2: {} answered HTTP status {}", config_.token_url, answer->status));
  tell(take(answer->body));
}

Result<> TokenSource::take(const std::string& body) {
  WEIR_ASSIGN(config::Value tree, config::parse_yaml(body, "token"));
  auto text = [&](std::string_view key) { return tree.get(key) ? tree.get(key)->text() : std::string(); };
  std::string token = text("access_token"), type = text("token_type");
  if (token.empty()) return fail(Errc::retryable, "oauth2: {} answered without access_token", config_.token_url);
  if (type.empty() || equal_ignore_case(type, "bearer")) type = "Bearer";
  token_ = type + " " + token;
  const config::Value* lifetime = tree.get("expires_in");
  std::int64_t seconds = lifetime && lifetime->kind() == config::Value::Kind::integer ? std::clamp<std::int64_t>(lifetime->as_int(), 0, 365 * 24 * 3600) : 365 * 24 * 3600;
  expires_ = executor_.now() + std::chrono::seconds(seconds) - 10s;
  return {};
}

void TokenSource::tell(const Result<>& result) {
  for (auto& done : std::exchange(waiting_, {})) done(result ? Result<std::string>(token_) : Result<std::string>(fail(result.error())));
}

}  // namespace weir::scrape
