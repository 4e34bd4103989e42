#include "components/receivers/prometheus/families.h"

#include <xxhash.h>

#include <algorithm>

#include "base/number.h"
#include "prometheus/names.h"
#include "prometheus/number.h"

namespace weir::receivers::prometheus {
namespace {

using scrape::Labels;

constexpr std::string_view scope_prefix = "otel_scope_";
constexpr std::uint32_t no_family = ~std::uint32_t{0};

weir::prometheus::MetricKind kind_for_names(Kind kind, bool monotonic) {
  using enum weir::prometheus::MetricKind;
  switch (kind) {
    case Kind::sum: return monotonic ? counter : up_down_counter;
    case Kind::histogram:
    case Kind::exponential: return histogram;
    case Kind::summary: return summary;
    case Kind::gauge: return gauge;
    case Kind::none: return unknown;
  }
  return unknown;
}

std::uint32_t attributes_field(Kind kind) { return kind == Kind::histogram ? 9 : kind == Kind::exponential ? 1 : 7; }

void put_attribute(otlp::Writer& out, std::uint32_t field, std::string_view key, std::string_view value) {
  std::size_t end = out.size();
  out.bytes(1, value);
  out.close(2, end);
  out.bytes(1, key);
  out.close(field, end);
}

bool is_own_label(std::string_view name) {
  return name == scrape::metric_name_label || name == scrape::job_label || name == scrape::instance_label || name == scrape::scheme_label ||
         name == scrape::metrics_path_label;
}

// The label that tells which part of a histogram or summary it is.
std::string_view part_label(Kind kind) {
  return kind == Kind::histogram || kind == Kind::exponential ? "le" : kind == Kind::summary ? "quantile" : "";
}

std::string encoded_attributes(const Labels& labels, Kind kind) {
  otlp::Writer out(256);
  std::vector<const scrape::Label*> kept;
  for (auto& label : labels)
    if (!is_own_label(label.name) && label.name != part_label(kind) && !label.name.starts_with(scope_prefix)) kept.push_back(&label);
  for (auto i = kept.rbegin(); i != kept.rend(); ++i) put_attribute(out, attributes_field(kind), (*i)->name, (*i)->value);
  return std::string(out.view());
}

}  // namespace

std::uint32_t Families::resource_of(const std::string& job, const std::string& instance) {
  for (std::uint32_t i = 0; i < resources_.size(); ++i)
    if (resources_[i].job == job && resources_[i].instance == instance) return i;
  resources_.push_back({job, instance, {}});
  return static_cast<std::uint32_t>(resources_.size() - 1);
}

std::uint32_t Families::scope_of(std::uint32_t resource, const Labels& labels) {
  Scope wanted{.resource = resource};
  for (auto& label : labels) {
    if (!label.name.starts_with(scope_prefix)) continue;
    std::string_view key = std::string_view(label.name).substr(scope_prefix.size());
    if (key == "name") wanted.name = label.value;
    else if (key == "version") wanted.version = label.value;
    else if (key == "schema_url") wanted.schema_url = label.value;
    else wanted.attributes.set(key, label.value);
  }
  for (std::uint32_t i : resources_[resource].scopes) {
    const Scope& s = scopes_[i];
    if (s.name == wanted.name && s.version == wanted.version && s.schema_url == wanted.schema_url && s.attributes == wanted.attributes) return i;
  }
  scopes_.push_back(std::move(wanted));
  auto index = static_cast<std::uint32_t>(scopes_.size() - 1);
  resources_[resource].scopes.push_back(index);
  return index;
}

std::uint32_t Families::find_family(std::uint32_t scope, std::string_view name, bool native) const {
  auto at = scopes_[scope].by_name.find(fmt::format("{}{}", native ? 'n' : 'c', name));
  return at == scopes_[scope].by_name.end() ? no_family : at->second;
}

bool Families::includes(const Family& family, std::string_view name) const {
  if (family.info.kind == Kind::sum) return base_name(name) == family.info.family;
  if (family.info.kind != Kind::gauge) return base_name(name) == family.info.name;
  return name == family.info.name;
}

void Families::set_head(Family& family) {
  const FamilyInfo& info = family.info;
  std::string name = info.name;
  if (settings_.trim_suffixes) name = weir::prometheus::trim_suffixes(name, kind_for_names(info.kind, info.monotonic), info.metadata.unit);
  otlp::Writer out(256);
  put_attribute(out, 12, "prometheus.type", exposition::to_string(info.metadata.type));
  out.put_bytes(3, weir::prometheus::unit_of_name(info.metadata.unit));
  out.put_bytes(2, info.metadata.help);
  out.put_bytes(1, name);
  family.head = out.view();
}

std::uint32_t Families::family_index(std::uint32_t scope, std::string_view name, const MetadataStore& store, bool native, bool custom) {
  FamilyInfo info = family_of(name, store, native, custom);
  auto same = [&](const Family& f) { return f.info.kind == info.kind && f.info.monotonic == info.monotonic && f.info.metadata.type == info.metadata.type; };
  std::uint32_t at = find_family(scope, info.name, native);
  if (at != no_family && !same(families_[at])) at = no_family;  // of another type now: what is left of the old one goes with its series
  if (at == no_family) {
    // A series whose own name says nothing may be a part of one that is there.
    std::string base(base_name(name));
    std::uint32_t other = store.find(name) == nullptr ? find_family(scope, base, native) : no_family;
    if (other != no_family && includes(families_[other], name)) return other;
  }
  if (at == no_family) {
    families_.push_back({.info = std::move(info), .native = native, .scope = scope});
    at = static_cast<std::uint32_t>(families_.size() - 1);
    scopes_[scope].families.push_back(at);
    scopes_[scope].by_name.insert_or_assign(fmt::format("{}{}", native ? 'n' : 'c', families_[at].info.name), at);
    set_head(families_[at]);
  } else if (families_[at].info.metadata.help != info.metadata.help || families_[at].info.metadata.unit != info.metadata.unit) {
    families_[at].info = std::move(info);
    set_head(families_[at]);
  }
  return at;
}

std::uint64_t Families::hash_of_group(std::uint32_t index) const {
  const Group& group = groups_[index];
  return XXH3_64bits_withSeed(group.attributes.data(), group.attributes.size(), group.family);
}

std::uint32_t Families::group_of(std::uint32_t family, const Labels& labels) {
  std::string attributes = encoded_attributes(labels, families_[family].info.kind);
  std::uint64_t hash = XXH3_64bits_withSeed(attributes.data(), attributes.size(), family);
  std::uint32_t there = group_index_.find(hash, [&](std::uint32_t i) { return groups_[i].family == family && groups_[i].attributes == attributes; });
  if (there != NumberIndex::none) return there;
  std::uint32_t index;
  if (free_groups_.empty()) {
    index = static_cast<std::uint32_t>(groups_.size());
    groups_.emplace_back();
  } else {
    index = free_groups_.back();
    free_groups_.pop_back();
  }
  Group& group = groups_[index];
  group = Group{};
  group.family = family;
  group.attributes = std::move(attributes);
  families_[family].groups.push_back(index);
  group.indexed = true;
  group_index_.add(index, [&](std::uint32_t i) { return hash_of_group(i); });
  return index;
}

Result<Slot> Families::role_of(std::uint32_t family, std::uint32_t group, std::string_view name, const Labels& labels, bool native) {
  const FamilyInfo& info = families_[family].info;
  Slot slot{.group = group, .role = Role::value};
  bool created = name.size() == info.family.size() + 8 && name.starts_with(info.family) && name.ends_with("_created");
  if (native) {
    slot.role = Role::native;
  } else if (info.kind == Kind::histogram || info.kind == Kind::summary) {
    if (name.ends_with("_sum")) slot.role = Role::sum;
    else if (name.ends_with("_count")) slot.role = Role::count;
    else if (created) slot.role = Role::created;
    else {
      auto bound = parse_go_double(labels.get(part_label(info.kind)));
      slot.role = bound ? Role::part : Role::nothing;
      if (!bound) return slot;
      Group& g = groups_[group];
      if (!g.complex) g.complex = std::make_unique<Complex>();
      auto& parts = g.complex->parts;
      auto same = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.bound == *bound; });
      slot.part = static_cast<std::uint32_t>(same - parts.begin());
      if (same == parts.end()) {
        parts.push_back({.bound = *bound});
        g.complex->order.clear();
      }
    }
  } else if (info.kind == Kind::sum && created) {
    slot.role = Role::created;
  } else if (info.kind == Kind::exponential) {
    slot.role = created ? Role::created : Role::nothing;
  }
  return slot;
}

Slot Families::bind_info(std::uint32_t resource, const Labels& labels, bool of_scope) {
  Info info{.resource = resource, .of_scope = of_scope};
  for (auto& label : labels)
    if (label.name != scrape::metric_name_label && label.name != scrape::job_label && label.name != scrape::instance_label) info.attributes.set(label.name, label.value);
  auto same = std::find_if(infos_.begin(), infos_.end(), [&](const Info& i) { return i.resource == resource && i.of_scope == of_scope && i.attributes == info.attributes; });
  auto index = static_cast<std::uint32_t>(same - infos_.begin());
  if (same == infos_.end()) infos_.push_back(std::move(info));
  return {.group = index, .role = of_scope ? Role::scope_info : Role::target_info};
}

// What a scope's series say of it, or otherwise its otel_scope_info.
const Labels* Families::attributes_of(const Scope& scope) const {
  if (!scope.attributes.empty()) return &scope.attributes;
  for (auto& info : infos_)
    if (info.of_scope && info.collection == collection_ && info.resource == scope.resource && info.attributes.get("otel_scope_name") == scope.name &&
        info.attributes.get("otel_scope_version") == scope.version && info.attributes.get("otel_scope_schema_url") == scope.schema_url)
      return &info.attributes;
  return nullptr;
}

Result<Slot> Families::bind(Labels labels, const MetadataStore& store, bool native, bool custom) {
  for (auto& label : settings_.external_labels) labels.set(label.name, label.value);
  if (auto twice = labels.duplicate(); !twice.empty()) return fail(Errc::invalid, "invalid sample: non-unique label names: \"{}\"", twice);
  std::string name(labels.get(scrape::metric_name_label));
  if (name.empty()) return fail(Errc::invalid, "metricName not found from labels");
  std::string job(labels.get(scrape::job_label)), instance(labels.get(scrape::instance_label));
  if (job.empty()) job = settings_.job;
  if (instance.empty()) instance = settings_.instance;
  if (job.empty() || instance.empty()) return fail(Errc::invalid, "job or instance cannot be found from labels");
  std::uint32_t resource = resource_of(job, instance);
  bool scope_info = settings_.scope_info && name == "otel_scope_info";
  if (name == "target_info" || scope_info) return bind_info(resource, labels, scope_info);
  std::uint32_t family = family_index(scope_of(resource, labels), name, store, native, custom);
  std::uint32_t group = group_of(family, labels);
  WEIR_ASSIGN(Slot slot, role_of(family, group, name, labels, native));
  ++groups_[group].users;
  return slot;
}

void Families::release(const Slot& slot) {
  if (slot.role == Role::target_info || slot.role == Role::scope_info) return;
  if (--groups_[slot.group].users == 0) garbage_ = true;
}

Families::Group& Families::open(const Slot& slot, std::int64_t time) {
  Group& group = groups_[slot.group];
  if (group.collection == collection_) return group;
  group.collection = collection_;
  group.time = time;
  group.created = group.sum = group.count = 0;
  group.has_value = group.has_count = group.has_sum = group.has_native = group.stale = false;
  group.exemplar = 0;
  families_[group.family].collection = collection_;
  return group;
}

bool Families::put(const Slot& slot, double value, std::int64_t time) {
  if (slot.role == Role::target_info || slot.role == Role::scope_info) {
    infos_[slot.group].collection = collection_;
    return true;
  }
  Group& group = open(slot, time);
  if (group.time != time) return false;
  switch (slot.role) {
    case Role::value:
      group.value = value;
      group.has_value = true;
      break;
    case Role::sum:
      group.sum = value;
      group.has_sum = true;
      break;
    case Role::count:
      group.count = value;
      group.has_count = true;
      break;
    case Role::part:
      group.complex->parts[slot.part].value = value;
      group.complex->parts[slot.part].collection = collection_;
      break;
    case Role::created: group.created = value; break;
    default: return false;
  }
  return true;
}

bool Families::put(const Slot& slot, const exposition::NativeHistogram& histogram, std::int64_t time) {
  if (slot.role != Role::native) return false;
  Group& group = open(slot, time);
  if (group.time != time) return false;
  if (!group.complex) group.complex = std::make_unique<Complex>();
  group.complex->native = histogram;
  group.has_native = true;
  return true;
}

void Families::put_stale(const Slot& slot, std::int64_t time) {
  if (slot.role == Role::native) {
    Group& group = open(slot, time);
    group.stale = true;
    return;
  }
  if (slot.role != Role::part) {
    put(slot, weir::prometheus::stale_marker(), time);
    return;
  }
  // Of a point that ends the bounds stay, without counts; one that goes on is told without the bucket that vanished.
  Group& group = open(slot, time);
  group.complex->parts[slot.part].value = weir::prometheus::stale_marker();
  group.complex->parts[slot.part].collection = collection_;
}

void Families::set_start(const Slot& slot, std::int64_t ms, std::int64_t time) {
  if (slot.role == Role::target_info || slot.role == Role::scope_info || slot.role == Role::nothing) return;
  open(slot, time).created = static_cast<double>(ms) / 1000;
}

void Families::compact() {
  if (!garbage_) return;
  garbage_ = false;
  for (Family& family : families_) std::erase_if(family.groups, [&](std::uint32_t i) { return groups_[i].users == 0; });
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    if (!groups_[i].indexed || groups_[i].users > 0) continue;
    group_index_.remove(i, [&](std::uint32_t n) { return hash_of_group(n); });
    groups_[i] = Group{};
    free_groups_.push_back(i);
  }
}

std::size_t Families::bytes() const {
  std::size_t out = families_.size() * sizeof(Family) + groups_.size() * sizeof(Group) + group_index_.bytes();
  for (auto& group : groups_) out += group.attributes.capacity() + 16 + (group.complex ? sizeof(Complex) + group.complex->parts.size() * sizeof(Part) : 0);
  return out;
}

}  // namespace weir::receivers::prometheus
