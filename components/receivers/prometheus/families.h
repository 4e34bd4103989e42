#pragma once
// The metrics of one target and their points, kept from scrape to scrape so that an unchanged set of series only brings
// new values. Points are encoded from here without a model in between.
#include <deque>
#include <memory>

#include "base/bytes.h"
#include "base/number_index.h"
#include "components/receivers/prometheus/metadata.h"
#include "components/shared/scrape/labels.h"
#include "otlp/wire.h"

namespace weir::receivers::prometheus {

enum class Role : std::uint8_t { value, sum, count, part, created, native, target_info, scope_info, nothing };

// Where a series puts its values.
struct Slot {
  std::uint32_t group = 0, part = 0;
  Role role = Role::nothing;
};

struct FamilySettings {
  scrape::Labels discovered;  // of the target, for its resource
  std::string job, instance;  // for series without
  scrape::Labels external_labels;
  bool trim_suffixes = false;
  bool scope_info = false;  // otel_scope_info tells attributes of scopes
};

// One core. Slots stay valid until release().
class Families {
 public:
  explicit Families(FamilySettings settings) : settings_(std::move(settings)) {}

  // Where the series with these labels belongs; the metadata decide what it is. Errc::invalid for labels that fail the scrape.
  Result<Slot> bind(scrape::Labels labels, const MetadataStore& store, bool native, bool custom);
  // The series is no more, or belongs elsewhere now.
  void release(const Slot& slot);

  // Starts a new collection; what was put before is forgotten.
  void begin() { ++collection_; }
  // A value will be put there soon.
  void prefetch(const Slot& slot) const {
    if (slot.group >= groups_.size()) return;  // of target_info it is another number
    const char* group = reinterpret_cast<const char*>(&groups_[slot.group]);
    __builtin_prefetch(group, 1);
    __builtin_prefetch(group + 64, 1);
  }
  // False when the point has another time already.
  bool put(const Slot& slot, double value, std::int64_t time);
  bool put(const Slot& slot, const exposition::NativeHistogram& histogram, std::int64_t time);
  void put_stale(const Slot& slot, std::int64_t time);
  void set_start(const Slot& slot, std::int64_t ms, std::int64_t time);
  void add_exemplar(const Slot& slot, const exposition::Exemplar& exemplar, std::int64_t time);

  // The collection as an ExportMetricsServiceRequest; `points` is how many are in it.
  Bytes encode(std::size_t& points);
  // Drops groups that no series has any more. Not between begin() and encode().
  void compact();
  std::size_t bytes() const;

 private:
  struct Part {
    double bound = 0, value = 0;
    std::uint32_t collection = 0;
  };
  struct Complex {
    std::vector<Part> parts;  // buckets, quantiles
    exposition::NativeHistogram native;
    std::vector<std::uint32_t> order;
  };
  struct Group {
    std::uint32_t family = 0, users = 0;
    std::uint32_t collection = 0;  // in which values were put
    std::uint32_t exemplar = 0;    // 1 + index into exemplars_
    std::string attributes;        // encoded, with the tag of the point's field
    std::int64_t time = 0;
    double value = 0, count = 0, sum = 0, created = 0;
    std::unique_ptr<Complex> complex;
    bool has_value = false, has_count = false, has_sum = false, has_native = false, stale = false, indexed = false;
  };
  struct Family {
    FamilyInfo info;
    bool native = false;
    std::uint32_t scope = 0;
    std::string head;  // name, description, unit and metadata, encoded
    std::vector<std::uint32_t> groups;
    std::uint32_t collection = 0;
  };
  struct Scope {
    std::uint32_t resource = 0;
    std::string name, version, schema_url;
    scrape::Labels attributes;
    std::vector<std::uint32_t> families;
    std::unordered_map<std::string, std::uint32_t> by_name;  // the newest of that name, "n" in front of native ones, "c" of others
  };
  struct Info {
    std::uint32_t resource = 0;
    scrape::Labels attributes;
    bool of_scope = false;
    std::uint32_t collection = 0;
  };
  struct Resource {
    std::string job, instance;
    std::vector<std::uint32_t> scopes;
  };
  struct Exemplar {
    std::string encoded;
    std::uint32_t next = 0;
  };

  std::uint32_t resource_of(const std::string& job, const std::string& instance);
  std::uint32_t scope_of(std::uint32_t resource, const scrape::Labels& labels);
  std::uint32_t family_index(std::uint32_t scope, std::string_view name, const MetadataStore& store, bool native, bool custom);
  std::uint32_t find_family(std::uint32_t scope, std::string_view name, bool native) const;
  bool includes(const Family& family, std::string_view name) const;
  void set_head(Family& family);
  Slot bind_info(std::uint32_t resource, const scrape::Labels& labels, bool of_scope);
  const scrape::Labels* attributes_of(const Scope& scope) const;
  std::uint32_t group_of(std::uint32_t family, const scrape::Labels& labels);
  std::uint64_t hash_of_group(std::uint32_t index) const;
  Result<Slot> role_of(std::uint32_t family, std::uint32_t group, std::string_view name, const scrape::Labels& labels, bool native);
  Group& open(const Slot& slot, std::int64_t time);

  void write_scope(const Scope& scope, otlp::Writer& out, std::size_t& points);
  void write_family(Family& family, otlp::Writer& out, std::size_t& points);
  bool is_custom(const Group& group) const;
  bool has_point(Kind kind, const Group& group) const;
  bool has_points(const Family& family) const;
  void write_point(Kind kind, Group& group, otlp::Writer& out);
  void write_histogram(Group& group, otlp::Writer& out);
  void write_exponential(Group& group, otlp::Writer& out);
  void write_summary(Group& group, otlp::Writer& out);
  void write_number(Kind kind, Group& group, otlp::Writer& out);
  void write_exemplars(const Group& group, std::uint32_t field, otlp::Writer& out) const;
  void write_resource(std::uint32_t index, otlp::Writer& out) const;
  const std::vector<std::uint32_t>& sorted_parts(Group& group) const;

  FamilySettings settings_;
  std::vector<Resource> resources_;
  std::vector<Scope> scopes_;
  std::deque<Family> families_;
  std::deque<Group> groups_;
  std::vector<std::uint32_t> free_groups_;
  NumberIndex group_index_;  // by family and attributes
  std::vector<Info> infos_;
  std::vector<Exemplar> exemplars_;
  std::size_t used_exemplars_ = 0;
  std::uint32_t collection_ = 1;
  bool garbage_ = false;
  otlp::Writer writer_;
};

}  // namespace weir::receivers::prometheus
