#include "components/processors/metricstransform/metricstransform.h"

#include "base/log.h"
#include "base/text.h"
#include "components/processors/metricstransform/points.h"
#include "components/processors/metricstransform/selector.h"
#include "engine/out.h"

namespace weir::processors::metricstransform {
namespace {

using otlp::Attributes;
using otlp::DataPoint;
using otlp::Item;
using otlp::Metric;
using otlp::MetricType;
using otlp::Value;

struct Step {
  Transform config;
  Selector selector;
};

Attributes copy(const Attributes& from, Arena& arena) {
  Attributes out;
  for (auto& kv : from) out.push_back(arena, {kv.key, kv.value.deep_copy(arena)});
  return out;
}

// A metric with copies of the points for which `pick` is true. Lists within points are made anew, since operations change them in place.
template <class Pick>
Metric* copy_points(const Metric& from, Arena& arena, Pick pick) {
  Metric* out = arena.make<Metric>();
  *out = from;
  out->points = {};
  for (auto& p : from.points) {
    if (!pick(p)) continue;
    DataPoint& made = out->points.push_back(arena, p);
    made.attributes = copy(p.attributes, arena);
    made.exemplars = {};
    made.explicit_bounds = {};
    made.bucket_counts = {};
    for (auto& e : p.exemplars) made.exemplars.push_back(arena, e);
    for (double b : p.explicit_bounds) made.explicit_bounds.push_back(arena, b);
    for (auto n : p.bucket_counts) made.bucket_counts.push_back(arena, n);
  }
  return out;
}

Item item_of(Metric* metric) { return Item::of(metric, static_cast<std::uint32_t>(metric->points.size())); }

bool has(const Attributes& attributes, std::string_view label, std::string_view value) {
  auto* there = attributes.find(label);
  return there != nullptr && (there->is(otlp::ValueType::string) ? there->text : std::string_view("")) == value;
}

class MetricsTransform : public engine::Stage {
 public:
  explicit MetricsTransform(std::vector<Step> steps) : steps_(std::move(steps)) {}

  void process(engine::Batch batch, engine::Out& out) override {
    arena_ = &batch.arena();
    std::size_t before = batch.items();
    auto& groups = batch.groups();
    std::vector<otlp::ResourceGroup> grouped;
    for (auto& group : groups)
      for (auto& scope : group.scopes)
        for (auto& step : steps_) apply(step, group, scope, grouped);
    for (auto& group : grouped) groups.push_back(std::move(group));
    batch.prune();
    std::size_t after = batch.items();
    // Points that were deleted, joined or made, in all: the ledger wants the balance.
    if (after > before) out.count_created(after - before);
    if (after < before) out.count_consumed(before - after);
    if (batch.empty()) return out.drop(std::move(batch), engine::Reason::filtered);  // nothing is left to be counted
    out.push(std::move(batch));
  }

 private:
  void apply(const Step& step, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, std::vector<otlp::ResourceGroup>& grouped) {
    switch (step.config.action) {
      case Action::update: return update(step, scope.items);
      case Action::insert: return insert(step, scope.items);
      case Action::combine: return combine(step, scope.items);
      case Action::group: return move_to_group(step, group, scope, grouped);
      case Action::none: return;
    }
  }

  void update(const Step& step, std::vector<Item>& items) {
    std::erase_if(items, [&](Item& item) {
      if (!step.selector.selects(item.read<Metric>(*arena_))) return false;
      auto& metric = item.edit<Metric>(*arena_);
      bool stays = transform(metric, step);
      item.points = static_cast<std::uint32_t>(metric.points.size());
      return !stays;
    });
  }

  void insert(const Step& step, std::vector<Item>& items) {
    std::vector<Item> made;
    for (Item& item : items) {
      auto& metric = item.read<Metric>(*arena_);
      if (!step.selector.selects(metric)) continue;
      Metric* twin = copy_points(metric, *arena_, [&](auto& p) { return step.selector.selects(p.attributes); });
      if (transform(*twin, step)) made.push_back(item_of(twin));
    }
    items.insert(items.end(), made.begin(), made.end());
  }

  // Takes what is selected out of the items; points that are not stay.
  std::vector<Metric*> extract(const Step& step, std::vector<Item>& items) {
    std::vector<Metric*> out;
    std::erase_if(items, [&](Item& item) {
      if (!step.selector.selects(item.read<Metric>(*arena_))) return false;
      auto& metric = item.edit<Metric>(*arena_);
      auto selected = [&](const DataPoint& p) { return step.selector.selects(p.attributes); };
      if (step.selector.count(metric) == metric.points.size()) {
        out.push_back(&metric);
        return true;
      }
      out.push_back(copy_points(metric, *arena_, selected));
      metric.points.erase_if(selected);
      item.points = static_cast<std::uint32_t>(metric.points.size());
      return false;
    });
    return out;
  }

  void combine(const Step& step, std::vector<Item>& items) {
    std::vector<const Metric*> selected;
    for (Item& item : items)
      if (auto& metric = item.read<Metric>(*arena_); step.selector.selects(metric)) selected.push_back(&metric);
    if (selected.empty()) return;
    if (std::string why = why_not(selected); !why.empty()) {
      long long more = 0;
      if (lines_.allow(more)) log::warn("metrics cannot be combined", {{"include", step.config.include}, {"why", why}, {"suppressed", more}});
      return;
    }
    auto parts = extract(step, items);
    Metric* whole = arena_->make<Metric>();
    *whole = *parts[0];
    whole->name = arena_->copy(step.config.new_name);
    whole->points = {};
    for (Metric* part : parts) {
      add_labels_of_name(step, *part);
      for (auto& p : part->points) whole->points.push_back(*arena_, p);
    }
    join_points(*whole, step.config.aggregation_type, *arena_);
    if (transform(*whole, step)) items.push_back(item_of(whole));
  }

  static std::string why_not(std::span<const Metric* const> metrics) {
    auto keys = [](const Metric& m) {
      std::vector<std::string_view> out;
      for (auto& p : m.points)
        for (auto& kv : p.attributes) out.push_back(kv.key);
      std::ranges::sort(out);
      out.erase(std::unique(out.begin(), out.end()), out.end());
      return out;
    };
    const Metric& first = *metrics[0];
    for (auto* m : metrics.subspan(1)) {
      if (first.type == MetricType::summary) return "summaries";
      if (m->type != first.type) return fmt::format("{} and {} have different types", first.name, m->name);
      if (m->unit != first.unit) return fmt::format("{} and {} have different units", first.name, m->name);
      if (m->temporality != first.temporality || m->is_monotonic != first.is_monotonic)
        return fmt::format("{} and {} have different temporality or monotonicity", first.name, m->name);
      if (keys(*m) != keys(first)) return fmt::format("{} and {} have different attributes", first.name, m->name);
    }
    return "";
  }

  void add_labels_of_name(const Step& step, Metric& metric) {
    for (auto& [label, text] : step.selector.parts(metric.name)) {
      std::string value(text);
      for (char& c : value) {
        if (step.config.submatch_case == SubmatchCase::lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if (step.config.submatch_case == SubmatchCase::upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
      }
      std::string_view key = arena_->copy(label);
      Value set = Value::of(arena_->copy(value));
      for (auto& p : metric.points) p.attributes.set(*arena_, key, set);
    }
  }

  void move_to_group(const Step& step, otlp::ResourceGroup& group, otlp::ScopeGroup& scope, std::vector<otlp::ResourceGroup>& grouped) {
    auto metrics = extract(step, scope.items);
    if (metrics.empty()) return;
    auto* resource = arena_->make<otlp::Resource>();
    auto& from = group.resource.read(*arena_);
    resource->attributes = copy(from.attributes, *arena_);
    for (auto& [key, value] : step.config.group_resource_labels)
      resource->attributes.set(*arena_, arena_->copy(key), Value::of(arena_->copy(value)));
    auto& to = grouped.emplace_back();
    to.resource = otlp::Lazy<otlp::Resource>(resource);
    auto& items = to.scopes.emplace_back();
    items.scope = scope.scope.fork(*arena_);
    for (Metric* m : metrics) items.items.push_back(item_of(m));
  }

  // False when all points are gone.
  bool transform(Metric& metric, const Step& step) {
    bool was_empty = metric.points.empty();
    bool whole = step.config.action != Action::update || step.selector.count(metric) == metric.points.size();
    if (!step.config.new_name.empty() && whole) {
      std::string name = step.selector.expand(step.config.new_name, metric.name);
      metric.name = arena_->copy(name.empty() ? step.config.new_name : name);
    }
    for (auto& operation : step.config.operations)
      if (!operate(metric, step, operation, whole)) return true;
    return was_empty || !metric.points.empty();
  }

  // False: this and the operations behind it are not done.
  bool operate(Metric& metric, const Step& step, const Operation& op, bool whole) {
    auto each_selected = [&](auto f) {
      for (auto& p : metric.points)
        if (step.selector.selects(p.attributes)) f(p);
    };
    bool joins = op.action == OperationAction::aggregate_labels || op.action == OperationAction::aggregate_label_values;
    if (joins && whole && metric.type == MetricType::summary) {
      long long more = 0;
      if (lines_.allow(more)) log::warn("points of summaries cannot be joined", {{"metric", metric.name}, {"suppressed", more}});
      return false;
    }
    switch (op.action) {
      case OperationAction::update_label: each_selected([&](DataPoint& p) { update_label(p.attributes, op); }); break;
      case OperationAction::toggle_scalar_data_type:
        if (metric.type == MetricType::gauge || metric.type == MetricType::sum) each_selected(toggle_type);
        break;
      case OperationAction::scale_value: each_selected([&](DataPoint& p) { scale(metric, p, op.experimental_scale); }); break;
      case OperationAction::add_label:
        if (whole) add_label(metric, op);
        break;
      case OperationAction::delete_label_value:
        if (whole) metric.points.erase_if([&](const DataPoint& p) { return has(p.attributes, op.label, op.label_value); });
        break;
      case OperationAction::aggregate_labels:
        if (whole) aggregate_labels(metric, op);
        break;
      case OperationAction::aggregate_label_values:
        if (whole) aggregate_label_values(metric, op);
        break;
      case OperationAction::none: break;
    }
    return true;
  }

  static void update_label(Attributes& attributes, const Operation& op, Arena& arena) {
    auto* there = attributes.find(op.label);
    if (there == nullptr) return;
    Value value = *there;
    std::string_view key = op.label;
    if (!op.new_label.empty() && op.new_label != op.label) {
      key = arena.copy(op.new_label);
      attributes.set(arena, key, value);
      attributes.remove(op.label);
    }
    std::string_view text = value.is(otlp::ValueType::string) ? value.text : std::string_view("");
    for (auto& action : op.value_actions)
      if (action.value == text) attributes.set(arena, key, Value::of(arena.copy(action.new_value)));
  }
  void update_label(Attributes& attributes, const Operation& op) { update_label(attributes, op, *arena_); }

  void add_label(Metric& metric, const Operation& op) {
    for (auto& p : metric.points)
      if (p.attributes.find(op.new_label) == nullptr)
        p.attributes.push_back(*arena_, {arena_->copy(op.new_label), Value::of(arena_->copy(op.new_value))});
  }

  void aggregate_labels(Metric& metric, const Operation& op) {
    std::vector<std::string> none;
    auto& stay = op.label_set ? *op.label_set : none;
    for (auto& p : metric.points)
      p.attributes.erase_if([&](const otlp::KeyValue& kv) { return std::ranges::find(stay, kv.key) == stay.end(); });
    join_points(metric, op.aggregation_type, *arena_);
  }

  void aggregate_label_values(Metric& metric, const Operation& op) {
    for (auto& p : metric.points)
      if (auto* there = p.attributes.find(op.label))
        if (std::ranges::find(op.aggregated_values, there->is(otlp::ValueType::string) ? there->text : std::string_view("")) != op.aggregated_values.end())
          *there = Value::of(arena_->copy(op.new_value));
    join_points(metric, op.aggregation_type, *arena_);
  }

  std::vector<Step> steps_;
  Arena* arena_ = nullptr;  // of the batch at hand
  log::RateLimit lines_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make(const Config& config) {
  std::vector<Step> steps;
  for (auto& transform : config.transforms) {
    WEIR_ASSIGN(auto selector, Selector::make(transform));
    steps.push_back({transform, std::move(selector)});
  }
  return std::make_unique<MetricsTransform>(std::move(steps));
}

}  // namespace weir::processors::metricstransform
