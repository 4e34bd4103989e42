#include "components/shared/stanza/record_writer.h"

#include "components/shared/stanza/plain_record.h"
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

// `seen`: where texts of `a` were found before.
bool same(const Attributes& a, const Attributes& b, std::span<const char* const> seen) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].key == b[i].key) {
      bool again = seen[i] != nullptr && b[i].value.is(ValueType::string) && b[i].value.text.data() == seen[i] && b[i].value.text.size() == a[i].value.text.size();
      if (!again && !same(a[i].value, b[i].value)) return false;
      continue;
    }
    const Value* other = b.find(a[i].key);
    if (other == nullptr || !same(a[i].value, *other)) return false;
  }
  return true;
}

bool lies_in(std::string_view text, std::string_view bytes) {
  std::less_equal<const char*> at_most;
  return !text.empty() && at_most(bytes.data(), text.data()) && at_most(text.data() + text.size(), bytes.data() + bytes.size());
}

otlp::TraceId trace_id_of(std::string_view bytes) {
  otlp::TraceId out;
  if (!bytes.empty()) std::memcpy(out.bytes.data(), bytes.data(), std::min(bytes.size(), out.bytes.size()));
  return out;
}
otlp::SpanId span_id_of(std::string_view bytes) {
  otlp::SpanId out;
  if (!bytes.empty()) std::memcpy(out.bytes.data(), bytes.data(), std::min(bytes.size(), out.bytes.size()));
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

void RecordWriter::unchanging(std::string_view bytes) {
  unchanging_ = bytes;
  for (std::size_t i = 0; i < open_; ++i) std::ranges::fill(groups_[i]->seen, nullptr);
}

bool RecordWriter::fits(Group& group, const Entry& entry) const {
  if (group.scope_name != entry.scope_name || !same(group.resource, entry.resource, group.seen)) return false;
  for (std::size_t i = 0; !unchanging_.empty() && i < group.seen.size(); ++i) {
    const otlp::KeyValue &own = group.resource[i], &other = entry.resource[i];
    if (own.key == other.key && own.value.is(ValueType::string) && lies_in(other.value.text, unchanging_)) group.seen[i] = other.value.text.data();
  }
  return true;
}

RecordWriter::Group& RecordWriter::group_of(const Entry& entry) {
  // Lines of one file come together: the group of the record before is the first to look at.
  if (open_ > 0 && fits(*groups_[open_ - 1], entry)) return *groups_[open_ - 1];
  for (std::size_t i = open_ > most_searched ? open_ - most_searched : 0; i + 1 < open_; ++i) {
    if (!fits(*groups_[i], entry)) continue;
    return *groups_[i];
  }
  if (open_ == groups_.size()) groups_.push_back(std::make_unique<Group>());
  Group& group = *groups_[open_++];
  open(group, entry);
  return group;
}

// ResourceLogs: resource 1, scope_logs 2. ScopeLogs: scope 1, log_records 2.
void RecordWriter::open(Group& group, const Entry& entry) {
  auto encode = [&](const auto& message, std::string& to) {
    scratch_.clear();
    otlp::encode(message, scratch_);
    to.clear();
    append_tag(to, 1, scratch_.size());
    to += scratch_.view();
  };
  group.arena.reset();
  group.scope_name = entry.scope_name;
  group.resource = copy_of(Entry{.resource = entry.resource}, group.arena).resource;
  group.seen.assign(group.resource.size(), nullptr);
  encode(otlp::Resource{.attributes = group.resource}, group.resource_field);
  encode(otlp::Scope{.name = group.scope_name}, group.scope_field);
  constexpr std::size_t longest_tag = 1 + 10;
  group.room = 2 * longest_tag + group.resource_field.size() + group.scope_field.size();
  if (open_ == 1) group.encoded.reserve(expected_bytes_);
  group.encoded.assign(group.room, '\0');
}

// The group's bytes in the request.
std::string_view RecordWriter::finish(Group& group) {
  std::size_t scope_logs = group.scope_field.size() + group.encoded.size() - group.room;
  std::string head;
  append_tag(head, 1, group.resource_field.size() + tagged_size(scope_logs));
  head += group.resource_field;
  append_tag(head, 2, scope_logs);
  head += group.scope_field;
  std::size_t begin = group.room - head.size();
  std::memcpy(group.encoded.data() + begin, head.data(), head.size());
  return std::string_view(group.encoded).substr(begin);
}

void RecordWriter::emit(const Entry& entry) {
  std::string& to = group_of(entry).encoded;
  std::size_t before = to.size();
  if (!append_plain_record(entry, to)) append_nested(entry, to);
  bytes_ += to.size() - before;
  ++records_;
}

void RecordWriter::append_nested(const Entry& entry, std::string& to) {
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
  append_tag(to, 2, scratch_.size());
  to += scratch_.view();
}

Bytes RecordWriter::take() {
  std::size_t groups = std::exchange(open_, 0);
  expected_bytes_ = 0;
  records_ = 0;
  std::size_t bytes = std::exchange(bytes_, 0);
  if (groups == 0) return {};
  if (groups == 1) {
    // The usual one: its buffer is the request.
    Group& group = *groups_[0];
    expected_bytes_ = group.encoded.size() + group.encoded.size() / 8;
    std::size_t begin = group.encoded.size() - finish(group).size();
    Bytes whole = Bytes::take(std::exchange(group.encoded, {}));
    return whole.slice(whole.view().substr(begin));
  }
  std::string request;
  request.reserve(bytes + groups * 512);
  for (std::size_t i = 0; i < groups; ++i) {
    request += finish(*groups_[i]);
    if (groups_[i]->encoded.capacity() > kept_bytes) groups_[i]->encoded = {};
  }
  if (groups_.size() > most_searched) groups_.resize(most_searched);
  return Bytes::take(std::move(request));
}

}  // namespace weir::stanza
