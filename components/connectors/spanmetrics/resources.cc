#include "components/connectors/spanmetrics/resources.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::connectors::spanmetrics {
namespace {

// What requests' resources are remembered for recognising them by their bytes.
constexpr std::size_t most_source_bytes = 4 * 1024 * 1024, largest_source = 64 * 1024;

// Resources of one core that were evicted and wait for the next flush.
constexpr std::size_t most_evicted = 10'000;

// One part in so many of the memory budget.
constexpr std::size_t share_of_budget = 4;

}  // namespace

bool Footprint::take(std::size_t bytes) {
  if (meeting_.series_bytes.load(std::memory_order_relaxed) + bytes > budget_.limit() / share_of_budget) return false;
  if (!charge_.grow(bytes)) return false;
  meeting_.series_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void Footprint::take_unchecked(std::size_t bytes) {
  charge_.grow_unchecked(bytes);
  meeting_.series_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void Footprint::give_back(std::size_t bytes) {
  charge_.shrink_to(charge_.bytes() - bytes);
  meeting_.series_bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

Resources::Resources(const Config& config, const otlp::WantedKeys& wanted, Meeting& meeting, Footprint& footprint, std::uint64_t seed,
                     std::optional<std::uint16_t> core)
    : config_(config),
      wanted_(wanted),
      meeting_(meeting),
      footprint_(footprint),
      limit_(static_cast<std::size_t>(config.resource_metrics_cache_size)),
      seed_(seed),
      core_(core) {}

Resources::~Resources() {
  remove_if([](const Resource&) { return true; });
}

const Source* Resources::find(otlp::Lazy<otlp::Resource>& message, Arena& arena, TimePoint now) {
  std::string_view raw = message.raw();
  if (message.dirty()) {
    writer_.clear();
    message.write(writer_);
    raw = writer_.view();
  }
  std::uint64_t hash = XXH3_64bits_withSeed(raw.data(), raw.size(), seed_);
  auto at = sources_.find(hash);
  Source* source = at == sources_.end() || at->second->raw != raw ? nullptr : at->second.get();
  if (source == nullptr) {
    auto made = read(raw, arena);
    if (!made) return nullptr;
    if (made->resource == nullptr) {
      overflow().resource->last_seen = now;
      return &overflow_;
    }
    source = made.get();
    keep(hash, std::move(made));
  }
  touch(*source->resource, now);
  return source;
}

// One for each core, as the series of a resource live on one. Its few series are made whatever memory there is.
const Source& Resources::overflow() {
  if (overflow_.resource != nullptr) return overflow_;
  auto resource = std::make_unique<Resource>();
  Arena arena;
  otlp::Resource message;
  message.attributes.set(arena, "otel.metric.overflow", otlp::Value::of(true));
  if (core_) message.attributes.set(arena, "weir.core", otlp::Value::of(static_cast<std::int64_t>(*core_)));
  otlp::Writer writer;
  encode(message, writer);
  resource->attributes = std::string(writer.view());
  resource->identity = "overflow";  // others begin with a digit, or are empty
  resource->overflow = true;
  resource->bytes = sizeof(Resource) + resource->attributes.size();
  footprint_.take_unchecked(resource->bytes);
  overflow_.slots.resize(wanted_.size());
  overflow_.resource = resource.get();
  resources_.emplace(resource->identity, std::move(resource));
  return overflow_;
}

// Without a resource when there is no room for it; null when there is no service.
std::unique_ptr<Source> Resources::read(std::string_view raw, Arena& arena) {
  auto source = std::make_unique<Source>();
  source->raw = raw;
  otlp::Resource message;
  decode(source->raw, arena, message);
  const otlp::Value* service = message.attributes.find("service.name");
  if (service == nullptr) return nullptr;
  if (service->is(otlp::ValueType::string)) source->service = service->text;
  source->slots.resize(wanted_.size());
  wanted_.find(otlp::AttributesView(source->raw, 1), source->slots);
  source->resource = resource_of(message);
  return source;
}

// Equal for equal attributes in any order.
std::string Resources::identity_of(const otlp::Resource& message) const {
  auto& keys = config_.resource_metrics_key_attributes;
  std::vector<const otlp::KeyValue*> parts;
  for (auto& kv : message.attributes)
    if (keys.empty() || std::find(keys.begin(), keys.end(), kv.key) != keys.end()) parts.push_back(&kv);
  std::sort(parts.begin(), parts.end(), [](auto* a, auto* b) { return a->key < b->key; });
  std::string out;
  for (auto* kv : parts) {
    std::string value = to_text(kv->value);
    out += fmt::format("{}:{}{}{}:", kv->key.size(), kv->key, static_cast<int>(kv->value.type), value.size());
    out += value;
  }
  return out;
}

Resource* Resources::resource_of(const otlp::Resource& message) {
  std::string identity = identity_of(message);
  auto at = resources_.find(identity);
  if (at != resources_.end()) return at->second.get();
  if (resources_.size() >= seen_.size() + most_evicted) return nullptr;
  auto resource = std::make_unique<Resource>();
  otlp::Resource bare;
  bare.attributes = message.attributes;
  otlp::Writer writer;
  encode(bare, writer);
  resource->attributes = std::string(writer.view());
  resource->identity = identity;
  resource->bytes = sizeof(Resource) + 2 * identity.size() + resource->attributes.size();
  if (!footprint_.take(resource->bytes)) return nullptr;
  Resource& made = *resource;
  resources_.emplace(std::move(identity), std::move(resource));
  admit(made);
  return &made;
}

void Resources::touch(Resource& resource, TimePoint now) {
  resource.last_seen = now;
  if (resource.evicted)
    admit(resource);
  else
    seen_.splice(seen_.end(), seen_, resource.place);
}

// Over the limit for the process: the one of this core that was longest unseen goes with the next flush.
void Resources::admit(Resource& resource) {
  resource.evicted = false;
  resource.place = seen_.insert(seen_.end(), &resource);
  if (meeting_.resources.fetch_add(1, std::memory_order_relaxed) < limit_ || seen_.size() == 1) return;
  seen_.front()->evicted = true;
  seen_.pop_front();
  meeting_.resources.fetch_sub(1, std::memory_order_relaxed);
}

void Resources::keep(std::uint64_t hash, std::unique_ptr<Source> source) {
  if (source->raw.size() > largest_source) {
    passing_ = std::move(source);
    return;
  }
  std::size_t bytes = sizeof(Source) + source->raw.size() + source->slots.size() * sizeof(otlp::AttributeView);
  if (source_bytes_ + bytes > most_source_bytes) sources_.clear(), source_bytes_ = 0;
  source_bytes_ += bytes;
  sources_.insert_or_assign(hash, std::move(source));
}

void Resources::forget(Resource& resource) {
  if (resource.overflow) {
    overflow_.resource = nullptr;
  } else if (!resource.evicted) {
    seen_.erase(resource.place);
    meeting_.resources.fetch_sub(1, std::memory_order_relaxed);
  }
  footprint_.give_back(resource.bytes);
  sources_.clear();  // some may point to it
  source_bytes_ = 0;
}

}  // namespace weir::connectors::spanmetrics
