#include "components/processors/drain/tree.h"

#include <algorithm>
#include <span>

namespace weir::processors::drain {
namespace {

constexpr std::size_t most_tokens = 1000;
constexpr std::size_t bookkeeping = 256;  // of a template, and of each place on the way to it

bool has_digit(std::string_view token) {
  return std::any_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string joined(const std::vector<std::string>& tokens) {
  std::string out;
  for (auto& token : tokens) {
    if (!out.empty()) out += ' ';
    out += token;
  }
  return out;
}

std::vector<std::string> Tree::tokens_of(std::string_view line) const {
  std::string text(line);
  for (auto& delimiter : settings_.delimiters)
    for (std::size_t at = 0; !delimiter.empty() && (at = text.find(delimiter, at)) != text.npos;) text.replace(at, delimiter.size(), " ");
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.size() && out.size() < most_tokens;) {
    if (std::isspace(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && !std::isspace(static_cast<unsigned char>(text[end]))) ++end;
    out.push_back(text.substr(i, end - i));
    i = end;
  }
  return out;
}

// Down the tree by length, then by the first tokens. Tokens with digits, and those for which there is no room, share one way.
Tree::Node* Tree::leaf_for(const std::vector<std::string>& tokens) {
  auto& root = by_length_[tokens.size()];
  if (!root) root = std::make_unique<Node>();
  Node* node = root.get();
  std::size_t levels = settings_.depth - 3;
  for (std::size_t i = 0; i < tokens.size() && i < levels; ++i) {
    std::string_view key = has_digit(tokens[i]) || tokens[i].starts_with('<') ? wildcard : std::string_view(tokens[i]);
    auto at = node->children.find(key);
    // The last place is for all others.
    if (at == node->children.end() && key != wildcard && node->children.size() + 1 >= settings_.max_children) {
      key = wildcard;
      at = node->children.find(key);
    }
    if (at == node->children.end()) {
      at = node->children.emplace(std::string(key), std::make_unique<Node>()).first;
      at->second->parent = node;
      at->second->in_parent = at;
    }
    node = at->second.get();
  }
  return node;
}

Tree::Cluster* Tree::best(const Node& leaf, const std::vector<std::string>& tokens) const {
  Cluster* found = nullptr;
  double most = -1;
  std::size_t most_wild = 0;
  const std::size_t compared = std::clamp<std::size_t>(most_compared_tokens / tokens.size(), 1, most_compared);
  for (Cluster* cluster : std::span(leaf.clusters).last(std::min(compared, leaf.clusters.size()))) {
    std::size_t equal = 0, wild = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (cluster->tokens[i] == wildcard) ++wild;
      else equal += cluster->tokens[i] == tokens[i];
    }
    double similarity = static_cast<double>(equal) / static_cast<double>(tokens.size());
    if (similarity < most || (similarity == most && wild <= most_wild)) continue;
    most = similarity;
    most_wild = wild;
    found = cluster;
  }
  return most >= settings_.merge_threshold ? found : nullptr;
}

const std::vector<std::string>* Tree::train(const std::vector<std::string>& tokens) {
  if (tokens.empty()) return nullptr;
  Node* leaf = leaf_for(tokens);
  if (Cluster* cluster = best(*leaf, tokens)) {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (cluster->tokens[i] != tokens[i]) cluster->tokens[i] = wildcard;
    used_.splice(used_.begin(), used_, cluster->at);
    return &cluster->tokens;
  }
  prune(leaf);  // if it is new: making room may take away others on its way
  if (used_.size() >= settings_.max_clusters) evict();
  std::size_t bytes = bookkeeping, levels = settings_.depth - 3;
  for (std::size_t i = 0; i < tokens.size(); ++i) bytes += sizeof(tokens[i]) + tokens[i].size() + (i < levels ? bookkeeping + tokens[i].size() : 0);
  if (!make_room(bytes)) return nullptr;
  leaf = leaf_for(tokens);
  used_.push_front(std::make_unique<Cluster>(Cluster{.tokens = tokens, .leaf = leaf, .charged = bytes}));
  Cluster& made = *used_.front();
  made.at = used_.begin();
  leaf->clusters.push_back(&made);
  return &made.tokens;
}

bool Tree::make_room(std::size_t bytes) {
  while (!memory_.grow(bytes)) {
    if (used_.empty()) return false;
    evict();
  }
  return true;
}

void Tree::evict() {
  Cluster& last = *used_.back();
  Node* leaf = last.leaf;
  std::erase(leaf->clusters, &last);
  memory_.shrink_to(memory_.bytes() - last.charged);
  used_.pop_back();
  prune(leaf);
}

// Takes away what leads nowhere.
void Tree::prune(Node* leaf) {
  while (leaf->parent != nullptr && leaf->clusters.empty() && leaf->children.empty()) {
    Node* parent = leaf->parent;
    parent->children.erase(std::string(leaf->in_parent->first));
    leaf = parent;
  }
}

}  // namespace weir::processors::drain
