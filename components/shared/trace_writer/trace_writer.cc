#include "components/shared/trace_writer/trace_writer.h"

#include <boost/unordered/unordered_flat_map.hpp>

namespace weir {

Error no_room() { return {Errc::refused, "no memory for what this request holds decoded", {}}; }

struct AttributeSetter::Index {
  boost::unordered_flat_map<std::string_view, std::size_t> at;
};

bool AttributeSetter::set(std::string_view key, const otlp::Value& value) {
  if (list_.size() < short_list) {
    if (otlp::Value* there = list_.find(key)) return *there = value, true;
    return scratch_.push(list_, {key, value});
  }
  if (!index_) {
    index_ = std::make_shared<Index>();
    for (std::size_t i = 0; i < list_.size(); ++i) index_->at.emplace(list_[i].key, i);
  }
  auto [at, fresh] = index_->at.emplace(key, list_.size());
  if (!fresh) return list_[at->second].value = value, true;
  return scratch_.take(2 * sizeof(std::pair<std::string_view, std::size_t>)) && scratch_.push(list_, {key, value});
}

Result<> TraceWriter::charge(std::size_t bytes) {
  if (!charge_.grow(bytes)) return fail(no_room());
  return {};
}

Result<TraceWriter::Group> TraceWriter::resource(const otlp::Resource& resource) {
  writer_.clear();
  encode(resource, writer_);
  WEIR_TRY(charge(writer_.size() + sizeof(ResourceSpans)));
  groups_.push_back({.resource = std::string(writer_.view())});
  return groups_.size() - 1;
}

template <class Item>
Result<> TraceWriter::add_item(Group group, const otlp::Scope& scope, const Item& item) {
  writer_.clear();
  encode(scope, writer_);
  ResourceSpans& target = groups_[group];
  // Items of one scope come one after another.
  if (target.last_scope >= target.scopes.size() || target.scopes[target.last_scope].scope != writer_.view()) {
    auto [at, fresh] = target.scope_at.emplace(std::string(writer_.view()), target.scopes.size());
    if (fresh) {
      WEIR_TRY(charge(2 * writer_.size() + sizeof(ScopeSpans) + sizeof(*at)));
      target.scopes.push_back({.scope = std::string(writer_.view())});
    }
    target.last_scope = at->second;
  }
  writer_.clear();
  encode(item, writer_);
  writer_.close(2, 0);  // ScopeSpans.spans, ScopeMetrics.metrics
  WEIR_TRY(charge(2 * writer_.size()));  // here, and in the finished request
  target.scopes[target.last_scope].spans += writer_.view();
  ++spans_;
  return {};
}

Result<> TraceWriter::add(Group group, const otlp::Scope& scope, const otlp::Span& span) { return add_item(group, scope, span); }
Result<> TraceWriter::add(Group group, const otlp::Scope& scope, const otlp::Metric& metric) { return add_item(group, scope, metric); }

Result<Bytes> TraceWriter::finish() {
  std::size_t size = 0;
  for (auto& group : groups_) {
    size += group.resource.size() + 32;
    for (auto& scope : group.scopes) size += scope.scope.size() + scope.spans.size() + 32;
  }
  otlp::Writer out(size);
  for (std::size_t i = groups_.size(); i-- > 0;) {
    ResourceSpans& group = groups_[i];
    std::size_t group_mark = out.size();
    for (std::size_t k = group.scopes.size(); k-- > 0;) {
      ScopeSpans& scope = group.scopes[k];
      std::size_t mark = out.size();
      out.raw(scope.spans);
      std::string().swap(scope.spans);
      out.put_bytes(1, scope.scope);
      out.close(2, mark);
    }
    out.put_bytes(1, group.resource);
    out.close(1, group_mark);
  }
  groups_.clear();
  return out.finish();
}

}  // namespace weir
