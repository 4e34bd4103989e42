#pragma once
// GET requests as scrape configurations describe them: credentials, redirects, limits. Everything on one core.
#include <map>
#include <memory>

#include "base/budget.h"
#include "components/shared/scrape/config/http_config.h"

namespace weir::scrape {

struct Fetched {
  int status = 0;
  net::HeaderList headers;
  std::string body;  // not compressed
  Charge charge;     // for the body
};

class TokenSource;

// 0 is no fetch.
using FetchId = std::uint64_t;

class Fetcher {
 public:
  struct Request {
    std::string url;
    net::HeaderList headers;
    Duration timeout = 10s;  // for all of it
    std::size_t max_body = 256 * 1024 * 1024;  // before and after decompression
    std::size_t size_hint = 0;                 // how large the body probably is
  };
  using Done = std::move_only_function<void(Result<Fetched>)>;
  static constexpr std::string_view too_large = "body size limit exceeded";

  // `client`: settings of connections that are not those of `config`.
  static Result<std::unique_ptr<Fetcher>> make(io::Executor& executor, const HttpConfig& config, Budget& budget, std::optional<net::HttpClientSettings> client = {});
  // Fetches under way end without being told.
  ~Fetcher();

  // Calls back once, later. The body is charged to the budget as it comes.
  FetchId get(Request request, Done done);
  void cancel(FetchId fetch);
  std::size_t in_flight() const { return exchanges_.size(); }

 private:
  class Exchange;
  Fetcher(io::Executor& executor, const HttpConfig& config, Budget& budget);
  void finish(FetchId id, Result<Fetched> result);

  io::Executor& executor_;
  HttpConfig config_;
  Budget& budget_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<TokenSource> tokens_;  // null: no oauth2
  std::map<FetchId, std::unique_ptr<Exchange>> exchanges_;
  FetchId last_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what was posted
};

// Where `location` leads from `base`: absolute, or a path on the same host.
Result<std::string> resolve_url(std::string_view base, std::string_view location);
// application/x-www-form-urlencoded
std::string query_escape(std::string_view text);

}  // namespace weir::scrape
