// The operators of log receivers, for records that came in another way.
#include "components/shared/stanza/record_writer.h"
#include "engine/decode.h"
#include "engine/out.h"
#include "otlp/copy.h"
#include "otlp/growth.h"

namespace weir::processors::logstransform {
namespace {

using stanza::Entry;

struct Config {
  stanza::Operators operators;

  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::field<&Config::operators>("operators", "What is done with each record; see components/shared/stanza.")};
    return rows;
  }
  Result<> validate() const {
    if (operators.empty()) return fail(Errc::config, "operators: at least one operator must be specified");
    return {};
  }
};

constexpr Duration tick_interval = 100ms;

// Records become entries and go through the operators at once. Those that an operator holds for others are answered with
// the request they came in, and are emitted when it lets them go.
class LogsTransform final : public engine::Stage {
 public:
  static Result<std::unique_ptr<engine::Stage>> make(const Config& config, const engine::StageContext& context) {
    auto out = std::make_unique<LogsTransform>();
    std::string name = context.id.to_string();
    out->counters_ = stanza::ChainCounters::of(context.host.metrics(), name);
    WEIR_ASSIGN(out->chain_, stanza::Chain::make(config.operators, out->writer_, name, out->counters_));
    return out;
  }

  void process(otlp::Batch batch, engine::Out& out) override {
    std::uint64_t ended = ended_entries();
    std::size_t before = batch.items();
    Arena& arena = batch.arena();
    otlp::Growth growth(batch);
    std::size_t written = 0;
    for (auto& group : batch.groups()) {
      const otlp::Resource& resource = group.resource.read(arena);
      writer_.unchanging(group.resource.raw());
      for (auto& scope_group : group.scopes) {
        const otlp::Scope& scope = scope_group.scope.read(arena);
        for (auto& item : scope_group.items) {
          take(item.read<otlp::LogRecord>(arena), resource, scope, out.wall());
          if (std::size_t now = writer_.bytes(); !growth.add(now - std::exchange(written, now))) return give_up(std::move(batch), growth, out);
        }
      }
    }
    writer_.unchanging({});
    account(before, ended_entries() - ended, out);
    plan(out);
    if (writer_.records() == 0) return batch.settle({});
    otlp::Batch made = this->made();
    made.take_receipts(batch);
    made.context = batch.context;
    made.charge = std::move(batch.charge);
    out.push(std::move(made));
  }

  void tick(TimePoint, engine::Out& out) override {
    chain_->tick(out.wall());
    emit(out);
    plan(out);
  }
  void drain(engine::Out& out) override {
    chain_->drain(out.wall());
    emit(out);
  }

 private:
  void give_up(otlp::Batch batch, const otlp::Growth& growth, engine::Out& out) {
    writer_.unchanging({});
    made().settle({});
    plan(out);
    out.outgrown(std::move(batch), growth.error());
  }

  void take(const otlp::LogRecord& log, const otlp::Resource& resource, const otlp::Scope& scope, UnixNanos wall) {
    Arena& memory = chain_->memory();
    Entry entry;
    entry.time = static_cast<std::int64_t>(log.time_unix_nano);
    entry.has_time = log.time_unix_nano != 0;
    entry.observed = log.observed_time_unix_nano;
    entry.severity = log.severity_number;
    entry.severity_text = log.severity_text;
    entry.scope_name = scope.name;
    if (!log.trace_id.empty()) entry.trace_id = log.trace_id.view();
    if (!log.span_id.empty()) entry.span_id = log.span_id.view();
    flags_ = static_cast<char>(log.flags);
    if (log.flags != 0) entry.trace_flags = {&flags_, 1};
    entry.body = log.body;
    entry.attributes = log.attributes;
    // Other records have it too: what an operator may change is copied. Texts, and values that are not decoded yet, are only replaced.
    for (auto& kv : resource.attributes) {
      bool nested = kv.value.is(otlp::ValueType::map) || kv.value.is(otlp::ValueType::array);
      entry.resource.push_back(memory, {kv.key, nested && !kv.value.raw ? kv.value.deep_copy(memory) : kv.value});
    }
    chain_->process(entry, wall);
  }

  otlp::Batch made() {
    std::size_t records = writer_.records();
    return otlp::Batch::trusted(otlp::Signal::logs, writer_.take(), records);
  }
  void emit(engine::Out& out) {
    if (writer_.records() > 0) out.emit(made());
  }
  std::uint64_t ended_entries() const { return counters_.filtered->value() + counters_.failed->value(); }

  // What went in either ended in an operator, came out, or lives on in another entry.
  void account(std::size_t before, std::uint64_t ended, engine::Out& out) {
    std::size_t dropped = std::min<std::size_t>(ended, before), left = before - dropped, after = writer_.records();
    if (dropped > 0) out.count_dropped(dropped, engine::Reason::filtered);
    if (after > left) out.count_created(after - left);
    if (after < left) out.count_consumed(left - after);
  }

  void plan(engine::Out& out) {
    if (chain_->holds()) out.wake_at(out.now() + tick_interval);
  }

  stanza::RecordWriter writer_;
  stanza::ChainCounters counters_;
  std::unique_ptr<stanza::Chain> chain_;
  char flags_ = 0;
};

// Operators that put entries together need all of them on one core.
engine::Key key_of(const void* config, otlp::Signal) {
  auto types = static_cast<const Config*>(config)->operators.types();
  bool joins = std::ranges::any_of(types, [](auto& type) { return type == "recombine" || type == "container"; });
  return joins ? engine::Key::single : engine::Key::none;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "logstransform",
          .aliases = {"logs_transform"},
          .summary = "The operators of log receivers, for all log records.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = key_of,
          .edits_resource = true,
          .make_stage = [](const void* config, engine::StageContext& context) { return LogsTransform::make(*static_cast<const Config*>(config), context); }};
}

}  // namespace weir::processors::logstransform
