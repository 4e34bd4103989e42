#include "components/shared/stanza/joiner.h"

namespace weir::stanza {

bool Joiner::add(Entry& entry, std::string_view source, bool matches, const Operator& owner, Run& run) {
  auto at = batches_.find(source);
  if (matches && settings_.first && at != batches_.end()) {
    flush(at, owner, run);
    at = batches_.end();
  }
  if (at == batches_.end()) {
    // The commonest case by far: a line in one part.
    const Value* text = field_.find(entry, run.arena);
    if (matches && !settings_.first && text && text->is(ValueType::string)) return true;
    at = begin(source, entry, owner, run);
  } else {
    ++at->second->entries;
    if (settings_.newest) {
      std::uint64_t first = at->second->entry.begin;
      at->second->arena.reset();
      at->second->entry = copy_of(entry, at->second->arena);
      at->second->entry.begin = first;
    }
  }
  append(at, entry, matches, owner, run);
  return false;
}

Joiner::Batches::iterator Joiner::begin(std::string_view source, const Entry& entry, const Operator& owner, Run& run) {
  if (batches_.size() >= settings_.max_sources) drain(owner, run);
  std::unique_ptr<Batch> batch;
  if (unused_.empty()) {
    batch = std::make_unique<Batch>();
  } else {
    batch = std::move(unused_.back());
    unused_.pop_back();
    batch->arena.reset();
  }
  batch->entry = copy_of(entry, batch->arena);
  batch->text.clear();
  batch->entries = 1;
  batch->began = entry.observed;
  batch->matched = false;
  return batches_.emplace(std::string(source), std::move(batch)).first;
}

void Joiner::append(Batches::iterator at, Entry& entry, bool matches, const Operator& owner, Run& run) {
  Batch& batch = *at->second;
  batch.matched |= matches;
  const Value* text = field_.find(entry, run.arena);
  if (text && (text->is(ValueType::string) || text->is(ValueType::bytes))) {
    if (!batch.text.empty()) batch.text += settings_.with;
    batch.text += text->text;
  } else {
    run.failed(owner, Error{Errc::permanent, "entry does not contain the combine_field " + field_.to_string()}, false);
  }
  auto beyond = [](std::size_t value, std::size_t limit) { return limit > 0 && value >= limit; };
  bool full = (settings_.max_log_size > 0 && batch.text.size() > settings_.max_log_size) || beyond(batch.entries, settings_.max_batch_size) ||
              (!batch.matched && beyond(batch.entries, settings_.max_unmatched_batch_size));
  if (full || (matches && !settings_.first)) flush(at, owner, run);
}

Joiner::Batches::iterator Joiner::flush(Batches::iterator at, const Operator& owner, Run& run) {
  std::unique_ptr<Batch> batch = std::move(at->second);
  auto next = batches_.erase(at);
  (void)field_.set(batch->entry, Value::of(std::string_view(batch->text)), batch->arena);
  run.forward(owner, batch->entry);
  // What grew large is not kept.
  constexpr std::size_t most_unused = 16, large = 64 * 1024;
  if (unused_.size() < most_unused && batch->text.capacity() < large && batch->arena.footprint() < large) unused_.push_back(std::move(batch));
  return next;
}

void Joiner::tick(const Operator& owner, Run& run) {
  for (auto at = batches_.begin(); at != batches_.end();) {
    bool due = run.now >= at->second->began + static_cast<UnixNanos>(settings_.force_flush_period.count());
    at = due ? flush(at, owner, run) : std::next(at);
  }
}

void Joiner::drain(const Operator& owner, Run& run) {
  for (auto at = batches_.begin(); at != batches_.end();) at = flush(at, owner, run);
}

std::optional<std::uint64_t> Joiner::oldest(std::uint64_t source) const {
  std::optional<std::uint64_t> out;
  for (auto& [name, batch] : batches_)
    if (batch->entry.source == source) out = std::min(out.value_or(batch->entry.begin), batch->entry.begin);
  return out;
}

}  // namespace weir::stanza
