#include "components/shared/stanza/chain.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "components/shared/stanza/container.h"
#include "components/shared/stanza/record_writer.h"
#include "config/yaml.h"
#include "otlp/batch.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::stanza;

namespace {

// "time severity text | body | attributes | resource", with JSON for all but plain texts.
struct Printer final : Sink {
  std::vector<std::string> lines;
  void emit(const Entry& e) override {
    auto map = [](const Attributes& attributes) { return attributes.empty() ? std::string("-") : otlp::to_text(Value::of(const_cast<Attributes*>(&attributes))); };
    std::string head = e.has_time ? fmt::format("{} ", e.time) : "";
    if (e.severity || !e.severity_text.empty()) head += fmt::format("{} {} ", e.severity, e.severity_text);
    lines.push_back(fmt::format("{}{} {} {}", head, e.body.is(ValueType::empty) ? "nil" : otlp::to_text(e.body), map(e.attributes), map(e.resource)));
  }
};

Operators operators_of(std::string_view yaml) {
  config::Problems problems;
  auto tree = config::parse_yaml(std::string(yaml), "test");
  REQUIRE(tree.has_value());
  config::Context context(problems);
  auto out = Operators::decode(*tree, context);
  INFO(problems.to_string());
  REQUIRE(out.has_value());
  return std::move(*out);
}

std::string refused(std::string_view yaml) {
  config::Problems problems;
  auto tree = config::parse_yaml(std::string(yaml), "test");
  REQUIRE(tree.has_value());
  config::Context context(problems);
  auto out = Operators::decode(*tree, context);
  return out ? "" : problems.to_string() + out.error().what;
}

std::vector<std::string> through(std::string_view yaml, std::initializer_list<std::string_view> lines, std::string_view path = "", bool drain = true) {
  Printer printer;
  auto chain = Chain::make(operators_of(yaml), printer, "filelog");
  REQUIRE(chain.has_value());
  UnixNanos now = 1'714'979'289'000'000'000;
  for (auto line : lines) {
    Entry entry;
    entry.body = Value::of(line);
    entry.observed = now;
    if (!path.empty()) entry.attributes.push_back((*chain)->memory(), otlp::KeyValue{"log.file.path", Value::of(path)});
    (*chain)->process(entry, now);
  }
  if (drain) (*chain)->drain(now);
  return printer.lines;
}
std::string one(std::string_view yaml, std::string_view line) {
  auto out = through(yaml, {line});
  return out.empty() ? "dropped" : out.size() == 1 ? out[0] : fmt::format("{} entries", out.size());
}

}  // namespace

TEST_CASE("operators: what they make of a line") {
  struct { std::string_view yaml, line, gives; } const rows[] = {
      {"[{type: add, field: attributes.a, value: 5}, {type: add, field: 'attributes[\"b.c\"]', value: EXPR(body + \"!\")}]", "x", R"(x {"a":5,"b.c":"x!"} -)"},
      {"[{type: copy, from: body, to: resource.r}, {type: move, from: resource.r, to: attributes.x.y}]", "v", R"(v {"x":{"y":"v"}} -)"},
      {"[{type: json_parser, parse_to: body}, {type: remove, field: body.b}, {type: flatten, field: body.a}]", R"({"a":{"c":1},"b":2})", R"({"c":1} - -)"},
      {"[{type: json_parser}, {type: retain, fields: [attributes.a]}]", R"({"a":1,"b":2})", R"({"a":1,"b":2} {"a":1} -)"},
      {"[{type: json_parser, parse_ints: true}]", R"({"a":1,"b":1.5})", R"({"a":1,"b":1.5} {"a":1,"b":1.5} -)"},
      {"[{type: json_parser, parse_ints: true}]", R"({"a":1} =)", R"({"a":1} = {"a":1} -)"},
      {"[{type: json_parser, on_error: send_quiet}]", R"({"a":1} =)", R"({"a":1} = - -)"},
      {"[{type: json_parser, on_error: drop_quiet}]", "no json", "dropped"},
      {"[{type: json_parser, on_error: send_quiet}]", "no json", "no json - -"},
      {"[{type: json_parser, if: 'body startsWith \"{\"'}]", "no json", "no json - -"},
      {"[{type: regex_parser, regex: '^(?P<a>\\w+) (?P<b>\\d+)?'}]", "x 5", R"(x 5 {"a":"x","b":"5"} -)"},
      {"[{type: key_value_parser}]", "a=1 b='x y'  c=", R"(a=1 b='x y'  c= {"a":"1","b":"x y","c":""} -)"},
      {"[{type: csv_parser, header: 'a,b'}]", "1,\"x,y\"", R"(1,"x,y" {"a":"1","b":"x,y"} -)"},
      {"[{type: uri_parser}]", "/é x%2F[", R"(/é x%2F[ {"path":"/%C3%A9%20x/%5B"} -)"},
      {"[{type: uri_parser}]", "//x/y[#", R"(//x/y[# {"path":"//x/y%5B%23"} -)"},
      {"[{type: uri_parser, on_error: send_quiet}]", "https://u:p@#f", "https://u:p@#f - -"},
      {"[{type: uri_parser}]", "https://h/#f", R"(https://h/#f {"host":"h","path":"/%23f","scheme":"https"} -)"},
      {"[{type: uri_parser}]", "//h:x/y?a=b", R"(//h:x/y?a=b {"path":"//h:x/y","query":{"a":["b"]}} -)"},
      {"[{type: uri_parser}]", "http://u@h:8/p?q=1&q=2", R"(http://u@h:8/p?q=1&q=2 {"host":"h","path":"/p","port":"8","query":{"q":["1","2"]},"scheme":"http","user":"u"} -)"},
      {"[{type: json_array_parser, header: 'a,b'}]", R"([1,"x"])", R"([1,"x"] {"a":1,"b":"x"} -)"},
      {"[{type: json_array_parser, parse_to: body}, {type: assign_keys, field: body, keys: [k, l]}]", R"([1,true])", R"({"k":1,"l":true} - -)"},
      {"[{type: time_parser, parse_from: body, layout: '%Y-%m-%d %H:%M:%S', location: UTC}]", "1970-01-01 00:00:02", "2000000000 1970-01-01 00:00:02 - -"},
      {"[{type: time_parser, parse_from: body, layout_type: gotime, layout: '2006-01-02T15:04:05.000Z07:00'}]", "1970-01-01T01:00:00.500+01:00", "500000000 1970-01-01T01:00:00.500+01:00 - -"},
      {"[{type: time_parser, parse_from: body, layout_type: epoch, layout: s.ms}]", "1.5", "1005000000 1.5 - -"},
      {"[{type: severity_parser, parse_from: body, mapping: {error: [oops, 5xx], warn: {min: 400, max: 499}}}]", "503", "17 503 503 - -"},
      {"[{type: severity_parser, parse_from: body, overwrite_text: true}]", "Warning", "13 WARN Warning - -"},
      {"[{type: unquote, field: body}]", R"("a\tb")", "a\tb - -"},
      {"[{type: regex_replace, field: body, regex: 'o(.)', replace_with: '0${1}'}]", "foo boz", "f0o b0z - -"},
      {"[{type: filter, expr: 'body contains \"x\"'}]", "axb", "dropped"},
      {"[{type: router, routes: [{expr: 'body == \"a\"', output: n1}], default: n2}, {id: n1, type: add, field: attributes.n, value: 1, output: n3}, "
       "{id: n2, type: add, field: attributes.n, value: 2, output: n3}, {id: n3, type: noop}]",
       "a", R"(a {"n":1} -)"},
      {"[{type: router, routes: [{expr: 'body == \"a\"', output: n}]}, {id: n, type: noop}]", "b", "dropped"},
      {"[{type: syslog_parser, protocol: rfc3164}]", "<34>Jan 12 06:30:00 h1 su[12]: hi there",
       R"(1705041000000000000 18 crit <34>Jan 12 06:30:00 h1 su[12]: hi there {"appname":"su","facility":4,"facility_text":"auth","hostname":"h1","message":"hi there","priority":34,"proc_id":"12"} -)"},
      {"[{type: json_array_parser, parse_to: body}]", " 0-1", "[] - -"},
      {"[{type: json_array_parser, parse_to: body, on_error: send_quiet}]", "0x1", "0x1 - -"},
      {"[{type: syslog_parser, protocol: rfc3164, location: Europe/Berlin, parse_to: body, on_error: send_quiet}]", "<34>Jan 12 06:30:00 h1 su[12]:",
       R"({"appname":"su","facility":4,"facility_text":"auth","hostname":"h1","message":"12]:","priority":34,"proc_id":"12","severity":2,"timestamp":"0000-01-12 06:30:00 +0053 LMT"} - -)"},
      {"[{type: syslog_parser, protocol: rfc3164, parse_to: body, on_error: send_quiet}]", "<34>Jan 12 06:30:00 h1 su: ",
       R"({"appname":"su","facility":4,"facility_text":"auth","hostname":"h1","message":"su: ","priority":34,"severity":2,"timestamp":"0000-01-12 06:30:00 +0000 UTC"} - -)"},
      {"[{type: syslog_parser, protocol: rfc5424, parse_to: body, on_error: send_quiet}]", "<34>1 2003-10-11T22:14:15.120+02:00 - - - - -",
       R"({"facility":4,"facility_text":"auth","priority":34,"severity":2,"timestamp":"2003-10-11 22:14:15.12 +0200 +0200","version":1} - -)"},
      {"[{type: container, add_metadata_from_filepath: false, on_error: send_quiet}]", "bad stderr F x", R"(bad stderr F x {"log":"x","logtag":"F","stream":"stderr","time":"bad"} -)"},
      {"[{type: container, add_metadata_from_filepath: false}]", "2024-05-06T07:08:09.1Z stderr F text ", R"(1714979289100000000 text  {"log.iostream":"stderr","logtag":"F"} -)"},
      {"[{type: container, add_metadata_from_filepath: false, format: crio}]", "2024-05-06T07:08:09.1+00:00 stdout F t", R"(1714979289100000000 t {"log.iostream":"stdout","logtag":"F"} -)"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    CHECK(one(row.yaml, row.line) == row.gives);
  }
}

TEST_CASE("operators: container joins parts by file and stream, and knows the pod from the path") {
  auto lines = through("[{type: container}]",
                       {"2024-05-06T07:08:09Z stdout P a", "2024-05-06T07:08:09Z stderr F e", "2024-05-06T07:08:09Z stdout P b", "2024-05-06T07:08:09Z stdout F c"},
                       "/var/log/pods/ns_pod-1_0a1b-2c/web/3.log", false);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].contains("000 e {"));
  CHECK(lines[1].contains("000 abc {"));
  CHECK(lines[1].ends_with(R"({"k8s.container.name":"web","k8s.container.restart_count":"3","k8s.namespace.name":"ns","k8s.pod.name":"pod-1","k8s.pod.uid":"0a1b-2c"})"));
}

TEST_CASE("operators: recombine") {
  auto first = through("[{type: recombine, combine_field: body, is_first_entry: 'body startsWith \"#\"'}]", {"#1", "a", "#2", "#3", "b"});
  CHECK(first == std::vector<std::string>{"#1\na - -", "#2 - -", "#3\nb - -"});
  auto last = through("[{type: recombine, combine_field: body, is_last_entry: 'body endsWith \";\"', combine_with: ''}]", {"a", "b;", "c;", "d"});
  CHECK(last == std::vector<std::string>{"ab; - -", "c; - -", "d - -"});
  auto sized = through("[{type: recombine, combine_field: body, is_last_entry: 'false', max_unmatched_batch_size: 2, combine_with: '+'}]", {"a", "b", "c"});
  CHECK(sized == std::vector<std::string>{"a+b - -", "c - -"});
}

TEST_CASE("operators: what holds entries says where the oldest begins") {
  Printer printer;
  auto chain = Chain::make(operators_of("[{type: recombine, combine_field: body, is_last_entry: 'body == \"end\"', force_flush_period: 1s}]"), printer, "x");
  REQUIRE(chain.has_value());
  auto add = [&](std::string_view text, std::uint64_t source, std::uint64_t begin) {
    Entry entry;
    entry.body = Value::of(text);
    entry.source = source;
    entry.begin = begin;
    entry.observed = 1000;
    (*chain)->process(entry, 1000);
  };
  add("a", 7, 30);
  add("b", 7, 40);
  CHECK((*chain)->oldest(7) == 30u);
  CHECK(!(*chain)->oldest(8));
  (*chain)->tick(2000);
  CHECK(printer.lines.empty());
  (*chain)->tick(1'000'001'000);
  CHECK(printer.lines.size() == 1);
  CHECK(!(*chain)->oldest(7));
}

TEST_CASE("operators: what is refused") {
  CHECK(refused("[{type: nosuch}]").contains("unsupported type 'nosuch'"));
  CHECK(refused("[{id: a}]").contains("missing required field 'type'"));
  CHECK(refused("[{type: regex_parser, regex: '('}]").contains("compiling regex"));
  CHECK(refused("[{type: regex_parser, regex: 'a'}]").contains("no named capture groups"));
  CHECK(refused("[{type: move, from: body}]").contains("missing to field"));
  CHECK(refused("[{type: noop, output: x}]").contains("operator 'x' does not exist"));
  CHECK(refused("[{type: noop, id: a}, {type: noop, id: a}]").contains("already exists"));
  CHECK(refused("[{type: noop, id: a, output: b}, {type: noop, id: b, output: a}]").contains("circular"));
  CHECK(refused("[{type: filter, expr: 'body +'}]").contains("expression"));
  CHECK(refused("[{type: time_parser, parse_from: body}]").contains("`layout`"));
  CHECK(refused("[{type: add, field: attributes, value: 1}]").contains("cannot be referenced without subfield"));
  CHECK(refused("[{type: add, field: other.x, value: 1}]").contains("begins with body, attributes or resource"));
  CHECK(refused("[{type: noop}, {type: noop}, {type: noop, on_error: maybe}]").contains("maybe"));
}

TEST_CASE("operators: a copy into itself has an end") {
  CHECK(one("[{type: json_parser, parse_to: body}, {type: copy, from: body, to: body.x}, {type: copy, from: body, to: body.x}]", R"({"a":1})") == R"({"a":1,"x":{"a":1,"x":{"a":1}}} - -)");
}

TEST_CASE("container lines: times") {
  CHECK(read_rfc3339("2024-05-06T07:08:09.123456789Z") == 1'714'979'289'123'456'789);
  CHECK(read_rfc3339("1970-01-01T02:00:00+02:00") == 0);
  for (std::string_view text : {"", "2024-05-06T07:08:09", "2024-13-06T07:08:09Z", "2023-02-29T00:00:00Z", "2024-05-06T24:00:00Z", "2024-05-06T07:08:09.Z", "2024-05-06 07:08:09Z"})
    CHECK(!read_rfc3339(text));
}

TEST_CASE("records: equal resources stand together, in order") {
  RecordWriter writer;
  Arena arena;
  auto add = [&](std::string_view body, std::string_view pod) {
    Entry entry;
    entry.body = Value::of(body);
    entry.resource.set(arena, "pod", Value::of(pod));
    writer.emit(entry);
  };
  add("1", "a"), add("2", "b"), add("3", "a");
  CHECK(writer.records() == 3);
  auto batch = otlp::Batch::parse(otlp::Signal::logs, writer.take());
  REQUIRE(batch.has_value());
  CHECK(batch->items() == 3);
  REQUIRE(batch->groups().size() == 2);
  CHECK(batch->groups()[0].scopes[0].items.size() == 2);
  CHECK(writer.records() == 0);
  CHECK(writer.take().empty());
}
