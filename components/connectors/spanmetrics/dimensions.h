#pragma once
// Which attributes tell series apart, and how a span's values of them become a series' key and attributes.
#include <boost/unordered/unordered_flat_map.hpp>

#include "base/regex.h"
#include "components/connectors/spanmetrics/config.h"
#include "components/connectors/spanmetrics/key_buffer.h"
#include "components/connectors/spanmetrics/series.h"
#include "otlp/span_view.h"

namespace weir::connectors::spanmetrics {

// What spans of one resource have in common. Kept between requests, by the resource's bytes.
struct Source {
  std::string raw;  // a Resource message
  Resource* resource = nullptr;
  std::string service;
  std::vector<otlp::AttributeView> slots;  // into raw, one for each wanted key
};

// A span, or an event of it, and what is around.
struct Subject {
  const Source& source;
  const otlp::SpanView& span;
  std::string_view scope_name, scope_version;  // empty when they are no dimensions
  bool adjusted = false;
  std::span<const otlp::AttributeView> slots;        // of the span
  std::span<const otlp::AttributeView> event_slots;  // empty: not an event
  const otlp::AttributesView* event = nullptr;
};

// Attribute names by pattern; remembers what it said.
class GlobSet {
 public:
  void add(Regex glob) { globs_.push_back(std::move(glob)); }
  bool empty() const { return globs_.empty(); }
  bool matches(std::string_view name);

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<Regex> globs_;
  boost::unordered_flat_map<std::string, bool, Hash, std::equal_to<>> known_;
};

class Dimensions {
 public:
  static Result<Dimensions> make(const Config& config, std::string instance_id);

  const otlp::WantedKeys& wanted() const { return wanted_; }
  // Before the spans of a batch.
  void use(const std::shared_ptr<const otlp::Sought>& sought) { wanted_.use(sought); }
  // True when durations have the dimensions of calls: then both are in the family `calls`.
  bool calls_and_durations_alike() const { return alike_; }
  bool is_scope_dimension(std::string_view scope_name) const;

  // The part of the key that all families share, then that of one family. Equal for equal dimension values.
  void append_common_key(const Subject& subject, KeyBuffer& key) const;
  void append_key(Family family, const Subject& subject, Arena& arena, KeyBuffer& key);
  // As a data point has them, encoded as KeyValue messages in field 1.
  std::string attributes(Family family, const Subject& subject, Arena& arena);

 private:
  struct Named {
    std::string name;
    std::size_t slot;
    std::optional<std::string> fallback;  // an AnyValue
  };
  struct Recipe {
    std::vector<Named> names;
    GlobSet globs;
  };
  Result<> add(const std::vector<Dimension>& dimensions, Recipe& recipe);
  static otlp::AttributeView value_of(const Named& named, const Subject& subject);
  const std::vector<otlp::AttributeView>& matching(Recipe& recipe, const Subject& subject);
  static void put_matching(const std::vector<otlp::AttributeView>& views, Arena& arena, otlp::Attributes& out);
  void put_built_in(const Subject& subject, Arena& arena, otlp::Attributes& out) const;

  otlp::WantedKeys wanted_;
  std::array<Recipe, families> recipes_;
  std::vector<otlp::AttributeView> matching_;
  std::vector<std::string> scopes_;
  std::string instance_id_;
  bool alike_ = false;
  bool several_services_ = false;  // may share a resource
  bool service_ = true, name_ = true, kind_ = true, status_ = true, instance_ = true, sampling_method_ = false, otel_status_ = false;
};

}  // namespace weir::connectors::spanmetrics
