#include "components/connectors/spanmetrics/kept.h"

namespace weir::connectors::spanmetrics {

bool KeptResources::add(std::string_view part, Charge charge) {
  std::lock_guard lock(mutex_);
  charge_.absorb(std::move(charge));
  Unpacker in(part);
  while (!in.done()) {
    std::string identity(in.text());
    Kept kept{.seen = in.number<UnixNanos>(), .state = std::string(in.text())};
    if (!in.ok()) return false;
    resources_.insert_or_assign(std::move(identity), std::move(kept));
  }
  return true;
}

std::optional<std::string> KeptResources::take(const std::string& identity) {
  std::lock_guard lock(mutex_);
  auto at = resources_.extract(identity);
  if (!at) return std::nullopt;
  if (resources_.empty()) charge_.release();
  return std::move(at.mapped().state);
}

void KeptResources::pack(Packer& out, UnixNanos since) const {
  std::lock_guard lock(mutex_);
  for (auto& [identity, kept] : resources_)
    if (kept.seen >= since) pack(out, identity, kept.seen, kept.state);
}

void KeptResources::pack(Packer& out, std::string_view identity, UnixNanos seen, std::string_view state) {
  out.text(identity);
  out.number(seen);
  out.text(state);
}

std::string pack_series(const Resource& resource) {
  Packer out;
  for (std::size_t family = 0; family < families; ++family)
    for (auto& series : resource.tables[family].all()) {
      out.number(static_cast<std::uint8_t>(family));
      out.number(static_cast<std::uint8_t>(series->overflow));
      out.text(series->key), out.text(series->attributes);
      out.number(series->start), out.number(series->count), out.number(series->sum);
      out.numbers(series->buckets);
      out.number(static_cast<std::uint8_t>(series->exponential != nullptr));
      if (series->exponential) series->exponential->pack(out);
    }
  return out.finish();
}

bool unpack_series(std::string_view state, const std::function<void(Family, std::unique_ptr<Series>)>& f) {
  Unpacker in(state);
  while (!in.done()) {
    auto series = std::make_unique<Series>();
    auto family = in.number<std::uint8_t>();
    series->overflow = in.number<std::uint8_t>() != 0;
    series->key = in.text(), series->attributes = in.text();
    series->start = in.number<UnixNanos>(), series->count = in.number<std::uint64_t>(), series->sum = in.number<double>();
    series->buckets = in.numbers<std::uint64_t>();
    if (in.number<std::uint8_t>() != 0) {
      auto read = histograms::Exponential::unpack(in);
      if (!read) return false;
      series->exponential = std::make_unique<histograms::Exponential>(std::move(*read));
    }
    if (!in.ok() || family >= families) return false;
    f(static_cast<Family>(family), std::move(series));
  }
  return in.ok();
}

}  // namespace weir::connectors::spanmetrics
