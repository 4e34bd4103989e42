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

std::string_view kept_text(std::string_view text) {
  constexpr std::size_t longest = 4096;  // names and label values beyond that are not meant as such
  if (text.size() <= longest) return text;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

Edge* Edges::find(const EdgeKey& key) {
  auto at = table_.find(key);
  return at == table_.end() ? nullptr : at->second;
}

Edge& Edges::fresh(const EdgeKey& key, TimePoint expires) {
  if (free_.empty()) {
    free_.push_back(&slots_.emplace_back());
    slots_.back().dimensions.resize(dimensions_ * 2);
  }
  Edge& edge = *free_.back();
  free_.pop_back();
  edge.key = key;
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
  table_.emplace(edge.key, &edge);
  edge.older = std::exchange(newest_, &edge);
  edge.newer = nullptr;
  (edge.older ? edge.older->newer : oldest_) = &edge;
}

void Edges::remove(Edge& edge) {
  table_.erase(edge.key);
  (edge.older ? edge.older->newer : oldest_) = edge.newer;
  (edge.newer ? edge.newer->older : newest_) = edge.older;
  release(edge);
}

}  // namespace weir::connectors::servicegraph
