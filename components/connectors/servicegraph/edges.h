#pragma once
// Requests of which one end was seen, waiting for the other.
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>

#include "base/time.h"
#include "otlp/id_hash.h"

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

// One request. Reused, so that its texts keep their memory.
struct Edge {
  struct Dimension {
    std::string text;
    bool present = false;
  };
  static constexpr std::uint32_t no_peer = 0xFFFFFFFF;

  EdgeKey key;
  TimePoint expires;
  std::string client, server;  // names of services; complete when both are there
  double client_seconds = 0, server_seconds = 0;
  Connection connection = Connection::direct;
  VirtualNode virtual_node = VirtualNode::none;
  bool failed = false;
  std::uint32_t peer_rank = no_peer;  // place in virtual_node_peer_attributes of what `peer` was read from
  std::string peer;
  std::vector<Dimension> dimensions;  // for each configured one: the client's, the server's

  bool complete() const { return !client.empty() && !server.empty(); }

 private:
  friend class Edges;
  Edge *older = nullptr, *newer = nullptr;  // in order of arrival
};

// Text as it is kept: cut to 4 KiB, between characters.
std::string_view kept_text(std::string_view text);

// Edges by key, and from the oldest on. One core; the owner sees to it that no more are kept than it has room for.
// No allocation once it has seen its largest number of edges and longest names.
class Edges {
 public:
  Edges(std::size_t dimensions, Rng& rng) : dimensions_(dimensions), table_(0, Hash{otlp::IdHash(rng)}) {}

  Edge* find(const EdgeKey& key);
  // An empty edge that is not in the table yet: keep() or release() it.
  Edge& fresh(const EdgeKey& key, TimePoint expires);
  void keep(Edge& edge);
  void release(Edge& edge) { free_.push_back(&edge); }
  // Out of the table and released.
  void remove(Edge& edge);
  // The one kept first, or null.
  Edge* oldest() { return oldest_; }
  std::size_t size() const { return table_.size(); }

 private:
  struct Hash {
    using is_avalanching = void;
    otlp::IdHash ids;
    std::size_t operator()(const EdgeKey& key) const { return ids(key.trace, key.span); }
  };

  std::size_t dimensions_;
  boost::unordered_flat_map<EdgeKey, Edge*, Hash> table_;
  std::deque<Edge> slots_;
  std::vector<Edge*> free_;
  Edge *oldest_ = nullptr, *newest_ = nullptr;
};

}  // namespace weir::connectors::servicegraph
