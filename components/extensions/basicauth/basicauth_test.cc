#include "components/extensions/basicauth/basicauth.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::extensions::basicauth {
engine::Factory factory();
}

using namespace weir;
using namespace weir::extensions::basicauth;

namespace {

std::shared_ptr<const Config> read(std::string_view yaml, std::string* text = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  auto config = extensions::basicauth::factory().decode(&*value, problems);
  if (text) *text = problems.to_string();
  return std::static_pointer_cast<const Config>(config);
}

struct Fixture {
  explicit Fixture(std::string_view yaml) : simulation(1, 1) {
    engine::ExtensionContext context{.id = {"basicauth", ""}, .executor = simulation.core(0), .host = host};
    extension = make(*read(yaml), context, fs);
  }
  void put(const std::string& name, std::string_view text) {
    auto file = fs.open(name, io::OpenMode::replace);
    REQUIRE((*file)->append(std::span(&text, 1)));
  }
  Result<auth::Identity> ask(std::string_view header) {
    net::HeaderList headers;
    if (!header.empty()) headers.add("authorization", header);
    return dynamic_cast<auth::Server&>(*extension).authenticate(headers);
  }
  bool lets_in(std::string_view credentials) { return ask("Basic " + encode_base64(credentials)).has_value(); }
  std::string sends() {
    net::HeaderList headers;
    dynamic_cast<auth::Client&>(*extension).authorize(headers);
    return std::string(headers.get("authorization"));
  }
  io::MemoryFs fs;
  io::Simulation simulation;
  engine::testing::TestHost host;
  std::unique_ptr<engine::Extension> extension;
};

}  // namespace

TEST_CASE("basicauth: who is known is let in, by name") {
  Fixture f("{htpasswd: {inline: 'joe:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'}}");
  REQUIRE(f.extension->start());
  for (int again = 0; again < 3; ++again) {
    auto known = f.ask("Basic am9lOnNlY3JldA==");
    REQUIRE(known.has_value());
    CHECK(*known == auth::Identity{{"raw", "am9lOnNlY3JldA=="}, {"username", "joe"}});
    CHECK_FALSE(f.lets_in("joe:wrong"));
    CHECK_FALSE(f.lets_in("jane:secret"));
  }
  CHECK(f.ask("bAsIc am9lOnNlY3JldA==").has_value());
}

TEST_CASE("basicauth: what is wrong with a header is said, without repeating it") {
  Fixture f("{htpasswd: {inline: 'joe:secret'}}");
  REQUIRE(f.extension->start());
  struct {
    std::string_view header, said;
  } const rows[] = {
      {"", "no basic auth provided"},
      {"Bearer guess", "invalid authorization scheme prefix"},
      {"Basic", "invalid authorization scheme prefix"},
      {"Basic !!!", "invalid authorization format"},
      {"Basic Z3Vlc3M=", "invalid authorization format"},
      {"Basic am9lOmd1ZXNz", "invalid credentials"},
  };
  for (auto& row : rows) {
    CAPTURE(row.header);
    auto result = f.ask(row.header);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::unauthenticated);
    CHECK(result.error().what == row.said);
  }
}

TEST_CASE("basicauth: a changed file counts at once, also for who was let in before; inline users go first") {
  Fixture f("{htpasswd: {file: users, inline: 'root:inline'}}");
  CHECK_FALSE(f.extension->start().has_value());
  f.put("users", "joe:one\nroot:file\n");
  REQUIRE(f.extension->start());
  CHECK(f.lets_in("joe:one"));
  CHECK(f.lets_in("root:inline"));
  CHECK_FALSE(f.lets_in("root:file"));
  f.put("users", "joe:two\n");
  f.simulation.advance(5s);
  CHECK_FALSE(f.lets_in("joe:one"));
  CHECK(f.lets_in("joe:two"));
  f.extension->stop();
}

TEST_CASE("basicauth: verdicts are remembered, within a bound") {
  Verdicts verdicts;
  CHECK_FALSE(verdicts.find("a"));
  verdicts.keep("a", true);
  verdicts.keep("b", false);
  CHECK(verdicts.find("a") == true);
  CHECK(verdicts.find("b") == false);
  for (std::size_t i = 0; i < Verdicts::max_entries; ++i) verdicts.keep(fmt::format("x{}", i), false);
  CHECK_FALSE(verdicts.find("a"));
  verdicts.forget();
  CHECK_FALSE(verdicts.find("x9999"));
}

TEST_CASE("basicauth: guessing cannot take all the time of a core") {
  ManualClock clock;
  HashingTime time;
  CHECK(time.allowed(clock.now()));
  time.spent(HashingTime::per_second);
  CHECK_FALSE(time.allowed(clock.now()));
  clock.advance(999ms);
  CHECK_FALSE(time.allowed(clock.now()));
  clock.advance(1ms);
  CHECK(time.allowed(clock.now()));
}

TEST_CASE("basicauth: the client sends name and password, also from files that change") {
  Fixture f("{client_auth: {username: joe, password: secret}}");
  REQUIRE(f.extension->start());
  CHECK(f.sends() == "Basic am9lOnNlY3JldA==");
  Fixture g("{client_auth: {username_file: name, password_file: word}}");
  g.put("name", "joe\n");
  g.put("word", "secret\n");
  REQUIRE(g.extension->start());
  CHECK(g.sends() == "Basic am9lOnNlY3JldA==");
  g.put("word", "a:b");
  g.simulation.advance(5s);
  CHECK(g.sends() == "Basic am9lOmE6Yg==");
  g.extension->stop();
}

TEST_CASE("basicauth: settings") {
  struct {
    std::string_view yaml, said;
  } const rows[] = {
      {"{}", "no credential source provided"},
      {"{htpasswd: {}}", "no credential source provided"},
      {"{htpasswd: {inline: 'a:b'}, client_auth: {username: a}}", "only one of"},
      {"{client_auth: {username: 'a:b', password: c}}", "must not contain a colon"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string text;
    CHECK_FALSE(read(row.yaml, &text));
    CHECK_MESSAGE(text.find(row.said) != text.npos, text);
  }
  CHECK(config::to_json(config::to_value(*read("{htpasswd: {inline: 'joe:s3cret'}}"))).find("s3cret") == std::string::npos);
}
