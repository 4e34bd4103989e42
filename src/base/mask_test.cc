#include "base/mask.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("user, password and query of URLs are masked, all else stays") {
  struct { std::string_view in, out; } const rows[] = {
      {"https://host/v1/traces", "https://host/v1/traces"},
      {"https://user:pw@host/v1", "https://[REDACTED]@host/v1"},
      {"https://user@host", "https://[REDACTED]@host"},
      {"http://a:p@ss@host:1/x", "http://[REDACTED]@host:1/x"},
      {"http://a:p/q@host:1/x", "http://[REDACTED]@host:1/x"},
      {"https://host/v1?api_key=abc&x=1", "https://host/v1?[REDACTED]"},
      {"http://[::1]:80/x?y=z", "http://[::1]:80/x?[REDACTED]"},
      {"POST \"http://u:p@h/?k=v\": refused", "POST \"http://[REDACTED]@h/?[REDACTED]\": refused"},
      {"a http://u:p@h and http://v:q@i!", "a http://[REDACTED]@h and http://[REDACTED]@i!"},
      {"http://h/a@b", "http://h/a@b"},
      {"no url, me@there.org", "no url, me@there.org"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(mask_urls(row.in) == row.out);
  }
}

TEST_CASE("which keys are secret by their names") {
  for (auto key : {"password", "client_secret", "Authorization", "api_key", "apiKey", "x-api-key", "key_pem", "headers", "token", "auth_token", "secret_access_key", "headers_list"}) {
    CAPTURE(key);
    CHECK(is_secret_key(key));
  }
  for (auto key : {"key", "bearertokenauth", "token_url", "header", "password_file", "key_file", "routing_key", "tokenizer", "endpoint", "keys", ""}) {
    CAPTURE(key);
    CHECK(!is_secret_key(key));
  }
}

TEST_CASE("a user without a scheme in front is masked in a shown line, addresses without a password are not") {
  CHECK(mask_line("otlp: {endpoint: 'u:hunter2@h:1'}", 1) == "otlp: {endpoint: '[REDACTED]@h:1'}");
  CHECK(mask_line("a: x:hunter2@h, b: y:hunter2@h", 1) == "a: [REDACTED]@h, b: [REDACTED]@h");
  CHECK(mask_line("to: someone@example.com", 1) == "to: someone@example.com");
}

TEST_CASE("a line of a configuration is shown without the secrets in it") {
  struct { std::string_view text; std::size_t line; std::string_view out; } const rows[] = {
      {"a:\n  b: 1\n", 2, "  b: 1"},
      {"a:\n  password: hunter2\n", 2, "  password: [REDACTED]"},
      {"a:\n  \"password\": hunter2\n", 2, "  \"password\": [REDACTED]"},
      {"a: {user: me, password: \"hun,ter2\", x: 1}\n", 1, "a: {user: me, password: [REDACTED], x: 1}"},
      {"a: {password: hunter2}\n", 1, "a: {password: [REDACTED]}"},
      {"a:\n  headers:\n    x-tenant: hunter2\n", 3, "    [REDACTED]"},
      {"a:\n  headers: {x-tenant: hunter2, b: hunter2}\n", 2, "  headers: [REDACTED]"},
      {"a:\n  headers:\n  - name: x\n    value: hunter2\n", 4, "    [REDACTED]"},
      {"a:\n  headers:\n  - name: hunter2\n", 3, "  [REDACTED]"},
      {"a:\n  key_pem: |\n    -----BEGIN\n    hunter2\n", 4, "    [REDACTED]"},
      {"a:\n  password:\n    hunter2\n", 3, "    [REDACTED]"},
      {"a:\n  headers:\n    x: 1\n  timeout: 5x\n", 4, "  timeout: 5x"},
      {"endpoint: http://me:hunter2@host\n", 1, "endpoint: http://[REDACTED]@host"},
      {"exporters.otlp.headers.x=hunter2", 1, "exporters.otlp.headers.x=[REDACTED]"},
      {"a::headers::x: hunter2", 1, "a::headers::x: [REDACTED]"},
      {"- {name: a, token: hunter2}", 1, "- {name: a, token: [REDACTED]}"},
      {"one\n", 7, ""},
  };
  for (auto& row : rows) {
    CAPTURE(row.text);
    CHECK(mask_line(row.text, row.line) == row.out);
  }
}
