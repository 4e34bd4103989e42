#include "components/connectors/spanmetrics/dimensions.h"

#include <charconv>

#include "components/connectors/spanmetrics/glob.h"
#include "components/shared/series_churn/label_text.h"

namespace weir::connectors::spanmetrics {
namespace {

using otlp::AttributeView;
using otlp::Value;
using otlp::ValueType;
using series_churn::label_text;

// Names a process has of attributes that patterns were asked about; more are asked anew.
constexpr std::size_t most_known_names = 4096;

constexpr std::array<std::string_view, 7> kinds = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                                   "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER", ""};
constexpr std::array<std::string_view, 4> statuses = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR", ""};
constexpr std::array<std::string_view, 4> otel_statuses = {"", "OK", "ERROR", ""};

// Numbers nobody defined share the last entry.
template <std::size_t N>
std::size_t known(std::int32_t number, const std::array<std::string_view, N>&) {
  return number >= 0 && static_cast<std::size_t>(number) < N - 1 ? static_cast<std::size_t>(number) : N - 1;
}

// Values that print alike are one label value in most stores, so they are one here.
void append_value(KeyBuffer& key, const AttributeView& view, Arena& arena) {
  if (auto text = view.text()) return key.part(label_text(*text));
  if (auto integer = view.integer()) {
    std::array<char, 24> digits;
    char* end = std::to_chars(digits.data(), digits.data() + digits.size(), *integer).ptr;
    return key.part({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  Value value = view.value(arena);
  if (value.is(ValueType::boolean)) return key.part(value.boolean ? "true" : "false");
  key.part(label_text(to_text(value)));
}

Value value_of_label(const AttributeView& view, Arena& arena) {
  Value value = view.value(arena);
  if (value.is(ValueType::string)) value.text = label_text(value.text);
  return value;
}

bool same(const std::vector<Dimension>& a, const std::vector<Dimension>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Dimension& x, const Dimension& y) {
    return x.name == y.name && x.default_value == y.default_value && x.glob == y.glob;
  });
}

}  // namespace

bool GlobSet::matches(std::string_view name) {
  auto at = known_.find(name);
  if (at != known_.end()) return at->second;
  bool any = std::any_of(globs_.begin(), globs_.end(), [&](const Regex& glob) { return glob.matches_all(name); });
  if (known_.size() < most_known_names) known_.emplace(std::string(name), any);
  return any;
}

Result<> Dimensions::add(const std::vector<Dimension>& dimensions, Recipe& recipe) {
  for (auto& dimension : dimensions) {
    if (!dimension.glob.empty()) {
      WEIR_ASSIGN(auto glob, compile_glob(dimension.glob));
      recipe.globs.add(std::move(glob));
      continue;
    }
    Named named{dimension.name, wanted_.add(dimension.name), std::nullopt};
    if (dimension.default_value) {
      otlp::Writer writer;
      encode(Value::of(std::string_view(*dimension.default_value)), writer);
      named.fallback = std::string(writer.view());
    }
    recipe.names.push_back(std::move(named));
  }
  return {};
}

Result<Dimensions> Dimensions::make(const Config& config, std::string instance_id) {
  Dimensions out;
  const std::array<const std::vector<Dimension>*, families> own = {&config.calls_dimensions, &config.histogram.dimensions,
                                                                   &config.events.dimensions};
  for (std::size_t f = 0; f < families; ++f) {
    WEIR_TRY(out.add(config.dimensions, out.recipes_[f]));
    WEIR_TRY(out.add(*own[f], out.recipes_[f]));
  }
  out.alike_ = same(config.calls_dimensions, config.histogram.dimensions);
  out.scopes_ = config.include_instrumentation_scope;
  out.instance_id_ = std::move(instance_id);
  out.otel_status_ = otel_status_gate();
  out.service_ = !config.excludes("service.name");
  out.several_services_ = out.service_ && !config.resource_metrics_key_attributes.empty();
  out.name_ = !config.excludes("span.name");
  out.kind_ = !config.excludes("span.kind");
  out.status_ = !config.excludes(out.otel_status_ ? "otel.status_code" : "status.code");
  out.instance_ = instance_id_gate() && !config.excludes("collector.instance.id");
  out.sampling_method_ = config.enable_metrics_sampling_method;
  return out;
}

bool Dimensions::is_scope_dimension(std::string_view scope_name) const {
  return !scope_name.empty() && std::find(scopes_.begin(), scopes_.end(), scope_name) != scopes_.end();
}

void Dimensions::append_common_key(const Subject& subject, KeyBuffer& key) const {
  std::size_t kind = kind_ ? known(subject.span.kind, kinds) : 0, status = status_ ? known(subject.span.status_code, statuses) : 0;
  key.byte(static_cast<std::uint8_t>(kind | status << 3 | (sampling_method_ && subject.adjusted ? 1 << 5 : 0)));
  if (name_) key.part(subject.span.name);
  if (several_services_) key.part(subject.source.service);
  if (scopes_.empty()) return;
  key.part(subject.scope_name);
  key.part(subject.scope_version);
}

AttributeView Dimensions::value_of(const Named& named, const Subject& subject) {
  if (auto& view = subject.slots[named.slot]) return view;
  if (!subject.event_slots.empty() && subject.event_slots[named.slot]) return subject.event_slots[named.slot];
  if (auto& view = subject.source.slots[named.slot]) return view;
  return named.fallback ? AttributeView{named.name, *named.fallback} : AttributeView{};
}

// Attributes that patterns ask for, by name: of the span before the event before the resource.
const std::vector<AttributeView>& Dimensions::matching(Recipe& recipe, const Subject& subject) {
  matching_.clear();
  auto take = [&](const AttributeView& view) {
    if (recipe.globs.matches(view.key)) matching_.push_back(view);
  };
  subject.span.attributes.each(take);
  if (subject.event) subject.event->each(take);
  otlp::AttributesView(subject.source.raw, 1).each(take);
  std::stable_sort(matching_.begin(), matching_.end(), [](auto& a, auto& b) { return a.key < b.key; });
  matching_.erase(std::unique(matching_.begin(), matching_.end(), [](auto& a, auto& b) { return a.key == b.key; }), matching_.end());
  return matching_;
}

void Dimensions::append_key(Family family, const Subject& subject, Arena& arena, KeyBuffer& key) {
  Recipe& recipe = recipes_[family];
  for (auto& named : recipe.names) {
    AttributeView view = value_of(named, subject);
    key.byte(view ? 1 : 0);
    if (view) append_value(key, view, arena);
  }
  if (recipe.globs.empty()) return;
  for (auto& view : matching(recipe, subject)) {
    key.part(view.key);
    append_value(key, view, arena);
  }
}

void Dimensions::put_built_in(const Subject& subject, Arena& arena, otlp::Attributes& out) const {
  auto put = [&](std::string_view name, std::string_view value) { out.set(arena, name, Value::of(value)); };
  if (service_) put("service.name", subject.source.service);
  if (name_) put("span.name", subject.span.name);
  if (kind_) put("span.kind", kinds[known(subject.span.kind, kinds)]);
  if (std::string_view otel = otel_statuses[known(subject.span.status_code, otel_statuses)]; status_ && otel_status_) {
    if (!otel.empty()) put("otel.status_code", otel);
  } else if (status_) {
    put("status.code", statuses[known(subject.span.status_code, statuses)]);
  }
  if (instance_) put("collector.instance.id", instance_id_);
  if (!subject.scope_name.empty()) put("span.instrumentation.scope.name", subject.scope_name);
  if (!subject.scope_version.empty()) put("span.instrumentation.scope.version", subject.scope_version);
  if (sampling_method_) put("sampling.method", subject.adjusted ? "extrapolated" : "counted");
}

// Their keys differ from each other, so only what is there already needs to be looked through: there may be many.
void Dimensions::put_matching(const std::vector<AttributeView>& views, Arena& arena, otlp::Attributes& out) {
  const std::size_t before = out.size();
  for (auto& view : views) {
    auto named = std::find_if(out.begin(), out.begin() + before, [&](auto& kv) { return kv.key == view.key; });
    if (named != out.begin() + before)
      named->value = value_of_label(view, arena);
    else
      out.push_back(arena, {view.key, value_of_label(view, arena)});
  }
}

std::string Dimensions::attributes(Family family, const Subject& subject, Arena& arena) {
  Recipe& recipe = recipes_[family];
  otlp::Resource as_message;
  put_built_in(subject, arena, as_message.attributes);
  for (auto& named : recipe.names)
    if (AttributeView view = value_of(named, subject)) as_message.attributes.set(arena, named.name, value_of_label(view, arena));
  if (!recipe.globs.empty()) put_matching(matching(recipe, subject), arena, as_message.attributes);
  otlp::Writer writer;
  encode(as_message, writer);
  return std::string(writer.view());
}

}  // namespace weir::connectors::spanmetrics
