#include "otlp/landmarks.h"

namespace weir::otlp {
namespace {

constexpr std::uint32_t status_field = 15;

constexpr std::uint32_t fields_of(std::initializer_list<std::uint32_t> numbers) {
  std::uint32_t out = 0;
  for (std::uint32_t number : numbers) out |= Excerpt::field(number);
  return out;
}
// What SpanHead reads.
constexpr std::uint32_t head_fields = fields_of({1, 2, 4, 5, 6, 7, 8});
// Those and the trace state, which stands among them where there is one.
constexpr std::uint32_t early_fields = head_fields | fields_of({3});
// Which of them are read at all is said by Excerpt::parts.
constexpr std::uint32_t parts_fields = fields_of({9, 11, 13});

}  // namespace

void Sought::add(std::string_view key) {
  wanted_ = true;
  if (slot(key) != nowhere || keys_.size() == max_keys) return;
  keys_.emplace_back(key);
  bits_ |= key_bit(key);
}

void Sought::add(const Excerpt& excerpt) {
  wanted_ = true;
  if (!(excerpt.parts & Parts::attributes) || excerpt.keys.is_every()) return;
  for (auto& key : excerpt.keys.keys()) add(std::string_view(key));
}

std::string Sought::id() const {
  std::string out;
  for (auto& key : keys_) out += fmt::format("{}:{}", key.size(), key);
  return out;
}

void LandmarkWriter::field(std::uint32_t number, const char* field) {
  if (number < 32 && (early_fields & Excerpt::field(number))) return disorder();
  if (number != status_field) return;
  if (Landmarks(row_).status() != 0) return disorder();  // parts of one message: rare enough
  note(0, field);
}

void LandmarkWriter::place(const char* field, std::string_view key) {
  if (std::size_t slot = sought_.slot(key); slot != Sought::nowhere) note(1 + slot, field);
}

void LandmarkWriter::note(std::size_t i, const char* field) {
  Landmarks landmarks(row_);
  auto offset = static_cast<std::size_t>(field - span_);
  if (offset == 0 || offset >= Landmarks::lost) return disorder();
  if (landmarks && landmarks.at(i) == 0) put(i, static_cast<std::uint16_t>(offset));
}

bool LandmarkWriter::grow() {
  if (end_ + row_bytes_ > limit_) return limit_ = end_ = 0, false;
  rows_.resize(std::min(limit_, std::max<std::size_t>(4096, 2 * rows_.size())));
  return end_ + row_bytes_ <= rows_.size();
}

Guide Guide::to(const Excerpt& excerpt, const Sought& sought) {
  Guide out;
  std::uint32_t fields = excerpt.fields & ~parts_fields;
  if ((fields & ~(head_fields | Excerpt::field(status_field))) || (excerpt.parts & (Parts::children | Parts::unknown))) return {};
  out.head = (fields & head_fields) != 0;
  out.status = (fields & Excerpt::field(status_field)) != 0;
  if (excerpt.parts & Parts::attributes) {
    if (excerpt.keys.is_every()) return {};
    for (auto& key : excerpt.keys.keys()) {
      std::size_t slot = sought.slot(key);
      if (slot == Sought::nowhere) return {};
      out.slots.push_back(slot);
    }
  }
  out.leads_there = true;
  return out;
}

}  // namespace weir::otlp
