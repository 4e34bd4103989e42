#pragma once
// Templates of log lines by the Drain algorithm (He et al., ICWS 2017): lines of equal length whose first tokens are equal are
// compared with what was seen before, and tokens that differ become <*>.
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"

namespace weir::processors::drain {

struct TreeSettings {
  std::size_t depth = 4;
  double merge_threshold = 0.4;
  std::size_t max_children = 100;
  std::size_t max_clusters = 10'000;  // the one used longest ago goes
  std::vector<std::string> delimiters;
};

// One core. Its templates are charged to `memory`'s budget: when that has no room the ones used longest ago go.
class Tree {
 public:
  explicit Tree(TreeSettings settings, Charge memory = {}) : settings_(std::move(settings)), memory_(std::move(memory)) {}

  std::vector<std::string> tokens_of(std::string_view line) const;
  // The template of the line, which it may change. Null for a line without tokens, or when there is no memory for it. Valid until the next call.
  const std::vector<std::string>* train(const std::vector<std::string>& tokens);
  std::size_t clusters() const { return used_.size(); }

  static constexpr std::string_view wildcard = "<*>";
  // Of a leaf's templates the latest are compared with a line, at most so many and so many tokens of them.
  static constexpr std::size_t most_compared = 200, most_compared_tokens = 20'000;

 private:
  struct Cluster;
  using Clusters = std::list<std::unique_ptr<Cluster>>;
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    Node* parent = nullptr;
    decltype(children)::iterator in_parent = {};
    std::vector<Cluster*> clusters;  // in the order in which they came
  };
  struct Cluster {
    std::vector<std::string> tokens;
    Node* leaf;
    Clusters::iterator at = {};
    std::size_t charged = 0;
  };
  Node* leaf_for(const std::vector<std::string>& tokens);
  Cluster* best(const Node& leaf, const std::vector<std::string>& tokens) const;
  bool make_room(std::size_t bytes);
  void evict();
  static void prune(Node* leaf);

  TreeSettings settings_;
  Charge memory_;
  std::map<std::size_t, std::unique_ptr<Node>> by_length_;
  Clusters used_;  // latest first
};

std::string joined(const std::vector<std::string>& tokens);

}  // namespace weir::processors::drain
