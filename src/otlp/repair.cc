#include "otlp/repair.h"

#include "base/text.h"
#include "base/utf8.h"
#include "otlp/request_schema.h"
#include "otlp/wire.h"

namespace weir::otlp {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Calls valid(text) for each run of whole characters and invalid() for each byte between them.
template <class Valid, class Invalid>
void each_run(std::string_view text, Valid valid, Invalid invalid) {
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t begin = 0, i = 0;
  while (i < text.size()) {
    std::size_t n = utf8_length(p + i, text.size() - i);
    if (n != 0) {
      i += n;
      continue;
    }
    valid(text.substr(begin, i - begin));
    invalid();
    begin = ++i;
  }
  valid(text.substr(begin));
}

void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  out += static_cast<char>(v);
}

// Copied once for each level above: real requests have few levels, and 64 are the most there can be.
void append_message(schema::MessageId id, std::string_view message, std::string& out) {
  Reader reader(message);
  while (reader.next()) {
    schema::Field field = reader.field() < schema::table[id].fields.size() ? schema::table[id].fields[reader.field()] : schema::Field{};
    bool inside = field.kind == schema::Kind::message || field.kind == schema::Kind::text;
    if (!inside || !reader.is(WireType::bytes)) {
      reader.skip();
      out += reader.whole();
      continue;
    }
    std::string_view content = reader.bytes();
    std::string repaired;
    if (field.kind == schema::Kind::text) {
      if (!valid_utf8(content)) repaired = repair_utf8(content);
    } else {
      repaired.reserve(content.size());
      append_message(static_cast<schema::MessageId>(field.message), content, repaired);
    }
    std::string_view fresh = repaired.empty() ? content : repaired;
    put_varint(out, std::uint64_t{reader.field()} << 3 | static_cast<std::uint64_t>(WireType::bytes));
    put_varint(out, fresh.size());
    out += fresh;
  }
}

}  // namespace

std::size_t count_invalid_utf8(std::string_view text) {
  std::size_t n = 0;
  each_run(text, [](std::string_view) {}, [&] { ++n; });
  return n;
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  each_run(text, [&](std::string_view run) { out += run; }, [&] { out += replacement; });
  return out;
}

std::string repair(Signal signal, std::string_view request) {
  std::string out;
  out.reserve(request.size());
  append_message(schema::root_of(signal), request, out);
  return out;
}

}  // namespace weir::otlp
