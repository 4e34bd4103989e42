#pragma once
// Random changes to an item, made through Edits and to the decoded item: both must say the same. For a test and a fuzz target.
#include "otlp/edits.h"
#include "otlp/excerpt.h"

namespace weir::otlp::edit_checks {

// below(n): a random number less than n.
template <class T, class Below>
class Changes {
 public:
  Changes(Below& below, Arena& arena) : below_(below), arena_(arena) {
    whole_ = below_(4) == 0;
    for (std::uint64_t n = 1 + below_(4); n-- > 0;) changes_.push_back({static_cast<int>(below_(whole_ ? 5 : 4)), pick_key(), value(), pick_field(), below_(3)});
  }

  // What an excerpt must have for them.
  Excerpt excerpt() const {
    Excerpt out{Parts::attributes, {}, 0};
    if (whole_) out.keys.add_every();
    for (auto& change : changes_) {
      out.keys.add(change.key);
      out.fields |= Excerpt::field(change.field);
    }
    return out;
  }

  // `edits`: null for the whole message.
  void make(T& message, Edits* edits) const {
    for (auto& change : changes_) {
      switch (change.kind) {
        case 0:
        case 1:
          message.attributes.set(arena_, change.key, change.value);
          if (edits) edits->set(change.key, change.value);
          break;
        case 2:
          if (message.attributes.remove(change.key) && edits) edits->remove(change.key);
          break;
        case 3:
          set_field(message, change.field, change.number);
          if (edits) edits->set_fields(Excerpt::field(change.field));
          break;
        default:
          message.attributes.erase_if([&](const KeyValue& kv) { return kv.key.size() % 3 == change.number; });
          if (edits) edits->set_attributes();
      }
    }
  }

 private:
  struct Change {
    int kind;
    std::string_view key;
    Value value;
    std::uint32_t field;
    std::uint64_t number;
  };

  std::string_view pick_key() {
    constexpr std::array<std::string_view, 8> keys = {"a", "b", "k", "", "service.name", "é", "in none of them", "error.type"};
    return keys[below_(keys.size())];
  }
  Value value() {
    switch (below_(6)) {
      case 0: return {};
      case 1: return Value::of(std::int64_t{-1});
      case 2: return Value::of(0.5);
      case 3: return Value::of_bytes("bytes");
      case 4: {
        auto* fields = arena_.make<Attributes>();
        fields->set(arena_, pick_key(), Value::of(true));
        return Value::of(fields);
      }
      default: return Value::of(std::string_view("a text that is not very short, not very long either"));
    }
  }
  std::uint32_t pick_field() {
    constexpr std::array<std::uint32_t, 13> of_span = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15, 16};
    constexpr std::array<std::uint32_t, 10> of_record = {1, 2, 3, 5, 7, 8, 9, 10, 11, 12};
    if constexpr (std::is_same_v<T, Span>) return of_span[below_(of_span.size())];
    return of_record[below_(of_record.size())];
  }
  static std::string_view text(std::uint64_t n) { return n == 0 ? std::string_view() : n == 1 ? "text" : "\xFF is no UTF-8"; }

  static void set_field(Span& span, std::uint32_t field, std::uint64_t n) {
    auto small = static_cast<std::uint32_t>(n);
    switch (field) {
      case 1: span.trace_id.bytes.fill(static_cast<unsigned char>(n)); break;
      case 2: span.span_id.bytes.fill(static_cast<unsigned char>(n)); break;
      case 3: span.trace_state = text(n); break;
      case 4: span.parent_span_id.bytes.fill(static_cast<unsigned char>(n)); break;
      case 5: span.name = text(n); break;
      case 6: span.kind = static_cast<std::int32_t>(n) - 1; break;
      case 7: span.start_time_unix_nano = n; break;
      case 8: span.end_time_unix_nano = n; break;
      case 10: span.dropped_attributes_count = small; break;
      case 12: span.dropped_events_count = small; break;
      case 14: span.dropped_links_count = small; break;
      case 15: span.status_code = static_cast<std::int32_t>(n), span.status_message = text(n); break;
      default: span.flags = small;
    }
  }
  static void set_field(LogRecord& record, std::uint32_t field, std::uint64_t n) {
    auto small = static_cast<std::uint32_t>(n);
    switch (field) {
      case 1: record.time_unix_nano = n; break;
      case 2: record.severity_number = static_cast<std::int32_t>(n) - 1; break;
      case 3: record.severity_text = text(n); break;
      case 5: record.body = n == 0 ? Value() : Value::of(text(n)); break;
      case 7: record.dropped_attributes_count = small; break;
      case 8: record.flags = small; break;
      case 9: record.trace_id.bytes.fill(static_cast<unsigned char>(n)); break;
      case 10: record.span_id.bytes.fill(static_cast<unsigned char>(n)); break;
      case 11: record.observed_time_unix_nano = n; break;
      default: record.event_name = text(n);
    }
  }

  Below& below_;
  Arena& arena_;
  bool whole_ = false;  // also such as are about all attributes together
  std::vector<Change> changes_;
};

// Makes random changes to an item of a batch: through Edits, or to what was decoded. Both draw the same numbers.
template <class T, class Below>
void change(Item& item, Arena& arena, Below& below, bool through_edits) {
  Changes<T, Below> changes(below, arena);
  if (!through_edits || item.message != nullptr) return changes.make(item.edit<T>(arena), nullptr);
  ExcerptReader<T> reader;
  Excerpt excerpt = changes.excerpt();
  Item& seen = reader.look(item, excerpt);
  T& message = seen.template edit<T>(arena);
  Edits edits;
  changes.make(message, &edits);
  if (!edits.empty()) edits.apply(message, item, arena);
  WEIR_CHECK(edits.empty());
}

template <class T>
std::string decoded_and_encoded(Item& item, Arena& arena) {
  Writer out;
  encode(item.read<T>(arena), out);
  return std::string(out.view());
}

// `raw` has passed verify().
template <class T, class Below>
void compare(std::string_view raw, Below& below) {
  Arena arena;
  std::vector<std::uint64_t> drawn;
  auto record = [&](std::uint64_t n) { return drawn.emplace_back(below(n)); };
  std::size_t next = 0;
  auto replay = [&](std::uint64_t) { return drawn[next++]; };
  Item spliced{.raw = raw}, decoded{.raw = raw};
  change<T>(spliced, arena, record, true);
  change<T>(decoded, arena, replay, false);
  if (spliced.head != 0) {
    Reader reader({spliced.raw.data() - spliced.head, spliced.raw.size() + spliced.head});
    WEIR_CHECK(reader.next() && reader.field() == 2 && reader.bytes() == spliced.raw && reader.rest().empty());
  }
  std::string seen = decoded_and_encoded<T>(spliced, arena), expected = decoded_and_encoded<T>(decoded, arena);
  WEIR_CHECK(seen == expected, "{} bytes, {} expected", seen.size(), expected.size());
}

}  // namespace weir::otlp::edit_checks
