#pragma once
// Operators in the order in which entries go through them.
#include "components/shared/stanza/operator.h"
#include "telemetry/metrics.h"

namespace weir::stanza {

// `operators` of a receiver, as a user wrote them: checked when they are decoded, made anew for each core.
class Operators {
 public:
  static constexpr std::string_view config_type = "list of operators";
  static Result<Operators> decode(const config::Value& value, config::Context& context);
  config::Value encode() const;

  bool empty() const { return steps_.empty(); }
  std::vector<std::string> types() const;

 private:
  friend class Chain;
  static constexpr std::size_t the_end = static_cast<std::size_t>(-1);
  struct Step {
    std::string id;
    std::shared_ptr<const Settings> settings;  // shared by the chains of all cores
    std::vector<std::size_t> outputs;          // numbers of steps, or the_end
  };
  Result<> link();
  Result<> check_cycles() const;
  std::vector<Step> steps_;
};

// What comes out of a chain.
class Sink {
 public:
  virtual ~Sink() = default;
  // Everything in the entry lives until the call returns.
  virtual void emit(const Entry& entry) = 0;
};

// How many entries ended in operators.
struct ChainCounters {
  telemetry::Counter *filtered = nullptr, *failed = nullptr;
  static ChainCounters of(telemetry::Registry& registry, std::string_view component);
};

// One core.
class Chain final : private Run {
 public:
  // `first`: an operator in front of those of the user, a receiver's own.
  static Result<std::unique_ptr<Chain>> make(const Operators& operators, Sink& sink, std::string component, ChainCounters counters = {},
                                             std::unique_ptr<Operator> first = nullptr);

  // Where an entry's containers and texts may be made; what is in it goes with the entry.
  Arena& memory() { return arena; }
  // For templates that see an entry before it goes in.
  Run& run() { return *this; }
  // After it, and all that it leads to, the arena is emptied.
  void process(Entry& entry, UnixNanos wall);
  // Entries that were held too long go on.
  void tick(UnixNanos wall);
  // All that are held go on.
  void drain(UnixNanos wall);
  // Where the oldest entry of this source begins that is held.
  std::optional<std::uint64_t> oldest(std::uint64_t source) const;
  bool holds() const;

 private:
  struct Node {
    std::unique_ptr<Operator> op;
    std::string id;
    std::vector<std::size_t> outputs;
  };
  Chain(Sink& sink, std::string component, ChainCounters counters) : sink_(sink), component_(std::move(component)), counters_(counters) {}

  void go(std::size_t at, Entry& entry);
  void send(const Node& from, Entry& entry);
  const Node& node_of(const Operator& op) const;
  void forward(const Operator& from, Entry& entry) override;
  void forward_to(const Operator& from, std::size_t output, Entry& entry) override;
  void failed(const Operator& from, const Error& error, bool dropped) override;
  void filtered() override;

  Sink& sink_;
  std::string component_;
  ChainCounters counters_;
  std::vector<Node> nodes_;
  log::RateLimit lines_;
};

}  // namespace weir::stanza
