#pragma once
// Entries of one source that are parts of one: kept until the last part came, then one entry.
#include "components/shared/stanza/operator.h"

namespace weir::stanza {

struct JoinSettings {
  std::string with = "\n";
  std::size_t max_batch_size = 1000;           // entries; 0: no limit
  std::size_t max_unmatched_batch_size = 100;  // entries before the first or last one was seen; 0: no limit
  std::size_t max_sources = 1000;
  std::size_t max_log_size = 0;                // bytes; 0: no limit
  Duration force_flush_period = 5s;
  bool first = false;   // a match begins an entry; otherwise it ends one
  bool newest = false;  // the joined entry is the newest part with all text, otherwise the oldest
};

// One core. Memory: at most max_sources entries, each with at most max_log_size bytes and the part that went beyond.
class Joiner {
 public:
  Joiner(JoinSettings settings, Field field) : settings_(std::move(settings)), field_(std::move(field)) {}

  // True when the entry is whole as it is, and stays the caller's: it is the only part.
  bool add(Entry& entry, std::string_view source, bool matches, const Operator& owner, Run& run);
  void tick(const Operator& owner, Run& run);
  void drain(const Operator& owner, Run& run);
  bool holds() const { return !batches_.empty(); }
  std::optional<std::uint64_t> oldest(std::uint64_t source) const;

 private:
  struct Batch {
    Arena arena;
    Entry entry;
    std::string text;
    std::size_t entries = 0;
    UnixNanos began = 0;
    bool matched = false;
  };
  using Batches = std::map<std::string, std::unique_ptr<Batch>, std::less<>>;

  void append(Batches::iterator at, Entry& entry, bool matches, const Operator& owner, Run& run);
  Batches::iterator flush(Batches::iterator at, const Operator& owner, Run& run);
  Batches::iterator begin(std::string_view source, const Entry& entry, const Operator& owner, Run& run);

  JoinSettings settings_;
  Field field_;
  Batches batches_;
  std::vector<std::unique_ptr<Batch>> unused_;
};

}  // namespace weir::stanza
