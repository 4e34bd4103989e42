#pragma once
// What a component implements and what the engine gives it. Everything here runs on one core ("shard"): a component
// that is used by N cores exists N times, and the engine brings equal keys to the same one.
#include <memory>
#include <span>

#include "base/rng.h"
#include "config/component_id.h"
#include "io/executor.h"
#include "otlp/batch.h"
#include "telemetry/metrics.h"
#include "telemetry/spans.h"

namespace weir::config {
class Value;
class Problems;
struct FieldInfo;
}  // namespace weir::config

namespace weir::io {
class Fs;
class Workers;
}  // namespace weir::io

namespace weir::engine {

using otlp::Batch;
using otlp::Signal;

enum class Kind : std::uint8_t { receiver, processor, exporter, connector, extension };
std::string_view to_string(Kind kind);

// What a stage's state is about. Items with equal keys must meet on one core; `single`: all of them; `values`: those with equal
// values of the named attributes, each the item's own or else its resource's. Data points count as one item for each metric.
struct Key {
  enum class Kind : std::uint8_t { none, trace_id, service, resource, single, values };
  using enum Kind;

  Key(Kind k = none) : kind(k) {}
  static Key of(std::vector<std::string> attributes) {
    Key key(values);
    key.attributes = std::move(attributes);
    return key;
  }
  bool operator==(const Key&) const = default;

  Kind kind;
  std::vector<std::string> attributes;  // values
};
std::string to_string(const Key& key);

// What an OK is worth: the data is in memory; written, so that it survives the end of the process; synced, so that it survives
// a power cut; or the backend has it.
enum class Durability : std::uint8_t { memory, os, disk, delivered };
std::string_view to_string(Durability durability);

// Where queues can be on disk, as far as a plan knows.
struct StorageInfo {
  bool data_directory = false;
  std::vector<std::pair<config::ComponentId, Durability>> extensions;

  // What is written with the extension of this name is worth; nullopt: there is none.
  std::optional<Durability> find(std::string_view extension) const;
};

struct StageContext;
class Out;
class Plan;

// A processor, connector or exporter on one core. No locks, no clocks, no sleeping in here: time comes in as an
// argument and through Out.
class Stage {
 public:
  virtual ~Stage() = default;
  // Adds what process() looks at of each span: whoever checks a request notes where it stands.
  virtual void seek(otlp::Sought&) const {}
  // Before the first process(). `out` stays valid until the stage is destroyed; whoever does I/O keeps it.
  virtual Result<> start(Out&) { return {}; }
  // Takes the batch: pushes it on, holds it, drops it or refuses it, all through `out`.
  virtual void process(Batch batch, Out& out) = 0;
  // At the time asked for with out.wake_at().
  virtual void tick(TimePoint, Out&) {}
  // Shutdown or reload: push on what is held and start no new waiting. An exporter goes on sending until idle().
  virtual void drain(Out&) {}
  // True when drain() is complete. Asked again until the shutdown's time is over.
  virtual bool idle() const { return true; }
  // Shutdown's time is over: settle what is left, with a reason.
  virtual void abandon(Out&) {}
  // Items inside, for the ledger's "in = out + held + dropped".
  virtual std::size_t held() const { return 0; }
  // True while taking more would only make a queue behind it overflow.
  virtual bool congested() const { return false; }
  // What the engine has to know to keep memory bounded. False: passes batches on, or keeps them, without a look at items.
  virtual bool opens() const { return true; }
  // True: keeps batches as they came, for longer than a call. Where memory is short they come as bytes.
  virtual bool keeps() const { return false; }
  // True when it would refuse what comes now and is Batch::whole(). Asked before a request is cut.
  virtual bool refuses(const Out&) const { return false; }
  // Bytes that it may come to hold for each item, beside a copy of the item: there is room for them before a request is let in.
  virtual std::size_t bytes_per_item() const { return 0; }
};

// A source of batches on one core.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual Result<> start() = 0;
  // Takes nothing new from now on; finishes what is under way, then calls `done`.
  virtual void stop(io::Task done) = 0;
};

// Process-wide: exists once, on the first core.
class Extension {
 public:
  virtual ~Extension() = default;
  virtual Result<> start() = 0;
  virtual void ready() {}
  virtual void not_ready() {}
  virtual void stop() {}
};

// Where a receiver puts its batches: all pipelines that list it for the batch's signal.
class Intake {
 public:
  virtual ~Intake() = default;
  // False when no pipeline takes this signal from this receiver.
  virtual bool takes(Signal signal) const = 0;
  // What the stages look at of each item, for Batch::parse(); null: nothing that is worth noting.
  virtual std::shared_ptr<const otlp::Sought> sought(Signal) const { return nullptr; }
  // Counts and hands on, when there is room for what the batch becomes; in pieces when that is much. `done` is called on this
  // core, once, when every part of the batch is settled. Errc::too_large: there never is so much room.
  virtual void push(Batch batch, std::string_view transport, std::move_only_function<void(Outcome)> done) = 0;
  // For what never became a batch (undecodable, no room): counts it as refused.
  virtual void refused(Signal signal, std::string_view transport, std::size_t items) = 0;
};

// Process-wide services that components may ask for. Implementations are thread-safe.
class Host {
 public:
  virtual ~Host() = default;
  // The running extension with this id, or null. Callers cast to the interface they need (components/shared).
  virtual Extension* extension(const config::ComponentId& id) = 0;
  virtual telemetry::Registry& metrics() = 0;
  virtual Budget& budget() = 0;
  // For what blocks or takes long.
  virtual io::Workers& workers() = 0;
  virtual io::Fs& fs() = 0;
  // Where components keep what has to survive a restart; empty when there is no such place.
  virtual std::string data_directory() { return {}; }
  // Where spans about weir's own work go; null when nobody wants them. The same for as long as a plan runs.
  virtual telemetry::SpanSink* own_spans() { return nullptr; }
  // The process is to refuse data from so many bytes of resident memory on. Several calls: the least counts.
  virtual void limit_memory(std::size_t bytes) = 0;
  // The JSON or text view of the running plan, for zpages and the UI.
  virtual std::string describe_plan() = 0;
  // The running plan; null when none runs. On the first core only, and not to be kept.
  virtual const Plan* plan() { return nullptr; }
  // State that all cores of a component share (a queue's size, a rate): made by whoever asks first, gone with the last
  // user. Must be safe to use from every core.
  virtual std::shared_ptr<void> shared(std::string_view key, const std::function<std::shared_ptr<void>()>& make) = 0;
  // Asks for an orderly end of the process, as a signal would.
  virtual void request_shutdown(const Error& reason) = 0;
};

struct StageContext {
  config::ComponentId id;
  std::string pipeline;      // processors: the pipeline's id; otherwise empty
  Signal signal{};           // processors, exporters: what arrives. connectors: what arrives
  Signal output_signal{};    // connectors: what leaves
  std::vector<std::string> output_pipelines;  // connectors: the pipelines behind, in the order of Out's ports
  // The most that an OK from behind is worth. Where it is no more than memory a holding stage may answer at once; elsewhere it
  // passes receipts on, so that its senders hear the better answer.
  Durability best_answer = Durability::memory;
  std::uint16_t shard = 0, shards = 1;
  io::Executor& executor;
  Rng& rng;
  Host& host;
};

struct ReceiverContext {
  config::ComponentId id;
  std::uint16_t shard = 0, shards = 1;
  io::Executor& executor;
  Intake& intake;
  Host& host;
};

struct ExtensionContext {
  config::ComponentId id;
  io::Executor& executor;
  Host& host;
};

// A signal that a connector takes and the signal it makes of it.
struct Conversion {
  Signal from, to;
};

// Host::shared with a type. `T` is default-constructible.
template <class T>
std::shared_ptr<T> shared_state(Host& host, std::string_view key) {
  return std::static_pointer_cast<T>(host.shared(key, [] { return std::make_shared<T>(); }));
}

// One row of the component table: everything the engine knows about a type of component. `Config` is erased; the
// functions of one row agree on what it is.
struct Factory {
  using Config = std::shared_ptr<const void>;

  Kind kind;
  std::string_view type;
  std::vector<std::string_view> aliases;  // other accepted spellings
  std::string_view summary;
  std::vector<Signal> signals;            // all kinds but connectors and extensions
  std::vector<Conversion> conversions;    // connectors

  std::span<const config::FieldInfo> (*fields)() = nullptr;
  // Null value = defaults. Problems are reported with their place; the result is null when there were errors.
  Config (*decode)(const config::Value* value, config::Problems& problems) = nullptr;
  // The settings as a tree, secrets masked.
  config::Value (*encode)(const void* config) = nullptr;
  // What is wrong with this config for one signal, found out before anything starts. Null function = nothing.
  Result<> (*check)(const void* config, Signal signal) = nullptr;
  // Connectors: the same, knowing the pipelines behind.
  Result<> (*check_outputs)(const void* config, std::span<const std::string> pipelines) = nullptr;
  Key (*key)(const void* config, Signal signal) = nullptr;  // null function = Key::none
  // What a processor may change that others could be partitioned by. Default: nothing.
  bool edits_resource = false, edits_trace_id = false;
  // What an OK of this component with this config is worth. Null function: memory for exporters, and what is behind for all
  // others. Extensions: what is written with them.
  Durability (*durability)(const void* config, const StorageInfo& storage) = nullptr;
  // A processor that limits the process's memory: from how many resident bytes on. Null function: none.
  std::size_t (*memory_limit)(const void* config) = nullptr;
  // Extensions: whether one with this config can do what settings that name it need: "server auth", "client auth",
  // "storage". Null function = nothing.
  bool (*offers)(const void* config, std::string_view role) = nullptr;

  Result<std::unique_ptr<Stage>> (*make_stage)(const void* config, StageContext& context) = nullptr;
  Result<std::unique_ptr<Receiver>> (*make_receiver)(const void* config, ReceiverContext& context) = nullptr;
  Result<std::unique_ptr<Extension>> (*make_extension)(const void* config, ExtensionContext& context) = nullptr;

  bool accepts(std::string_view name) const {
    return name == type || std::find(aliases.begin(), aliases.end(), name) != aliases.end();
  }
  bool supports(Signal signal) const { return std::find(signals.begin(), signals.end(), signal) != signals.end(); }
};

// Every component of this build. Made by the build from the folders under components/.
std::span<const Factory> component_table();

}  // namespace weir::engine
