#include "components/shared/scrape/http/fetcher.h"

#include "components/shared/scrape/http/credentials.h"
#include "components/shared/scrape/http/token_source.h"
#include "net/url.h"

namespace weir::scrape {
namespace {

constexpr int max_redirects = 10;

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

}  // namespace

std::string query_escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) out += c;
    else if (c == ' ') out += '+';
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<std::string> resolve_url(std::string_view base_text, std::string_view location) {
  if (location.find("://") != location.npos) {
    WEIR_TRY(net::parse_url(location));
    return std::string(location);
  }
  WEIR_ASSIGN(net::Url base, net::parse_url(base_text));
  std::string_view scheme = base.https ? "https" : "http";
  if (location.starts_with("//")) return fmt::format("{}:{}", scheme, location);
  std::string path = base.target.substr(0, base.target.find('?'));
  path = location.starts_with('/') ? std::string(location) : path.substr(0, path.rfind('/') + 1) + std::string(location);
  return fmt::format("{}://{}{}", scheme, base.authority(), path);
}

// One fetch: perhaps several requests.
class Fetcher::Exchange final : public net::BodySink {
 public:
  Exchange(Fetcher& owner, FetchId id, Request request, Done done)
      : owner_(owner), id_(id), request_(std::move(request)), done_(std::move(done)), url_(request_.url) {
    fetched_.charge = owner_.budget_.empty_charge();
    timer_ = owner_.executor_.at(owner_.executor_.now() + request_.timeout, [this] { owner_.finish(id_, fail(Errc::retryable, "no complete answer within {}", format_duration(request_.timeout))); });
  }
  ~Exchange() {
    owner_.executor_.cancel(timer_);
    owner_.client_->stop(stream_);
    *alive_ = false;
  }

  void begin() {
    auto url = net::parse_url(url_);
    if (!url) return owner_.finish(id_, fail(std::move(url.error())));
    if (redirects_ == 0) original_host_ = url->host;
    other_host_ = other_host_ || !is_same_site(url->host, original_host_);
    if (owner_.tokens_ == nullptr || other_host_) return ask({});
    owner_.tokens_->get([this, alive = alive_](Result<std::string> token) {
      if (!*alive) return;
      if (!token) return owner_.finish(id_, fail(std::move(token.error())));
      ask(*token);
    });
  }

  void on_head(int status, const net::HeaderList& headers) override {
    fetched_.status = status;
    fetched_.headers = headers;
    location_.clear();
    if (is_redirect(status) && owner_.config_.follow_redirects) location_ = headers.get("location");
  }

  bool on_piece(std::string_view piece) override {
    if (error_ || !location_.empty()) return true;
    if (fetched_.body.size() + piece.size() > request_.max_body) error_ = Error{Errc::invalid, std::string(too_large), {}};
    else if (!fetched_.charge.grow(piece.size())) error_ = Error{Errc::refused, "no memory for the answer", {}};
    if (error_) {
      fetched_.body = {};
      owner_.executor_.post([this, alive = alive_] {
        if (*alive) owner_.finish(id_, fail(std::move(*error_)));
      });
      return true;
    }
    if (fetched_.body.empty()) fetched_.body.reserve(std::max(piece.size(), std::min(request_.size_hint, request_.max_body)));
    fetched_.body += piece;
    return true;
  }

  void on_end(Result<> end) override {
    stream_ = 0;
    // Later: whoever is told may let the client go, which is on the stack.
    owner_.executor_.post([this, alive = alive_, result = std::move(end)]() mutable {
      if (*alive) ended(std::move(result));
    });
  }

  Done take_done() { return std::exchange(done_, {}); }

 private:
  void ask(const std::string& token) {
    net::HttpRequest request{.method = "GET", .url = url_, .headers = request_.headers};
    if (!token.empty()) request.headers.set("authorization", token);
    Result<> ready = other_host_ ? Result<>() : add_credentials(owner_.config_, request.headers);
    if (ready) ready = add_headers(owner_.config_, other_host_, request.headers);
    if (!ready) return owner_.finish(id_, fail(std::move(ready.error())));
    stream_ = owner_.client_->stream(std::move(request), *this);
  }

  void ended(Result<> end) {
    if (error_) return;  // told already
    if (!end) return owner_.finish(id_, fail(std::move(end.error())));
    if (!location_.empty()) return redirect();
    auto encoding = fetched_.headers.get("content-encoding");
    if (!encoding.empty() && encoding != "identity" && fetched_.status == 200)
      if (auto good = decompress(encoding); !good) return owner_.finish(id_, fail(std::move(good.error())));
    owner_.finish(id_, std::move(fetched_));
  }

  Result<> decompress(std::string_view encoding) {
    WEIR_ASSIGN(net::Compression kind, net::compression_of(encoding));
    Charge charge = owner_.budget_.empty_charge();
    auto plain = net::decompress(kind, fetched_.body, request_.max_body, charge);
    if (!plain && plain.error().code == Errc::permanent) return fail(Errc::invalid, "{}", too_large);
    if (!plain) return fail(std::move(plain.error()));
    fetched_.body = std::move(*plain);
    fetched_.charge = std::move(charge);
    return {};
  }

  void redirect() {
    if (++redirects_ > max_redirects) return owner_.finish(id_, fail(Errc::invalid, "stopped after {} redirects", max_redirects));
    auto next = resolve_url(url_, location_);
    if (!next) return owner_.finish(id_, fail(std::move(next.error())));
    url_ = std::move(*next);
    begin();
  }

  Fetcher& owner_;
  FetchId id_;
  Request request_;
  Done done_;
  std::string url_, original_host_, location_;
  Fetched fetched_;
  std::optional<Error> error_;
  net::StreamId stream_ = 0;
  io::TimerId timer_ = 0;
  int redirects_ = 0;
  bool other_host_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what was posted
};

Result<std::unique_ptr<Fetcher>> Fetcher::make(io::Executor& executor, const HttpConfig& config, Budget& budget, std::optional<net::HttpClientSettings> client) {
  std::unique_ptr<Fetcher> out(new Fetcher(executor, config, budget));
  WEIR_ASSIGN(out->client_, net::HttpClient::make(executor, client ? std::move(*client) : config.settings()));
  if (config.oauth2) {
    WEIR_ASSIGN(out->tokens_, TokenSource::make(executor, *config.oauth2));
  }
  return out;
}

Fetcher::Fetcher(io::Executor& executor, const HttpConfig& config, Budget& budget) : executor_(executor), config_(config), budget_(budget) {}

Fetcher::~Fetcher() {
  *alive_ = false;
  exchanges_.clear();
}

FetchId Fetcher::get(Request request, Done done) {
  FetchId id = ++last_;
  auto& exchange = *exchanges_.emplace(id, std::make_unique<Exchange>(*this, id, std::move(request), std::move(done))).first->second;
  exchange.begin();
  return id;
}

void Fetcher::cancel(FetchId fetch) { exchanges_.erase(fetch); }

// The exchange is on the stack: it goes, and the callback comes, later.
void Fetcher::finish(FetchId id, Result<Fetched> result) {
  auto at = exchanges_.find(id);
  if (at == exchanges_.end()) return;
  Done done = at->second->take_done();
  if (!done) return;
  executor_.post([this, alive = alive_, id, value = std::move(result), told = std::move(done)]() mutable {
    if (*alive && exchanges_.erase(id) != 0) told(std::move(value));
  });
}

}  // namespace weir::scrape
