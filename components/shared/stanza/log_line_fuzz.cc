// The first byte chooses a reader of lines, the rest is what it reads: container formats, syslog, times, operators.
#include "components/shared/stanza/chain.h"
#include "components/shared/stanza/container.h"
#include "components/shared/stanza/go_text.h"
#include "components/shared/stanza/lines.h"
#include "components/shared/stanza/record_writer.h"
#include "components/shared/stanza/syslog.h"
#include "components/shared/stanza/uri.h"
#include "config/yaml.h"
#include "otlp/batch.h"
#include "ottl/time/layout.h"
#include "ottl/time/zone.h"

using namespace weir;
using namespace weir::stanza;

namespace {

std::unique_ptr<Chain> chain_of(std::string_view yaml, RecordWriter& writer) {
  config::Problems problems;
  config::Context context(problems);
  auto tree = config::parse_yaml(yaml, "fuzz");
  WEIR_CHECK(tree.has_value());
  auto operators = Operators::decode(*tree, context);
  WEIR_CHECK(operators.has_value());
  auto made = Chain::make(*operators, writer, "fuzz");
  WEIR_CHECK(made.has_value());
  return std::move(*made);
}

// What comes out must be a request that others take.
void through(Chain& chain, RecordWriter& writer, std::string_view text) {
  auto lines = Lines::make({});
  bool skipping = false;
  LineScan scan(*lines, text, true, skipping);
  for (auto raw = scan.next(); raw; raw = scan.next()) {
    Entry entry;
    entry.body = lines->read(*raw, chain.memory());
    entry.observed = 1;
    entry.attributes.set(chain.memory(), "log.file.path", Value::of(std::string_view("/var/log/pods/a_b_c/d/1.log")));
    chain.process(entry, 1);
  }
  chain.drain(2);
  std::size_t records = writer.records();
  auto batch = otlp::Batch::parse(otlp::Signal::logs, writer.take());
  WEIR_CHECK(batch.has_value() && batch->items() == records);
}

// Lines follow each other, and each takes some of the data.
void split_up(const LineSettings& settings, std::string_view text) {
  auto lines = Lines::make(settings);
  WEIR_CHECK(lines.has_value());
  bool skipping = false;
  LineScan scan(*lines, text, true, skipping);
  Arena arena;
  for (std::size_t behind = 0; auto raw = scan.next(); behind = scan.position()) {
    WEIR_CHECK(scan.position() > behind && scan.position() <= text.size() && raw->size() <= settings.max_size);
    (void)lines->read(*raw, arena);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::configure({.level = log::Level::error, .output_paths = {"/dev/null"}});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static RecordWriter writer;
  static auto container = chain_of("[{type: container}, {type: json_parser, on_error: send_quiet}, {type: flatten, field: attributes.a, on_error: send_quiet}]", writer);
  static auto parsers = chain_of(
      "[{type: key_value_parser, on_error: send_quiet}, {type: csv_parser, header: 'a,b', on_error: send_quiet}, {type: uri_parser, on_error: send_quiet}, "
      "{type: json_array_parser, parse_to: 'attributes.l', on_error: send_quiet}, {type: syslog_parser, protocol: rfc3164, on_error: send_quiet}, "
      "{type: severity_parser, parse_from: body, on_error: send_quiet}, {type: unquote, field: body, on_error: send_quiet}, "
      "{type: recombine, combine_field: body, is_first_entry: 'body matches \"^[a-z]\"', on_error: send_quiet}]", writer);
  static auto zone = ottl::Zone::load("America/New_York");
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  Arena arena;
  switch (data[0] % 8) {
    case 0: through(*container, writer, text); break;
    case 1: through(*parsers, writer, text); break;
    case 2:
      (void)read_rfc5424(text, arena);
      (void)read_rfc3164(text, **zone, 1'700'000'000'000'000'000, true);
      break;
    case 3: {
      // A layout and a time, with a line end between them.
      std::size_t end = std::min(text.find('\n'), text.size());
      Result<ottl::TimeLayout> layouts[] = {ottl::TimeLayout::make_go(text.substr(0, end)), ottl::TimeLayout::make(text.substr(0, end))};
      for (auto& layout : layouts) {
        if (!layout) continue;
        ottl::Value time;
        std::string wrong;
        bool fine = layout->read(text.substr(std::min(end + 1, text.size())), **zone, 1'700'000'000'000'000'000, time, wrong);
        WEIR_CHECK(fine || !wrong.empty());
        if (fine) layout->write(time);
      }
      break;
    }
    case 4: {
      std::string out;
      unquote_go(text, out);
      (void)parse_uri(text, arena);
      (void)Field::parse(text, true);
      break;
    }
    case 5: {
      // What the short cut reads, the layout reads as the same time.
      auto nanos = read_rfc3339(text);
      if (!nanos) break;
      static auto layout = ottl::TimeLayout::make_go("2006-01-02T15:04:05.999999999Z07:00");
      ottl::Value time;
      std::string wrong;
      WEIR_CHECK(layout->read(text, **zone, 1'700'000'000'000'000'000, time, wrong), "{}: {}", text, wrong);
      WEIR_CHECK(time.kind == ottl::Kind::time && time.time.unix_nanos() == *nanos, "{}", text);
      break;
    }
    case 6: split_up({.encoding = "utf-16le", .multiline = {.line_start_pattern = "a|^b", .omit_pattern = size % 2 == 0}, .max_size = 60}, text); break;
    case 7: split_up({.encoding = size % 3 == 0 ? "utf-16" : size % 3 == 1 ? "utf-32be" : "utf-8", .multiline = {.line_end_pattern = "a+"}, .max_size = 60, .truncate = size % 2 == 0}, text); break;
  }
  return 0;
}
