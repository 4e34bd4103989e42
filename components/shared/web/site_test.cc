#include "components/shared/web/site.h"

#include "components/shared/web/testing.h"

using namespace weir;
using namespace weir::web;
using web::testing::Browser;

namespace {

net_config::HttpServer loopback() {
  net_config::HttpServer settings;
  settings.endpoint = "127.0.0.1:0";
  return settings;
}

struct Guard : engine::Extension, auth::Server {
  Result<> start() override { return {}; }
  Result<auth::Identity> authenticate(const net::HeaderList& headers) override {
    if (headers.get("authorization") == "Bearer x") return auth::Identity{};
    return fail(Errc::unauthenticated, "missing or wrong token");
  }
};

}  // namespace

TEST_CASE("web: pages by exact path, 404 elsewhere, 405 for writing") {
  Browser browser;
  Site site(loopback());
  site.add("/a", [](const net::Request& request) { return text(fmt::format("q={}", request.query())); });
  auto context = browser.context();
  REQUIRE(site.start(context));
  auto at = site.endpoint();
  auto reply = browser.get(at, "/a?x=1");
  CHECK(reply.status == 200);
  CHECK(reply.body == "q=x=1");
  CHECK(reply.type == "text/plain; charset=utf-8");
  CHECK(browser.get(at, "/a/").status == 404);
  CHECK(browser.get(at, "/").status == 404);
  CHECK(browser.ask("POST", at, "/a").status == 405);
  auto head = browser.ask("HEAD", at, "/a");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  site.stop();
}

TEST_CASE("web: the page at / takes all other paths; any method when asked for") {
  Browser browser;
  Site site(loopback(), true);
  site.add("/", [](const net::Request& request) { return json(std::string(request.path())); });
  auto context = browser.context();
  REQUIRE(site.start(context));
  CHECK(browser.ask("POST", site.endpoint(), "/anything").body == "/anything");
  site.stop();
}

TEST_CASE("web: a page may answer later") {
  Browser browser;
  Site site(loopback());
  site.add("/slow", Page([&](const net::Request&, net::Responder responder) {
             browser.loop.after(1ms, [responder = std::move(responder)]() mutable { responder.respond(text("late")); });
           }));
  auto context = browser.context();
  REQUIRE(site.start(context));
  CHECK(browser.get(site.endpoint(), "/slow").body == "late");
  site.stop();
}

TEST_CASE("web: with auth only who is known sees pages, and the extension must be there") {
  Browser browser;
  auto settings = loopback();
  settings.auth = net_config::ServerAuth{{.authenticator = "guard"}};
  Site site(settings);
  site.add("/", [](const net::Request&) { return text("secret"); });
  auto context = browser.context();
  auto started = site.start(context);
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().code == Errc::config);
  Guard guard;
  browser.host.extensions["guard"] = &guard;
  REQUIRE(site.start(context));
  CHECK(browser.get(site.endpoint(), "/").status == 401);
  CHECK(browser.ask("GET", site.endpoint(), "/", {{"authorization", "Bearer x"}}).body == "secret");
  site.stop();
}

TEST_CASE("web: text from outside cannot become markup, and queries are decoded") {
  CHECK(escape_html("<a href='x'>\"&\"</a>") == "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
  CHECK(query_value("a=1&b=x%2Fy+z&c", "b") == "x/y z");
  CHECK(query_value("a=1&b=x%2Fy+z&c", "c") == "");
  CHECK_FALSE(query_value("ab=1", "a"));
  CHECK(query_value("a=%zz%4", "a") == "%zz%4");
}
