#include "components/extensions/bearertokenauth/bearertokenauth.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::extensions::bearertokenauth {
engine::Factory factory();
}

using namespace weir;
using namespace weir::extensions::bearertokenauth;

namespace {

std::shared_ptr<const Config> read(std::string_view yaml, std::string* text = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  auto config = extensions::bearertokenauth::factory().decode(&*value, problems);
  if (text) *text = problems.to_string();
  return std::static_pointer_cast<const Config>(config);
}

struct Fixture {
  explicit Fixture(std::string_view yaml) : simulation(1, 1) {
    engine::ExtensionContext context{.id = {"bearertokenauth", ""}, .executor = simulation.core(0), .host = host};
    auth = std::make_unique<BearerTokenAuth>(*read(yaml), context, fs);
  }
  void put(std::string_view text) {
    auto file = fs.open("tokens", io::OpenMode::replace);
    REQUIRE((*file)->append(std::span(&text, 1)));
  }
  bool lets_in(std::string_view value, std::string_view header = "authorization") {
    net::HeaderList headers;
    headers.add(header, value);
    auto result = auth->authenticate(headers);
    if (!result) {
      CHECK(result.error().code == Errc::unauthenticated);
      // What somebody tried is not repeated to him, nor into logs.
      CHECK(result.error().what.find("guess") == std::string::npos);
    }
    return result.has_value();
  }
  std::string sends(std::string_view header = "authorization") {
    net::HeaderList headers;
    auth->authorize(headers);
    return std::string(headers.get(header));
  }
  io::MemoryFs fs;
  io::Simulation simulation;
  engine::testing::TestHost host;
  std::unique_ptr<BearerTokenAuth> auth;
};

}  // namespace

TEST_CASE("bearertokenauth: one token, exactly") {
  Fixture f("token: s3cret");
  REQUIRE(f.auth->start());
  CHECK(f.lets_in("Bearer s3cret"));
  CHECK(f.lets_in("bearer s3cret"));  // schemes are compared without case
  for (std::string_view wrong : {"", "s3cret", "Bearer s3cre", "Bearer s3cret ", "Bearer guess", "Basic s3cret"}) {
    CAPTURE(wrong);
    CHECK_FALSE(f.lets_in(wrong));
  }
  CHECK_FALSE(f.auth->authenticate({}).has_value());
  CHECK(f.sends() == "Bearer s3cret");
}

TEST_CASE("bearertokenauth: several tokens, another header, no scheme") {
  Fixture f("{tokens: [one, two], header: X-Api-Key, scheme: ''}");
  REQUIRE(f.auth->start());
  CHECK(f.lets_in("one", "x-api-key"));
  CHECK(f.lets_in("two", "x-api-key"));
  CHECK_FALSE(f.lets_in("one"));
  CHECK(f.sends("x-api-key") == "one");
}

TEST_CASE("bearertokenauth: tokens of a file, also when they change; an empty file changes nothing") {
  Fixture f("{filename: tokens, token: ignored}");
  CHECK_FALSE(f.auth->start().has_value());
  f.put(" one \n\ntwo\n");
  REQUIRE(f.auth->start());
  CHECK(f.lets_in("Bearer one"));
  CHECK(f.lets_in("Bearer two"));
  CHECK_FALSE(f.lets_in("Bearer "));
  CHECK_FALSE(f.lets_in("Bearer ignored"));
  f.put("");
  f.simulation.advance(5s);
  CHECK(f.lets_in("Bearer one"));
  f.put("three");
  f.simulation.advance(5s);
  CHECK(f.lets_in("Bearer three"));
  CHECK_FALSE(f.lets_in("Bearer one"));
  CHECK(f.sends() == "Bearer three");
  f.auth->stop();
}

TEST_CASE("bearertokenauth: settings") {
  struct {
    std::string_view yaml, said;
  } const rows[] = {
      {"{}", "no bearer token provided"},
      {"{token: a, tokens: [b]}", "not both"},
      {"{tokens: [a, '']}", "empty token"},
      {"{token: a, header: ''}", "header must not be empty"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    std::string text;
    CHECK_FALSE(read(row.yaml, &text));
    CHECK_MESSAGE(text.find(row.said) != text.npos, text);
  }
  CHECK(config::to_json(config::to_value(*read("{token: s3cret}"))).find("s3cret") == std::string::npos);
}
