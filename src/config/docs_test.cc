#include "config/docs.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::config;

namespace {

struct Part {
  std::string name;
  std::vector<Part> parts;
  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Part::name>("name", "Of the part.", {.required = true}),
        field<&Part::parts>("parts", "Inside."),
    };
    return rows;
  }
};

struct Tls {
  std::string file = "ca.pem";
  static std::span<const FieldInfo> fields() {
    static const std::array rows{field<&Tls::file>("file", "A file | or none.")};
    return rows;
  }
};

struct Settings {
  Duration timeout = 5s;
  std::uint64_t size = 10;
  std::string mode = "fast";
  Secret token;
  std::optional<Tls> tls;
  Tls always;
  std::vector<Part> parts;
  std::map<std::string, std::string> headers;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Settings::timeout>("timeout", "How long."),
        field<&Settings::size>("size", "How much.", {.min = 1, .max = 100, .aliases = "length"}),
        field<&Settings::mode>("mode", "How.", {.choices = "fast|safe"}),
        field<&Settings::token>("token", "Who."),
        field<&Settings::tls>("tls", "Encryption."),
        field<&Settings::always>("always", "A section."),
        field<&Settings::parts>("parts", "Many."),
        field<&Settings::headers>("headers", "Sent along.", {.deprecated = "use token"}),
        ignored("cache", "there is none"),
    };
    return rows;
  }
};

}  // namespace

TEST_CASE("the table has a row for each setting, with its default") {
  CHECK(settings_table(Settings::fields(), to_value(Settings{})) == R"(| setting | type | default | |
|---|---|---|---|
| `timeout` | duration | `5s` | How long. |
| `size` | int | `10` | How much. 1 to 100. Also written length. |
| `mode` | string | `fast` | How. One of fast, safe. |
| `token` | secret |  | Who. |
| `tls` | section | off | Encryption. |
| `tls::file` | string | `ca.pem` | A file \| or none. |
| `always` | section |  | A section. |
| `always::file` | string | `ca.pem` | A file \| or none. |
| `parts` | list of section |  | Many. |
| `parts[]::name` | string | required | Of the part. |
| `parts[]::parts` | list of section |  | Inside. |
| `headers` | map of string |  | Sent along. Deprecated: use token. |

Accepted without effect: `cache`.
)");
}

TEST_CASE("the schema says what the decoder takes") {
  Value schema = json_schema(Settings::fields(), to_value(Settings{}));
  CHECK(schema.find("additionalProperties")->as_bool() == false);
  CHECK(schema.find("properties::timeout::default")->text() == "5s");
  CHECK(schema.find("properties::size::minimum")->as_double() == 1);
  CHECK(schema.find("properties::length::maximum")->as_double() == 100);
  CHECK(schema.find("properties::mode::anyOf::0::enum::1")->text() == "safe");
  CHECK(schema.find("properties::token::default") == nullptr);
  CHECK(schema.find("properties::tls::properties::file::default")->text() == "ca.pem");
  CHECK(schema.find("properties::parts::items::required::0")->text() == "name");
  CHECK(schema.find("properties::parts::items::properties::parts::items")->size() == 0);  // it contains itself
  CHECK(schema.find("properties::headers::deprecated")->as_bool());
  CHECK(schema.find("properties::cache::deprecated")->as_bool());
}
