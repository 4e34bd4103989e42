#include "components/shared/exporting/batcher.h"

namespace weir::exporting {
namespace {

Waiting take_front(std::deque<Waiting>& waiting) {
  Waiting out = std::move(waiting.front());
  waiting.pop_front();
  return out;
}

}  // namespace

std::uint64_t size_of(const otlp::Batch& batch, Sizer sizer) {
  switch (sizer) {
    case Sizer::requests: return 1;
    case Sizer::items: return batch.items();
    case Sizer::bytes: return batch.bytes();
  }
  return 0;
}

Batcher::Next Batcher::take(std::deque<Waiting>& waiting, TimePoint now, bool at_once) const {
  if (waiting.empty()) return {};
  if (!rule_) return {take_front(waiting)};
  std::uint64_t total = 0;
  for (auto& entry : waiting)
    if ((total += size_of(entry.batch, rule_->sizer)) >= rule_->min_size) break;
  TimePoint due = waiting.front().since + rule_->flush_timeout;
  if (total < rule_->min_size && now < due && !at_once) return {std::nullopt, due};
  Waiting out = take_front(waiting);
  while (!waiting.empty() && size_of(out.batch, rule_->sizer) < rule_->min_size && out.batch.can_join()) {
    Waiting more = take_front(waiting);
    out.batch.append(std::move(more.batch));
    out.size += more.size;
    out.on_disk &= more.on_disk;
    out.encoded.clear();
  }
  cut(out, waiting);
  return {std::move(out)};
}

// What is over max_size goes back to the front. The whole request's size stays with the part that goes first, except in
// sizers that can be cut.
void Batcher::cut(Waiting& request, std::deque<Waiting>& waiting) const {
  if (rule_->max_size == 0 || size_of(request.batch, rule_->sizer) <= rule_->max_size) return;
  std::size_t items = rule_->max_size;
  if (rule_->sizer == Sizer::bytes) items = std::max<std::size_t>(1, request.batch.items() * rule_->max_size / request.batch.bytes());
  otlp::Batch front = request.batch.take_front(items);
  std::uint64_t front_size = queue_sizer_ == Sizer::requests ? 0 : size_of(front, queue_sizer_);
  front_size = std::min(front_size, request.size);
  waiting.push_front({std::move(request.batch), request.size - front_size, request.since, {}, request.on_disk});
  request.batch = std::move(front);
  request.size = front_size;
  request.encoded.clear();
}

}  // namespace weir::exporting
