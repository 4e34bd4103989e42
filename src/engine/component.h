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

// The key of a stage's state. Items with equal keys must come to the same core; `single`: all items must; `values`: those with equal
// values of the named attributes, which are the item's own or else its resource's. All data points of a metric count as one item.
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

// How safe data is once its sender hears OK: in memory; written (survives the end of the process); synced (survives a power cut);
// or delivered to the backend.
enum class Durability : std::uint8_t { memory, os, disk, delivered };
std::string_view to_string(Durability durability);

// What a plan knows about queues on disk.
struct StorageInfo {
  bool data_directory = false;
  std::vector<std::pair<config::ComponentId, Durability>> extensions;

  // How safe data is that is written with the extension of this name; nullopt: there is no such extension.
  std::optional<Durability> find(std::string_view extension) const;
};

struct StageContext;
class Out;
class Plan;

// A processor, connector or exporter on one core. It uses no locks and no clocks and never sleeps: time comes as an argument and
// through Out.
class Stage {
 public:
  virtual ~Stage() = default;
  // Adds what process() reads of each span, so that the check of a request records the offsets.
  virtual void seek(otlp::Sought&) const {}
  // Called before the first process(). `out` stays valid until the stage is destroyed; a stage that does I/O keeps it.
  virtual Result<> start(Out&) { return {}; }
  // Takes the batch and pushes, holds, drops or refuses it, always through `out`.
  virtual void process(Batch batch, Out& out) = 0;
  // Called at the time that was asked for with out.wake_at().
  virtual void tick(TimePoint, Out&) {}
  // Called at a shutdown or reload: push what is held and hold nothing more. An exporter goes on sending until idle().
  virtual void drain(Out&) {}
  // True when drain() is complete. Asked again and again until the time for the shutdown is over.
  virtual bool idle() const { return true; }
  // Called when the time for the shutdown is over: settle what is left, with a reason.
  virtual void abandon(Out&) {}
  // The number of items that the stage holds, for the ledger: in = out + held + dropped.
  virtual std::size_t held() const { return 0; }
  // True while more input would make a queue of this stage overflow.
  virtual bool congested() const { return false; }
  // These calls let the engine keep memory bounded. False: the stage never indexes a batch.
  virtual bool opens() const { return true; }
  // True: the stage keeps whole batches after process() returns. If memory is short, the engine encodes them first.
  virtual bool keeps() const { return false; }
  // True when it would now refuse a batch that is Batch::whole(). Asked before a request is cut.
  virtual bool refuses(const Out&) const { return false; }
  // Bytes that it may hold for each item beside the item itself. A request is let in only if there is room for them.
  virtual std::size_t bytes_per_item() const { return 0; }
};

// A source of batches on one core.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual Result<> start() = 0;
  // Accepts nothing new from now on, finishes what is under way and then calls `done`.
  virtual void stop(io::Task done) = 0;
};

// There is one instance in the process, on the first core.
class Extension {
 public:
  virtual ~Extension() = default;
  virtual Result<> start() = 0;
  virtual void ready() {}
  virtual void not_ready() {}
  virtual void stop() {}
};

// A receiver's way to all pipelines that list it for the batch's signal.
class Intake {
 public:
  virtual ~Intake() = default;
  // False when no pipeline takes this signal from this receiver.
  virtual bool takes(Signal signal) const = 0;
  // What the stages read of each item, for Batch::parse(); null: no offsets need to be recorded.
  virtual std::shared_ptr<const otlp::Sought> sought(Signal) const { return nullptr; }
  // Counts the batch and feeds the pipelines if there is room for its decoded form; a large batch goes in pieces. `done` is called once,
  // on this core, when every part is settled. Errc::too_large: there will never be enough room.
  virtual void push(Batch batch, std::string_view transport, std::move_only_function<void(Outcome)> done) = 0;
  // Counts data as refused that never became a batch (malformed, or no room).
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
  // For work that blocks or takes long.
  virtual io::Workers& workers() = 0;
  virtual io::Fs& fs() = 0;
  // The folder for data that must survive a restart; empty if there is none.
  virtual std::string data_directory() { return {}; }
  // Where spans about weir's own work go; null if they are off. Does not change while a plan runs.
  virtual telemetry::SpanSink* own_spans() { return nullptr; }
  // From this many bytes of resident memory on, the process refuses data. After several calls the smallest limit counts.
  virtual void limit_memory(std::size_t bytes) = 0;
  // The JSON or text view of the running plan, for zpages and the UI.
  virtual std::string describe_plan() = 0;
  // The running plan; null when none runs. On the first core only, and not to be kept.
  virtual const Plan* plan() { return nullptr; }
  // State that all cores of a component share (a queue's size, a rate). The first call makes it; it is destroyed with its last user. It
  // must be safe to use from every core.
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
  // The best durability that stages behind can promise. If that is memory, a holding stage may answer at once; otherwise it passes
  // receipts on, so that senders get the better answer.
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

// A signal that a connector takes, and the signal that it produces from it.
struct Conversion {
  Signal from, to;
};

// Host::shared with a type. `T` is default-constructible.
template <class T>
std::shared_ptr<T> shared_state(Host& host, std::string_view key) {
  return std::static_pointer_cast<T>(host.shared(key, [] { return std::make_shared<T>(); }));
}

// One row of the component table: everything the engine knows about a type of component. Configurations are void pointers; the
// functions of a row agree on their type.
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
  // Checks this config for one signal before anything starts. Null function = no check.
  Result<> (*check)(const void* config, Signal signal) = nullptr;
  // Connectors: the same check, with the pipelines that they feed.
  Result<> (*check_outputs)(const void* config, std::span<const std::string> pipelines) = nullptr;
  Key (*key)(const void* config, Signal signal) = nullptr;  // null function = Key::none
  // Which partition keys a processor may change. Default: none.
  bool edits_resource = false, edits_trace_id = false;
  // The durability that this component promises with this config. Null function: memory for exporters, that of the stages behind for all
  // others. Extensions: that of data written with them.
  Durability (*durability)(const void* config, const StorageInfo& storage) = nullptr;
  // Processors that limit the process's memory: from how many resident bytes on. Null function: it does not.
  std::size_t (*memory_limit)(const void* config) = nullptr;
  // Extensions: whether one with this config has the ability that other settings ask it for: "server auth", "client auth",
  // "storage". Null function = none of them.
  bool (*offers)(const void* config, std::string_view role) = nullptr;

  Result<std::unique_ptr<Stage>> (*make_stage)(const void* config, StageContext& context) = nullptr;
  Result<std::unique_ptr<Receiver>> (*make_receiver)(const void* config, ReceiverContext& context) = nullptr;
  Result<std::unique_ptr<Extension>> (*make_extension)(const void* config, ExtensionContext& context) = nullptr;

  bool accepts(std::string_view name) const {
    return name == type || std::find(aliases.begin(), aliases.end(), name) != aliases.end();
  }
  bool supports(Signal signal) const { return std::find(signals.begin(), signals.end(), signal) != signals.end(); }
};

// Every component of this build. The build generates it from the folders under components/.
std::span<const Factory> component_table();

}  // namespace weir::engine
