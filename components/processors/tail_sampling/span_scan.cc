#include "components/processors/tail_sampling/span_scan.h"

#include "otlp/span_head.h"

namespace weir::processors::tail_sampling {
namespace {

using otlp::Reader;

constexpr std::uint32_t attributes_tag = 9 << 3 | static_cast<std::uint32_t>(otlp::WireType::bytes);

// Past a run of attributes, each shorter than 128 bytes.
void pass_attributes(Reader& reader) {
  std::string_view rest = reader.rest();
  std::size_t at = 0;
  while (at + 1 < rest.size() && rest[at] == attributes_tag && static_cast<unsigned char>(rest[at + 1]) < 0x80) at += 2 + static_cast<std::size_t>(rest[at + 1]);
  reader.pass(std::min(at, rest.size()));
}

std::int32_t status_code(std::string_view status) {
  std::int32_t code = 0;
  Reader reader(status);
  while (reader.next()) {
    if (reader.field() == 3)
      code = static_cast<std::int32_t>(reader.varint());
    else
      reader.skip();
  }
  return code;
}

}  // namespace

std::uint32_t SpanScanner::want(std::string_view key) {
  auto at = std::find(keys_.begin(), keys_.end(), key);
  if (at == keys_.end()) {
    at = keys_.insert(keys_.end(), std::string(key));
    bits_ |= otlp::key_bit(key);
  }
  return static_cast<std::uint32_t>(at - keys_.begin());
}

SpanView SpanScanner::scan(std::string_view span) {
  SpanView out;
  found_.clear();
  otlp::SpanHead head(span);
  bool has_trace = head.trace_id.data(), has_span = head.span_id.data(), has_parent = head.parent_span_id.data(), has_status = false;
  if (has_trace) out.trace_id = otlp::TraceId::from(head.trace_id);
  if (has_parent) out.root = otlp::SpanId::from(head.parent_span_id).empty();
  out.name = head.name;
  out.kind = head.kind;
  out.start = head.start_time_unix_nano;
  out.end = head.end_time_unix_nano;
  for (Reader reader({head.end, static_cast<std::size_t>(span.data() + span.size() - head.end)});;) {
    otlp::PlainAttribute plain;
    if (bits_ == 0) {
      pass_attributes(reader);
    } else if (std::size_t size = plain.read(reader.rest(), attributes_tag)) {
      if (wants(plain.key)) note(plain.key, plain.value);
      reader.pass(size);
      continue;
    }
    if (!reader.next()) break;
    switch (reader.field()) {
      case 1:
        out.trace_id = otlp::TraceId::from(reader.bytes());
        has_trace = true;
        break;
      case 2:
        reader.bytes();
        has_span = true;
        break;
      case 3: out.trace_state = reader.bytes(); break;
      case 4:
        out.root = otlp::SpanId::from(reader.bytes()).empty();
        has_parent = true;
        break;
      case 5: out.name = reader.bytes(); break;
      case 6: out.kind = static_cast<std::int32_t>(reader.varint()); break;
      case 7: out.start = reader.fixed64(); break;
      case 8: out.end = reader.fixed64(); break;
      case 9: note(reader.bytes()); break;
      case 15:
        out.status = status_code(reader.bytes());
        has_status = true;
        break;
      case 16: out.flags = reader.fixed32(); break;
      default: reader.skip();
    }
  }
  out.size = span.size() + 2 * static_cast<std::size_t>(!has_trace + !has_span + !has_parent + !has_status);
  return out;
}

void SpanScanner::note(std::string_view key_value) {
  std::string_view key, value;
  Reader reader(key_value);
  while (reader.next()) {
    if (reader.field() == 1) {
      key = reader.bytes();
      if (!wants(key)) return;
    } else if (reader.field() == 2) {
      value = reader.bytes();
    } else {
      reader.skip();
    }
  }
  if (wants(key)) note(key, value);
}

void SpanScanner::note(std::string_view key, std::string_view value) {
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] != key) continue;
    if (find(i) == nullptr) found_.push_back({i, value});
    return;
  }
}

const SpanScanner::Found* SpanScanner::find(std::uint32_t key) const {
  for (auto& found : found_)
    if (found.key == key) return &found;
  return nullptr;
}

}  // namespace weir::processors::tail_sampling
