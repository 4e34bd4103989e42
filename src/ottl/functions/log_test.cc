#include <doctest/doctest.h>

#include "ottl/testing.h"

namespace weir::ottl {
namespace {

std::string parsed(std::string_view function, std::string_view text, std::string_view more = "") {
  Bench b(ContextId::log, {.caller = Callers::transform});
  b.set(b.log.attributes, "x", text);
  return b.eval(fmt::format("{}(attributes[\"x\"]{})", function, more));
}

TEST_CASE("ParseCEF") {
  CHECK(parsed("ParseCEF", R"(Jan 1 host CEF:0|Security|threat\|manager|1.0|100|worm stopped|10|src=10.0.0.1 msg=a \= b\nc  dst=2.1.2.2)") ==
        R"(map {"cef.device_event_class_id":"100","cef.device_product":"threat|manager","cef.device_vendor":"Security","cef.device_version":"1.0",)"
        R"("cef.extensions":{"dst":"2.1.2.2","msg":"a = b\nc","src":"10.0.0.1"},"cef.name":"worm stopped","cef.severity":"10","cef.version":"0"})");
  CHECK(parsed("ParseCEF", "CEF:0|a|b|c|d|e|5").find(R"("cef.severity":"5")") != std::string::npos);
  CHECK(parsed("ParseCEF", "CEF:0|a|b") == "error: invalid CEF header: expected 7 fields, got 3");
  CHECK(parsed("ParseCEF", "CEF:|a|b|c|d|e|5") == "error: invalid CEF message: missing version");
  CHECK(parsed("ParseCEF", "hello") == "error: invalid CEF message: 'CEF:' not found");
  CHECK(parsed("ParseCEF", "") == "error: ParseCEF: cannot parse an empty message");
}

TEST_CASE("ParseCLF") {
  constexpr std::string_view line = R"(127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326)";
  CHECK(parsed("ParseCLF", line) ==
        R"(map {"clf.auth_user":"frank","clf.bytes":2326,"clf.method":"GET","clf.protocol":"HTTP/1.0","clf.remote_host":"127.0.0.1","clf.request":"GET /a.gif HTTP/1.0",)"
        R"("clf.request_uri":"/a.gif","clf.rfc931":"-","clf.status":200,"clf.timestamp":"10/Oct/2000:13:55:36 -0700"})");
  std::string combined = std::string(line) + R"( "http://x/" "Mozilla \"5\"")";
  CHECK(parsed("ParseCLF", combined, R"(, "combined")").find(R"("clf.user_agent":"Mozilla \"5\"")") != std::string::npos);
  CHECK(parsed("ParseCLF", combined) == "error: invalid CLF message: it is not in the clf format");
  CHECK(parsed("ParseCLF", R"(h - - [t] "-" 304 -)").find("clf.bytes") == std::string::npos);
  CHECK(parsed("ParseCLF", R"(h - - [t] "-" abc -)") == "error: invalid status code \"abc\"");
  CHECK(parsed("ParseCLF", "x", R"(, "other")").starts_with("config: "));
}

TEST_CASE("ParseELF") {
  CHECK(parsed("ParseELF", "#Version: 1.0\n#Date: 2024-01-01\n#Fields: time cs-method note\r\n10:00 GET \"a \"\"b\"\"\"\n10:01 PUT\n") ==
        R"(map {"elf.date":"2024-01-01","elf.entries":[{"cs-method":"GET","note":"a \"b\"","time":"10:00"},{"cs-method":"PUT","note":"-","time":"10:01"}],)"
        R"("elf.fields":["time","cs-method","note"],"elf.version":"1.0"})");
  CHECK(parsed("ParseELF", "#Fields: a\n1") == "error: invalid ELF: missing #Version directive");
  CHECK(parsed("ParseELF", "#Version: 1\nx") == "error: invalid ELF: data entry found before #Fields directive");
  CHECK(parsed("ParseELF", "#Version: 1\n#Fields: a\n\"x").starts_with("error: invalid ELF: unterminated"));
  CHECK(parsed("ParseELF", "#Version: 1\n#Fields a").starts_with("error: invalid ELF: malformed #Fields"));
}

TEST_CASE("ParseLEEF") {
  CHECK(parsed("ParseLEEF", "LEEF:1.0|Vendor|Product|1|evt|a=1\tb=two=2") ==
        R"(map {"leef.attributes":{"a":"1","b":"two=2"},"leef.event.id":"evt","leef.product.name":"Product","leef.product.version":"1","leef.vendor":"Vendor","leef.version":"1.0"})");
  auto attributes = [](std::string_view text) {
    std::string out = parsed("ParseLEEF", text);
    return out.substr(0, out.find('}') + 1);
  };
  CHECK(attributes("LEEF:2.0|V|P|1|e|^|a=1^b=2") == R"(map {"leef.attributes":{"a":"1","b":"2"})");
  CHECK(attributes("LEEF:2.0|V|P|1|e|0x7c|a=1|b=2") == R"(map {"leef.attributes":{"a":"1","b":"2"})");
  CHECK(attributes("LEEF:2.0|V|P|1|e|a=1|2\tb=2") == R"(map {"leef.attributes":{"a":"1|2","b":"2"})");
  CHECK(attributes("LEEF:2.0|V|P|1|e") == R"(map {"leef.attributes":{})");
  CHECK(parsed("ParseLEEF", "LEEF:3.0|V|P|1|e").starts_with("error: unsupported LEEF version: 3.0"));
  CHECK(parsed("ParseLEEF", "LEEF:1.0|V|P").starts_with("error: invalid LEEF 1.0 header"));
  CHECK(parsed("ParseLEEF", "LEEF:2.0|V|P|1|e|xx|a=1").starts_with("error: invalid LEEF 2.0 delimiter"));
}

}  // namespace
}  // namespace weir::ottl
