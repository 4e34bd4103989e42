#include "components/processors/drain/tree.h"

#include <algorithm>

namespace weir::processors::drain {
namespace {

constexpr std::size_t most_tokens = 1000;

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
    if (at == node->children.end()) at = node->children.emplace(std::string(key), std::make_unique<Node>()).first;
    node = at->second.get();
  }
  return node;
}

Tree::Cluster* Tree::best(const Node& leaf, const std::vector<std::string>& tokens) const {
  Cluster* found = nullptr;
  double most = -1;
  std::size_t most_wild = 0;
  for (Cluster* cluster : leaf.clusters) {
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
  if (used_.size() >= settings_.max_clusters) evict();
  used_.push_front(std::make_unique<Cluster>(Cluster{tokens, leaf, {}}));
  used_.front()->at = used_.begin();
  leaf->clusters.push_back(used_.front().get());
  return &used_.front()->tokens;
}

void Tree::evict() {
  Cluster* last = used_.back().get();
  std::erase(last->leaf->clusters, last);
  used_.pop_back();
}

}  // namespace weir::processors::drain
