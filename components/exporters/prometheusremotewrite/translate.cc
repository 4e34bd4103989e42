#include "components/exporters/prometheusremotewrite/translate.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/text.h"
#include "components/exporters/prometheusremotewrite/translator.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

remote_write::MetricType type_of(const Metric& metric) {
  auto* original = metric.metadata.find(prometheus::type_in_metadata);
  std::string_view was = original && original->is(otlp::ValueType::string) ? original->text : std::string_view{};
  using Type = remote_write::MetricType;
  switch (metric.type) {
    case MetricType::gauge: return was == "unknown" ? Type::unknown : Type::gauge;
    case MetricType::sum:
      if (metric.is_monotonic) return Type::counter;
      return was == "info" ? Type::info : was == "stateset" ? Type::stateset : Type::gauge;
    case MetricType::histogram:
    case MetricType::exponential_histogram: return Type::histogram;
    case MetricType::summary: return Type::summary;
    case MetricType::none: break;
  }
  return Type::unknown;
}

bool is_cumulative(const Metric& metric) {
  bool has_temporality = metric.type == MetricType::sum || metric.type == MetricType::histogram || metric.type == MetricType::exponential_histogram;
  return metric.type != MetricType::none && (!has_temporality || metric.temporality == otlp::Temporality::cumulative);
}

}  // namespace

template <class T>
KnownSeries::Key Translator::key_of(const otlp::Lazy<T>& message, const KnownSeries::Key& within) {
  if (!message.dirty()) return known_.key(message.raw(), within);
  otlp::Writer bytes;
  message.write(bytes);
  return known_.key(bytes.view(), within);
}

// Everything that decides about names and labels is in the key.
KnownSeries::Key Translator::key_of(const Metric& head) const {
  KnownSeries::Key key = known_.key(head.name, scope_key_);
  char flags[2] = {static_cast<char>(head.type), static_cast<char>(head.is_monotonic)};
  return known_.key(head.unit, known_.key({flags, sizeof flags}, key));
}

KnownSeries::Key Translator::key_of(MetricType type, const KnownSeries::Key& metric) const {
  KnownSeries::Key key = known_.key(view_.attributes, metric);
  if (type == MetricType::histogram) {
    key = known_.key(view_.bounds.substr(0, 8 * view_.buckets()), key);
    if (view_.has_sum) key = known_.key("sum", key);
  }
  if (type == MetricType::summary)
    for (auto& [quantile, value] : view_.quantiles) key = known_.key({reinterpret_cast<const char*>(&quantile), sizeof quantile}, key);
  return key;
}

// As take_number, take_histogram and take_summary ask for series.
void Translator::take_known(const Metric& head, std::span<const KnownSeries::Id> ids) {
  std::size_t next = 0;
  auto add = [&](double value) { add_sample(series_of(ids[next++]), sample(view_.time, view_.start, view_.stale, value)); };
  if (head.type == MetricType::gauge || head.type == MetricType::sum) {
    bool counts = head.type == MetricType::sum && head.is_monotonic;
    return add_sample(series_of(ids[0]), sample(view_.time, counts ? view_.start : 0, view_.stale, view_.value));
  }
  if (head.type == MetricType::summary || view_.has_sum) add(view_.sum);
  add(static_cast<double>(view_.count));
  if (head.type == MetricType::summary) {
    for (auto& [quantile, value] : view_.quantiles) add(value);
    return;
  }
  std::uint64_t sum = 0;
  for (std::size_t i = 0; next + 1 < ids.size(); ++i) add(static_cast<double>(sum += view_.bucket(i)));
  add(static_cast<double>(view_.count));
}

Translated Translator::run() {
  for (auto& group : batch_.groups()) {
    resource_message_ = &group.resource;
    resource_ = nullptr;
    resource_key_ = key_of(group.resource, {});
    newest_ = 0;
    for (auto& scope : group.scopes) {
      scope_message_ = &scope.scope;
      labels_begun_ = false;
      scope_key_ = key_of(scope.scope, resource_key_);
      for (auto& item : scope.items) take_item(item);
    }
    if (settings_.target_info && newest_ != 0) add_target_info();
  }
  for (auto& series : out_.series) put_in_order(series);
  return std::move(out_);
}

const otlp::Resource& Translator::resource() {
  if (resource_ == nullptr) {
    resource_ = &resource_message_->read(batch_.arena());
    identity_ = Identity::of(resource_->attributes);
  }
  return *resource_;
}

void Translator::begin_labels() {
  if (std::exchange(labels_begun_, true)) return;
  resource();
  set_scope(scope_message_->read(batch_.arena()));
}

void Translator::put_in_order(OutSeries& series) {
  if (series.rare && series.rare->histograms.size() > 1) std::ranges::stable_sort(series.rare->histograms, {}, &Histogram::time);
  if (series.first == series.last) return;
  std::vector<std::pair<Sample, std::uint32_t>> all;
  out_.each_sample(series, [&](const OutSample& s) { all.emplace_back(s.value, s.point); });
  std::ranges::stable_sort(all, {}, [](auto& pair) { return pair.first.time; });
  std::uint32_t at = series.first;
  for (auto& [value, point] : all) {
    OutSample& to = out_.samples[at - 1];
    to.value = value;
    to.point = point;
    at = to.next;
  }
}

void Translator::set_scope(const otlp::Scope& scope) {
  Pairs winning = identity_labels();
  if (settings_.scope_info) add_scope(scope, winning);
  point_labels_.begin(winning, settings_.external_labels);
}

void Translator::add_scope(const otlp::Scope& scope, Pairs& out) const {
  auto add = [&](const std::string& key, const std::string& value) {
    if (auto name = label_namer_.build(key)) out.emplace_back(std::move(*name), value);
  };
  if (!scope.name.empty()) add("otel_scope_name", std::string(scope.name));
  if (!scope.version.empty()) add("otel_scope_version", std::string(scope.version));
  for (auto& kv : scope.attributes)
    if (kv.key != "name" && kv.key != "version" && kv.key != "schema_url") add("otel_scope_" + std::string(kv.key), otlp::to_text(kv.value));
}

void Translator::refuse(const std::string& why, std::uint32_t points) {
  out_.invalid += points;
  if (out_.why.empty()) out_.why = why;
}

Pairs Translator::identity_labels() const {
  Pairs out;
  if (!identity_.job.value_or("").empty() && !name_is_empty()) out.emplace_back("job", *identity_.job);
  if (!identity_.instance.value_or("").empty()) out.emplace_back("instance", *identity_.instance);
  return out;
}

bool Translator::name_is_empty() const {
  auto* name = resource_->attributes.find("service.name");  // begin_labels() or resource() came before
  return name == nullptr || otlp::to_text(*name).empty();
}

void Translator::set_name(std::string_view name) {
  name_ = arena_.copy(name);
  name_hash_ = XXH3_64bits(name.data(), name.size());
  names_ = {};
}

bool Translator::has_name() {
  if (name_state_ != NameState::unknown) return name_state_ == NameState::good;
  auto name = metric_namer_.build(metric_->name, metric_->unit, prometheus::kind_of(*metric_));
  name_state_ = NameState::bad;
  if (!name) {
    name_error_ = name.error().what;
  } else if (!valid_utf8(*name)) {
    name_error_ = "a metric name that is not UTF-8";
  } else {
    name_state_ = NameState::good;
    set_name(*name);
  }
  return name_state_ == NameState::good;
}

bool Translator::begin_metric(const Metric& metric, std::uint32_t count) {
  metric_ = &metric;
  name_state_ = NameState::unknown;
  if (!is_cumulative(metric)) return refuse(fmt::format("invalid temporality and type combination for metric \"{}\"", metric.name), count), false;
  bool v2 = settings_.version == Version::v2;
  if (!v2 && !settings_.metadata) return true;
  if (!has_name()) return refuse(name_error_, count), false;
  Metadata metadata{type_of(metric), name_, metric.description, arena_.copy(prometheus::unit_name(metric.unit, label_namer_.utf8))};
  if (v2 || valid_utf8(metric.description)) out_.metadata.push_back(metadata);
  return true;
}

void Translator::take_item(otlp::Item& item) {
  Metric head;
  std::string_view data;
  if (!item.dirty && !item.raw.empty()) {
    decode(item.raw, batch_.arena(), head, {otlp::Parts::fields | otlp::Parts::attributes});
    data = data_of(item.raw, head.type);
  }
  if (data.empty() || (head.type == MetricType::histogram && settings_.custom_buckets)) return take_metric(item.read<Metric>(batch_.arena()));
  take_bytes(item, head, data);
}

void Translator::take_metric(const Metric& metric) {
  std::uint32_t first = out_.points;
  auto count = static_cast<std::uint32_t>(metric.points.size());
  out_.points += count;
  for (std::uint32_t i = 0; i < count; ++i) note_time(metric.points[i].time_unix_nano, first + i);
  if (!begin_metric(metric, count)) return;
  for (std::uint32_t i = 0; i < count; ++i) take_point(metric.points[i], first + i);
}

void Translator::take_bytes(otlp::Item& item, const Metric& head, std::string_view data) {
  std::uint32_t first = out_.points;
  bool wanted = begin_metric(head, item.points);
  KnownSeries::Key key = key_of(head);
  otlp::Reader reader(data);
  while (reader.next()) {
    if (reader.field() != 1) {
      reader.skip();
      continue;
    }
    std::string_view bytes = reader.bytes();
    std::uint32_t index = out_.points++ - first;
    bool plain = read(head.type, bytes, view_);
    UnixNanos time = plain ? view_.time : item.read<Metric>(batch_.arena()).points[index].time_unix_nano;
    note_time(time, first + index);
    if (wanted) take_bytes_of_point(item, head, key, plain, index, first + index);
  }
}

void Translator::take_bytes_of_point(otlp::Item& item, const Metric& head, const KnownSeries::Key& metric, bool plain, std::uint32_t index, std::uint32_t number) {
  number_ = number;
  KnownSeries::Key key;
  if (plain) {
    key = key_of(head.type, metric);
    if (auto known = known_.find(key)) return take_known(head, *known);
  }
  asked_.clear();
  if (take_point(item.read<Metric>(batch_.arena()).points[index], number) && plain) known_.remember(key, asked_);
}

void Translator::add_target_info() {
  KnownSeries::Key key = known_.key("target_info", resource_key_);
  number_ = newest_point_;
  auto known = known_.find(key);
  if (known && known->empty()) return;
  if (settings_.version == Version::v2) out_.metadata.push_back({remote_write::MetricType::gauge, "target_info", "Target metadata", ""});
  if (known) return add_sample(series_of((*known)[0]), {1, milliseconds(newest_), 0});
  asked_.clear();
  if (make_target_info()) add_sample(series(Suffix::none), {1, milliseconds(newest_), 0});
  known_.remember(key, asked_);
}

bool Translator::make_target_info() {
  bool more = std::ranges::any_of(resource().attributes, [](auto& kv) { return !prometheus::is_identity(kv.key); });
  if (!more) return false;
  target_labels_.begin(identity_labels(), settings_.external_labels);
  if (!target_labels_.make(resource_->attributes, true, base_)) return false;
  bool known = std::ranges::any_of(base_.labels, [](auto& l) { return l.name == "job" || l.name == "instance"; });
  auto name = MetricNamer{settings_.name_space, prometheus::escapes(settings_.strategy) ? Strategy::underscores : Strategy::none}.build("target_info", "", MetricKind::gauge);
  if (!known || !name) return false;
  set_name(*name);
  shard_ = base_.hash + name_hash_;
  return true;
}

Translated translate(otlp::Batch& batch, const TranslationSettings& settings, KnownSeries& known) { return Translator(batch, settings, known).run(); }

}  // namespace weir::exporters::prometheusremotewrite
