#include "components/exporters/loki/translate.h"

#include <snappy.h>

#include "base/text.h"
#include "base/utf8.h"
#include "components/exporters/loki/lines.h"
#include "otlp/codec.h"
#include "otlp/wire.h"

namespace weir::exporters::loki {
namespace {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

constexpr std::string_view hint_attributes = "loki.attribute.labels", hint_resources = "loki.resource.labels", hint_tenant = "loki.tenant",
                           hint_format = "loki.format", level_key = "level";

std::string_view level_name(std::int32_t severity) {
  constexpr std::array<std::string_view, 25> names = {"",      "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG",  "DEBUG2", "DEBUG3", "DEBUG4", "INFO",  "INFO2",  "INFO3", "INFO4",
                                                      "WARN",  "WARN2", "WARN3",  "WARN4",  "ERROR",  "ERROR2", "ERROR3", "ERROR4", "FATAL",  "FATAL2", "FATAL3", "FATAL4"};
  return severity > 0 && severity < static_cast<std::int32_t>(names.size()) ? names[static_cast<std::size_t>(severity)] : "";
}

// Names in a hint: a text with commas, or a list.
std::vector<std::string> names_in(const Value& hint) {
  std::vector<std::string> out;
  auto add = [&](std::string_view name) { out.emplace_back(trim(name)); };
  if (hint.is(ValueType::array)) {
    Arena scratch;
    Value copy = hint;
    for (auto& item : copy.array(scratch)) add(otlp::to_text(item));
  } else {
    std::string text = otlp::to_text(hint);
    for (auto name : split(text, ',')) add(name);
  }
  return out;
}

// By its name, or by its parts in maps: a.b is b in a.
const Value* find_nested(const Attributes& attributes, std::string_view name, Arena& arena, int depth = 0) {
  if (const Value* found = attributes.find(name)) return found;
  std::size_t dot = name.find('.');
  if (dot == name.npos || depth > 16) return nullptr;
  Value* left = const_cast<Attributes&>(attributes).find(name.substr(0, dot));
  if (left == nullptr || !left->is(ValueType::map)) return nullptr;
  return find_nested(left->map(arena), name.substr(dot + 1), arena, depth + 1);
}

using Labels = std::map<std::string, std::string>;  // by the attribute's own name

void add_labels(Labels& to, const Attributes& from, const Value& hint, Arena& arena) {
  for (auto& name : names_in(hint))
    if (const Value* value = find_nested(from, name, arena)) to[name] = otlp::to_text(*value);
}

std::string normalized(std::string_view name) {
  std::string out;
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    // One for each character, whatever its bytes.
    if (plain) out += c;
    else if ((c & 0xC0) != 0x80) out += '_';
  }
  if (!out.empty() && out[0] >= '0' && out[0] <= '9') return "key_" + out;
  if (out.size() > 1 && out[0] == '_' && out[1] != '_') return "key" + out;
  return out;
}

// Go's %q.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  constexpr std::string_view names = "abfnrtv", codes = "\a\b\f\n\r\t\v";
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = utf8_length(p + i, text.size() - i);
    char c = text[i];
    if (n == 0) out += fmt::format("\\x{:02x}", p[i]);
    else if (n > 1) out += text.substr(i, n);
    else if (c == '"' || c == '\\') out += '\\', out += c;
    else if (auto at = codes.find(c); at != codes.npos) out += '\\', out += names[at];
    else if (p[i] < 0x20 || p[i] == 0x7F) out += fmt::format("\\x{:02x}", p[i]);
    else out += c;
    i += std::max<std::size_t>(n, 1);
  }
  out += '"';
}

std::string label_text(const Labels& labels) {
  std::map<std::string, std::string_view> clean;
  for (auto& [name, value] : labels) clean[normalized(name)] = value;
  std::string out = "{";
  for (auto& [name, value] : clean) {
    if (out.size() > 1) out += ", ";
    out += name + "=";
    append_quoted(out, value);
  }
  return out + "}";
}

bool is_hint(std::string_view key) { return key == hint_attributes || key == hint_resources || key == hint_tenant || key == hint_format; }

Attributes without_labels(const Attributes& from, const Labels& labels, Arena& arena) {
  Attributes out;
  for (auto& kv : from)
    if (!is_hint(kv.key) && !labels.contains(std::string(kv.key))) out.push_back(arena, kv);
  return out;
}

// Everything about one record.
class Conversion {
 public:
  Conversion(const otlp::LogRecord& log, const otlp::Scope& scope, const otlp::Resource& resource, Arena& arena, const DefaultLabels& defaults)
      : log_(log), scope_(scope), resource_(resource.attributes), attributes_(log.attributes), arena_(arena), defaults_(defaults) {}

  void find_labels() {
    const Value *on_resource = resource_.find(hint_resources), *on_record = attributes_.find(hint_resources), *of_record = attributes_.find(hint_attributes);
    if (defaults_.exporter) labels_["exporter"] = "OTLP";
    const Value *space = resource_.find("service.namespace"), *name = resource_.find("service.name"), *instance = resource_.find("service.instance.id");
    if (defaults_.job && name) labels_["job"] = (space ? otlp::to_text(*space) + "/" : "") + otlp::to_text(*name);
    if (defaults_.instance && instance) labels_["instance"] = otlp::to_text(*instance);
    if (on_resource) add_labels(labels_, resource_, *on_resource, arena_);
    if (on_record) add_labels(labels_, resource_, *on_record, arena_);
    if (of_record) add_labels(labels_, attributes_, *of_record, arena_);
    if (defaults_.level && log_.severity_number != 0) {
      const Value* level = attributes_.find(level_key);
      labels_[std::string(level_key)] = level ? otlp::to_text(*level) : std::string(level_name(log_.severity_number));
    }
    // The attribute that names the tenant is no part of the line either.
    if (const Value* tenant = find_tenant(true)) tenant_ = otlp::to_text(*tenant);
  }
  const Labels& labels() const { return labels_; }
  const std::string& tenant() const { return tenant_; }

  bool line(std::string& out) {
    Labels gone = labels_;
    if (!tenant_name_.empty()) gone[tenant_name_];
    Attributes attributes = without_labels(attributes_, gone, arena_), resource = without_labels(resource_, gone, arena_);
    Record record{log_, scope_, attributes, resource};
    std::string format = format_name();
    if (format == "raw") return out = raw_line(record), true;
    if (format == "logfmt") return logfmt_line(record, out);
    return format == "json" && json_line(record, out);
  }

  std::uint64_t time(UnixNanos now) const {
    return log_.time_unix_nano ? log_.time_unix_nano : log_.observed_time_unix_nano ? log_.observed_time_unix_nano : now;
  }

  std::vector<std::pair<std::string, std::string>> metadata(const std::vector<std::string>& names) const {
    std::vector<std::pair<std::string, std::string>> out;
    for (auto& name : names) {
      const Value* value = attributes_.find(name);
      if (value == nullptr) value = resource_.find(name);
      if (value) out.emplace_back(normalized(name), otlp::to_text(*value));
      else if (name == "trace_id" && !log_.trace_id.empty()) out.emplace_back(name, to_hex(log_.trace_id.view()));
      else if (name == "span_id" && !log_.span_id.empty()) out.emplace_back(name, to_hex(log_.span_id.view()));
    }
    return out;
  }

 private:
  const Value* find_tenant(bool remember) {
    for (auto* from : {&resource_, &attributes_}) {
      const Value* hint = from->find(hint_tenant);
      if (hint == nullptr) continue;
      std::string name(trim(otlp::to_text(*hint)));
      const Value* found = find_nested(*from, name, arena_);
      if (found && remember) tenant_name_ = name;
      return found;
    }
    return nullptr;
  }
  std::string format_name() const {
    for (auto* from : {&resource_, &attributes_})
      if (const Value* hint = from->find(hint_format)) return otlp::to_text(*hint);
    return "json";
  }

  const otlp::LogRecord& log_;
  const otlp::Scope& scope_;
  const Attributes &resource_, &attributes_;
  Arena& arena_;
  const DefaultLabels& defaults_;
  Labels labels_;
  std::string tenant_, tenant_name_;
};

// PushRequest: streams 1. Stream: labels 1, entries 2. Entry: timestamp 1 (seconds 1, nanos 2), line 2, metadata 3 (name 1, value 2).
void write_entry(const Entry& entry, otlp::Writer& out) {
  std::size_t mark = out.size();
  for (auto i = entry.metadata.size(); i-- > 0;) {
    std::size_t pair = out.size();
    out.bytes(2, entry.metadata[i].second);
    out.bytes(1, entry.metadata[i].first);
    out.close(3, pair);
  }
  out.put_bytes(2, entry.line);
  std::size_t stamp = out.size();
  out.put_number(2, entry.time % 1'000'000'000);
  out.put_number(1, entry.time / 1'000'000'000);
  out.close(1, stamp);
  out.close(2, mark);
}

Bytes encode(const Streams& streams) {
  otlp::Writer out(64 * 1024);
  for (auto stream = streams.rbegin(); stream != streams.rend(); ++stream) {
    std::size_t mark = out.size();
    for (auto i = stream->second.size(); i-- > 0;) write_entry(stream->second[i], out);
    out.bytes(1, stream->first);
    out.close(1, mark);
  }
  std::string compressed;
  snappy::Compress(out.view().data(), out.view().size(), &compressed);
  return Bytes::take(std::move(compressed));
}

}  // namespace

std::map<std::string, Streams> streams_of(otlp::Batch& batch, const DefaultLabels& defaults, const std::vector<std::string>& structured_metadata, UnixNanos now,
                                          Translated& counts, std::vector<const std::string*>* tenant_of) {
  std::map<std::string, Streams> tenants;
  Arena& arena = batch.arena();
  std::string line;
  for (auto& group : batch.groups()) {
    const otlp::Resource& resource = group.resource.read(arena);
    for (auto& scope_group : group.scopes) {
      const otlp::Scope& scope = scope_group.scope.read(arena);
      for (auto& item : scope_group.items) {
        Conversion one(item.read<otlp::LogRecord>(arena), scope, resource, arena, defaults);
        one.find_labels();
        if (tenant_of) tenant_of->push_back(nullptr);
        if (one.labels().empty()) {
          ++counts.unlabelled;
          continue;
        }
        if (!one.line(line)) {
          ++counts.unformatted;
          continue;
        }
        auto tenant = tenants.try_emplace(one.tenant()).first;
        tenant->second[label_text(one.labels())].push_back({one.time(now), line, one.metadata(structured_metadata)});
        if (tenant_of) tenant_of->back() = &tenant->first;
        ++counts.entries;
      }
    }
  }
  return tenants;
}

Translated translate(otlp::Batch& batch, const DefaultLabels& defaults, const std::vector<std::string>& structured_metadata, UnixNanos now) {
  Translated out;
  std::vector<const std::string*> tenant_of;
  tenant_of.reserve(batch.items());
  auto tenants = streams_of(batch, defaults, structured_metadata, now, out, &tenant_of);
  std::map<const std::string*, std::size_t> number_of;
  for (auto& [tenant, streams] : tenants) {
    std::size_t entries = 0;
    for (auto& [labels, list] : streams) entries += list.size();
    number_of[&tenant] = out.pushes.size();
    out.pushes.push_back({tenant, encode(streams), entries});
  }
  out.push_of.reserve(tenant_of.size());
  for (auto* tenant : tenant_of) out.push_of.push_back(tenant ? number_of[tenant] : Translated::nowhere);
  return out;
}

}  // namespace weir::exporters::loki
