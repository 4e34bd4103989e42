// Random edits on a batch made of any accepted request: after each it encodes to what it says it is, and edits that are written into a copy
// of an item's bytes come to the same as those that are made to the decoded item: in the script of an input, and many random ones beside it.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>
#include <cstdlib>

#include "base/rng.h"
#include "otlp/edit_checks.h"
#include "otlp/fuzzing.h"

using namespace weir;
using namespace weir::otlp;

namespace {

class Editor {
 public:
  Editor(FuzzedDataProvider& data, Batch batch, bool through_edits) : data_(data), through_edits_(through_edits) { batches_.push_back(std::move(batch)); }

  // What the batches are in the end.
  std::vector<std::string> run() {
    for (int step = 0; step < 40 && data_.remaining_bytes() > 0; ++step) {
      at_ = data_.ConsumeIntegralInRange<std::size_t>(0, batches_.size() - 1);
      apply(data_.ConsumeIntegralInRange(0, 11));
    }
    std::vector<std::string> out;
    for (Batch& batch : batches_) {
      fuzzing::check_encoding(batch);
      out.push_back(to_json(batch));
    }
    return out;
  }

 private:
  Batch& batch() { return batches_[at_]; }
  Arena& arena() { return batch().arena(); }
  std::string_view text() { return arena().copy(data_.PickValueInArray({"", "k", "service.name", "é", "a longer text than most"})); }

  Value value() {
    switch (data_.ConsumeIntegralInRange(0, 7)) {
      case 0: return {};
      case 1: return Value::of(data_.ConsumeBool());
      case 2: return Value::of(data_.ConsumeIntegral<std::int64_t>());
      case 3: return Value::of(data_.ConsumeFloatingPoint<double>());
      case 4: return Value::of_bytes(text());
      case 5: {
        Attributes* fields = arena().make<Attributes>();
        fields->set(arena(), text(), Value::of(text()));
        return Value::of(fields);
      }
      case 6: {
        Array* items = arena().make<Array>();
        items->push_back(arena(), Value::of(text()));
        items->push_back(arena(), {});
        return Value::of(items);
      }
      default: return Value::of(text());
    }
  }

  // Sets, removes, looks into, copies.
  void change(Attributes& attributes) {
    switch (data_.ConsumeIntegralInRange(0, 3)) {
      case 0: return attributes.set(arena(), text(), value());
      case 1: return static_cast<void>(attributes.remove(text()));
      case 2:
        for (auto& kv : attributes) {
          if (kv.value.is(ValueType::array)) kv.value.array(arena()).push_back(arena(), value());
          if (kv.value.is(ValueType::map)) kv.value.map(arena()).set(arena(), text(), value());
        }
        return;
      default:
        for (auto& kv : attributes) kv.value = kv.value.deep_copy(arena());
    }
  }

  template <class T>
  T* pick(std::vector<T>& from) {
    return from.empty() ? nullptr : &from[data_.ConsumeIntegralInRange<std::size_t>(0, from.size() - 1)];
  }

  void apply(int operation) {
    ResourceGroup* group = pick(batch().groups());
    ScopeGroup* scope = group ? pick(group->scopes) : nullptr;
    Item* item = scope ? pick(scope->items) : nullptr;
    switch (operation) {
      case 0:
        if (group) change(group->resource.edit(arena()).attributes);
        return;
      case 1:
        if (scope) scope->scope.edit(arena()).name = text();
        return;
      case 2:
        if (scope) change(scope->scope.edit(arena()).attributes);
        return;
      case 3:
        if (item) scope->items.erase(scope->items.begin() + (item - scope->items.data()));
        return batch().prune();
      case 4:
        if (group) group->schema_url = text();
        return;
      case 5: return fork();
      case 6: return cut();
      case 7: return part();
      case 8: return join();
      default:
        if (item) edit(*item);
    }
  }

  void edit(Item& item) {
    auto below = [&](std::uint64_t n) { return data_.ConsumeIntegralInRange<std::uint64_t>(0, n - 1); };
    if (batch().signal() != Signal::metrics && data_.ConsumeBool()) {
      if (batch().signal() == Signal::traces) return edit_checks::change<Span>(item, arena(), below, through_edits_);
      return edit_checks::change<LogRecord>(item, arena(), below, through_edits_);
    }
    switch (batch().signal()) {
      case Signal::traces: return edit(item.edit<Span>(arena()));
      case Signal::logs: return edit(item.edit<LogRecord>(arena()));
      default: return edit(item.edit<Metric>(arena()));
    }
  }
  void edit(Span& span) {
    switch (data_.ConsumeIntegralInRange(0, 4)) {
      case 0: span.name = text(); break;
      case 1: span.events.push_back(arena(), {.name = text()}); break;
      case 2: span.links.push_back(arena(), {.trace_state = text()}); break;
      case 3: span.status_code = data_.ConsumeIntegral<std::int32_t>(); break;
      default: change(span.attributes);
    }
  }
  void edit(LogRecord& record) {
    if (data_.ConsumeBool()) record.body = value();
    else change(record.attributes);
  }
  void edit(Metric& metric) {
    if (data_.ConsumeBool()) metric.name = text();
    for (auto& point : metric.points) {
      change(point.attributes);
      if (metric.type != MetricType::summary && data_.ConsumeBool()) point.exemplars.push_back(arena(), {.time_unix_nano = 1, .type = NumberType::real, .real = 0});
      if (data_.ConsumeBool()) point.flags = data_.ConsumeIntegral<std::uint32_t>();
    }
  }

  void fork() {
    if (batches_.size() < 8) batches_.push_back(batch().fork());
  }
  void cut() {
    if (batches_.size() < 8) batches_.push_back(batch().take_front(data_.ConsumeIntegralInRange<std::size_t>(1, 20)));
  }
  void part() {
    if (batches_.size() >= 6) return;
    std::size_t turn = 0, before = batch().items();
    auto parts = batch().partition(3, [&](auto&, auto&, auto&) { return turn++ % 3; });
    std::size_t after = 0;
    for (Batch& one : parts) after += one.items();
    WEIR_CHECK(before == after, "{} items, {} in parts", before, after);
    for (Batch& one : parts) batches_.push_back(std::move(one));
  }
  void join() {
    if (batches_.size() < 2) return;
    Batch last = std::move(batches_.back());
    batches_.pop_back();
    std::size_t before = batches_[0].items() + last.items();
    batches_[0].append(std::move(last));
    WEIR_CHECK(batches_[0].items() == before);
  }

  FuzzedDataProvider& data_;
  const bool through_edits_;
  std::vector<Batch> batches_;
  std::size_t at_ = 0;
};

std::uint64_t cases = 0;

// Random changes to each of the first items, spliced and decoded.
void check_splices(Signal signal, std::string_view body, std::uint64_t seed) {
  auto batch = Batch::parse(signal, fuzzing::exact(body));
  if (!batch) return;
  Rng rng(seed);
  auto below = [&](std::uint64_t n) { return rng.below(n); };
  std::size_t items = 0;
  for (auto& group : batch->groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        if (++items > 8) return;
        for (int i = 0; i < 64; ++i, ++cases) {
          if (signal == Signal::traces) edit_checks::compare<Span>(item.raw, below);
          else edit_checks::compare<LogRecord>(item.raw, below);
        }
      }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  return std::atexit([] { std::fprintf(stderr, "stat::compared_edits: %llu\n", static_cast<unsigned long long>(cases)); });
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  FuzzedDataProvider provider(data, size);
  Signal signal = fuzzing::signal_of(provider.ConsumeIntegral<unsigned char>());
  std::string edits = provider.ConsumeBytesAsString(provider.ConsumeIntegral<unsigned char>());
  std::string body = provider.ConsumeRemainingBytesAsString();
  auto results = [&](bool through_edits) {
    std::vector<std::string> out;
    auto batch = Batch::parse(signal, fuzzing::exact(body));
    if (!batch) return out;
    FuzzedDataProvider script(reinterpret_cast<const unsigned char*>(edits.data()), edits.size());
    return Editor(script, std::move(*batch), through_edits).run();
  };
  auto spliced = results(true), decoded = results(false);
  WEIR_CHECK(spliced.size() == decoded.size());
  for (std::size_t i = 0; i < spliced.size(); ++i) WEIR_CHECK(spliced[i] == decoded[i], "{}\n{}", spliced[i], decoded[i]);
  if (signal != Signal::metrics) check_splices(signal, body, std::hash<std::string>()(edits));
  return 0;
}
