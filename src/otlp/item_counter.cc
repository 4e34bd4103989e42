#include "otlp/item_counter.h"

#include <algorithm>

namespace weir::otlp {

// Whether the current field is an item.
bool ItemCounter::counts() const {
  if (signal_ == Signal::metrics) return depth_ == 4 && field_ == 1;
  return depth_ == 2 && field_ == 2;
}

// Whether there may be items in it.
bool ItemCounter::descends() const {
  switch (depth_) {
    case 0: return field_ == 1;
    case 1: return field_ == 2;
    case 2: return field_ == 2 && signal_ == Signal::metrics;
    case 3: return field_ == 5 || field_ == 7 || (field_ >= 9 && field_ <= 11);
    default: return false;
  }
}

void ItemCounter::on_tag(std::uint64_t tag) {
  field_ = tag >> 3;
  skip_ = 0;
  switch (tag & 7) {
    case 0: state_ = State::varint; break;
    case 1: state_ = State::skip, skip_ = 8; break;
    case 2: state_ = State::length; break;
    case 5: state_ = State::skip, skip_ = 4; break;
    default: state_ = State::damaged;
  }
}

void ItemCounter::on_length(std::uint64_t length) {
  std::uint64_t end = at_ + length;
  if (depth_ > 0 && end > ends_[depth_ - 1]) {
    state_ = State::damaged;
    return;
  }
  items_ += counts();
  state_ = State::skip;
  skip_ = length;
  if (!descends()) return;
  ends_[depth_++] = end;
  state_ = State::tag;
}

void ItemCounter::leave_messages() {
  while (depth_ > 0 && at_ >= ends_[depth_ - 1]) --depth_;
}

void ItemCounter::take_varint_byte(unsigned char byte) {
  if (shift_ < 64) number_ |= std::uint64_t{byte & 0x7Fu} << shift_;
  shift_ += 7;
  if (byte >= 0x80) {
    if (shift_ >= 70) state_ = State::damaged;
    return;
  }
  std::uint64_t number = number_;
  number_ = 0;
  shift_ = 0;
  switch (state_) {
    case State::tag: return on_tag(number);
    case State::length: return on_length(number);
    default: state_ = State::tag;
  }
}

void ItemCounter::take_protobuf(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::damaged) {
    if (state_ == State::skip) {
      std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      bytes.remove_prefix(part);
      at_ += part;
      skip_ -= part;
      if (skip_ == 0) state_ = State::tag, leave_messages();
      continue;
    }
    ++at_;
    take_varint_byte(static_cast<unsigned char>(bytes.front()));
    bytes.remove_prefix(1);
    if (state_ == State::skip && skip_ == 0) state_ = State::tag;
    if (state_ == State::tag && shift_ == 0) leave_messages();
  }
}

bool ItemCounter::opens_items() const {
  std::string_view key(text_.data(), std::min(text_size_, text_.size()));
  if (!after_colon_ || text_size_ > text_.size()) return false;
  switch (signal_) {
    case Signal::traces: return key == "spans";
    case Signal::metrics: return key == "dataPoints" || key == "data_points";
    case Signal::logs: return key == "logRecords" || key == "log_records";
    case Signal::profiles: return key == "profiles";
  }
  return false;
}

void ItemCounter::take_json(std::string_view bytes) {
  for (char c : bytes) {
    if (in_text_) {
      if (escaped_) escaped_ = false;
      else if (c == '\\') escaped_ = true;
      else if (c == '"') in_text_ = false;
      else if (text_size_ < text_.size()) text_[text_size_++] = c;
      else text_size_ = text_.size() + 1;
      continue;
    }
    switch (c) {
      case '"':
        in_text_ = true;
        text_size_ = 0;
        after_colon_ = false;
        break;
      case ':': after_colon_ = true; break;
      case '{':
        items_ += items_level_ != 0 && level_ == items_level_;
        ++level_;
        after_colon_ = false;
        break;
      case '[':
        ++level_;
        if (items_level_ == 0 && opens_items()) items_level_ = level_;
        after_colon_ = false;
        break;
      case '}':
      case ']':
        if (level_ > 0) --level_;
        if (level_ < items_level_) items_level_ = 0;
        break;
      default: break;
    }
  }
}

}  // namespace weir::otlp
