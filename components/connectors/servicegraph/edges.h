#pragma once
// Requests of which one end was seen, waiting for the other.
#include <deque>

#include "base/time.h"
#include "otlp/id_hash.h"
#include "otlp/id_table.h"

namespace weir::connectors::servicegraph {

enum class Connection : std::uint8_t { direct, messaging, database, virtual_node };
std::string_view to_string(Connection connection);

// Which end of a request was made up.
enum class VirtualNode : std::uint8_t { none, client, server };
std::string_view to_string(VirtualNode node);

// The span at the client's end: (trace, its id) there, (trace, parent's id) at the server's.
struct EdgeKey {
  otlp::TraceId trace;
  otlp::SpanId span;
  bool operator==(const EdgeKey& o) const { return std::memcmp(this, &o, sizeof o) == 0; }
};

// With its hash, which depends on numbers that clients do not know.
struct HashedKey {
  EdgeKey key;
  std::uint64_t hash;
};

// One request. Reused, so that its texts keep their memory. Three cache lines, the first with what most look-ups read.
struct alignas(64) Edge {
  struct Dimension {
    std::string text;
    bool present = false;
  };
  static constexpr std::uint32_t no_peer = 0xFFFFFFFF;

  EdgeKey key;
  Connection connection = Connection::direct;
  VirtualNode virtual_node = VirtualNode::none;
  bool failed = false;
  std::uint32_t peer_rank = no_peer;   // place in virtual_node_peer_attributes of what `peer` was read from
  std::string client, server;          // names of services; complete when both are there
  double client_seconds = 0, server_seconds = 0;
  std::vector<Dimension> dimensions;   // for each configured one: the client's, the server's
  TimePoint expires;
  std::string peer;

  bool complete() const { return !client.empty() && !server.empty(); }

 private:
  friend class Edges;
  std::uint64_t hash = 0;
  std::uint32_t slot = 0;
  std::uint32_t text_bytes = 0;  // outside, that Edges has counted
};
static_assert(sizeof(Edge) == 3 * 64);

// Edges by key, and from the oldest on. One core; the owner sees to it that no more are kept than it has room for, and
// charges bytes(). No allocation once it has seen its largest number of edges and longest names.
// Most of it is in no cache when it is needed: whoever knows which keys are to come says so with prefetch().
class Edges {
 public:
  Edges(std::size_t dimensions, Rng& rng) : dimensions_(dimensions), hash_(rng) {}

  HashedKey hashed(const EdgeKey& key) const { return {key, hash_(key.trace, key.span)}; }
  // Some keys before find(), then again a few before.
  void prefetch(const HashedKey& key) const { table_.prefetch(key.hash); }
  void prefetch_known(const HashedKey& key) const;

  Edge* find(const HashedKey& key);
  // An empty edge that is not in the table yet: keep() or release() it.
  Edge& fresh(const HashedKey& key, TimePoint expires);
  void keep(Edge& edge);
  void release(Edge& edge);
  // After texts of a kept edge changed.
  void count_texts(Edge& edge);
  // Out of the table and released.
  void remove(Edge& edge);
  // The one kept first, or null.
  Edge* oldest() { return oldest_ == none ? nullptr : &slots_[oldest_]; }
  std::size_t size() const { return table_.size(); }
  std::size_t bytes() const { return table_.bytes() + slots_.size() * (sizeof(Edge) + sizeof(Links) + sizeof(Edge*) + dimensions_ * 2 * sizeof(Edge::Dimension)) + text_bytes_; }

 private:
  static constexpr std::uint32_t none = 0xFFFFFFFF;
  // Slots in order of arrival; beside the edges, since neighbours in it are seldom in a cache.
  struct Links {
    std::uint32_t older = none, newer = none;
  };

  std::size_t dimensions_;
  otlp::IdHash hash_;
  otlp::IdTable table_;
  std::deque<Edge> slots_;
  std::vector<Links> links_;  // by slot
  std::vector<Edge*> free_;
  std::uint32_t oldest_ = none, newest_ = none;
  std::size_t text_bytes_ = 0;
};

}  // namespace weir::connectors::servicegraph
