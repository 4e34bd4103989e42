// Functions of spans alone.
#include "ottl/function.h"

#include "otlp/trace_state.h"

namespace weir::ottl {
namespace {

using otlp::Span;
using otlp::ValueType;

// ---- set_semconv_span_name: the name that the semantic conventions give to a span with such attributes

// A version as far as comparing it with the known ones takes. False when it is not one.
struct Semver {
  std::array<std::uint64_t, 3> parts{};
  bool prerelease = false;

  static bool parse(std::string_view text, Semver& out) {
    if (text.starts_with('v')) text.remove_prefix(1);
    for (std::size_t i = 0; i < 3; ++i) {
      std::size_t digits = 0;
      while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
      if (digits == 0 || digits > 18) return false;
      for (char digit : text.substr(0, digits)) out.parts[i] = out.parts[i] * 10 + static_cast<unsigned>(digit - '0');
      text.remove_prefix(digits);
      if (!text.starts_with('.')) break;
      if (i == 2) return false;
      text.remove_prefix(1);
    }
    out.prerelease = text.starts_with('-');
    auto allowed = [](char ch) { return std::isalnum(static_cast<unsigned char>(ch)) || ch == '-' || ch == '.' || ch == '+'; };
    return text.empty() || (text.size() > 1 && (text[0] == '-' || text[0] == '+') && std::all_of(text.begin(), text.end(), allowed));
  }
};

constexpr std::array<std::uint64_t, 3> first_version = {1, 37, 0}, last_version = {1, 40, 0};

Result<> check_semconv(Call& call) {
  std::string_view text = call.constant(0)->text;
  Semver version;
  if (!Semver::parse(text, version)) return fail(Errc::config, "failed to parse semconv version \"{}\"", text);
  if (version.parts < first_version || (version.parts == first_version && version.prerelease) || version.parts > last_version)
    return fail(Errc::config, "unsupported semconv version \"{}\": must be between 1.37.0 and 1.40.0", text);
  if (call.given(1) && call.constant(1)->text.empty()) return fail(Errc::config, "originalSpanNameAttribute cannot be an empty string");
  return {};
}

class SpanNaming {
 public:
  explicit SpanNaming(const Span& span) : span_(span) {}

  // "" when the conventions say nothing about such a span.
  std::string name() const {
    using Maker = std::string (SpanNaming::*)() const;
    static constexpr std::array server = {&SpanNaming::http_server, &SpanNaming::rpc, &SpanNaming::messaging};
    static constexpr std::array client = {&SpanNaming::http_client, &SpanNaming::rpc, &SpanNaming::database, &SpanNaming::messaging};
    static constexpr std::array queue = {&SpanNaming::messaging};
    std::span<const Maker> makers;
    if (span_.kind == Span::server) makers = server;
    if (span_.kind == Span::client) makers = client;
    if (span_.kind == Span::producer || span_.kind == Span::consumer) makers = queue;
    for (Maker maker : makers)
      if (std::string name = (this->*maker)(); !name.empty()) return name;
    return {};
  }

 private:
  using Text = std::optional<std::string>;

  const otlp::Value* value(std::string_view key) const { return span_.attributes.find(key); }
  Text text(std::string_view key, std::string_view old_key = {}) const {
    const otlp::Value* found = value(key);
    if (found == nullptr && !old_key.empty()) found = value(old_key);
    if (found == nullptr) return {};
    return otlp::to_text(*found);
  }
  bool flag(std::string_view key) const {
    const otlp::Value* found = value(key);
    return found != nullptr && found->is(ValueType::boolean) && found->boolean;
  }

  std::string http_server() const { return http("http.route"); }
  std::string http_client() const { return http("url.template"); }
  std::string http(std::string_view subject_key) const {
    Text method = text("http.request.method", "http.method");
    if (!method) return {};
    Text subject = text(subject_key);
    return subject ? *method + ' ' + *subject : *method;
  }

  std::string rpc() const {
    Text system = text("rpc.system.name", "rpc.system");
    if (!system) return {};
    Text method = text("rpc.method", "rpc.grpc.method"), service = text("rpc.service", "rpc.grpc.service");
    if (service) return *service + '/' + method.value_or("*");
    return method.value_or(*system);
  }

  std::string database() const {
    Text system = text("db.system.name", "db.system");
    if (!system) return {};
    if (Text summary = text("db.query.summary")) return *summary;
    return joined(text("db.operation.name", "db.operation").value_or(""), database_target(), *system);
  }
  std::string database_target() const {
    std::string space = text("db.namespace", "db.name").value_or("");
    Text inside = text("db.collection.name");
    if (!inside) inside = text("db.stored_procedure.name");
    if (inside) return space.empty() ? *inside : space + '.' + *inside;
    return space.empty() ? server_address() : space;
  }

  std::string messaging() const {
    Text system = text("messaging.system");
    if (!system) return {};
    return joined(text("messaging.operation.name", "messaging.operation").value_or(""), destination(), *system);
  }
  std::string destination() const {
    if (flag("messaging.destination.temporary")) return "(temporary)";
    if (flag("messaging.destination.anonymous")) return "(anonymous)";
    if (Text pattern = text("messaging.destination.template")) return *pattern;
    if (Text name = text("messaging.destination.name", "messaging.destination")) return *name;
    return server_address();
  }

  std::string server_address() const {
    Text address = text("server.address");
    if (!address) return {};
    Text port = text("server.port");
    return port ? *address + ':' + *port : *address;
  }
  static std::string joined(const std::string& operation, const std::string& target, const std::string& otherwise) {
    if (!operation.empty() && !target.empty()) return operation + ' ' + target;
    if (!operation.empty()) return operation;
    return target.empty() ? otherwise : target;
  }

  const Span& span_;
};

bool set_semconv_span_name(EvalContext& c, const Call& call, Value&) {
  std::string_view before = c.span().name;
  std::string name = SpanNaming(c.span()).name();
  if (name.empty() || name == before) return true;
  Span& span = c.edit_span();
  span.name = c.arena().copy(name);
  if (call.given(1)) span.attributes.set(c.arena(), c.arena().copy(call.constant(1)->text), otlp::Value::of(before));
  return true;
}

// How many spans this one stands for, by the share of traces that were kept when it was sampled.
bool adjusted_count(EvalContext& c, const Call&, Value& out) {
  auto threshold = otlp::sampling_threshold(c.span().trace_state);
  double kept = threshold ? static_cast<double>(otlp::every_sample - *threshold) : 0;
  return out = Value::of(kept > 0 ? static_cast<double>(otlp::every_sample) / kept : 1.0), true;
}

bool is_root_span(EvalContext& c, const Call&, Value& out) { return out = Value::of(c.span().parent_span_id.empty()), true; }

}  // namespace

std::span<const FunctionInfo> span_functions() {
  static const std::array rows{
      FunctionInfo{.name = "AdjustedCount",
                   .doc = "How many spans the span stands for: by the sampling threshold in its trace state (ot=th), 1 without.",
                   .params = {},
                   .run = adjusted_count,
                   .in = In::span,
                   .callers = Callers::metrics_alone,
                   .reads = Reads::item},
      FunctionInfo{.name = "IsRootSpan", .doc = "Whether the span has no parent.", .params = {}, .run = is_root_span, .in = In::span, .reads = Reads::item},
      FunctionInfo{.name = "set_semconv_span_name",
                   .doc = "Names the span as the semantic conventions do for its kind and attributes (HTTP, RPC, database, messaging); "
                          "the former name is kept in an attribute when one is given.",
                   .params = {{"semconvVersion", Takes::literal_text}, {"originalSpanNameAttribute", Takes::literal_text, true}},
                   .run = set_semconv_span_name,
                   .prepare = check_semconv,
                   .in = In::span,
                   .callers = Callers::transform,
                   .reads = Reads::item | Reads::item_attributes | Reads::edits_item},
  };
  return rows;
}

}  // namespace weir::ottl
