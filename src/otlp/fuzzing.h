#pragma once
// What the fuzz targets of this folder share: reading everything of a batch, and what must hold of every batch.
#include "otlp/excerpt.h"
#include "otlp/json.h"
#include "otlp/span_view.h"
#include "otlp/verify.h"

namespace weir::otlp::fuzzing {

inline std::string joined(const Batch& batch) {
  std::string out;
  for (auto& piece : batch.encode()) out += piece.view();
  return out;
}

inline Signal signal_of(unsigned char choice) { return all_signals[choice % 3]; }

// A copy in memory of its own, so that reading past the end is seen.
inline Bytes exact(std::string_view text) { return Bytes::take(std::string(text)); }

inline std::size_t count_items(Batch& batch) {
  std::size_t items = 0;
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) items += item.points;
  return items;
}

// What was encoded is well-formed, has as many items as the batch says, and means the same.
inline void check_encoding(Batch& batch) {
  std::string bytes = joined(batch);
  auto again = Batch::parse(batch.signal(), exact(bytes));
  WEIR_CHECK(again.has_value(), "{}", again.error().what);
  WEIR_CHECK(again->items() == batch.items(), "{} items, {} after encoding", batch.items(), again->items());
  WEIR_CHECK(count_items(batch) == batch.items(), "{} items in the index, {} counted", count_items(batch), batch.items());
  std::string before = to_json(batch), after = to_json(*again);
  WEIR_CHECK(before == after, "{}\n{}", before, after);
}

// What is found in a span by its landmarks is what is found without. True when it has any. `excerpt`: all of the head.
inline bool check_landmarks(Item item, const std::shared_ptr<const Sought>& sought, const Excerpt& excerpt, WantedKeys& wanted) {
  Arena arena;
  Item bare{.raw = item.raw};
  ExcerptReader<Span> by_landmarks, without;
  by_landmarks.use(sought);
  auto& seen = *static_cast<const Span*>(by_landmarks.look(item, excerpt).message);
  auto& expected = *static_cast<const Span*>(without.look(bare, excerpt).message);
  WEIR_CHECK(seen.trace_id == expected.trace_id && seen.span_id == expected.span_id && seen.parent_span_id == expected.parent_span_id);
  WEIR_CHECK(seen.name == expected.name && seen.kind == expected.kind && seen.status_code == expected.status_code);
  WEIR_CHECK(seen.start_time_unix_nano == expected.start_time_unix_nano && seen.end_time_unix_nano == expected.end_time_unix_nano);
  auto text_of = [](const Value* value) { return value ? to_text(*value) : std::string("none"); };
  for (auto& key : excerpt.keys.keys()) WEIR_CHECK(text_of(seen.attributes.find(key)) == text_of(expected.attributes.find(key)), "{}", key);

  std::vector<AttributeView> slots(wanted.size()), expected_slots(wanted.size()), later(wanted.size());
  wanted.use(sought);
  SpanView view(item, wanted, slots), plain(bare, wanted, expected_slots);
  WEIR_CHECK(view.trace_id == plain.trace_id && view.span_id == plain.span_id && view.parent_span_id == plain.parent_span_id);
  WEIR_CHECK(view.name == plain.name && view.kind == plain.kind && view.status_code == plain.status_code && view.trace_state == plain.trace_state);
  WEIR_CHECK(view.start_time_unix_nano == plain.start_time_unix_nano && view.end_time_unix_nano == plain.end_time_unix_nano);
  view.find(wanted, later);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    WEIR_CHECK(slots[i].raw == expected_slots[i].raw && later[i].raw == expected_slots[i].raw, "{}", wanted[i]);
  auto list = [](const SpanView& from) {
    std::string out;
    from.attributes.each([&](const AttributeView& attribute) { out += fmt::format("{}={};", attribute.key, attribute.raw); });
    from.each_event([&](const AttributesView& event) { event.each([&](const AttributeView& attribute) { out += fmt::format("event {}={};", attribute.key, attribute.raw); }); });
    return out;
  };
  WEIR_CHECK(list(view) == list(plain), "{}\n{}", list(view), list(plain));
  return static_cast<bool>(Landmarks(item.landmarks));
}

inline Excerpt head_and_status() {
  Excerpt out{Parts::attributes, {}, 0};
  for (std::uint32_t number : {1, 2, 4, 5, 6, 7, 8, 15}) out.fields |= Excerpt::field(number);
  return out;
}

// The same for a request, which is well-formed, with the keys that are in it. How many spans had landmarks.
inline std::size_t check_landmarks(const Bytes& body) {
  Excerpt excerpt = head_and_status();
  WantedKeys wanted;
  auto add = [&](std::string_view key) {
    if (wanted.size() == Sought::max_keys) return;
    excerpt.keys.add(key);
    wanted.add(key);
  };
  add("in none of them");
  auto each_item = [](Batch& batch, auto f) {
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) f(item);
  };
  auto plain = Batch::parse(Signal::traces, body);
  each_item(*plain, [&](Item& item) { SpanView(item).attributes.each([&](const AttributeView& attribute) { add(attribute.key); }); });
  auto sought = std::make_shared<Sought>();
  sought->add(excerpt);
  auto batch = Batch::parse(Signal::traces, body, {}, sought);
  WEIR_CHECK(batch && batch->items() == plain->items());
  std::size_t found = 0;
  each_item(*batch, [&](Item& item) { found += check_landmarks(item, sought, excerpt, wanted); });
  return found;
}

}  // namespace weir::otlp::fuzzing
