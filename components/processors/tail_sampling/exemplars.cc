#include "components/processors/tail_sampling/exemplars.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::processors::tail_sampling {
namespace {

std::uint64_t hash(std::string_view bytes, std::uint64_t seed = 0) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) { return hash({reinterpret_cast<const char*>(&b), sizeof b}, a); }

// Of the bytes of an AnyValue, never 0.
std::uint64_t value_hash(std::string_view any_value) { return hash(any_value) | 1; }
std::uint64_t value_hash(const otlp::Value& value) {
  otlp::Writer out(64);
  otlp::encode(value, out);
  return value_hash(out.view());
}

}  // namespace

CellTable::Answer CellTable::cover(std::span<const std::uint64_t> cells, std::uint64_t interval, std::size_t max_cells) {
  Answer out;
  std::lock_guard lock(mutex_);
  for (std::uint64_t cell : cells) {
    if (auto at = covered_in_.find(cell); at != covered_in_.end()) {
      out.uncovered |= at->second != interval;
      at->second = interval;
      continue;
    }
    if (covered_in_.size() >= max_cells) forget_before(interval);
    if (covered_in_.size() >= max_cells) {
      ++out.overflow;
      continue;
    }
    covered_in_.emplace(cell, interval);
    out.uncovered = true;
  }
  return out;
}

void CellTable::forget_before(std::uint64_t interval) {
  if (std::exchange(swept_, interval) == interval) return;
  boost::unordered::erase_if(covered_in_, [&](auto& cell) { return cell.second != interval; });
}

std::size_t CellTable::size() const {
  std::lock_guard lock(mutex_);
  return covered_in_.size();
}

ExemplarPolicy::ExemplarPolicy(const Exemplars& config, SpanScanner& scanner, std::shared_ptr<CellTable> table)
    : interval_(config.interval), max_cells_(config.max_cells), table_(std::move(table)) {
  for (auto& dimension : config.dimensions) {
    dimensions_.push_back({scanner.want(dimension.name), dimension.default_value ? value_hash(otlp::Value::of(std::string_view(*dimension.default_value))) : 0});
    names_.push_back(dimension.name);
  }
  for (Duration bucket : config.buckets) bounds_.push_back(static_cast<std::uint64_t>(bucket.count()));
}

ExemplarPolicy::OfResource ExemplarPolicy::look_at(const otlp::Resource& resource) const {
  OfResource out;
  const otlp::Value* service = resource.attributes.find("service.name");
  out.counted = service != nullptr;
  if (service != nullptr) out.service = value_hash(*service);
  for (auto& name : names_) {
    const otlp::Value* value = resource.attributes.find(name);
    out.dimensions.push_back(value == nullptr ? 0 : value_hash(*value));
  }
  return out;
}

void ExemplarPolicy::observe(const SpanView& span, const SpanScanner& scanner, const OfResource& resource, std::vector<std::uint64_t>& cells) {
  if (!resource.counted) return;
  std::uint64_t series = hash(span.name, resource.service);
  series = mixed(series, static_cast<std::uint64_t>(span.kind) << 32 | static_cast<std::uint32_t>(span.status));
  for (std::size_t i = 0; i < dimensions_.size(); ++i) {
    auto* own = scanner.find(dimensions_[i].key);
    series = mixed(series, own ? value_hash(own->value) : resource.dimensions[i] ? resource.dimensions[i] : dimensions_[i].otherwise);
  }
  std::uint64_t duration = span.end > span.start ? span.end - span.start : 0;
  auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), duration) - bounds_.begin();
  std::uint64_t cell = mixed(series, static_cast<std::uint64_t>(bucket));
  if (std::find(cells.begin(), cells.end(), cell) != cells.end()) return;
  if (cells.size() < max_cells_of_trace)
    cells.push_back(cell);
  else
    ++overflow_;
}

bool ExemplarPolicy::claim(const Facts& facts, TimePoint now) {
  if (facts.cells.empty()) return false;
  auto answer = table_->cover(facts.cells, static_cast<std::uint64_t>(now.time_since_epoch() / interval_) + 1, max_cells_);
  overflow_ += answer.overflow;
  return answer.uncovered;
}

}  // namespace weir::processors::tail_sampling
