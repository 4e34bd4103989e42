#pragma once
// Templates of log lines by the Drain algorithm (He et al., ICWS 2017): lines of equal length whose first tokens are equal are
// compared with what was seen before, and tokens that differ become <*>.
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::processors::drain {

struct TreeSettings {
  std::size_t depth = 4;
  double merge_threshold = 0.4;
  std::size_t max_children = 100;
  std::size_t max_clusters = 10'000;  // the one used longest ago goes
  std::vector<std::string> delimiters;
};

// One core.
class Tree {
 public:
  explicit Tree(TreeSettings settings) : settings_(std::move(settings)) {}

  std::vector<std::string> tokens_of(std::string_view line) const;
  // The template of the line, which it may change. Null for a line without tokens. Valid until the next call.
  const std::vector<std::string>* train(const std::vector<std::string>& tokens);
  std::size_t clusters() const { return used_.size(); }

  static constexpr std::string_view wildcard = "<*>";

 private:
  struct Cluster;
  using Clusters = std::list<std::unique_ptr<Cluster>>;
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    std::vector<Cluster*> clusters;
  };
  struct Cluster {
    std::vector<std::string> tokens;
    Node* leaf;
    Clusters::iterator at;
  };
  Node* leaf_for(const std::vector<std::string>& tokens);
  Cluster* best(const Node& leaf, const std::vector<std::string>& tokens) const;
  void evict();

  TreeSettings settings_;
  std::map<std::size_t, std::unique_ptr<Node>> by_length_;
  Clusters used_;  // latest first
};

std::string joined(const std::vector<std::string>& tokens);

}  // namespace weir::processors::drain
