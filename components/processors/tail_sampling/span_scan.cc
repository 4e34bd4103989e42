#include "components/processors/tail_sampling/span_scan.h"

namespace weir::processors::tail_sampling {
namespace {

using otlp::Reader;

std::uint64_t length_bit(std::size_t length) { return std::uint64_t{1} << std::min<std::size_t>(length, 63); }

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
    lengths_ |= length_bit(key.size());
  }
  return static_cast<std::uint32_t>(at - keys_.begin());
}

SpanView SpanScanner::scan(std::string_view span) {
  SpanView out;
  found_.clear();
  bool has_trace = false, has_span = false, has_parent = false, has_status = false;
  Reader reader(span);
  while (reader.next()) {
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
      case 9:
        if (lengths_ == 0)
          reader.skip();
        else
          note(reader.bytes());
        break;
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
      if (!(lengths_ & length_bit(key.size()))) return;
    } else if (reader.field() == 2) {
      value = reader.bytes();
    } else {
      reader.skip();
    }
  }
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
