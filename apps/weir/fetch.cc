#include "weir/fetch.h"

#include "net/client.h"

namespace weir::app {

Result<std::string> fetch(std::string_view url) {
  io::Loop loop;
  net::HttpClientSettings settings;
  settings.max_response_body = 8 * 1024 * 1024;
  settings.timeout = 30s;
  WEIR_ASSIGN(auto client, net::HttpClient::make(loop, settings));
  std::optional<Result<net::HttpResponse>> answer;
  client->send({.method = "GET", .url = std::string(url)}, [&](Result<net::HttpResponse> r) { answer = std::move(r); });
  if (!loop.run_until([&] { return answer.has_value(); }, 35s)) return fail(Errc::retryable, "{}: no answer", url);
  if (!*answer) return fail(std::move(*answer).error());
  if ((*answer)->status != 200) return fail(Errc::permanent, "{}: status {}", url, (*answer)->status);
  return std::move((*answer)->body);
}

}  // namespace weir::app
