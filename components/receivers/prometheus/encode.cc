// Points to protobuf. The writer works from the end, so everything is written last to first.
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "components/receivers/prometheus/families.h"
#include "net/socket.h"
#include "prometheus/number.h"

namespace weir::receivers::prometheus {
namespace {

constexpr std::string_view own_scope = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver";  // what dashboards may filter by
constexpr std::uint64_t no_recorded_value = 1, cumulative = 2;
// More buckets of a native histogram than that, empty ones between them counted, are made coarser.
constexpr std::size_t max_dense_buckets = 16384;

void put_attribute(otlp::Writer& out, std::uint32_t field, std::string_view key, std::string_view value) {
  std::size_t end = out.size();
  out.bytes(1, value);
  out.close(2, end);
  out.bytes(1, key);
  out.close(field, end);
}

// uint64(value) of Go on amd64.
std::uint64_t whole(double value) {
  if (value < 9223372036854775808.0) return static_cast<std::uint64_t>(go_int_of(value));
  return static_cast<std::uint64_t>(go_int_of(value - 9223372036854775808.0)) ^ (std::uint64_t{1} << 63);
}

std::uint64_t nanos_of_ms(std::int64_t ms) { return static_cast<std::uint64_t>(ms) * 1'000'000; }

std::uint64_t nanos_of_seconds(double seconds) {
  std::int64_t full = go_int_of(seconds);
  return static_cast<std::uint64_t>(full) * 1'000'000'000 + static_cast<std::uint64_t>(go_int_of((seconds - static_cast<double>(full)) * 1e9));
}

bool is_stale(double value) { return weir::prometheus::is_stale_marker(value); }

// The host of host:port, [host]:port; all of it when it is neither.
std::string_view host_of(std::string_view instance, std::string_view& port) {
  auto colon = instance.rfind(':');
  port = {};
  if (colon == instance.npos) return instance;
  std::string_view host = instance.substr(0, colon);
  bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (!bracketed && host.find(':') != host.npos) return instance;
  port = instance.substr(colon + 1);
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

bool is_telling_host(std::string_view host) {
  if (host == "localhost") return false;
  auto addresses = net::numeric_address(std::string(host), 0);
  if (addresses.empty()) return true;
  std::string text = net::to_string(addresses.front());
  return !(text.starts_with("127.") || text.starts_with("[::1]") || text.starts_with("0.0.0.0:") || text.starts_with("[::]"));
}

struct Meta {
  std::string_view label, attribute;
};
constexpr Meta kubernetes[] = {
    {"__meta_kubernetes_pod_name", "k8s.pod.name"},           {"__meta_kubernetes_pod_uid", "k8s.pod.uid"},
    {"__meta_kubernetes_pod_container_name", "k8s.container.name"}, {"__meta_kubernetes_namespace", "k8s.namespace.name"},
    {"__meta_kubernetes_pod_node_name", "k8s.node.name"},     {"__meta_kubernetes_node_name", "k8s.node.name"},
    {"__meta_kubernetes_endpoint_node_name", "k8s.node.name"},
};
constexpr Meta controllers[] = {{"ReplicaSet", "k8s.replicaset.name"}, {"DaemonSet", "k8s.daemonset.name"}, {"StatefulSet", "k8s.statefulset.name"},
                                {"Job", "k8s.job.name"},               {"CronJob", "k8s.cronjob.name"}};

// Native buckets as OTLP has them: all from the first to the last that is not empty.
void put_buckets(otlp::Writer& out, std::uint32_t field, const std::vector<exposition::NativeHistogram::Bucket>& buckets, bool is_float) {
  if (buckets.empty()) return;
  std::size_t end = out.size();
  std::int64_t next = buckets.back().index;
  for (auto at = buckets.rbegin(); at != buckets.rend(); ++at) {
    for (; next > at->index; --next) out.varint(0);
    out.varint(is_float ? whole(at->real) : static_cast<std::uint64_t>(at->count));
    --next;
  }
  out.close(2, end);
  out.put_number(1, otlp::zigzag(buckets.front().index - 1) & 0xFFFFFFFF);
  out.close(field, end);
}

std::size_t dense(const std::vector<exposition::NativeHistogram::Bucket>& buckets) {
  return buckets.empty() ? 0 : static_cast<std::size_t>(std::int64_t{buckets.back().index} - buckets.front().index + 1);
}

}  // namespace

void Families::add_exemplar(const Slot& slot, const exposition::Exemplar& exemplar, std::int64_t time) {
  if (slot.role == Role::target_info || slot.role == Role::scope_info) return;
  Group& group = groups_[slot.group];
  if (group.collection != collection_) return;
  otlp::Writer out(256);
  std::string trace, span;
  for (auto at = exemplar.labels.rbegin(); at != exemplar.labels.rend(); ++at) {
    std::string lower = to_lower(at->first);
    bool is_trace = lower == "trace_id", is_span = lower == "span_id";
    std::string& id = is_trace ? trace : span;
    std::size_t size = is_trace ? 16 : 8;
    std::string_view text = at->second.substr(0, std::min(at->second.size(), 2 * size));
    if ((is_trace || is_span) && from_hex(text, id)) {
      id.insert(0, size - id.size(), '\0');
      continue;
    }
    if (is_trace || is_span) id.clear();
    put_attribute(out, 7, at->first, at->second);
  }
  out.put_bytes(5, trace);
  out.put_bytes(4, span);
  out.real(3, exemplar.value);
  out.put_fixed64(2, nanos_of_ms(exemplar.timestamp.value_or(time)));
  if (used_exemplars_ == exemplars_.size()) exemplars_.emplace_back();
  Exemplar& kept = exemplars_[used_exemplars_++];
  kept.encoded.assign(out.view());
  kept.next = group.exemplar;
  group.exemplar = static_cast<std::uint32_t>(used_exemplars_);
}

// The newest is first in the list, as the writer wants it.
void Families::write_exemplars(const Group& group, std::uint32_t field, otlp::Writer& out) const {
  for (std::uint32_t at = group.exemplar; at != 0; at = exemplars_[at - 1].next) out.bytes(field, exemplars_[at - 1].encoded);
}

const std::vector<std::uint32_t>& Families::sorted_parts(Group& group) const {
  auto& complex = *group.complex;
  if (complex.order.size() != complex.parts.size()) {
    complex.order.resize(complex.parts.size());
    for (std::uint32_t i = 0; i < complex.order.size(); ++i) complex.order[i] = i;
    std::sort(complex.order.begin(), complex.order.end(), [&](auto a, auto b) { return complex.parts[a].bound < complex.parts[b].bound; });
  }
  return complex.order;
}

void Families::write_histogram(Group& group, otlp::Writer& out) {
  std::size_t end = out.size();
  bool custom = is_custom(group);
  bool stale = custom ? group.stale : is_stale(group.sum) || is_stale(group.count);
  out.put_number(10, stale ? no_recorded_value : 0);
  write_exemplars(group, 8, out);
  std::size_t mark = out.size();
  if (custom) {
    const auto& native = group.complex->native;
    for (auto at = native.bounds.rbegin(); at != native.bounds.rend(); ++at) {
      std::uint64_t bits = std::bit_cast<std::uint64_t>(*at);
      out.raw({reinterpret_cast<const char*>(&bits), 8});
    }
    if (!native.bounds.empty()) out.close(7, mark);
    mark = out.size();
    std::vector<std::uint64_t> counts(native.bounds.size() + 1);
    if (!stale)
      for (auto& bucket : native.positive)
        if (bucket.index >= 0 && static_cast<std::size_t>(bucket.index) < counts.size())
          counts[static_cast<std::size_t>(bucket.index)] = native.is_float ? whole(bucket.real) : static_cast<std::uint64_t>(bucket.count);
    out.raw({reinterpret_cast<const char*>(counts.data()), counts.size() * 8});
    out.close(6, mark);
    if (!stale) {
      out.real(5, native.sum);
      out.put_fixed64(4, native.is_float ? whole(native.count_real) : native.count);
    }
  } else {
    thread_local std::vector<double> bounds;
    thread_local std::vector<std::uint64_t> counts;
    bounds.clear();
    counts.clear();
    double before = 0;
    if (group.complex)
      for (std::uint32_t i : sorted_parts(group)) {
        const Part& part = group.complex->parts[i];
        if (part.collection != collection_ || (is_stale(part.value) && !stale) || part.bound == std::numeric_limits<double>::infinity()) continue;
        bounds.push_back(part.bound);
        counts.push_back(stale ? 0 : whole(bounds.size() == 1 ? part.value : part.value - before));
        before = part.value;
      }
    counts.push_back(stale ? 0 : whole(bounds.empty() ? group.count : group.count - before));
    out.raw({reinterpret_cast<const char*>(bounds.data()), bounds.size() * 8});
    if (!bounds.empty()) out.close(7, mark);
    mark = out.size();
    out.raw({reinterpret_cast<const char*>(counts.data()), counts.size() * 8});
    out.close(6, mark);
    if (!stale) {
      if (group.has_sum) out.real(5, group.sum);
      out.put_fixed64(4, whole(group.count));
    }
  }
  out.put_fixed64(3, nanos_of_ms(group.time));
  if (group.created != 0) out.put_fixed64(2, nanos_of_seconds(group.created));
  out.raw(group.attributes);
  out.close(1, end);
}

void Families::write_exponential(Group& group, otlp::Writer& out) {
  std::size_t end = out.size();
  if (group.stale) {
    write_exemplars(group, 11, out);
    out.number(10, no_recorded_value);
  } else {
    auto& native = group.complex->native;
    while (dense(native.positive) + dense(native.negative) > max_dense_buckets) native.reduce(native.schema - 1);
    if (native.zero_threshold != 0) out.real(14, native.zero_threshold);
    write_exemplars(group, 11, out);
    put_buckets(out, 9, native.negative, native.is_float);
    put_buckets(out, 8, native.positive, native.is_float);
    out.put_fixed64(7, native.is_float ? whole(native.zero_count_real) : native.zero_count);
    out.put_number(6, otlp::zigzag(native.schema) & 0xFFFFFFFF);
    out.real(5, native.sum);
    out.put_fixed64(4, native.is_float ? whole(native.count_real) : native.count);
  }
  out.put_fixed64(3, nanos_of_ms(group.time));
  if (group.created != 0) out.put_fixed64(2, nanos_of_seconds(group.created));
  out.raw(group.attributes);
  out.close(1, end);
}

void Families::write_summary(Group& group, otlp::Writer& out) {
  std::size_t end = out.size();
  bool stale = is_stale(group.sum) || is_stale(group.count);
  out.put_number(8, stale ? no_recorded_value : 0);
  if (group.complex) {
    auto& order = sorted_parts(group);
    for (auto i = order.rbegin(); i != order.rend(); ++i) {
      const Part& part = group.complex->parts[*i];
      if (part.collection != collection_ || (is_stale(part.value) && !stale)) continue;
      std::size_t mark = out.size();
      if (!stale && part.value != 0) out.real(2, part.value);
      if (part.bound != 0) out.real(1, part.bound);
      out.close(6, mark);
    }
  }
  if (!stale) {
    if (group.has_sum && group.sum != 0) out.real(5, group.sum);
    out.put_fixed64(4, whole(group.count));
  }
  out.put_fixed64(3, nanos_of_ms(group.time));
  if (group.created != 0) out.put_fixed64(2, nanos_of_seconds(group.created));
  out.raw(group.attributes);
  out.close(1, end);
}

void Families::write_number(Kind kind, Group& group, otlp::Writer& out) {
  std::size_t end = out.size();
  bool stale = is_stale(group.value);
  out.put_number(8, stale ? no_recorded_value : 0);
  write_exemplars(group, 5, out);
  if (!stale) out.real(4, group.value);
  out.put_fixed64(3, nanos_of_ms(group.time));
  if (kind == Kind::sum && group.created != 0) out.put_fixed64(2, nanos_of_seconds(group.created));
  out.raw(group.attributes);
  out.close(1, end);
}

bool Families::is_custom(const Group& group) const {
  return group.complex && (group.has_native || (group.stale && group.complex->native.schema == exposition::NativeHistogram::custom_buckets));
}

// Whether enough was put for a point.
bool Families::has_point(Kind kind, const Group& group) const {
  if (group.collection != collection_) return false;
  if (kind == Kind::histogram) return group.has_count || is_custom(group);
  if (kind == Kind::exponential) return group.has_native || group.stale;
  return kind == Kind::summary ? group.has_count : group.has_value;
}

bool Families::has_points(const Family& family) const {
  return family.collection == collection_ && std::any_of(family.groups.begin(), family.groups.end(), [&](auto i) { return has_point(family.info.kind, groups_[i]); });
}

void Families::write_point(Kind kind, Group& group, otlp::Writer& out) {
  if (kind == Kind::histogram) write_histogram(group, out);
  else if (kind == Kind::exponential) write_exponential(group, out);
  else if (kind == Kind::summary) write_summary(group, out);
  else write_number(kind, group, out);
}

void Families::write_family(Family& family, otlp::Writer& out, std::size_t& points) {
  std::size_t end = out.size();
  Kind kind = family.info.kind;
  if (kind == Kind::sum && family.info.monotonic) out.number(3, 1);
  if (kind == Kind::sum || kind == Kind::histogram || kind == Kind::exponential) out.number(2, cumulative);
  for (auto at = family.groups.rbegin(); at != family.groups.rend(); ++at) {
    if (family.groups.rend() - at > 4) __builtin_prefetch(groups_[at[4]].attributes.data());
    Group& group = groups_[*at];
    if (!has_point(kind, group)) continue;
    write_point(kind, group, out);
    ++points;
  }
  out.close(kind == Kind::sum ? 7 : kind == Kind::histogram ? 9 : kind == Kind::exponential ? 10 : kind == Kind::summary ? 11 : 5, end);
  out.raw(family.head);
  out.close(2, end);
}

void Families::write_scope(const Scope& scope, otlp::Writer& out, std::size_t& points) {
  if (std::none_of(scope.families.begin(), scope.families.end(), [&](auto i) { return has_points(families_[i]); })) return;
  std::size_t end = out.size();
  out.put_bytes(3, scope.schema_url);
  for (auto at = scope.families.rbegin(); at != scope.families.rend(); ++at)
    if (has_points(families_[*at])) write_family(families_[*at], out, points);
  std::size_t mark = out.size();
  bool own = scope.name.empty() && scope.version.empty() && scope.schema_url.empty() && scope.attributes.empty();
  std::vector<const scrape::Label*> attributes;
  if (const scrape::Labels* told = attributes_of(scope))
    for (auto& label : *told)
      if (label.name != "otel_scope_name" && label.name != "otel_scope_version" && label.name != "otel_scope_schema_url") attributes.push_back(&label);
  for (auto at = attributes.rbegin(); at != attributes.rend(); ++at) put_attribute(out, 3, (*at)->name, (*at)->value);
  out.put_bytes(2, scope.version);
  out.put_bytes(1, own ? own_scope : std::string_view(scope.name));
  out.close(1, mark);
  out.close(2, end);
}

void Families::write_resource(std::uint32_t index, otlp::Writer& out) const {
  const Resource& resource = resources_[index];
  std::vector<std::pair<std::string, std::string>> attributes;
  auto set = [&](std::string_view key, std::string_view value) {
    for (auto& [k, v] : attributes)
      if (k == key) {
        v = value;
        return;
      }
    attributes.emplace_back(key, value);
  };
  std::string_view port, host = host_of(resource.instance, port);
  set("service.name", resource.job);
  if (is_telling_host(host)) set("server.address", host);
  set("service.instance.id", resource.instance);
  set("server.port", port);
  set("url.scheme", settings_.discovered.get(scrape::scheme_label));
  for (auto& row : kubernetes)
    if (auto value = settings_.discovered.get(row.label); !value.empty()) set(row.attribute, value);
  std::string_view controller = settings_.discovered.get("__meta_kubernetes_pod_controller_name");
  for (auto& row : controllers)
    if (!controller.empty() && settings_.discovered.get("__meta_kubernetes_pod_controller_kind") == row.label) set(row.attribute, controller);
  for (auto& info : infos_)
    if (!info.of_scope && info.resource == index && info.collection == collection_)
      for (auto& label : info.attributes) set(label.name, label.value);
  std::size_t end = out.size();
  for (auto at = attributes.rbegin(); at != attributes.rend(); ++at) put_attribute(out, 1, at->first, at->second);
  out.close(1, end);
}

Bytes Families::encode(std::size_t& points) {
  points = 0;
  writer_.clear();
  for (auto i = static_cast<std::uint32_t>(resources_.size()); i-- > 0;) {
    std::size_t end = writer_.size(), before = points;
    auto& scopes = resources_[i].scopes;
    for (auto at = scopes.rbegin(); at != scopes.rend(); ++at) write_scope(scopes_[*at], writer_, points);
    if (points == before) continue;
    write_resource(i, writer_);
    writer_.close(1, end);
  }
  used_exemplars_ = 0;
  return Bytes::copy_of(writer_.view());
}

}  // namespace weir::receivers::prometheus
