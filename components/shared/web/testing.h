#pragma once
// For tests of extensions that serve pages: a host, a loop and a client.
#include <doctest/doctest.h>

#include "engine/testing.h"
#include "net/client.h"

namespace weir::web::testing {

struct Reply {
  int status = 0;
  std::string body, type;
};

struct Browser {
  engine::ExtensionContext context(config::ComponentId id = {"test", ""}) { return {.id = std::move(id), .executor = loop, .host = host}; }

  Reply ask(std::string method, const std::string& endpoint, std::string_view path, net::HeaderList headers = {}) {
    if (!client) {
      auto made = net::HttpClient::make(loop, {});
      REQUIRE(made.has_value());
      client = std::move(*made);
    }
    std::optional<Result<net::HttpResponse>> result;
    net::HttpRequest request{.method = std::move(method), .url = fmt::format("http://{}{}", endpoint, path), .headers = std::move(headers)};
    client->send(std::move(request), [&](Result<net::HttpResponse> r) { result = std::move(r); });
    REQUIRE(loop.run_until([&] { return result.has_value(); }));
    REQUIRE_MESSAGE(result->has_value(), result->error().what);
    auto& response = **result;
    return {response.status, response.body, std::string(response.headers.get("content-type"))};
  }
  Reply get(const std::string& endpoint, std::string_view path) { return ask("GET", endpoint, path); }

  io::Loop loop;
  engine::testing::TestHost host;
  std::unique_ptr<net::HttpClient> client;
};

}  // namespace weir::web::testing
