#include "otlp/landmarks.h"

namespace weir::otlp {
namespace {

constexpr std::uint32_t status_field = 15, events_field = 11, links_field = 13;

constexpr std::uint32_t fields_of(std::initializer_list<std::uint32_t> numbers) {
  std::uint32_t out = 0;
  for (std::uint32_t number : numbers) out |= Excerpt::field(number);
  return out;
}
// What SpanHead reads.
constexpr std::uint32_t head_fields = fields_of({1, 2, 4, 5, 6, 7, 8});
// The same and the trace state, which stands among them where a span has one.
constexpr std::uint32_t early_fields = head_fields | fields_of({3});
// Excerpt::parts says whether they are read.
constexpr std::uint32_t parts_fields = fields_of({9, 11, 13});

// Whether landmarks can find all of it.
bool in_reach(const Excerpt& excerpt) {
  std::uint32_t others = excerpt.fields & ~(parts_fields | head_fields | Excerpt::field(status_field));
  bool every_key = excerpt.parts & Parts::attributes && excerpt.keys.is_every();
  return others == 0 && !every_key && !(excerpt.parts & Parts::unknown);
}

}  // namespace

void Sought::add(std::span<const std::string> keys) {
  auto is_new = [&](const std::string& key) { return slot(key) == nowhere; };
  if (keys_.size() + static_cast<std::size_t>(std::ranges::count_if(keys, is_new)) > max_keys) return;
  wanted_ = true;
  for (auto& key : keys) {
    if (!is_new(key)) continue;
    keys_.push_back(key);
    bits_ |= key_bit(key);
  }
}

void Sought::add(const Excerpt& excerpt) {
  if (!in_reach(excerpt)) return;
  add(excerpt.parts & Parts::attributes ? std::span(excerpt.keys.keys()) : std::span<const std::string>());
}

std::string Sought::id() const {
  std::string out;
  for (auto& key : keys_) out += fmt::format("{}:{}", key.size(), key);
  return out;
}

void LandmarkWriter::field(std::uint32_t number, const char* field) {
  if (number < 32 && (early_fields & Excerpt::field(number))) return has_unusual_order();
  if (number == events_field || number == links_field) return note(1, field);
  if (number != status_field) return;
  if (Landmarks(row_).status() != 0) return has_unusual_order();  // two statuses are one message in two parts: rare
  note(0, field);
}

void LandmarkWriter::place(const char* field, std::string_view key) {
  if (std::size_t slot = sought_.slot(key); slot != Sought::nowhere) note(2 + slot, field);
}

void LandmarkWriter::note(std::size_t i, const char* field) {
  Landmarks landmarks(row_);
  auto offset = static_cast<std::size_t>(field - span_);
  if (offset == 0 || offset >= Landmarks::lost) return has_unusual_order();
  if (landmarks && landmarks.at(i) == 0) put(i, static_cast<std::uint16_t>(offset));
}

bool LandmarkWriter::grow() {
  if (end_ + row_bytes_ > limit_) return limit_ = end_ = 0, false;
  rows_.resize(std::min(limit_, std::max<std::size_t>(512, 2 * rows_.size())));
  return end_ + row_bytes_ <= rows_.size();
}

Guide Guide::to(const Excerpt& excerpt, const Sought& sought) {
  Guide out;
  if (!in_reach(excerpt)) return out;
  out.head = (excerpt.fields & head_fields) != 0;
  out.status = (excerpt.fields & Excerpt::field(status_field)) != 0;
  out.children = excerpt.parts & Parts::children;
  if (excerpt.parts & Parts::attributes) {
    for (auto& key : excerpt.keys.keys()) {
      std::size_t slot = sought.slot(key);
      if (slot == Sought::nowhere) return {};
      out.slots.push_back(slot);
    }
  }
  out.covers = true;
  return out;
}

}  // namespace weir::otlp
