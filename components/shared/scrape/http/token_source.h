#pragma once
// Tokens from an OAuth 2 server, kept until they expire. One core.
#include "components/shared/scrape/config/http_config.h"

namespace weir::scrape {

class TokenSource {
 public:
  using Done = std::move_only_function<void(Result<std::string>)>;  // value of the header Authorization

  static Result<std::unique_ptr<TokenSource>> make(io::Executor& executor, const OAuth2& config);
  // Whoever waits hears nothing any more.
  ~TokenSource();
  void get(Done done);

 private:
  TokenSource(io::Executor& executor, const OAuth2& config) : executor_(executor), config_(config) {}
  void ask(bool in_header);
  void answered(Result<net::HttpResponse> answer, bool in_header);
  Result<> take(const std::string& body);
  void tell(const Result<>& result);

  io::Executor& executor_;
  OAuth2 config_;
  std::unique_ptr<net::HttpClient> client_;
  std::vector<Done> waiting_;
  std::string token_, asked_with_;  // the secret it was asked with
  TimePoint expires_{};
};

}  // namespace weir::scrape
