// Removes attributes that are not allowed and masks values.
#include <unordered_set>

#include "base/text.h"
#include "components/processors/redaction/database.h"
#include "components/processors/redaction/masking.h"
#include "components/processors/redaction/url.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::processors::redaction {
namespace {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

Result<std::vector<Regex>> compile(const std::vector<std::string>& patterns) {
  std::vector<Regex> out;
  for (auto& pattern : patterns) {
    WEIR_ASSIGN(auto regex, Regex::compile(pattern));
    out.push_back(std::move(regex));
  }
  return out;
}

bool any_matches(const std::vector<Regex>& patterns, std::string_view text) {
  return std::ranges::any_of(patterns, [&](auto& pattern) { return pattern.matches(text); });
}

bool has_http_attributes(const Attributes& attributes) {
  for (std::string_view key : {"http.route", "http.request.method", "http.request.method_original", "http.response.status_code", "url.full", "http.scheme", "http.target", "http.method", "http.url"})
    if (attributes.find(key) != nullptr) return true;
  return false;
}

// What was done to one list of attributes or one body: paths of what was ...
struct Done {
  std::vector<std::string> redacted, masked, allowed, ignored;
  bool changed = false;
};

struct Patterns {
  std::vector<Regex> blocked_keys, ignored_keys, blocked_values, allowed_values;
  static Result<Patterns> make(const Config& config) {
    Patterns out;
    WEIR_ASSIGN(out.blocked_keys, compile(config.blocked_key_patterns));
    WEIR_ASSIGN(out.ignored_keys, compile(config.ignored_key_patterns));
    WEIR_ASSIGN(out.blocked_values, compile(config.blocked_values));
    WEIR_ASSIGN(out.allowed_values, compile(config.allowed_values));
    return out;
  }
};

class Redaction final : public engine::Stage {
 public:
  Redaction(const Config& config, Patterns patterns, Regex everything, otlp::Signal signal)
      : config_(config), patterns_(std::move(patterns)), everything_(std::move(everything)), database_(config.db_sanitizer, signal != otlp::Signal::logs) {
    allowed_.insert(config_.allowed_keys.begin(), config_.allowed_keys.end());
    for (std::string_view key : {"redaction.redacted.keys", "redaction.redacted.count", "redaction.masked.keys", "redaction.masked.count", "redaction.ignored.count"}) allowed_.emplace(key);
    ignored_.insert(config_.ignored_keys.begin(), config_.ignored_keys.end());
  }

  void process(otlp::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    for (auto& group : batch.groups()) {
      if (!group.resource.read(arena).attributes.empty()) attributes(group.resource.edit(arena).attributes, arena);
      for (auto& scope : group.scopes) {
        if (!scope.scope.read(arena).attributes.empty()) attributes(scope.scope.edit(arena).attributes, arena);
        for (auto& item : scope.items) change(batch.signal(), item, arena);
      }
    }
    out.push(std::move(batch));
  }

 private:
  // The same message that edit() gives; marked only when something is different.
  void change(otlp::Signal signal, otlp::Item& item, Arena& arena) {
    bool changed = false;
    if (signal == otlp::Signal::traces) {
      auto& span = const_cast<otlp::Span&>(item.read<otlp::Span>(arena));
      changed = attributes(span.attributes, arena);
      for (auto& event : span.events) changed |= attributes(event.attributes, arena);
      changed |= name(span, arena);
    } else if (signal == otlp::Signal::logs) {
      auto& record = const_cast<otlp::LogRecord&>(item.read<otlp::LogRecord>(arena));
      changed = attributes(record.attributes, arena);
      changed |= body(record, arena);
    } else {
      for (auto& point : const_cast<otlp::Metric&>(item.read<otlp::Metric>(arena)).points) changed |= attributes(point.attributes, arena);
    }
    if (changed) item.dirty = true;
  }

  bool is_ignored(std::string_view key) const { return ignored_.contains(std::string(key)) || any_matches(patterns_.ignored_keys, key); }
  bool is_removed(std::string_view key) const { return !config_.allow_all_keys && !allowed_.contains(std::string(key)); }
  std::string masked_whole(std::string_view text) const { return mask(text, everything_, config_.hash_function, config_.hmac_key.reveal()); }
  std::string masked_parts(std::string text) const {
    for (auto& pattern : patterns_.blocked_values)
      if (pattern.matches(text)) text = mask(text, pattern, config_.hash_function, config_.hmac_key.reveal());
    return text;
  }

  std::string sanitized(std::string_view key, std::string text, std::string_view system) const {
    text = masked_parts(std::move(text));
    auto& url = config_.url_sanitizer;
    if (url.enabled && std::ranges::find(url.attributes, key) != url.attributes.end()) text = url_without_ids(text);
    return database_.attribute(key, std::move(text), system);
  }

  std::string sanitized_body(std::string text) const {
    text = masked_parts(std::move(text));
    if (config_.url_sanitizer.enabled) text = url_without_ids(text);
    return database_.body(std::move(text));
  }

  std::string new_name(const otlp::Span& span) const {
    bool remote = span.kind == otlp::Span::client || span.kind == otlp::Span::server;
    std::string name(span.name);
    auto& url = config_.url_sanitizer;
    if (url.enabled && url.sanitize_span_name && remote && (name.find('/') != name.npos || has_http_attributes(span.attributes)))
      if (std::string sanitized = url_without_ids(name); sanitized != name && !all_ids(sanitized)) return sanitized;
    std::string system = database_.changes_names() && (remote || span.kind == otlp::Span::internal) ? system_of(span.attributes) : std::string();
    return system.empty() ? name : database_.name(std::move(name), system);
  }

  // After the attributes: what was removed says nothing any more.
  bool name(otlp::Span& span, Arena& arena) const {
    if (!config_.url_sanitizer.enabled && !database_.changes_names()) return false;
    if (any_matches(patterns_.allowed_values, span.name)) return false;
    std::string changed = new_name(span);
    if (changed == span.name || changed.empty() || changed == "...") return false;
    span.name = arena.copy(changed);
    return true;
  }

  bool attributes(Attributes& list, Arena& arena) {
    Done done;
    std::string system = database_.active() ? system_of(list) : std::string();
    for (auto& kv : list) {
      if (is_ignored(kv.key)) {
        done.ignored.emplace_back(kv.key);
        continue;
      }
      if (is_removed(kv.key)) {
        done.redacted.emplace_back(kv.key);
        continue;
      }
      std::string text = kv.value.is(ValueType::string) ? std::string(kv.value.text) : config_.redact_all_types ? to_text(kv.value) : std::string();
      if (any_matches(patterns_.allowed_values, text)) {
        done.allowed.emplace_back(kv.key);
        continue;
      }
      bool whole = any_matches(patterns_.blocked_keys, kv.key);
      std::string masked = whole ? masked_whole(text) : sanitized(kv.key, text, system);
      if (!whole && masked == text) continue;
      done.masked.emplace_back(kv.key);
      kv.value = Value::of(arena.copy(masked));
    }
    for (auto& key : done.redacted) list.remove(key);
    done.changed = !done.redacted.empty() || !done.masked.empty();
    return summarize(done, "redaction.", list, arena);
  }

  bool body(otlp::LogRecord& record, Arena& arena) {
    Done done;
    value("", record.body, done, arena);
    if (!record.body.is(ValueType::map) && !record.body.is(ValueType::array)) done.allowed.clear();  // not counted there
    return summarize(done, "redaction.body.", record.attributes, arena);
  }

  // `path`: where it stands in the body; empty: it is the body.
  void value(const std::string& path, Value& value, Done& done, Arena& arena) {
    if (value.is(ValueType::map)) return map(path, value.map(arena), done, arena);
    if (value.is(ValueType::array)) {
      std::size_t i = 0;
      for (auto& item : value.array(arena)) this->value(fmt::format("{}{}[{}]", path, path.empty() ? "" : ".", i++), item, done, arena);
      return;
    }
    std::string text = to_text(value);
    std::string_view name = path.empty() ? std::string_view("body") : path;
    if (any_matches(patterns_.allowed_values, text)) return void(done.allowed.emplace_back(name));
    std::string masked = sanitized_body(text);
    if (masked == text) return;
    done.masked.emplace_back(name);
    done.changed = true;
    value = Value::of(arena.copy(masked));
  }

  void map(const std::string& path, Attributes& list, Done& done, Arena& arena) {
    std::vector<std::string_view> gone;
    for (auto& kv : list) {
      std::string name = path.empty() ? std::string(kv.key) : fmt::format("{}.{}", path, kv.key);
      if (is_ignored(kv.key)) {
        done.ignored.push_back(std::move(name));
      } else if (is_removed(kv.key)) {
        gone.push_back(kv.key);
        done.redacted.push_back(std::move(name));
      } else if (any_matches(patterns_.blocked_keys, kv.key)) {
        kv.value = Value::of(arena.copy(masked_whole(kv.value.is(ValueType::string) ? kv.value.text : std::string_view())));
        done.masked.push_back(std::move(name));
      } else {
        value(name, kv.value, done, arena);
      }
    }
    for (auto key : gone) list.remove(key);
    done.changed |= !gone.empty() || !done.masked.empty();
  }

  bool summarize(Done& done, std::string_view prefix, Attributes& to, Arena& arena) const {
    add(done.redacted, fmt::format("{}redacted", prefix), to, arena, true, done);
    add(done.masked, fmt::format("{}masked", prefix), to, arena, true, done);
    add(done.allowed, fmt::format("{}allowed", prefix), to, arena, true, done);
    add(done.ignored, fmt::format("{}ignored", prefix), to, arena, false, done);
    return done.changed;
  }

  // On top of what an earlier processor has counted.
  void add(std::vector<std::string>& names, const std::string& what, Attributes& to, Arena& arena, bool names_them, Done& done) const {
    if (names.empty() || (config_.summary != "info" && config_.summary != "debug")) return;
    auto count = static_cast<std::int64_t>(names.size());
    done.changed = true;
    if (config_.summary == "debug" && names_them) {
      std::string key = what + ".keys";
      if (auto* before = to.find(key); before != nullptr && before->is(ValueType::string) && !before->text.empty())
        for (auto name : split(before->text, ',')) names.emplace_back(name);
      std::ranges::sort(names);
      std::string all;
      for (auto& name : names) all += (all.empty() ? "" : ",") + name;
      to.set(arena, arena.copy(key), Value::of(arena.copy(all)));
    }
    std::string key = what + ".count";
    if (auto* before = to.find(key); before != nullptr && before->is(ValueType::integer)) count += before->integer;
    to.set(arena, arena.copy(key), Value::of(count));
  }

  Config config_;
  Patterns patterns_;
  Regex everything_;
  DatabaseSanitizer database_;
  std::unordered_set<std::string> allowed_, ignored_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "redaction",
          .summary = "Removes attributes that are not allowed and masks values.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,
          .make_stage = [](const void* erased, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            auto& config = *static_cast<const Config*>(erased);
            WEIR_ASSIGN(auto patterns, Patterns::make(config));
            WEIR_ASSIGN(auto everything, Regex::compile(".*"));
            return std::make_unique<Redaction>(config, std::move(patterns), std::move(everything), context.signal);
          }};
}

}  // namespace weir::processors::redaction
