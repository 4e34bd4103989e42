// syslog_parser: RFC 5424, RFC 3164, with or without a frame around the message.
#include "components/shared/stanza/syslog.h"

#include "base/number.h"
#include "base/text.h"
#include "components/shared/stanza/container.h"
#include "components/shared/stanza/parsing.h"
#include "components/shared/stanza/syslog_config.h"

namespace weir::stanza {
namespace {

using config::field;

struct SyslogParserConfig : ParserConfig {
  SyslogConfig syslog;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {config::embedded<&SyslogParserConfig::syslog>()});
    return rows;
  }
};

class SyslogParser final : public ParserBase {
 public:
  static Result<std::unique_ptr<SyslogParser>> make(const SyslogParserConfig& config) {
    WEIR_TRY(config.syslog.check());
    auto out = std::make_unique<SyslogParser>();
    WEIR_TRY(out->prepare(config));
    out->config_ = config.syslog;
    out->protocol_ = to_lower(config.syslog.protocol);
    out->own_time_ = config.timestamp.has_value();
    auto zone = ottl::Zone::load(config.syslog.location.empty() ? "UTC" : config.syslog.location);
    if (!zone) return fail(Errc::config, "failed to load location {}: {}", config.syslog.location, zone.error().what);
    out->zone_ = *zone;
    return out;
  }

 private:
  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    if (!value.is(ValueType::string)) return fail(Errc::permanent, "unable to convert type '{}' to bytes", type_name(value));
    std::string_view text = value.text;
    if (protocol_ == "none") return raw(text, run);
    bool may_skip = config_.allow_skip_pri_header && !config_.enable_octet_counting;
    no_priority_ = may_skip && text.size() > 1 && text[0] != '<';
    if (may_skip && !holds_priority(text)) text = run.arena.copy("<0>" + std::string(text));
    WEIR_ASSIGN(SyslogMessage message, config_.enable_octet_counting ? framed(text, run) : one(text, run));
    time_ = message.time;
    return map_of(message, run);
  }

  Result<SyslogMessage> one(std::string_view text, Run& run) {
    if (protocol_ == "rfc3164") return read_rfc3164(text, *zone_, run.now, config_.enable_octet_counting);
    if (config_.non_transparent_framing_trailer) {
      char trailer = *config_.non_transparent_framing_trailer == "NUL" ? '\0' : '\n';
      if (text.ends_with(trailer)) text.remove_suffix(1);
    }
    return read_rfc5424(text, run.arena);
  }

  // "LENGTH MESSAGE", once or more; the last one counts.
  Result<SyslogMessage> framed(std::string_view text, Run& run) {
    Result<SyslogMessage> out = fail(Errc::permanent, "expecting a message length");
    std::size_t most = config_.max_octets > 0 ? config_.max_octets : 8192;
    while (!text.empty()) {
      std::size_t n = std::min(text.find_first_not_of("0123456789"), text.size());
      auto length = parse_go_int(text.substr(0, n));
      if (n == 0 || text[0] == '0' || !length || n >= text.size() || text[n] != ' ') return fail(Errc::permanent, "expecting a message length and a space");
      if (static_cast<std::uint64_t>(*length) > most) return fail(Errc::permanent, "message too long to parse. was size {}, max length {}", *length, most);
      text.remove_prefix(n + 1);
      if (text.size() < static_cast<std::uint64_t>(*length)) return fail(Errc::permanent, "expecting a message of {} octets, found {}", *length, text.size());
      std::string_view message = text.substr(0, static_cast<std::size_t>(*length));
      text.remove_prefix(message.size());
      if (protocol_ == "rfc3164" && message.ends_with('\n')) message.remove_suffix(message.ends_with("\r\n") ? 2 : 1);
      out = one(message, run);
      if (!out) return out;
      if (text.starts_with('\n')) text.remove_prefix(1);
    }
    return out;
  }

  static bool holds_priority(std::string_view text) {
    for (std::size_t i = text.find('<'); i != text.npos; i = text.find('<', i + 1)) {
      std::size_t n = 0;
      while (n < 4 && i + 1 + n < text.size() && text[i + 1 + n] >= '0' && text[i + 1 + n] <= '9') ++n;
      if (n >= 1 && n <= 3 && i + 1 + n < text.size() && text[i + 1 + n] == '>') return true;
    }
    return false;
  }

  Result<Value> raw(std::string_view text, Run& run) {
    if (config_.enable_octet_counting) {
      std::size_t n = std::min(text.find_first_not_of("0123456789"), text.size());
      if (n > 0 && text[0] != '0' && n < text.size() && std::isspace(static_cast<unsigned char>(text[n]))) text.remove_prefix(n + 1);
    }
    auto* map = run.arena.make<Attributes>();
    std::string_view rest = text;
    if (rest.starts_with('<')) {
      std::size_t end = rest.find('>');
      auto number = end != rest.npos && end >= 2 && end <= 4 ? parse_go_int(rest.substr(1, end - 1)) : std::nullopt;
      bool digits = number && rest.substr(1, end - 1).find_first_not_of("0123456789") == rest.npos;
      if (digits && *number <= 191) add_priority(*map, static_cast<int>(*number), run);
    }
    map->push_back(run.arena, {"message", Value::of(text)});
    return Value::of(map);
  }

  static void add_priority(Attributes& map, int priority, Run& run) {
    map.push_back(run.arena, {"priority", Value::of(std::int64_t{priority})});
    map.push_back(run.arena, {"severity", Value::of(std::int64_t{priority & 7})});
    map.push_back(run.arena, {"facility", Value::of(std::int64_t{priority >> 3})});
    map.push_back(run.arena, {"facility_text", Value::of(facility_name(priority >> 3))});
  }

  Value map_of(const SyslogMessage& message, Run& run) const {
    auto* map = run.arena.make<Attributes>();
    auto add = [&](std::string_view key, std::string_view text) {
      if (!text.empty()) map->push_back(run.arena, {key, Value::of(text)});
    };
    if (!no_priority_) add_priority(*map, *message.priority, run);
    if (message.time) add("timestamp", run.arena.copy(message.time_text()));
    if (message.version) map->push_back(run.arena, {"version", Value::of(std::int64_t{*message.version})});
    add("hostname", message.hostname);
    add("appname", message.appname);
    add("proc_id", message.proc_id);
    add("msg_id", message.msg_id);
    add("message", message.message);
    if (message.structured_data) map->push_back(run.arena, {"structured_data", Value::of(message.structured_data)});
    return Value::of(map);
  }

  // The time and the severity are no attributes.
  Result<> finish(Entry& entry, Run&) override {
    bool raw = protocol_ == "none";
    if (!raw && !own_time_) {
      if (!time_ || !entry.attributes.find("timestamp")) return fail(Errc::permanent, "time parser: log entry does not have the expected parse_from field attributes.timestamp");
      entry.time = *time_;
      entry.has_time = true;
    }
    if (raw || !no_priority_) WEIR_TRY(take_severity(entry, raw));
    if (raw) return {};
    if (!entry.attributes.remove("timestamp")) return fail(Errc::permanent, "failed to cleanup timestamp");
    return {};
  }

  static Result<> take_severity(Entry& entry, bool optional) {
    const Value* found = entry.attributes.find("severity");
    if (found == nullptr) return optional ? Result<>{} : fail(Errc::permanent, "severity field does not exist");
    Value severity = *found;
    entry.attributes.remove("severity");
    if (!severity.is(ValueType::integer)) return fail(Errc::permanent, "severity field is not an int");
    if (severity.integer < 0 || severity.integer > 7) return fail(Errc::permanent, "invalid severity '{}'", severity.integer);
    entry.severity = severity_of_syslog(static_cast<int>(severity.integer));
    entry.severity_text = syslog_severity_name(static_cast<int>(severity.integer));
    return {};
  }

  SyslogConfig config_;
  std::string protocol_;
  bool own_time_ = false;
  std::shared_ptr<const ottl::Zone> zone_;  // shared with the zone database's other users
  // Of the message that parse() read, for finish().
  std::optional<std::int64_t> time_;
  bool no_priority_ = false;
};

}  // namespace

std::span<const config::FieldInfo> SyslogConfig::fields() {
  static const std::array rows{
      field<&SyslogConfig::protocol>("protocol", "rfc3164, rfc5424, or none: the message is kept as it is.", {.required = true}),
      field<&SyslogConfig::location>("location", "The time zone of RFC 3164 messages; without it, UTC."),
      field<&SyslogConfig::enable_octet_counting>("enable_octet_counting", "Each message has its length in front (RFC 6587)."),
      field<&SyslogConfig::max_octets>("max_octets", "Longest message with a length in front; 0: 8192.", {.max = 64u << 20}),
      field<&SyslogConfig::allow_skip_pri_header>("allow_skip_pri_header", "Messages may come without a priority."),
      field<&SyslogConfig::non_transparent_framing_trailer>("non_transparent_framing_trailer", "Each message ends with LF or NUL (rfc5424 only).", {.choices = "LF|NUL"}),
  };
  return rows;
}

Result<> SyslogConfig::check() const {
  std::string name = to_lower(protocol);
  if (name.empty()) return fail(Errc::config, "missing field 'protocol'");
  if (name != "rfc5424" && name != "rfc3164" && name != "none") return fail(Errc::config, "unsupported protocol version: {}", name);
  if (!non_transparent_framing_trailer) return {};
  if (enable_octet_counting) return fail(Errc::config, "only one of octet_counting or non_transparent_framing can be enabled");
  if (name != "rfc5424") return fail(Errc::config, "non_transparent_framing is only compatible with protocol rfc5424");
  return {};
}

Result<std::unique_ptr<Operator>> make_syslog_parser(const SyslogConfig& config, OnError on_error) {
  SyslogParserConfig all;
  all.syslog = config;
  all.on_error = on_error;
  WEIR_ASSIGN(auto made, SyslogParser::make(all));
  return std::unique_ptr<Operator>(std::move(made));
}

OperatorType syslog_parser_operator() { return operator_type<SyslogParserConfig, SyslogParser>("syslog_parser"); }

}  // namespace weir::stanza
