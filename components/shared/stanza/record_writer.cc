#include "components/shared/stanza/record_writer.h"

#include "otlp/codec.h"

namespace weir::stanza {
namespace {

// Groups of one request at most that are looked for; with more, one resource may have several groups.
constexpr std::size_t most_searched = 64;
constexpr std::size_t kept_bytes = 256 * 1024;  // of a group's buffer between requests

bool same(const Value& a, const Value& b) {
  if (a.type != b.type) return false;
  // Most texts of a file's resource are the same bytes in the same place.
  if (a.is(ValueType::string)) return a.text.size() == b.text.size() && (a.text.data() == b.text.data() || a.text == b.text);
  return otlp::equal(a, b);
}

bool same(const Attributes& a, const Attributes& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].key == b[i].key) {
      if (!same(a[i].value, b[i].value)) return false;
      continue;
    }
    const Value* other = b.find(a[i].key);
    if (other == nullptr || !same(a[i].value, *other)) return false;
  }
  return true;
}

otlp::TraceId trace_id_of(std::string_view bytes) {
  otlp::TraceId out;
  std::memcpy(out.bytes.data(), bytes.data(), std::min(bytes.size(), out.bytes.size()));
  return out;
}
otlp::SpanId span_id_of(std::string_view bytes) {
  otlp::SpanId out;
  std::memcpy(out.bytes.data(), bytes.data(), std::min(bytes.size(), out.bytes.size()));
  return out;
}

void append_tag(std::string& out, std::uint32_t field, std::size_t size) {
  out += static_cast<char>(field << 3 | static_cast<std::uint32_t>(otlp::WireType::bytes));
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
}
std::size_t tagged_size(std::size_t size) { return 1 + otlp::varint_size(size) + size; }

}  // namespace

RecordWriter::RecordWriter() = default;

bool RecordWriter::fits(const Group& group, const Entry& entry) { return group.scope_name == entry.scope_name && same(group.resource, entry.resource); }

RecordWriter::Group& RecordWriter::group_of(const Entry& entry) {
  // Lines of one file come together: the group of the record before is the first to look at.
  if (open_ > 0 && fits(*groups_[open_ - 1], entry)) return *groups_[open_ - 1];
  for (std::size_t i = open_ > most_searched ? open_ - most_searched : 0; i + 1 < open_; ++i) {
    if (!fits(*groups_[i], entry)) continue;
    return *groups_[i];
  }
  if (open_ == groups_.size()) groups_.push_back(std::make_unique<Group>());
  Group& group = *groups_[open_++];
  group.arena.reset();
  group.encoded.clear();
  group.records = 0;
  group.scope_name = entry.scope_name;
  group.resource = copy_of(Entry{.resource = entry.resource}, group.arena).resource;
  return group;
}

void RecordWriter::emit(const Entry& entry) {
  Group& group = group_of(entry);
  otlp::LogRecord record;
  if (entry.has_time) record.time_unix_nano = static_cast<std::uint64_t>(entry.time);
  record.observed_time_unix_nano = entry.observed;
  record.severity_number = entry.severity;
  record.severity_text = entry.severity_text.empty() ? severity_name(entry.severity) : entry.severity_text;
  record.body = entry.body;
  record.attributes = entry.attributes;
  record.trace_id = trace_id_of(entry.trace_id);
  record.span_id = span_id_of(entry.span_id);
  if (!entry.trace_flags.empty()) record.flags = static_cast<unsigned char>(entry.trace_flags[0]);
  scratch_.clear();
  otlp::encode(record, scratch_);
  append_tag(group.encoded, 2, scratch_.size());
  group.encoded += scratch_.view();
  bytes_ += scratch_.size() + 4;
  ++group.records;
  ++records_;
}

// ResourceLogs: resource 1, scope_logs 2. ScopeLogs: scope 1, log_records 2.
void RecordWriter::append_group(const Group& group) {
  scratch_.clear();
  otlp::Resource resource;
  resource.attributes = group.resource;
  otlp::encode(resource, scratch_);
  std::string resource_bytes(scratch_.view());
  scratch_.clear();
  otlp::Scope scope;
  scope.name = group.scope_name;
  otlp::encode(scope, scratch_);
  std::string scope_bytes(scratch_.view());
  std::size_t scope_logs = tagged_size(scope_bytes.size()) + group.encoded.size();
  append_tag(request_, 1, tagged_size(resource_bytes.size()) + tagged_size(scope_logs));
  append_tag(request_, 1, resource_bytes.size());
  request_ += resource_bytes;
  append_tag(request_, 2, scope_logs);
  append_tag(request_, 1, scope_bytes.size());
  request_ += scope_bytes;
  request_ += group.encoded;
}

Bytes RecordWriter::take() {
  request_.reserve(bytes_ + open_ * 512);
  for (std::size_t i = 0; i < open_; ++i) {
    append_group(*groups_[i]);
    if (groups_[i]->encoded.capacity() > kept_bytes) groups_[i]->encoded = {};
  }
  if (groups_.size() > most_searched) groups_.resize(most_searched);
  open_ = records_ = bytes_ = 0;
  return Bytes::take(std::exchange(request_, {}));
}

}  // namespace weir::stanza
