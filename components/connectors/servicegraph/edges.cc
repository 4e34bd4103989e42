#include "components/connectors/servicegraph/edges.h"

namespace weir::connectors::servicegraph {

std::string_view to_string(Connection connection) {
  constexpr std::array<std::string_view, 4> names = {"", "messaging_system", "database", "virtual_node"};
  return names[static_cast<std::size_t>(connection)];
}

std::string_view to_string(VirtualNode node) {
  constexpr std::array<std::string_view, 3> names = {"", "client", "server"};
  return names[static_cast<std::size_t>(node)];
}

namespace {

void prefetch_edge(const void* edge) {
  for (std::size_t line = 0; line < sizeof(Edge); line += 64) weir::prefetch(static_cast<const char*>(edge) + line);
}

}  // namespace

void Edges::prefetch_known(const HashedKey& key) const {
  if (auto place = table_.guess(key.hash)) prefetch_edge(&place.as<Edge>());
}

Edge* Edges::find(const HashedKey& key) {
  auto place = table_.find(key.hash, [&](otlp::IdTable::Place at) { return at.as<Edge>().key == key.key; });
  return place ? &place.as<Edge>() : nullptr;
}

Edge& Edges::fresh(const HashedKey& key, TimePoint expires) {
  if (free_.empty()) {
    Edge& made = slots_.emplace_back();
    made.slot = static_cast<std::uint32_t>(links_.size());
    made.dimensions.resize(dimensions_ * 2);
    links_.emplace_back();
    free_.push_back(&made);
  }
  Edge& edge = *free_.back();
  free_.pop_back();
  constexpr std::size_t ahead = 4;
  if (free_.size() >= ahead) prefetch_edge(free_[free_.size() - ahead]);
  edge.key = key.key;
  edge.hash = key.hash;
  edge.expires = expires;
  edge.client.clear(), edge.server.clear(), edge.peer.clear();
  edge.client_seconds = edge.server_seconds = 0;
  edge.connection = Connection::direct;
  edge.virtual_node = VirtualNode::none;
  edge.failed = false;
  edge.peer_rank = Edge::no_peer;
  for (auto& dimension : edge.dimensions) dimension.present = false;
  return edge;
}

void Edges::keep(Edge& edge) {
  table_.insert(edge.hash, {&edge, 0}, [](otlp::IdTable::Place at) { return at.as<Edge>().hash; });
  links_[edge.slot] = {newest_, none};
  (newest_ == none ? oldest_ : links_[newest_].newer) = edge.slot;
  newest_ = edge.slot;
  count_texts(edge);
}

void Edges::remove(Edge& edge) {
  table_.erase(edge.hash, {&edge, 0});
  Links links = links_[edge.slot];
  (links.older == none ? oldest_ : links_[links.older].newer) = links.newer;
  (links.newer == none ? newest_ : links_[links.newer].older) = links.older;
  release(edge);
}

void Edges::release(Edge& edge) {
  count_texts(edge);
  free_.push_back(&edge);
}

void Edges::count_texts(Edge& edge) {
  auto outside = [](const std::string& text) { return text.capacity() < sizeof(std::string) / 2 ? 0 : text.capacity() + 1; };
  std::size_t bytes = outside(edge.client) + outside(edge.server) + outside(edge.peer);
  for (auto& dimension : edge.dimensions) bytes += outside(dimension.text);
  text_bytes_ += bytes - edge.text_bytes;
  edge.text_bytes = static_cast<std::uint32_t>(bytes);
}

}  // namespace weir::connectors::servicegraph
