// Equal log records of an interval become one, with their number.
#include <xxhash.h>

#include <set>

#include "base/text.h"
#include "components/shared/ottl_settings/error_log.h"
#include "engine/decode.h"
#include "engine/out.h"
#include "otlp/codec.h"
#include "otlp/copy.h"
#include "ottl/time/civil.h"
#include "ottl/ottl.h"
#include "ottl/time/zone.h"

namespace weir::processors::logdedup {
namespace {

struct Config {
  Duration interval = 10s;
  std::string log_count_attribute = "log_count", timezone = "UTC";
  std::vector<std::string> exclude_fields, include_fields, conditions;
  std::uint64_t max_records = 100'000;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::interval>("interval", "How often what was gathered goes on.", {.min = 1ms}),
      field<&Config::log_count_attribute>("log_count_attribute", "The attribute that says how many records it stands for."),
      field<&Config::timezone>("timezone", "Of first_observed_timestamp and last_observed_timestamp."),
      field<&Config::exclude_fields>("exclude_fields", "Fields that do not count and are removed: body.a.b, attributes.a; a dot within a key is written \\.", {}),
      field<&Config::include_fields>("include_fields", "Instead: only these count. All others may differ, and are those of the first record.", {}),
      field<&Config::conditions>("conditions", "OTTL conditions; records for which none holds go on as they are. Without conditions all are gathered."),
      field<&Config::max_records>("max_records", "Different records held at most, for each core; beyond, all go on early.", {.min = 1}),
  };
  return rows;
}

// "attributes.a\.b.c" in its parts.
std::vector<std::string> parts_of(std::string_view field) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 1 < field.size() && field[i + 1] == '.') out.back() += field[++i];
    else if (field[i] == '.') out.emplace_back();
    else out.back() += field[i];
  }
  return out;
}

Result<> Config::validate() const {
  if (log_count_attribute.empty()) return fail(Errc::config, "log_count_attribute must be set");
  if (auto zone = ottl::Zone::load(timezone); !zone) return fail(Errc::config, "timezone is invalid: {}", zone.error().what);
  if (!exclude_fields.empty() && !include_fields.empty()) return fail(Errc::config, "cannot define both exclude_fields and include_fields");
  std::set<std::string> seen;
  for (auto* list : {&exclude_fields, &include_fields}) {
    for (auto& field : *list) {
      if (list == &exclude_fields && field == "body") return fail(Errc::config, "cannot exclude the entire body");
      auto parts = parts_of(field);
      if (parts[0] != "body" && parts[0] != "attributes") return fail(Errc::config, "a field must start with body or attributes");
      if (!seen.insert(field).second) return fail(Errc::config, "duplicate field {}", field);
    }
  }
  if (conditions.empty()) return {};
  if (auto compiled = ottl::Conditions::compile(ottl::ContextId::log, conditions, {}); !compiled) return std::unexpected(compiled.error());
  return {};
}

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

constexpr std::size_t node_bytes = 64;  // of a map, with the allocator's own

using Hash = std::pair<std::uint64_t, std::uint64_t>;

Hash hash_of(std::string_view text) {
  XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64};
}

// What records have in common, encoded. Shared by all of an interval: a resource may be a thousand times larger than its records.
struct Surroundings {
  std::string resource, scope;
  Hash resource_hash, scope_hash;
};

// One record that stands for several.
struct Gathered {
  std::string log;  // encoded
  std::shared_ptr<const Surroundings> around;
  std::uint64_t count = 0;
  UnixNanos first = 0, last = 0;
};

class LogDedup final : public engine::Stage {
 public:
  static Result<std::unique_ptr<engine::Stage>> make(const Config& config, engine::StageContext& context) {
    auto out = std::make_unique<LogDedup>(config, context);
    WEIR_ASSIGN(out->zone_, ottl::Zone::load(config.timezone));
    if (!config.conditions.empty()) {
      WEIR_ASSIGN(auto compiled, ottl::Conditions::compile(ottl::ContextId::log, config.conditions, {}));
      out->conditions_.emplace(std::move(compiled));
    }
    for (auto& field : config.exclude_fields) out->excluded_.push_back(parts_of(field));
    for (auto& field : config.include_fields) out->included_.push_back(parts_of(field));
    return out;
  }
  LogDedup(const Config& config, engine::StageContext& context)
      : config_(config), errors_(context.id.to_string(), "failed to eval condition"), c_(nowhere_, context.executor, context.rng), charge_(context.host.budget().empty_charge()) {}

  void process(otlp::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    c_.use_arena(arena);
    c_.sender = batch.context.get();
    std::size_t before = batch.items();
    for (auto& group : batch.groups()) {
      c_.resource = &group;
      for (auto& scope : group.scopes) {
        c_.scope = &scope;
        std::shared_ptr<const Surroundings> around;
        std::erase_if(scope.items, [&](otlp::Item& item) {
          if (!wanted(item)) return false;
          if (!around || gathered_.empty()) around = around_of(group, scope);
          gather(item.read<otlp::LogRecord>(arena), around, out);
          return true;
        });
      }
    }
    batch.prune();
    out.count_consumed(before - batch.items());
    if (!gathered_.empty() && !planned_) {
      planned_ = true;
      out.wake_at(out.now() + config_.interval);
    }
    if (gathered_.size() > config_.max_records) release(out);
    // What was gathered is in memory only: its senders are answered with what goes on, or now.
    if (batch.groups().empty()) return batch.settle({});
    out.push(std::move(batch));
  }

  void tick(TimePoint, engine::Out& out) override {
    planned_ = false;
    release(out);
  }
  void drain(engine::Out& out) override { release(out); }

 private:
  template <class T>
  static std::string encoded(const otlp::Lazy<T>& message) {
    otlp::Writer writer;
    message.write(writer);
    return std::string(writer.view());
  }

  bool wanted(otlp::Item& item) {
    if (!conditions_) return true;
    c_.set_item(item);
    c_.next_item();
    auto holds = conditions_->any(c_, ottl::ErrorMode::ignore, errors_.on_error());
    return holds && *holds;
  }

  // The same object for the same bytes, until the next release.
  std::shared_ptr<const Surroundings> around_of(const otlp::ResourceGroup& group, const otlp::ScopeGroup& scope) {
    Surroundings found{encoded(group.resource), encoded(scope.scope), {}, {}};
    found.resource_hash = hash_of(found.resource);
    found.scope_hash = hash_of(found.scope);
    auto& known = surroundings_[{found.resource_hash, found.scope_hash}];
    if (known == nullptr) {
      charge_.grow_unchecked(sizeof found + found.resource.size() + found.scope.size());
      known = std::make_shared<const Surroundings>(std::move(found));
    }
    return known;
  }

  void gather(const otlp::LogRecord& log, const std::shared_ptr<const Surroundings>& around, engine::Out& out) {
    scratch_.reset();
    otlp::LogRecord copy = log;
    copy.attributes = otlp::copy_of(log.attributes, scratch_);
    copy.body = log.body.deep_copy(scratch_);
    copy.unknown = {};
    for (auto& path : excluded_) remove(copy, path, scratch_);
    auto key = key_of(copy, *around, scratch_);
    auto at = gathered_.find(key);
    if (at == gathered_.end()) {
      otlp::Writer writer;
      otlp::encode(copy, writer);
      // Nothing more is held than has room: what is there goes on early.
      std::size_t bytes = sizeof(Gathered) + writer.size() + node_bytes;
      if (!charge_.grow(bytes)) {
        release(out);
        charge_.grow_unchecked(bytes);
      }
      at = gathered_.emplace(key, Gathered{.log = std::string(writer.view()), .around = around, .first = out.wall()}).first;
    }
    at->second.last = out.wall();
    ++at->second.count;
  }

  Hash key_of(otlp::LogRecord& log, const Surroundings& around, Arena& arena) const {
    std::string text;
    auto add = [&](std::string_view part) {
      auto size = static_cast<std::uint32_t>(part.size());
      text.append(reinterpret_cast<const char*>(&size), sizeof size);
      text += part;
    };
    for (auto [high, low] : {around.resource_hash, around.scope_hash}) add(fmt::format("{:x} {:x}", high, low));
    if (included_.empty()) {
      add(canonical(log.body)), add(canonical(Value::of(&log.attributes)));
      add(fmt::format("{}", log.severity_number)), add(log.severity_text);
    } else {
      for (auto& path : included_) {
        Value* found = find(log, path, arena);
        add(found ? canonical(*found) : "");
      }
    }
    return hash_of(text);
  }

  // Type and content, whatever the order of keys.
  static std::string canonical(const Value& value) { return fmt::format("{}{}", static_cast<int>(value.type), otlp::to_text(value)); }

  static Attributes* map_of(otlp::LogRecord& log, const std::string& root, Arena& arena) {
    if (root == "attributes") return &log.attributes;
    return log.body.is(ValueType::map) ? &log.body.map(arena) : nullptr;
  }
  static Attributes* parent_of(otlp::LogRecord& log, const std::vector<std::string>& path, Arena& arena) {
    Attributes* map = map_of(log, path[0], arena);
    for (std::size_t i = 1; map && i + 1 < path.size(); ++i) {
      Value* next = map->find(path[i]);
      map = next && next->is(ValueType::map) ? &next->map(arena) : nullptr;
    }
    return map;
  }
  static void remove(otlp::LogRecord& log, const std::vector<std::string>& path, Arena& arena) {
    if (path.size() == 1) return log.attributes.clear();
    if (Attributes* map = parent_of(log, path, arena)) map->remove(path.back());
  }
  static Value* find(otlp::LogRecord& log, const std::vector<std::string>& path, Arena& arena) {
    if (path.size() == 1) return path[0] == "body" ? &log.body : nullptr;
    Attributes* map = parent_of(log, path, arena);
    return map ? map->find(path.back()) : nullptr;
  }

  std::string stamp(UnixNanos time) const {
    auto seconds = static_cast<std::int64_t>(time / 1'000'000'000);
    return ottl::format_rfc3339(ottl::Time{seconds, 0, zone_->at(seconds).offset});
  }

  void release(engine::Out& out) {
    if (gathered_.empty()) return;
    // Records of one resource and scope stand together.
    std::map<Hash, std::map<Hash, std::vector<Gathered*>>> sorted;
    for (auto& [key, one] : gathered_) sorted[one.around->resource_hash][one.around->scope_hash].push_back(&one);
    otlp::Writer writer(64 * 1024);
    std::size_t items = 0;
    for (auto& [resource, scopes] : sorted) {
      std::size_t group = writer.size();
      for (auto& [scope, records] : scopes) {
        std::size_t scope_mark = writer.size();
        for (auto* one : records) {
          write(*one, out.wall(), writer);
          ++items;
        }
        writer.bytes(1, records.front()->around->scope);
        writer.close(2, scope_mark);
      }
      writer.bytes(1, scopes.begin()->second.front()->around->resource);
      writer.close(1, group);
    }
    gathered_.clear();
    surroundings_.clear();
    charge_.release();
    out.emit(otlp::Batch::trusted(otlp::Signal::logs, writer.finish(), items));
  }

  void write(const Gathered& one, UnixNanos now, otlp::Writer& writer) {
    scratch_.reset();
    otlp::LogRecord log;
    otlp::decode(one.log, scratch_, log);
    log.time_unix_nano = now;
    log.observed_time_unix_nano = one.first;
    log.attributes.set(scratch_, config_.log_count_attribute, Value::of(static_cast<std::int64_t>(one.count)));
    log.attributes.set(scratch_, "first_observed_timestamp", Value::of(scratch_.copy(stamp(one.first))));
    log.attributes.set(scratch_, "last_observed_timestamp", Value::of(scratch_.copy(stamp(one.last))));
    std::size_t mark = writer.size();
    otlp::encode(log, writer);
    writer.close(2, mark);
  }

  Config config_;
  std::shared_ptr<const ottl::Zone> zone_;  // shared with the zone database's other users
  std::optional<ottl::Conditions> conditions_;
  std::vector<std::vector<std::string>> excluded_, included_;
  ottl::ErrorLog errors_;
  Arena nowhere_;
  ottl::EvalContext c_;
  Arena scratch_;  // for one record
  std::map<Hash, Gathered> gathered_;
  std::map<std::pair<Hash, Hash>, std::shared_ptr<const Surroundings>> surroundings_;  // of resource and scope
  Charge charge_;  // for both
  bool planned_ = false;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "logdedup",
          .aliases = {"log_dedup"},
          .summary = "Makes one log record of equal ones, with their number.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, engine::Signal) -> engine::Key { return engine::Key::resource; },
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::memory; },  // what it gathers is in memory
          .make_stage = [](const void* config, engine::StageContext& context) { return LogDedup::make(*static_cast<const Config*>(config), context); }};
}

}  // namespace weir::processors::logdedup
