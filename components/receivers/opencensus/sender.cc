// Nodes and resources.
#include "base/time.h"
#include "components/receivers/opencensus/translate.h"
#include "components/receivers/opencensus/wire.h"

namespace weir::receivers::opencensus {
namespace {

constexpr std::array<std::string_view, 11> languages{"", "cpp", "dotnet", "erlang", "go", "java", "nodejs", "php", "python", "ruby", "webjs"};

// Node: identifier = 1, library_info = 2, service_info = 3, attributes = 4.
struct Node {
  std::string_view service, host, exporter_version, library_version;
  std::optional<std::uint64_t> started;
  std::uint32_t process = 0;
  std::uint64_t language = 0;
};

Result<> read_identifier(std::string_view message, Node& node) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) return node.host = in.bytes(), true;
    if (is_varint(in, 2)) return node.process = static_cast<std::uint32_t>(in.varint()), true;
    if (!is_bytes(in, 3)) return false;
    WEIR_ASSIGN(node.started, read_time(in.bytes()));
    return true;
  });
}

Result<> read_library(std::string_view message, Node& node) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 1)) return node.language = in.varint(), true;
    if (is_bytes(in, 2)) return node.exporter_version = in.bytes(), true;
    if (is_bytes(in, 3)) return node.library_version = in.bytes(), true;
    return false;
  });
}

// Collects attributes of a resource; a later one replaces an earlier one of the same name.
class Attributes {
 public:
  Attributes(Scratch& scratch, otlp::Attributes& list) : scratch_(scratch), set_(scratch, list) {}

  bool add(std::string_view key, const otlp::Value& value) { return set_.set(key, value); }
  // Empty ones are left out.
  bool add(std::string_view key, std::string_view text) { return text.empty() || add(key, otlp::Value::of(text)); }
  Result<bool> add_entry(std::string_view message, bool label) {
    WEIR_ASSIGN(Entry entry, read_entry(message));
    std::string_view key = label && entry.key == "cloud.zone" ? "cloud.availability_zone" : entry.key;
    return taken(add(key, otlp::Value::of(entry.value)));
  }
  Result<> add_node(const Node& node) {
    bool room = add("service.name", node.service);
    if (node.started) {
      std::string text = format_rfc3339(static_cast<UnixNanos>(*node.started));
      room = room && scratch_.take(text.size()) && add("opencensus.starttime", scratch_.arena().copy(text));
    }
    room = room && add("host.name", node.host);
    if (node.process != 0) room = room && add("process.pid", otlp::Value::of(std::int64_t{node.process}));
    room = room && add("telemetry.sdk.version", node.library_version) && add("opencensus.exporterversion", node.exporter_version);
    if (node.language < languages.size()) room = room && add("telemetry.sdk.language", languages[node.language]);
    if (!room) return fail(no_room());
    return {};
  }

 private:
  Scratch& scratch_;
  AttributeSetter set_;
};

}  // namespace

Result<> Sender::update(std::string_view request) {
  return walk(request, [&](Reader& in) -> Result<bool> {
    bool is_node = is_bytes(in, 1);
    if (!is_node && !is_bytes(in, 3)) return false;
    std::string_view message = in.bytes();
    std::optional<std::string>& kept = is_node ? node_ : resource_;
    std::size_t before = kept ? kept->size() : 0;
    if (message.size() > before && !charge_.grow(message.size() - before)) return fail(no_room());
    kept = std::string(message);
    return true;
  });
}

Result<TraceWriter::Group> Translator::group_of(const std::optional<std::string>& node, std::optional<std::string_view> resource) {
  otlp::Resource out;
  Attributes attributes(scratch_, out.attributes);
  std::string_view type;
  if (resource)
    WEIR_TRY(walk(*resource, [&](Reader& in) -> Result<bool> {
      if (is_bytes(in, 1)) return type = in.bytes(), true;
      return is_bytes(in, 2) ? attributes.add_entry(in.bytes(), true) : false;
    }));
  Node about;
  if (node)
    WEIR_TRY(walk(*node, [&](Reader& in) -> Result<bool> {
      if (!in.is(WireType::bytes) || in.field() > 4) return false;
      std::string_view part = in.bytes();
      switch (in.field()) {
        case 1: WEIR_TRY(read_identifier(part, about)); break;
        case 2: WEIR_TRY(read_library(part, about)); break;
        case 3: {
          WEIR_ASSIGN(about.service, read_text(part));
          break;
        }
        default: return attributes.add_entry(part, false);
      }
      return true;
    }));
  WEIR_TRY(attributes.add_node(about));
  if (!attributes.add("opencensus.resourcetype", type)) return fail(no_room());
  return writer_.resource(out);
}

Result<> Translator::add(std::string_view request, const Sender& sender) {
  std::optional<TraceWriter::Group> common;
  return walk(request, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 2)) return false;
    WEIR_TRY(add_item(in.bytes(), sender, common));
    return true;
  });
}

Result<> Translator::add_item(std::string_view item, const Sender& sender, std::optional<TraceWriter::Group>& common) {
  scratch_.reset();
  bool traces = signal_ == otlp::Signal::traces;
  std::optional<std::string_view> own;  // Span.resource = 16, Metric.resource = 3
  WEIR_TRY(walk(item, [&](Reader& in) -> Result<bool> { return is_bytes(in, traces ? 16 : 3) ? (own = in.bytes(), true) : false; }));
  otlp::Span span;
  otlp::Metric metric;
  if (traces) {
    WEIR_TRY(read_span(item, scratch_, span));
  } else {
    WEIR_ASSIGN(bool known, read_metric(item, scratch_, metric, lost_));
    if (!known) return {};
  }
  if (!common || own) {
    std::optional<std::string_view> resource = own;
    if (!own && sender.resource()) resource = *sender.resource();
    WEIR_ASSIGN(auto group, group_of(sender.node(), resource));
    if (own) return traces ? writer_.add(group, {}, span) : writer_.add(group, {}, metric);
    common = group;
  }
  return traces ? writer_.add(*common, {}, span) : writer_.add(*common, {}, metric);
}

}  // namespace weir::receivers::opencensus
