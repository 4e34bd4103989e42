#include "components/processors/tail_sampling/traces.h"

namespace weir::processors::tail_sampling {
namespace {

std::string joined(const otlp::Unknown& unknown) {
  std::string out;
  for (std::string_view field : unknown) out += field;
  return out;
}

template <class T>
std::string bytes_of(const otlp::Lazy<T>& message) {
  if (!message.dirty()) return std::string(message.raw());
  otlp::Writer out;
  message.write(out);
  return std::string(out.view());
}

void add_unknown(std::string_view fields, Arena& arena, otlp::Unknown& out) {
  if (!fields.empty()) out.push_back(arena, fields);
}

}  // namespace

SharedSurroundings SurroundingsTable::intern(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Policies& policies, Arena& arena) {
  auto made = std::make_shared<Surroundings>();
  made->resource = bytes_of(group.resource);
  made->resource_schema_url = group.schema_url;
  made->resource_unknown = joined(group.unknown);
  made->scope = bytes_of(scope.scope);
  made->scope_schema_url = scope.schema_url;
  made->scope_unknown = joined(scope.unknown);
  std::uint64_t hash = std::hash<std::string>{}(made->resource) * 31 + std::hash<std::string>{}(made->scope);
  auto& same_hash = table_[hash];
  for (auto& known : same_hash)
    if (auto alive = known.lock(); alive && *alive == *made) return alive;
  made->conditions = policies.look_at(group.resource.read(arena));
  std::erase_if(same_hash, [](auto& known) { return known.expired(); });
  same_hash.push_back(made);
  if (++size_ >= sweep_at_) sweep();
  return made;
}

// Forgets what no trace uses any more.
void SurroundingsTable::sweep() {
  size_ = 0;
  for (auto at = table_.begin(); at != table_.end();) {
    std::erase_if(at->second, [](auto& known) { return known.expired(); });
    size_ += at->second.size();
    if (at->second.empty())
      table_.erase(at++);
    else
      ++at;
  }
  sweep_at_ = std::max<std::size_t>(1024, size_ * 2);
}

std::size_t append_span(PendingTrace& trace, const otlp::Item& item, const SharedSurroundings& around, otlp::Writer& scratch) {
  std::size_t before = trace.spans.size();
  scratch.clear();
  if (item.dirty)
    otlp::encode(*static_cast<const otlp::Span*>(item.message), scratch);
  else
    scratch.raw(item.raw);
  scratch.close(2, 0);
  trace.spans += scratch.view();
  if (trace.runs.empty() || trace.runs.back().around != around) trace.runs.push_back({around, 0});
  trace.runs.back().end = trace.spans.size();
  return trace.spans.size() - before;
}

otlp::Batch to_batch(PendingTrace& trace) {
  otlp::Batch batch(otlp::Signal::traces);
  Arena& arena = batch.arena();
  Bytes bytes = Bytes::take(std::move(trace.spans));
  batch.hold(bytes);
  auto& groups = batch.groups();
  std::size_t begin = 0;
  // Runs of equal surroundings become one group, wherever they stand.
  std::vector<const Surroundings*> made;
  for (auto& run : trace.runs) {
    const Surroundings& around = *run.around;
    std::size_t at = static_cast<std::size_t>(std::find(made.begin(), made.end(), &around) - made.begin());
    if (at == made.size()) {
      made.push_back(&around);
      auto& group = groups.emplace_back();
      group.resource = otlp::Lazy<otlp::Resource>(arena.copy(around.resource));
      group.schema_url = arena.copy(around.resource_schema_url);
      add_unknown(arena.copy(around.resource_unknown), arena, group.unknown);
      auto& scope = group.scopes.emplace_back();
      scope.scope = otlp::Lazy<otlp::Scope>(arena.copy(around.scope));
      scope.schema_url = arena.copy(around.scope_schema_url);
      add_unknown(arena.copy(around.scope_unknown), arena, scope.unknown);
    }
    otlp::Reader reader(bytes.view().substr(begin, run.end - begin));
    while (reader.next()) groups[at].scopes[0].items.push_back({.raw = reader.bytes()});
    begin = run.end;
  }
  batch.prune();
  batch.set_bytes(bytes.size());
  trace.runs.clear();
  return batch;
}

void DecisionTable::add(const otlp::TraceId& id, UnixNanos when) {
  if (!known_.emplace(id, when).second) return;
  if (full_) known_.erase(order_[next_]);
  order_[next_] = id;
  next_ = (next_ + 1) % order_.size();
  full_ = full_ || next_ == 0;
}

}  // namespace weir::processors::tail_sampling
