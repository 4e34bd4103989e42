#include "config/field.h"

#include <doctest/doctest.h>

#include "config/yaml.h"

using namespace weir;
using namespace weir::config;

namespace shop {

enum class Mode { fast, careful };

std::span<const Choice> choices_of(Mode) {
  static constexpr Choice rows[] = {{"fast", Mode::fast}, {"careful", Mode::careful}, {"safe", Mode::careful}};
  return rows;
}

struct Tls {
  bool insecure = false;
  std::string ca_file;
  std::optional<Duration> reload_interval;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Tls::insecure>("insecure", "No TLS."),
        field<&Tls::ca_file>("ca_file", "Who to trust."),
        field<&Tls::reload_interval>("reload_interval", "How often files are read again."),
    };
    return rows;
  }
  Result<> validate() const {
    if (insecure && !ca_file.empty()) return fail(Errc::config, "insecure and ca_file exclude each other");
    return {};
  }
};

struct Client {
  std::string endpoint;
  Tls tls;
  std::vector<std::pair<std::string, Secret>> headers;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Client::endpoint>("endpoint", "host:port", {.required = true}),
        field<&Client::tls>("tls", "Encryption.", {.aliases = "tls_settings|ssl"}),
        field<&Client::headers>("headers", "Sent with each request."),
    };
    return rows;
  }
};

struct Policy {
  std::string name;
  std::vector<Policy> sub;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Policy::name>("name", "For the metrics.", {.required = true}),
        field<&Policy::sub>("sub", "Policies inside."),
    };
    return rows;
  }
};

// A string or a number: decides by itself what it takes.
struct Percent {
  double share = 0;
  static Result<Percent> decode(const Value& value, Context& context) {
    if (value.kind() == Value::Kind::string && value.text().ends_with('%'))
      return Percent{Value::plain(value.text().substr(0, value.text().size() - 1)).as_double() / 100};
    if (value.is_map()) {
      context.error(value, "no maps here");
      return fail(Errc::config, "");
    }
    if (value.kind() != Value::Kind::number) return fail(Errc::config, "not a share");
    return Percent{value.as_double()};
  }
  Value encode() const { return Value::string(fmt::format("{}%", share * 100)); }
};

struct Config {
  Duration wait = 30s;
  std::uint64_t num_traces = 50'000;
  std::int8_t small = 1;
  double ratio = 0.5;
  bool on = false;
  Mode mode = Mode::fast;
  std::string text = "default";
  std::string compression = "gzip";
  Secret password;
  ByteSize limit{1 << 20};
  std::vector<std::string> names;
  std::vector<int> numbers;
  std::map<std::string, int> table;
  std::vector<Policy> policies;
  std::optional<Tls> grpc;
  Value attribute;
  Percent share;
  Client client;  // embedded

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Config::wait>("wait", "How long.", {.min = 1s, .max = 1h}),
        field<&Config::num_traces>("num_traces", "How many.", {.min = 1}),
        field<&Config::small>("small", "A byte."),
        field<&Config::ratio>("ratio", "A share.", {.min = 0, .max = 1}),
        field<&Config::on>("on", "Switch."),
        field<&Config::mode>("mode", "Way of working."),
        field<&Config::text>("text", "Any text.", {.deprecated = "use 'names'"}),
        field<&Config::compression>("compression", "Of requests.", {.choices = "gzip|zstd|none"}),
        field<&Config::password>("password", "For the door."),
        field<&Config::limit>("limit", "Size.", {.max = 1 << 30}),
        field<&Config::names>("names", "Names.", {.max = 3}),
        field<&Config::numbers>("numbers", "Numbers."),
        field<&Config::table>("table", "Numbers by name."),
        field<&Config::policies>("policies", "Policies."),
        field<&Config::grpc>("grpc", "Serves gRPC when present."),
        field<&Config::attribute>("attribute", "Anything."),
        field<&Config::share>("share", "A share, also in percent."),
        embedded<&Config::client>(),
        ignored("ballast", "memory is not managed that way"),
    };
    return rows;
  }
  void validate(Context& context) const {
    if (num_traces == 13) {
      context.error_at("num_traces", "13 brings bad luck");
      context.error_at("wait", "also because of 13");
    }
  }
};

}  // namespace shop

namespace {

struct Decoded {
  std::optional<shop::Config> config;
  std::string problems;  // printed, without source lines
};

Decoded decode_yaml(std::string yaml) {
  Problems problems;
  auto value = parse_yaml(std::make_shared<Source>(Source{"c", yaml}), problems);
  REQUIRE(value);
  auto config = decode<shop::Config>(&*value, problems);
  Decoded out{std::move(config), {}};
  for (auto& p : problems.all())
    out.problems += fmt::format("{}:{}: {}{}: {}\n", p.mark.line, p.mark.column, p.warning ? "warning: " : "", p.path, p.message);
  return out;
}

// With the settings that every example needs.
Decoded decode_with(std::string yaml) { return decode_yaml(yaml + "\nendpoint: e:1\n"); }

std::string problem_of(std::string yaml) { return decode_with(std::move(yaml)).problems; }

}  // namespace

TEST_CASE("settings keep their defaults until they are given") {
  auto config = decode_yaml("endpoint: e:1").config.value();
  CHECK(config.wait == 30s);
  CHECK(config.num_traces == 50'000);
  CHECK_FALSE(config.grpc);
  CHECK(config.client.endpoint == "e:1");
  auto nulls = decode_with("wait:\nnames:\ntable: ~\nattribute: ~\npolicies:\ntls:\ntext:\n").config.value();
  CHECK(nulls.wait == 30s);
  CHECK(nulls.text.empty());
  CHECK(nulls.attribute.is_null());
}

TEST_CASE("every kind of setting is read") {
  auto [config, problems] = decode_yaml(R"(
wait: 1m30s
num_traces: 65_536
small: -128
ratio: 1
on: yes
mode: SAFE
compression: zstd
password: hunter2
limit: 512KiB
names: [a, b]
numbers: [1, 0x10]
table: {x: 1, y: 2}
policies:
  - name: one
    sub: [{name: two}]
grpc: {insecure: true}
attribute: {a: [1, "2"]}
share: 25%
endpoint: example:4317
tls_settings: {ca_file: /ca, reload_interval: 1h}
headers: {X-B: "1", X-A: "2"}
)");
  CHECK(problems == "");
  REQUIRE(config);
  CHECK(config->wait == 90s);
  CHECK(config->num_traces == 65'536);
  CHECK(config->small == -128);
  CHECK(config->ratio == 1);
  CHECK(config->on);
  CHECK(config->mode == shop::Mode::careful);
  CHECK(config->compression == "zstd");
  CHECK(config->password.reveal() == "hunter2");
  CHECK(config->limit.value == 512 * 1024);
  CHECK(config->names == std::vector<std::string>{"a", "b"});
  CHECK(config->numbers == std::vector<int>{1, 16});
  CHECK(config->table == std::map<std::string, int>{{"x", 1}, {"y", 2}});
  REQUIRE(config->policies.size() == 1);
  CHECK(config->policies[0].sub.at(0).name == "two");
  CHECK(config->grpc.value().insecure);
  CHECK(to_json(config->attribute) == R"({"a":[1,"2"]})");
  CHECK(config->share.share == 0.25);
  CHECK(config->client.endpoint == "example:4317");
  CHECK(config->client.tls.ca_file == "/ca");
  CHECK(config->client.tls.reload_interval == 1h);
  CHECK(config->client.headers.at(0).first == "X-B");
  CHECK(config->client.headers.at(1).second.reveal() == "2");
}

TEST_CASE("values of another type are converted, with a warning") {
  struct {
    std::string_view in, warning;
  } const rows[] = {
      {"num_traces: \"8192\"", "1:13: warning: num_traces: the string '8192' is read as an integer\n"},
      {"num_traces: 1e3", "1:13: warning: num_traces: the number 1e3 is read as an integer\n"},
      {"compression: gzip\ntext: x", "2:1: warning: text: is deprecated: use 'names'\n"},
      {"endpoint_: 1", "1:1: endpoint_: unknown key; did you mean 'endpoint'?\n"},
      {"names: 1", "1:8: warning: names: the number 1 is read as a list of 1\n1:8: warning: names::0: the number 1 is read as a string\n"},
      {"names: 'a, b'", "1:8: warning: names: the string 'a, b' is read as a list of 2\n"},
      {"numbers: '1,2'", "1:10: warning: numbers: the string '1,2' is read as a list of 2\n"},
      {"policies: {name: x}", "1:11: warning: policies: a map is read as a list of 1\n"},
      {"on: 1", "1:5: warning: on: the number 1 is read as true\n"},
      {"on: 'no'", "1:5: warning: on: the string 'no' is read as false\n"},
      {"on: off", ""},
      {"ratio: '0.25'", "1:8: warning: ratio: the string '0.25' is read as a number\n"},
      {"wait: 2000000000", "1:7: warning: wait: 2000000000 is nanoseconds; write a unit, as in 5s\n"},
      {"password: 00123", "1:11: warning: password: the value given is read as a string\n"},
      {"table: [{name: x, value: 3}]", ""},
      {"ballast: {a: 1}", "1:1: warning: ballast: has no effect: memory is not managed that way\n"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    auto [config, problems] = decode_with(std::string(row.in));
    CHECK(problems == row.warning);
    CHECK(bool(config) == (problems.find(": unknown") == std::string::npos));
  }
  CHECK(decode_with("names: 00123").config->names == std::vector<std::string>{"00123"});
  CHECK(decode_with("password: 00123").config->password.reveal() == "00123");
  CHECK(decode_with("names: ' a,b '").config->names == std::vector<std::string>{"a", "b"});
  CHECK(decode_with("names: ''").config->names.empty());
  CHECK(decode_with("numbers: '1,2'").config->numbers == std::vector<int>{1, 2});
  CHECK(decode_with("table: [{name: x, value: 3}]").config->table.at("x") == 3);
  CHECK(decode_with("wait: 2000000000").config->wait == 2s);
}

TEST_CASE("errors say where and what") {
  struct {
    std::string_view in, error;
  } const rows[] = {
      {"num_traces: 0", "1:13: num_traces: 0 is below 1\n"},
      {"num_traces: -1", "1:13: num_traces: -1 is below 1\n"},
      {"num_traces: 18446744073709551616", "1:13: num_traces: expected an integer, got the number 18446744073709551616\n"},
      {"num_traces: many", "1:13: num_traces: expected an integer, got the string 'many'\n"},
      {"num_traces: [1]", "1:13: num_traces: expected an integer, got a list\n"},
      {"num_traces: 1.5", "1:13: num_traces: expected an integer, got the number 1.5\n"},
      {"small: 128", "1:8: small: 128 is above 127\n"},
      {"small: -129", "1:8: small: -129 is below -128\n"},
      {"ratio: 1.5", "1:8: ratio: 1.5 is above 1\n"},
      {"ratio: .nan", "1:8: ratio: expected a number, got the number .nan\n"},
      {"on: maybe", "1:5: on: expected true or false, got the string 'maybe'\n"},
      {"on: 2", "1:5: on: expected true or false, got the number 2\n"},
      {"mode: carefull", "1:7: mode: the string 'carefull' is not one of fast, careful, safe; did you mean 'careful'?\n"},
      {"compression: gzp", "1:14: compression: the string 'gzp' is not one of gzip, zstd, none; did you mean 'gzip'?\n"},
      {"wait: 500ms", "1:7: wait: 500ms is below 1s\n"},
      {"wait: 2h", "1:7: wait: 2h0m0s is above 1h0m0s\n"},
      {"wait: '30'", "1:7: wait: missing unit in duration '30'\n"},
      {"wait: [1s]", "1:7: wait: expected a duration such as 5s or 1m30s, got a list\n"},
      {"limit: 2GiB", "1:8: limit: 2GiB is above 1GiB\n"},
      {"limit: huge", "1:8: limit: expected a size such as 512MiB, got the string 'huge'\n"},
      {"password: [hunter2]", "1:11: password: expected a string, got a list\n"},
      {"names: [[a]]", "1:9: names::0: expected a string, got a list\n"},
      {"names: [a, b, c, d]", "1:8: names: has 4 entries, more than 3\n"},
      {"names: {a: 1}", "1:8: names: expected a list, got a map\n"},
      {"table: {x: y}", "1:12: table::x: expected an integer, got the string 'y'\n"},
      {"table: [1]", "1:8: table: expected a map, got a list\n"},
      {"policies: [{name: a, sub: [{}]}]", "1:28: policies::0::sub::0::name: is required\n"},
      {"policies: [{name: ''}]", "1:13: policies::0::name: is required\n"},
      {"grpc: {insecure: true, ca_file: x}", "1:7: grpc: insecure and ca_file exclude each other\n"},
      {"grpc: 1", "1:7: grpc: expected a map, got the number 1\n"},
      {"share: x", "1:8: share: not a share\n"},
      {"tls: {}\nssl: {}", "2:1: 'ssl' and 'tls' are the same setting, given at line 1 too\n"},
      {"num_traces: 13\nwait: 2s", "1:1: num_traces: 13 brings bad luck\n2:1: wait: also because of 13\n"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    auto [config, problems] = decode_with(std::string(row.in));
    CHECK_FALSE(config);
    if (!row.error.starts_with("2:1: 'ssl'")) CHECK(problems == row.error);
    else CHECK(problems.find("are the same setting") != std::string::npos);
  }
}

TEST_CASE("all errors come at once") {
  auto [config, problems] = decode_yaml("wait: x\nnum_traces: 0\nnum_tracs: 1\ngrpc: {insecur: true}\n");
  CHECK(problems ==
        "3:1: num_tracs: unknown key; did you mean 'num_traces'?\n"
        "1:7: wait: invalid duration 'x'\n"
        "2:13: num_traces: 0 is below 1\n"
        "4:8: grpc::insecur: unknown key; did you mean 'insecure'?\n"
        "1:1: endpoint: is required\n");
}

TEST_CASE("a custom type may report by itself") {
  CHECK(problem_of("share: {a: 1}") == "1:8: share: no maps here\n");
}

TEST_CASE("presence switches an optional section on, also with null") {
  CHECK(decode_with("grpc:").config->grpc.has_value());
  CHECK(decode_with("grpc: {}").config->grpc.has_value());
  CHECK_FALSE(decode_with("tls: {reload_interval: ~}").config->client.tls.reload_interval);
}

TEST_CASE("what came out of a reference is converted without a warning, from its original text") {
  Value map = Value::map();
  auto expanded = Value::plain("00123");
  expanded.set_expanded(true);
  map.set("text", expanded);
  map.set("num_traces", expanded);
  map.set("endpoint", expanded);
  Problems problems;
  auto config = decode<shop::Config>(&map, problems);
  REQUIRE(config);
  CHECK(config->text == "00123");
  CHECK(config->num_traces == 83);
  CHECK(config->client.endpoint == "00123");
  CHECK(problems.warnings() == 1);  // 'text' is deprecated
}

TEST_CASE("the printer shows the line and a caret, but no secrets") {
  Problems problems;
  auto source = std::make_shared<Source>(Source{"relay.yaml", "num_traces: 0\npassword: [hunter2]\nendpoint: e\n"});
  auto value = parse_yaml(source, problems);
  {
    Problems::Scope scope(problems, "processors::shop");
    decode<shop::Config>(&*value, problems);
  }
  CHECK(problems.to_string() ==
        "relay.yaml:1:13: error: processors::shop::num_traces: 0 is below 1\n"
        "    1 | num_traces: 0\n"
        "      |             ^\n"
        "relay.yaml:2:11: error: processors::shop::password: expected a string, got a list\n");
  CHECK(problems.result().error().what ==
        "processors::shop::num_traces (relay.yaml:1:13): 0 is below 1\n"
        "processors::shop::password (relay.yaml:2:11): expected a string, got a list");
}

TEST_CASE("settings print with secrets redacted") {
  auto config = decode_with("password: hunter2\nheaders: {a: b}\nwait: 90s\nmode: safe\nshare: 25%").config.value();
  auto value = to_value(config);
  CHECK(value.get("password")->text() == "[REDACTED]");
  CHECK(value.find("headers::a")->text() == "[REDACTED]");
  CHECK(value.get("wait")->text() == "1m30s");
  CHECK(value.get("mode")->text() == "careful");
  CHECK(value.get("share")->text() == "25%");
  CHECK(value.get("limit")->text() == "1MiB");
  CHECK(value.get("grpc")->is_null());
  CHECK(fmt::format("{}", config.password) == "[REDACTED]");
  CHECK(to_yaml(value).find("hunter2") == std::string::npos);
}

TEST_CASE("byte sizes") {
  struct {
    std::string_view in;
    std::uint64_t out;
  } const rows[] = {{"0", 0}, {"1024", 1024}, {"1k", 1000}, {"1KiB", 1024}, {"1.5 MiB", 1572864}, {"2GB", 2'000'000'000},
                    {"10b", 10}, {"1tib", 1ULL << 40}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(parse_byte_size(row.in).value().value == row.out);
  }
  for (std::string_view bad : {"", "MiB", "-1", "1x", "1kk", "99999999999TiB", "1e3"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_byte_size(bad));
  }
  CHECK(format_byte_size({1536}) == "1536");
  CHECK(format_byte_size({3 << 20}) == "3MiB");
}
