#include <doctest/doctest.h>

#include "otlp/excerpt.h"
#include "ottl/testing.h"

namespace weir::ottl {
namespace {

struct Row {
  std::string_view in, out;
};

void fill(Bench& b) {
  auto& a = b.log.attributes;
  b.set(a, "s", "Hello World");
  b.set(a, "i", std::int64_t{42});
  b.set(a, "d", 3.75);
  b.set_bool(a, "t", true);
  b.set(a, "utf8", "gr\u00fc\u00dfe");
  b.run({R"(set(attributes["m"], {"k1": "v1", "nested": {"deep": [1, {"z": "q"}]}}))", R"(set(attributes["arr"], ["a", "b", "c"]))",
         R"(set(attributes["by"], 0x0102fe))"});
  a.set(b.arena, "no bytes", otlp::Value::of_bytes(""));
  b.log.body = otlp::Value::of(std::string_view("the body text 42"));
  b.log.severity_number = 9;
  b.log.time_unix_nano = 1'700'000'000'000'000'000;
}

TEST_CASE("expressions: literals, arithmetic and paths") {
  Bench b;
  fill(b);
  const Row rows[] = {
      {"1 + 2 * 3", "int64 7"},
      {"(1 + 2) * 3", "int64 9"},
      {"10 - 3 - 2", "int64 5"},
      {"7 / 2", "int64 3"},
      {"7.0 / 2", "float64 3.5"},
      {"1 -1", "int64 0"},
      {"2 - -3", "int64 5"},
      {"-(1+2)", "int64 -3"},
      {".5", "float64 0.5"},
      {"1.5e3", "float64 1500"},
      {"1 / 0", "error: attempted to divide by 0"},
      {"-9223372036854775808 / -1", "int64 -9223372036854775808"},
      {R"("a\"b\\c\n\u00e9\x41")", "string \"a\\\"b\\\\c\\n\u00e9A\""},
      {"[1, \"a\", nil, true]", "list [1,\"a\",null,true]"},
      {"[1 2]", "list [1,2]"},
      {R"({"a": 1 "b": [2]})", R"(map {"a":1,"b":[2]})"},
      {"nil", "nil"},
      {R"(attributes["i"] * 2 + 1)", "int64 85"},
      {R"(log.attributes["i"]-1)", "int64 41"},
      {R"(-attributes["i"])", "int64 -42"},
      {R"(attributes["m"]["nested"]["deep"][1]["z"])", "string \"q\""},
      {R"(attributes["m"]["none"]["x"])", "nil"},
      {R"(attributes["nope"])", "nil"},
      {R"(attributes["arr"][9])", "error: index 9 out of bounds"},
      {R"(attributes["s"]["x"])", "error: type Str does not support string indexing"},
      {R"(attributes["arr"][Len(attributes["arr"]) - 1])", "string \"c\""},
      {R"(resource.attributes["service.name"])", "string \"checkout\""},
      {"instrumentation_scope.version", "string \"1.2.3\""},
      {"severity_number", "int64 9"},
      {"SEVERITY_NUMBER_ERROR", "int64 17"},
      {"log.time", "time \"2023-11-14T22:13:20Z\""},
      {"body.string", "string \"the body text 42\""},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.eval(row.in) == row.out);
  }
}

TEST_CASE("conditions: Go's comparisons, without errors between types") {
  Bench b;
  fill(b);
  const Row rows[] = {
      {"nil == nil", "true"},
      {"nil <= nil", "true"},
      {"nil < 1", "false"},
      {"1 == 1.0 and not (2 < 1)", "true"},
      {R"(attributes["nope"] != "x")", "true"},
      {R"(attributes["nope"] == "x")", "false"},
      {R"(attributes["s"] == "Hello World" and attributes["s"] != "Hello" and "Hello" != attributes["s"])", "true"},
      {R"(attributes["s"] != "Hello World" or attributes["i"] == "42" or attributes["m"]["k1"] != "v1")", "false"},
      {R"(attributes["i"] != "42" and attributes["nope"] != "" and attributes["by"] != "")", "true"},
      {R"(IsMatch(attributes["s"], "^Hello.*$") and not IsMatch(attributes["s"], "^World") and IsMatch(attributes["i"], "^4"))", "true"},
      {R"(IsMatch(attributes["nope"], ".*"))", "false"},
      {R"(attributes["s"] > 1)", "false"},
      {R"(attributes["s"] != 1)", "true"},
      {"true > false", "true"},
      {R"(attributes["by"] == 0x0102fe)", "true"},
      {R"(attributes["no bytes"] == nil and attributes["no bytes"] >= nil and attributes["no bytes"] == attributes["nope"])", "true"},
      {R"(attributes["no bytes"] != 0x01 and attributes["no bytes"] != "" and attributes["no bytes"] == attributes["no bytes"])", "true"},
      {R"(attributes["no bytes"] < 0x01 or attributes["no bytes"] != nil)", "false"},
      {R"(SpanID(1) == SpanID("0000000000000001") and TraceID("0123456789abcdef") == TraceID(0x30313233343536373839616263646566))", "true"},
      {R"(attributes["arr"] == ["a", "b", "c"])", "true"},
      {R"({"a": 1} == {"a": 1.0})", "false"},
      {R"(["a"] < ["b"])", "false"},
      {"false and true or true", "true"},
      {R"(not attributes["i"] == 42)", "false"},
      {R"((attributes["i"] + 1) * 2 == 86)", "true"},
      {R"(((attributes["i"] == 42)))", "true"},
      {R"(IsString("a"))", "true"},
      {R"(Len("a"))", "value returned from Converter in constant expression must be bool but got int64"},
      {R"(trace_id == TraceID("00000000000000000000000000000000"))", "true"},
      {"trace_id == 0x00000000000000000000000000000000", "false"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.test(std::string(row.in)) == row.out);
  }
}

TEST_CASE("errors of a statement show the place") {
  Bench b;
  std::string what = b.run({"set(attributes[\"x\"], 1) where", "set(log.nane, 1)", "nosuch(body)"});
  CHECK(what.find("1:30: unexpected token \"<EOF>\"") != std::string::npos);
  CHECK(what.find("\n  set(attributes[\"x\"], 1) where\n                               ^") != std::string::npos);
  CHECK(what.find("undefined function \"nosuch\"") != std::string::npos);
  const Row rows[] = {
      {"set(attributes[\"x\"], 1, 2)", "incorrect number of arguments"},
      {"set(target=attributes[\"x\"], 1)", "unnamed argument used after named argument"},
      {"set(foo=attributes[\"x\"], value=1)", "no parameter \"foo\""},
      {"set(span.name, 1)", "not valid in the log context"},
      {"set(log.severity_text[\"x\"], 1)", "cannot be indexed"},
      {"set(log.body.foo, 1)", "not a valid path"},
      {"set(log.severity_txt, 1)", "did you mean \"severity_text\"?"},
      {"Set(attributes[\"x\"], 1)", "must start with a lowercase letter"},
      {"set(attributes[\"x\"], set(attributes, 1))", "must start with an uppercase letter"},
      {"set(attributes[\"x\"], 'a')", "invalid input text"},
      {"set(attributes[\"x\"], \"a\\qb\")", "invalid quoted string"},
      {"set(attributes[\"x\"], Split(1, \",\"))", "expected string but got int64"},
      {"set(attributes[\"x\"], Bool(\"no\"))", "cannot parse \"no\" as a bool"},
      {"set(attributes[\"x\"], 1) where attributes[\"t\"]", "expected a comparison"},
      {"set(attributes[\"x\"], 1e21)", "unexpected token \"e21\""},
      {"keep_keys(attributes, \"x\")", "must be a list"},
      {"set(attributes[\"x\"], Hex([1]))", "unsupported type: list"},
      {"set(attributes[\"x\"], SpanID(\"0123\"))", "must be 8 bytes or 16 hex digits, got 4"},
      {"delete_matching_keys(attributes, \"(\")", "is not valid"},
      {"limit(attributes, 1, [\"a\", \"b\"])", "cannot be less than"},
      {"merge_maps(attributes, resource.attributes, \"weird\")", "must be insert, update or upsert"},
      {"set(cache[\"x\"], 1) where scope.cache[\"y\"] == 1", "access to cache"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    std::string error = b.run({std::string(row.in)});
    CAPTURE(error);
    CHECK(error.find(row.out) != std::string::npos);
  }
  std::string deep(1000, '(');
  CHECK(b.test(deep).find("nested too deep") != std::string::npos);
}

TEST_CASE("editors") {
  struct {
    std::vector<std::string> statements;
    std::string_view check, out;
  } const rows[] = {
      {{R"(set(attributes["x"], 5))"}, R"(attributes["x"])", "int64 5"},
      {{R"(set(attributes["s"], attributes["nope"]))"}, R"(attributes["s"])", "string \"Hello World\""},
      {{R"(set(attributes["x"]["y"][2], 1))"}, R"(attributes["x"])", R"(map {"y":[null,null,1]})"},
      {{R"(set(body, attributes["m"]))"}, R"(body["k1"])", "string \"v1\""},
      {{R"(set(cache["a"], "b"))", R"(set(attributes["x"], cache["a"]))"}, R"(attributes["x"])", "string \"b\""},
      {{R"(delete_key(attributes["m"], "k1"))"}, R"(attributes["m"])", R"(map {"nested":{"deep":[1,{"z":"q"}]}})"},
      {{R"(keep_keys(attributes, ["s", "nope"]))"}, "attributes", R"(map {"s":"Hello World"})"},
      {{R"(keep_matching_keys(attributes, "^(s|i)$"))"}, "attributes", R"(map {"i":42,"s":"Hello World"})"},
      {{R"(delete_matching_keys(attributes, "^[^d]"))"}, "attributes", R"(map {"d":3.75})"},
      {{R"(limit(attributes, 2, ["d"]))"}, "attributes", R"(map {"d":3.75,"s":"Hello World"})"},
      {{R"(merge_maps(attributes["m"], {"k1": 1, "n": 2}, "insert"))"}, R"(attributes["m"]["k1"])", "string \"v1\""},
      {{R"(merge_maps(attributes["m"], {"k1": 1, "n": 2}, "update"))"}, R"(attributes["m"]["n"])", "nil"},
      {{R"(merge_maps(attributes["m"], attributes["m"], "upsert"))"}, R"(attributes["m"])", R"(map {"k1":"v1","nested":{"deep":[1,{"z":"q"}]}})"},
      {{R"(append(attributes["arr"], "d", ["e"]))"}, R"(attributes["arr"])", R"(list ["a","b","c","d","e"])"},
      {{R"(append(attributes["i"], Sort([2, 1])))"}, R"(attributes["i"])", "list [42,[1,2]]"},
      {{R"(set(attributes["m"]["self"], [attributes["m"], 2]))"}, R"(attributes["m"])",
       R"(map {"k1":"v1","nested":{"deep":[1,{"z":"q"}]},"self":[{"k1":"v1","nested":{"deep":[1,{"z":"q"}]},"self":[{}]},2]})"},
      {{R"(set(attributes["x"], [1, log.time, 2]))"}, R"(attributes["x"])", "list [1,null,2]"},
      {{R"(append(attributes["i"], "x"))"}, R"(attributes["i"])", R"(list [42,"x"])"},
      {{R"(delete_index(attributes["arr"], 0, 2))"}, R"(attributes["arr"])", R"(list ["c"])"},
      {{R"(flatten(attributes["m"]))"}, R"(attributes["m"])", R"(map {"k1":"v1","nested.deep.0":1,"nested.deep.1.z":"q"})"},
      {{R"(flatten(attributes["m"], "p", 1))"}, R"(attributes["m"])", R"(map {"p.k1":"v1","p.nested.deep":[1,{"z":"q"}]})"},
      {{R"(set(attributes["m"], {"a":{"b":1}, "a.b":2, "e":{}, "z":[{"q":1},[1,2]]}))", R"(flatten(attributes["m"], resolveConflicts=true))"},
       R"(attributes["m"])", R"(map {"a.b":1,"a.b.0":2,"z.0.q":1,"z.10":1,"z.11":2})"},
      {{R"(set(attributes["m"], {"l":[[[1,[2,[3]]],{"a":[4]}]]}))", R"(flatten(attributes["m"]))"},
       R"(attributes["m"])", R"(map {"l.00.0":1,"l.00.10":2,"l.00.11.0":3,"l.01.a.0":4})"},
      {{R"(set(attributes["m"], {"l":[[1,[[2]],{"a":{"b":3}}]]}))", R"(flatten(attributes["m"], depth=3))"},
       R"(attributes["m"])", R"(map {"l.00":1,"l.01":[[2]],"l.02":{"a":{"b":3}}})"},
      {{R"(set(attributes["m"], {"l":[[1,[[2]],{"a":{"b":3}}]]}))", R"(flatten(attributes["m"], depth=4))"},
       R"(attributes["m"])", R"(map {"l.00":1,"l.01.0":[2],"l.02.a":{"b":3}})"},
      {{R"(truncate_all(attributes, 3))"}, R"(attributes["utf8"])", "string \"gr\""},
      {{R"(truncate_all(attributes, 5, truncation_marker="~"))"}, R"(attributes["s"])", "string \"Hell~\""},
      {{R"(stringify_all(attributes))"}, R"(attributes["arr"])", R"(string "[\"a\",\"b\",\"c\"]")"},
      {{R"~(replace_pattern(attributes["s"], "(\\w+) (\\w+)", "$2 ${1}$$"))~"}, R"(attributes["s"])", "string \"World Hello$\""},
      {{R"~(replace_pattern(attributes["s"], "x*", "-"))~"}, R"(attributes["s"])", "string \"-H-e-l-l-o- -W-o-r-l-d-\""},
      {{R"~(replace_pattern(attributes["s"], "(o)", "$1", MD5, "<%s>"))~"}, R"(attributes["s"])",
       "string \"Hell<d95679752134a2d9eb61dbd7b91c4bcc> W<d95679752134a2d9eb61dbd7b91c4bcc>rld\""},
      {{R"(replace_match(attributes["s"], "H*o*", "x"))"}, R"(attributes["s"])", "string \"x\""},
      {{R"(replace_match(attributes["s"], "{Hi,Hello}?[!a-z]*", "x"))"}, R"(attributes["s"])", "string \"x\""},
      {{R"(replace_match(attributes["s"], "ello", "x"))"}, R"(attributes["s"])", "string \"Hello World\""},
      {{R"(replace_all_patterns(attributes, "key", "^(s)$", "k_$1"))"}, R"(attributes["k_s"])", "string \"Hello World\""},
      {{R"(replace_all_patterns(attributes, "value", "o", "0"))"}, R"(attributes["s"])", "string \"Hell0 W0rld\""},
      {{R"(set(trace_id.string, "ffeeddccbbaa99887766554433221100"))"}, "trace_id.string", "string \"ffeeddccbbaa99887766554433221100\""},
      {{R"(set(log.time_unix_nano, 5))"}, "log.time_unix_nano", "int64 5"},
  };
  for (auto& row : rows) {
    CAPTURE(row.statements[0]);
    Bench b;
    fill(b);
    CHECK(b.run(row.statements) == "");
    CHECK(b.eval(row.check) == row.out);
  }
}

TEST_CASE("what Split gives is equal to no other list") {
  Bench b;
  CHECK(b.run({R"(set(attributes["l"], Split("a,b", ",")))"}) == "");
  const Row rows[] = {
      {R"(attributes["l"] == ["a", "b"])", "true"},
      {R"(attributes["l"] == Split("a,b", ","))", "false"},
      {R"(Split("a,b", ",") != ["a", "b"])", "true"},
      {R"(Sort(Split("a,b", ",")) == Sort(["a", "b"]))", "false"},
      {R"(Sort(["b", "a"]) == attributes["l"])", "true"},
      {R"(Split("a,b", ",") == Split("a;b", ";"))", "true"},
      {R"(Split("a,b", ",") < ["a", "b"])", "false"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.test(std::string(row.in)) == row.out);
  }
}

TEST_CASE("patterns take a byte that is not UTF-8 as one character") {
  const Row rows[] = {
      {"^.*$", "<\xe9\x9b>"}, {".", "<\xe9><\x9b>"}, {"", "<>\xe9<>\x9b<>"}, {"[^a-z]$", "\xe9<\x9b>"}, {"a|$", "\xe9\x9b<>"}, {"^a", "\xe9\x9b"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    Bench b;
    b.set(b.log.attributes, "s", "\xe9\x9b");
    CHECK(b.run({fmt::format(R"(replace_all_patterns(attributes, "value", "{}", "<$0>"))", row.in)}) == "");
    CHECK(b.log.attributes.find("s")->text == row.out);
  }
}

TEST_CASE("conditions without paths are decided before anything can fail") {
  Bench b;
  CHECK(b.test(R"(Values(body) == 1 or 3 >= 2.0)") == "true");
  CHECK(b.test(R"(Values(body) == 1 and not (1 == 1))") == "false");
  CHECK(b.test(R"(Values(body) == 1 or 1 == 2)").starts_with("expected pcommon.Map"));
}

TEST_CASE("JSON of containers: a byte that is not UTF-8 is written as an escape, a replacement character as itself") {
  Bench b;
  b.set(b.log.attributes, "wrong", "\xe9\uFFFD\xe2\x82\u20ac\xff");
  CHECK(b.run({R"(set(attributes["l"], [attributes["wrong"]]))", R"(set(attributes["s"], String(attributes["l"])))", "stringify_all(attributes)"}) == "");
  constexpr std::string_view expected = "[\"\\ufffd\uFFFD\\ufffd\\ufffd\u20ac\\ufffd\"]";
  CHECK(b.log.attributes.find("s")->text == expected);
  CHECK(b.log.attributes.find("l")->text == expected);
  CHECK(b.log.attributes.find("wrong")->text == "\xe9\uFFFD\xe2\x82\u20ac\xff");
}

TEST_CASE("JSON of containers: String escapes HTML, stringify_all does not") {
  Bench b;
  CHECK(b.run({R"(set(attributes["l"], ["<&>\u2028"]))", R"(set(attributes["s"], String(attributes["l"])))", "stringify_all(attributes)"}) == "");
  CHECK(b.log.attributes.find("s")->text == R"(["\u003c\u0026\u003e\u2028"])");
  CHECK(b.log.attributes.find("l")->text == R"(["<&>\u2028"])");
}

TEST_CASE("numbers that JSON cannot write make no text") {
  Bench b;
  double infinity = std::numeric_limits<double>::infinity();
  b.set(b.log.attributes, "d", infinity);
  CHECK(b.run({R"(set(attributes["m"], {"x": attributes["d"]}))", R"(set(attributes["l"], [1, attributes["d"]]))"}) == "");
  for (std::string_view target : {"d", "m", "l"}) {
    CAPTURE(target);
    CHECK(b.test(fmt::format(R"(IsMatch(attributes["{}"], ".*"))", target)).contains("have no JSON"));
    CHECK(b.eval(fmt::format(R"(String(attributes["{}"]))", target)).contains("have no JSON"));
  }
  CHECK(b.run({"stringify_all(attributes)"}) == "");
  CHECK(b.eval(R"(attributes["d"])") == R"(string "Infinity")");
}

TEST_CASE("large numbers are written with their shortest digits") {
  Bench b;
  b.set(b.log.attributes, "d", -1700000952718154200.0);
  CHECK(b.eval(R"(String(attributes["d"]))") == R"(string "-1700000952718154200")");
}

TEST_CASE("the last entry takes the place of a deleted one") {
  Bench b;
  for (std::string_view key : {"a", "b", "c", "d"}) b.set(b.log.attributes, key, std::int64_t{1});
  CHECK(b.run({R"(delete_key(attributes, "a"))", "limit(attributes, 2, [])"}) == "");
  CHECK(b.eval("Keys(attributes)") == R"(list ["d","b"])");
  CHECK(b.run({R"(delete_key(attributes, "b"))", R"(delete_key(attributes, "d"))", R"(delete_key(attributes, "d"))"}) == "");
  CHECK(b.log.attributes.empty());
}

TEST_CASE("Format: verbs that Go has for numbers, bytes and durations") {
  Bench b;
  fill(b);
  const Row rows[] = {
      {R"(Format("%v %T %v", [Split("a,b", ","), Split("a", ","), Sort([2, 1])]))", R"~(string "[a b] []string [1 2]")~"},
      {R"(ToSnakeCase("\u2028\u00a0HelloWorld\u3000"))", R"(string "hello_world")"},
      {R"(ToCamelCase("\u2028hello_world"))", R"(string "HelloWorld")"},
      {R"(ParseKeyValue("\u00a0a\u2003=\u1680b"))", R"(map {"a":"b"})"},
      {R"({"a": Sort([2, 1]), "b": [attributes["m"]], "c": attributes["m"]["k1"]})", R"(map {"a":[1,2],"b":[{"k1":"v1","nested":{"deep":[1,{"z":"q"}]}}],"c":"v1"})"},
      {R"({"a": [log.time, 1]})", "error: invalid value type list in a map"},
      {R"(Sort([log.time, 1]))", "error: sort with unsupported type: target is not a list of primitive types"},
      {R"({"a": attributes["arr"]})", "error: invalid value type list in a map"},
      {R"({"a": Split("a,b", ",")})", "error: invalid value type list in a map"},
      {R"({"a": Sort(Split("a,b", ","))})", "error: invalid value type list in a map"},
      {R"({"a": Values(attributes["m"])})", "error: invalid value type list in a map"},
      {R"(Format("%+v %#v %#v", [42, "a", [1, "b"]]))", R"~(string "42 \"a\" []interface {}{1, \"b\"}")~"},
      {R"(Format("%c%c", [55296, 65]))", "string \"\xEF\xBF\xBD" "A\""},
      {R"(Format("%b|%U", [2.5, -5]))", R"(string "5629499534213120p-51|U+FFFFFFFFFFFFFFFB")"},
      {R"(Format("%o %g", [0x0102, 0x01]))", R"~(string "[1 2] [%!g(uint8=1)]")~"},
      {R"(Format("%x %d %#v %g", [Duration("90s"), Duration("90s"), Duration("90s"), Duration("90s")]))",
       R"~(string "316d333073 90000000000 90000000000 %!g(time.Duration=90000000000)")~"},
      {R"(Format("%w %08.3f", [[1], [1, "a"]]))", R"~(string "%!w([]interface {}=[1]) [%!f(int64=     001) %!f(string=0000000a)]")~"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.eval(row.in) == row.out);
  }
}

TEST_CASE("ParseCSV: lines are one row, and what stands in front of a broken field counts") {
  Bench b;
  fill(b);
  const Row rows[] = {
      {R"~(ParseCSV("a,\"b", "x", ",", ";"))~", R"(map {"x":"a"})"},
      {R"~(ParseCSV("\"a\nb\"\n\"c\",d\r\n", "x,y"))~", R"(map {"x":"a\nb\nc","y":"d"})"},
      {R"~(ParseCSV("1,2\n\n3,4", "a,b,c"))~", R"(map {"a":"1","b":"2\n3","c":"4"})"},
      {R"~(ParseCSV("a\n", "x", mode="ignoreQuotes"))~", R"(map {"x":"a\n"})"},
      {R"~(ParseCSV("a\"b", "x"))~", "error: no csv line found, or a quote where none can be"},
      {R"~(ParseCSV("a\"b", "x", mode="lazyQuotes"))~", R"(map {"x":"a\"b"})"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.eval(row.in) == row.out);
  }
}

TEST_CASE("ExtractGrokPatterns: definitions match what the collector's do") {
  Bench b;
  const Row rows[] = {
      {R"(ExtractGrokPatterns("http://user:pw@example.com:80/path?q=1", "%{ELB_URI}", true))",
       R"(map {"url.domain":"example.com","url.path":"/path","url.port":80,"url.query":"q=1","url.scheme":"http","url.username":"user"})"},
      {R"(ExtractGrokPatterns("Mar  1 12:00:00 host prog[12]: msg", "%{SYSLOGLINE}", true))", R"(map {"host.name":"host","message":"msg","timestamp":"Mar  1 12:00:00"})"},
      {R"(ExtractGrokPatterns("::ffff:1.2.3.4", "%{IP:a}", true))", R"(map {"a":"::ffff:1.2.3.4"})"},
      {R"(ExtractGrokPatterns("a@b.example", "%{EMAILADDRESS:e}", true))", "map {}"},
      {R"(ExtractGrokPatterns("True 10:11", "%{BOOL:b}", true))", "map {}"},
      {R"(ExtractGrokPatterns("10:11", "%{TIME:t}", true))", R"(map {"t":"10:11"})"},
      {R"(ExtractGrokPatterns("/", "%{UNIXPATH:p}", true))", "map {}"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.eval(row.in) == row.out);
  }
}

TEST_CASE("Decode: the collector's names of encodings") {
  Bench b;
  fill(b);
  const Row rows[] = {
      {R"(Decode(attributes["utf8"], "ascii"))", "string \"gr\u00fc\u00dfe\""},
      {R"(Decode(attributes["utf8"], ""))", "string \"gr\u00fc\u00dfe\""},
      {R"(Decode(0xb0a1, "EUC-KR"))", "string \"\uac00\""},
      {R"(Decode(attributes["utf8"], "nop"))", "string \"gr\u00fc\u00dfe\""},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.eval(row.in) == row.out);
  }
}

TEST_CASE("Time: space in front of numbers does not count; CommunityID puts IPv4 first") {
  Bench b;
  CHECK(b.eval(R"(UnixSeconds(Time(" 2023- 5-\t26", "%Y-%m-%d", "UTC")))") == "int64 1685059200");
  CHECK(b.eval(R"(FormatTime(Time("2024-02-29T23:05:09+02:00", "%Y-%m-%dT%H:%M:%S%z"), "%Z"))") == "string \"+0200\"");
  CHECK(b.eval(R"(CommunityID("::1", 80, "192.168.1.1", 80, "TCP", 1))") == "string \"1:q+AY2bGK3+xMVBsmspaOqSoXrpg=\"");
}

TEST_CASE("Format: a value that a verb does not fit keeps the width") {
  Bench b;
  CHECK(b.eval(R"(Format("%5d|%-6x|%.2d|%#d", [true, false, "text", "x"]))") ==
        R"~(string "%!d(bool= true)|%!x(bool=false )|%!d(string=te)|%!d(string=x)")~");
  CHECK(b.eval(R"(Format("%5d", [1, true]))") == R"~(string "    1%!(EXTRA bool=true)")~");
}

TEST_CASE("Format: %q shows bytes that are no characters, and characters that cannot be seen, by their numbers") {
  Bench b;
  b.set(b.log.attributes, "q", "a\u2028\u00e9");
  CHECK(b.run({R"(set(attributes["q"], Format("%q", [attributes["q"]])))", R"(set(attributes["b"], Format("%q %x", [0xb6c3a9, 0xb6])))"}) == "");
  CHECK(b.log.attributes.find("b")->text == "\"\\xb6\u00e9\" b6");
  CHECK(b.log.attributes.find("q")->text == "\"a\\u2028\u00e9\"");
}

TEST_CASE("an empty text that has no address can be replaced") {
  Bench b;
  b.set(b.log.attributes, "e", std::string_view());
  CHECK(b.run({R"(replace_all_patterns(attributes, "value", "$", "<$1$0>"))"}) == "");
  CHECK(b.eval(R"(attributes["e"])") == R"(string "<>")");
  b.set(b.log.attributes, "e", std::string_view());
  CHECK(b.run({R"(replace_pattern(attributes["e"], "^", "x"))"}) == "");
  CHECK(b.eval(R"(attributes["e"])") == R"(string "x")");
}

TEST_CASE("Format: a width is for each of the bytes") {
  Bench b;
  CHECK(b.eval(R"(Format("%5d|%v|%-4d", [0xb6c3, 0xb6c3, 0x01]))") == R"(string "[  182   195]|[182 195]|[1   ]")");
}

TEST_CASE("a map stored in itself holds an empty map in that place") {
  Bench b;
  b.set(b.log.attributes, "a", std::int64_t{1});
  CHECK(b.run({R"(set(attributes["self"], attributes))"}) == "");
  CHECK(b.eval("attributes") == R"(map {"a":1,"self":{"a":1,"self":{}}})");
}

TEST_CASE("the context of statements is that of the path that lies innermost") {
  const std::array candidates = {ContextId::resource, ContextId::scope, ContextId::log};
  auto inferred = [&](std::vector<std::string> statements) {
    auto found = infer_context(statements, {}, candidates);
    return found ? std::string(to_string(*found)) : "config: " + found.error().what;
  };
  CHECK(inferred({R"(set(scope.name, resource.attributes["a"]))"}) == "scope");
  CHECK(inferred({R"(set(resource.attributes["a"], "x"))"}) == "resource");
  CHECK(inferred({R"(set(resource.attributes["a"], log.body))"}) == "log");
  CHECK(inferred({R"(set(span.name, "x"))"}).starts_with("config: "));
}

TEST_CASE("a statement that changes nothing leaves the item as it came") {
  Bench b;
  fill(b);
  otlp::Writer writer;
  otlp::encode(b.log, writer);
  otlp::Item raw{.raw = writer.view()};
  b.c.set_item(raw);
  CHECK(b.run({R"(set(attributes["x"], 1) where attributes["i"] == 41)", R"(delete_key(attributes, "nope"))",
               R"(replace_pattern(body, "nomatch", ""))", R"(keep_matching_keys(attributes, "."))"}) == "");
  CHECK_FALSE(raw.dirty);
  CHECK(b.run({R"(set(attributes["x"], 1))"}) == "");
  CHECK(raw.dirty);
}

TEST_CASE("statements on an excerpt: nothing else of the item is decoded, and later statements see the changes") {
  Bench b;
  fill(b);
  otlp::Writer writer;
  otlp::encode(b.log, writer);
  b.group.scopes[0].items[0] = {.raw = writer.view()};
  otlp::Item& item = b.group.scopes[0].items[0];
  otlp::ExcerptReader<otlp::LogRecord> reader;
  auto run = [&](std::vector<std::string> statements) {
    auto program = Program::compile(ContextId::log, statements);
    REQUIRE(program);
    CHECK(program->takes_excerpt());
    b.c.set_excerpt<otlp::LogRecord>(0, reader.look(item, program->excerpt()));
    REQUIRE(program->run(b.c, ErrorMode::propagate));
    b.c.apply_edits();
  };
  run({R"(set(attributes["x"], 1) where attributes["i"] == 41)", R"(set(attributes["x"], 2) where Len(attributes) == 0)"});
  CHECK(item.message == nullptr);
  CHECK(item.raw.data() == writer.view().data());
  run({R"(set(attributes["x"], attributes["i"]) where attributes["i"] == 42)", R"(set(attributes["y"], 2) where attributes["x"] == 42)"});
  CHECK(item.message == nullptr);
  CHECK_FALSE(item.dirty);
  auto& changed = item.read<otlp::LogRecord>(b.arena);
  CHECK(changed.attributes.find("x")->integer == 42);
  CHECK(changed.attributes.find("y")->integer == 2);
  CHECK(changed.body.text == b.log.body.text);
  CHECK(changed.attributes.size() == b.log.attributes.size() + 2);
}

TEST_CASE("an excerpt has what conditions name, and all attributes when one looks at them together") {
  auto compiled = [](std::vector<std::string> conditions) {
    auto out = Conditions::compile(ContextId::span, conditions);
    REQUIRE(out);
    return std::move(*out);
  };
  auto named = compiled({R"(attributes["a"] == nil)", "status.code == 2"});
  CHECK(named.excerpt().keys.has("a"));
  CHECK_FALSE(named.excerpt().keys.has("b"));
  CHECK(named.excerpt().parts == otlp::Parts::attributes);
  CHECK(named.excerpt().fields == (otlp::Excerpt::field(9) | otlp::Excerpt::field(15)));
  CHECK(compiled({"IsRootSpan()"}).excerpt().fields == otlp::Excerpt::every_field);
  CHECK(compiled({R"(attributes["a"] == nil)", "Len(attributes) == 2"}).excerpt().keys.has("b"));
  CHECK(compiled({"attributes[name] == nil"}).excerpt().keys.has("b"));
  CHECK(compiled({"status.code == 2"}).excerpt().keys.empty());
  CHECK_FALSE(Program::compile(ContextId::span, std::vector<std::string>{R"(set(events, events))"})->takes_excerpt());
}

TEST_CASE("each path has on an excerpt what it has on the whole item") {
  Bench b;
  otlp::Span& span = b.span;
  span.trace_id.bytes[0] = span.span_id.bytes[0] = span.parent_span_id.bytes[0] = 7;
  span.trace_state = "a=1", span.name = "GET", span.status_message = "bad";
  span.kind = 2, span.status_code = 2, span.flags = 3;
  span.start_time_unix_nano = 11, span.end_time_unix_nano = 12;
  span.dropped_attributes_count = 4, span.dropped_events_count = 5, span.dropped_links_count = 6;
  b.set(span.attributes, "k", "v");
  fill(b);
  otlp::LogRecord& log = b.log;
  log.trace_id = span.trace_id, log.span_id = span.span_id;
  log.severity_text = "INFO", log.event_name = "e";
  log.observed_time_unix_nano = 13, log.dropped_attributes_count = 14, log.flags = 15;
  otlp::Writer writer;
  auto check = [&](ContextId context, auto& message) {
    using T = std::remove_reference_t<decltype(message)>;
    writer.clear();
    otlp::encode(message, writer);
    otlp::Item raw{.raw = writer.view()};
    otlp::ExcerptReader<T> reader;
    for (const PathRow& row : paths_of(context)) {
      CAPTURE(row.name);
      auto conditions = Conditions::compile(context, std::vector<std::string>{std::string(row.name) + " != nil"});
      REQUIRE(conditions);
      Value on_excerpt, on_whole;
      otlp::Item whole{.raw = writer.view()};
      b.c.set_item(reader.look(raw, conditions->excerpt()));
      REQUIRE(row.get(b.c, on_excerpt));
      b.c.set_item(whole);
      REQUIRE(row.get(b.c, on_whole));
      std::string as_seen, as_is;
      append_json(as_seen, on_excerpt, b.c.scratch());
      append_json(as_is, on_whole, b.c.scratch());
      CHECK(as_seen == as_is);
    }
  };
  check(ContextId::span, span);
  check(ContextId::log, log);
}

TEST_CASE("error modes") {
  Bench b;
  fill(b);
  std::vector<std::string> statements{R"(set(severity_text, 1))", R"(set(attributes["after"], "ran"))"};
  auto program = Program::compile(ContextId::log, statements);
  REQUIRE(program);
  int reported = 0;
  CHECK(program->run(b.c, ErrorMode::ignore, [&](auto, auto) { ++reported; }));
  CHECK(reported == 1);
  CHECK(b.eval(R"(attributes["after"])") == "string \"ran\"");
  auto failed = program->run(b.c, ErrorMode::propagate);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().what.find("expects string but got int64") != std::string::npos);
}

TEST_CASE("spans: kinds, status, trace state, times") {
  Bench b(ContextId::span);
  b.span.kind = otlp::Span::server;
  b.span.trace_state = "vendor=abc,ot=th:8";
  b.span.start_time_unix_nano = 1'000'000'000;
  b.span.end_time_unix_nano = 1'250'000'000;
  const Row rows[] = {
      {"kind.string", "string \"Server\""},
      {"span.kind.deprecated_string", "string \"SPAN_KIND_SERVER\""},
      {R"(trace_state["ot"])", "string \"th:8\""},
      {"span.end_time - span.start_time", "duration 250000000"},
      {"status.code", "int64 0"},
      {"STATUS_CODE_ERROR", "int64 2"},
      {"parent_span_id.string", "string \"0000000000000000\""},
      {"Len(events)", "int64 0"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(b.eval(row.in) == row.out);
  }
  CHECK(b.run({R"(set(trace_state["svc"], "x"))", R"(set(trace_state["vendor"], "zzz"))", R"(set(kind.string, "Client"))"}) == "");
  CHECK(b.span.trace_state == "vendor=zzz,svc=x,ot=th:8");
  CHECK(b.span.kind == otlp::Span::client);
}

}  // namespace

TEST_CASE("maps with many keys are made in a time that many keys take") {
  std::string json = "{", pairs;
  for (int i = 0; i < 50'000; ++i) {
    json += fmt::format("{}\"k{}\": {}", i ? ", " : "", i, i);
    pairs += fmt::format("k{}={} ", i, i);
  }
  json += R"(, "k77": "last"})";
  pairs += "k77=last";
  Bench b;
  b.set(b.log.attributes, "json", json);
  b.set(b.log.attributes, "pairs", pairs);
  for (std::string parsed : {R"(ParseJSON(attributes["json"]))", R"(ParseKeyValue(attributes["pairs"]))"}) {
    CAPTURE(parsed);
    CHECK(b.eval("Len(" + parsed + ")") == "int64 50000");
    CHECK(b.eval(parsed + R"(["k77"])") == R"(string "last")");
    b.resource.attributes.clear();
    CHECK(b.run({"merge_maps(resource.attributes, " + parsed + R"(, "upsert"))"}) == "");
    CHECK(b.resource.attributes.size() == 50'000);
  }
}

}  // namespace weir::ottl
