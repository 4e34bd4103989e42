#include "components/exporters/prometheusremotewrite/requests.h"

#include <algorithm>

namespace weir::exporters::prometheusremotewrite {
namespace {

// Requests that may be cut in half to find the series which a backend does not want: enough for 10 among 1000.
constexpr std::size_t max_splits = 128;
// Of one request, however small they are: what receivers take well.
constexpr std::size_t max_series = 10'000;

std::vector<std::uint32_t> points_of(const Translated& content, const Request& request) {
  std::vector<std::uint32_t> out;
  for (auto* series : request.series) {
    content.each_sample(*series, [&](const OutSample& s) { out.push_back(s.point); });
    if (series->rare) out.insert(out.end(), series->rare->points.begin(), series->rare->points.end());
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::size_t samples_of(const Translated& content, const Request& request) {
  std::size_t out = 0;
  for (auto* series : request.series) out += content.samples_of(*series);
  return out;
}

std::size_t size_of(const remote_write::Metadata& m) { return m.family.size() + m.help.size() + m.unit.size() + 16; }

}  // namespace

Delivery::Delivery(Translated translated, std::size_t lanes, std::size_t max_bytes)
    : translated_(std::move(translated)), lanes_(std::max<std::size_t>(1, lanes)), splits_left_(max_splits) {
  auto room = [&](std::size_t lane, std::size_t more) -> Request& {
    auto& requests = lanes_[lane].requests;
    if (requests.empty() || requests.back().bytes + more > max_bytes || requests.back().series.size() >= max_series) requests.emplace_back();
    requests.back().bytes += more;
    return requests.back();
  };
  for (auto& series : translated_.series) room(translated_.known->shard(series.labels) % lanes_.size(), translated_.size_of(series)).series.push_back(&series);
  if (translated_.with_series) return;
  for (auto& metadata : translated_.metadata) room(0, size_of(metadata)).metadata.push_back(metadata);
}

const Request* Delivery::next(std::size_t lane) {
  Lane& l = lanes_[lane];
  if (l.open || l.stopped || l.requests.empty()) return nullptr;
  l.open = true;
  return &l.requests.front();
}

void Delivery::answered(std::size_t lane, const Verdict& verdict) {
  Lane& l = lanes_[lane];
  l.open = false;
  Request& request = l.requests.front();
  switch (verdict.kind) {
    case Verdict::Kind::taken: ++taken_; break;
    case Verdict::Kind::try_again:
      l.stopped = true;
      if (!error_ || verdict.error.retry_after > error_->retry_after) error_ = verdict.error;
      return;
    case Verdict::Kind::partly:
      if (verdict.written) {
        std::size_t all = samples_of(translated_, request), missing = all - std::min(all, *verdict.written);
        if (*verdict.written > 0) ++taken_;
        reject(verdict, std::min(missing, points_of(translated_, request).size()));
        break;
      }
      if (request.series.size() + request.metadata.size() > 1 && splits_left_ > 0) return split(l);
      reject(verdict, points_of(translated_, request).size());
      break;
    case Verdict::Kind::refused: reject(verdict, points_of(translated_, request).size()); break;
  }
  l.requests.pop_front();
}

void Delivery::reject(const Verdict& verdict, std::size_t points) {
  rejected_points_ += points;
  if (reason_.empty()) reason_ = verdict.error.what;
}

// What the backend has taken of it already comes again, with the same times and values: that is no error.
void Delivery::split(Lane& lane) {
  --splits_left_;
  Request whole = std::move(lane.requests.front());
  lane.requests.pop_front();
  Request first, second;
  if (!whole.metadata.empty()) {
    second.metadata = std::move(whole.metadata);
    first.series = std::move(whole.series);
  } else {
    auto middle = whole.series.begin() + static_cast<std::ptrdiff_t>(whole.series.size() / 2);
    first.series.assign(whole.series.begin(), middle);
    second.series.assign(middle, whole.series.end());
  }
  if (!second.series.empty() || !second.metadata.empty()) lane.requests.push_front(std::move(second));
  if (!first.series.empty()) lane.requests.push_front(std::move(first));
}

bool Delivery::finished() const {
  return std::ranges::all_of(lanes_, [](auto& lane) { return !lane.open && (lane.stopped || lane.requests.empty()); });
}

std::vector<bool> Delivery::unsent() const {
  std::vector<bool> out(translated_.points);
  for (auto& lane : lanes_)
    for (auto& request : lane.requests)
      for (std::uint32_t point : points_of(translated_, request)) out[point] = true;
  return out;
}

}  // namespace weir::exporters::prometheusremotewrite
