#include "components/shared/exporting/batcher.h"

#include <fmt/format.h>
#include <map>

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

// Each value with its length in front, so that no two sets of values read alike.
std::string Batcher::partition_of(const otlp::Batch& batch) const {
  std::string out;
  if (!rule_) return out;
  for (auto& key : rule_->metadata_keys) {
    const std::vector<std::string>* values = nullptr;
    if (batch.context)
      if (auto found = batch.context->metadata.find(key); found != batch.context->metadata.end()) values = &found->second;
    out += values ? std::to_string(values->size()) : "-";
    if (values)
      for (auto& value : *values) out += fmt::format(":{}:{}", value.size(), value);
    out += ';';
  }
  return out;
}

std::deque<Waiting>::iterator Batcher::ready(std::deque<Waiting>& waiting, TimePoint now, TimePoint& due) const {
  struct Partition {
    std::deque<Waiting>::iterator first;
    std::uint64_t total = 0;
  };
  std::map<std::string_view, Partition> partitions;
  due = waiting.front().since + rule_->flush_timeout;
  for (auto entry = waiting.begin(); entry != waiting.end(); ++entry) {
    due = std::min(due, entry->since + rule_->flush_timeout);
    auto& partition = partitions.try_emplace(entry->partition, entry).first->second;
    partition.total += size_of(entry->batch, rule_->sizer);
    if (partition.total >= rule_->min_size || now >= entry->since + rule_->flush_timeout) return partition.first;
  }
  return waiting.end();
}

Batcher::Next Batcher::take(std::deque<Waiting>& waiting, TimePoint now, bool at_once) const {
  if (waiting.empty()) return {};
  if (!rule_) return {take_front(waiting)};
  TimePoint due{};
  auto first = at_once ? waiting.begin() : ready(waiting, now, due);
  if (first == waiting.end()) return {std::nullopt, due};
  Waiting out = std::move(*first);
  for (auto next = waiting.erase(first); next != waiting.end() && size_of(out.batch, rule_->sizer) < rule_->min_size && out.batch.can_join();) {
    if (next->partition != out.partition) {
      ++next;
      continue;
    }
    out.batch.append(std::move(next->batch));
    out.size += next->size;
    out.on_disk &= next->on_disk;
    out.encoded.clear();
    next = waiting.erase(next);
  }
  cut(out, waiting);
  return {std::move(out)};
}

// What is over max_size goes back to the front. The whole request's size stays with the part that goes first, except in
// sizers that can be cut.
void Batcher::cut(Waiting& request, std::deque<Waiting>& waiting) const {
  if (rule_->max_size == 0) return;
  std::size_t items = rule_->sizer == Sizer::bytes ? request.batch.items_within(rule_->max_size) : rule_->max_size;
  if (items >= request.batch.items()) return;
  otlp::Batch front = request.batch.take_front(items);
  std::uint64_t front_size = queue_sizer_ == Sizer::requests ? 0 : size_of(front, queue_sizer_);
  front_size = std::min(front_size, request.size);
  waiting.push_front({std::move(request.batch), request.size - front_size, request.since, {}, request.on_disk, request.partition});
  request.batch = std::move(front);
  request.size = front_size;
  request.encoded.clear();
}

}  // namespace weir::exporting
