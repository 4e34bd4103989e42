#pragma once
// Label sets as targets and series have them. For what happens once for each new series or target, not for each sample.
#include <string>
#include <string_view>
#include <vector>

namespace weir::scrape {

struct Label {
  std::string name, value;
  bool operator==(const Label&) const = default;
};

// Sorted by name. An empty value is the same as no label.
class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<Label> labels) {
    for (const Label& label : labels) set(label.name, label.value);
  }
  // From a parser: in any order, names perhaps repeated (see duplicate()).
  explicit Labels(std::vector<Label> labels);

  // "" when there is none.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const { return !get(name).empty(); }
  // An empty value removes it.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name) { set(name, {}); }

  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  // The first name that stands there twice, or "".
  std::string_view duplicate() const;
  bool operator==(const Labels&) const = default;

 private:
  std::vector<Label>::iterator place(std::string_view name);
  std::vector<Label> list_;
};

// The same labels have the same hash, in every run (xxh3).
std::uint64_t hash_of(const Labels& labels);
// {a="b", c="d"}
std::string to_string(const Labels& labels);

// Which names are allowed.
enum class Naming : std::uint8_t { utf8, legacy };
bool valid_label_name(std::string_view name, Naming naming);
bool valid_metric_name(std::string_view name, Naming naming);

inline constexpr std::string_view metric_name_label = "__name__";
inline constexpr std::string_view job_label = "job";
inline constexpr std::string_view instance_label = "instance";
inline constexpr std::string_view address_label = "__address__";
inline constexpr std::string_view scheme_label = "__scheme__";
inline constexpr std::string_view metrics_path_label = "__metrics_path__";
inline constexpr std::string_view scrape_interval_label = "__scrape_interval__";
inline constexpr std::string_view scrape_timeout_label = "__scrape_timeout__";
inline constexpr std::string_view param_prefix = "__param_";
inline constexpr std::string_view meta_prefix = "__meta_";
inline constexpr std::string_view reserved_prefix = "__";

}  // namespace weir::scrape
