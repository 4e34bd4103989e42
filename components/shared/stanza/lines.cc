#include "components/shared/stanza/lines.h"

#include <cstring>

#include "base/text.h"
#include "base/utf8.h"

namespace weir::stanza {
namespace {

using config::field;

std::string spread(char c, std::string_view encoding) {
  if (encoding == "utf-16" || encoding == "utf16" || encoding == "utf-16le") return {c, '\0'};
  if (encoding == "utf-16be") return {'\0', c};
  if (encoding == "utf-32" || encoding == "utf-32be") return {'\0', '\0', '\0', c};
  if (encoding == "utf-32le") return {c, '\0', '\0', '\0'};
  return {c};
}

bool space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// How many bytes at the front of what is no character are replaced together: the beginning of a character that was cut off is one.
std::size_t broken_length(const unsigned char* p, std::size_t size) {
  unsigned char first = p[0];
  std::size_t wanted = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 1;
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80, high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  std::size_t n = 1;
  for (; n < wanted && n < size && p[n] >= low && p[n] <= high; ++n) low = 0x80, high = 0xbf;
  return n;
}

// At a multiple of its own size: two bytes of UTF-16 belong together.
std::size_t find_aligned(std::string_view data, std::string_view what) {
  if (what.size() == 1) {
    auto* found = data.empty() ? nullptr : static_cast<const char*>(std::memchr(data.data(), what[0], data.size()));
    return found ? static_cast<std::size_t>(found - data.data()) : data.npos;
  }
  for (std::size_t at = data.find(what); at != data.npos; at = data.find(what, at + 1))
    if (at % what.size() == 0) return at;
  return data.npos;
}

}  // namespace

std::span<const config::FieldInfo> MultilineConfig::fields() {
  static const std::array rows{
      field<&MultilineConfig::line_start_pattern>("line_start_pattern", "A regular expression that an entry begins with. Either this or line_end_pattern."),
      field<&MultilineConfig::line_end_pattern>("line_end_pattern", "A regular expression that an entry ends with."),
      field<&MultilineConfig::omit_pattern>("omit_pattern", "What the expression matched is no part of the entry."),
  };
  return rows;
}

Result<Lines> Lines::make(const LineSettings& settings) {
  Lines out;
  out.settings_ = settings;
  std::string encoding = to_lower(settings.encoding);
  auto& multiline = settings.multiline;
  out.nop_ = encoding == "nop";
  if (out.nop_) out.settings_.truncate = false;  // what has no lines goes on in the next piece
  out.raw_ = encoding == "utf-8-raw" || encoding == "utf8-raw";
  bool utf8 = encoding.empty() || encoding == "utf-8" || encoding == "utf8" || encoding == "ascii" || encoding == "us-ascii";
  if (out.nop_ && (!multiline.line_start_pattern.empty() || !multiline.line_end_pattern.empty()))
    return fail(Errc::config, "line_start_pattern and line_end_pattern should not be set when using nop encoding");
  if (!multiline.line_start_pattern.empty() && !multiline.line_end_pattern.empty())
    return fail(Errc::config, "only one of line_start_pattern or line_end_pattern can be set");
  if (!out.nop_ && !out.raw_ && !utf8) {
    WEIR_ASSIGN(auto decoder, ottl::TextDecoder::open(encoding));
    out.decoder_.emplace(std::move(decoder));
    out.newline_ = spread('\n', encoding);
    out.carriage_return_ = spread('\r', encoding);
  }
  auto compile = [](std::string_view what, const std::string& pattern, std::optional<Regex>& to) -> Result<> {
    if (pattern.empty()) return {};
    auto regex = Regex::compile("(?m)" + pattern);
    if (!regex) return fail(Errc::config, "compile {} regex: {}", what, regex.error().what);
    to.emplace(std::move(*regex));
    return {};
  };
  WEIR_TRY(compile("line start", multiline.line_start_pattern, out.start_));
  WEIR_TRY(compile("line end", multiline.line_end_pattern, out.end_));
  return out;
}

Value Lines::read(std::string_view raw, Arena& arena) {
  if (nop_) return Value::of_bytes(raw);
  if (decoder_) {
    scratch_.clear();
    decoder_->decode(raw, scratch_);
    raw = arena.copy(scratch_);
  }
  if (!settings_.preserve_leading)
    while (!raw.empty() && space(raw.front())) raw.remove_prefix(1);
  if (!settings_.preserve_trailing)
    while (!raw.empty() && space(raw.back())) raw.remove_suffix(1);
  if (decoder_ || valid_utf8(raw)) return Value::of(raw.data() == nullptr ? std::string_view("") : raw);
  // OTLP has no text that is not UTF-8.
  if (raw_) return Value::of_bytes(raw);
  scratch_.clear();
  auto* p = reinterpret_cast<const unsigned char*>(raw.data());
  for (std::size_t i = 0; i < raw.size();) {
    std::size_t n = utf8_length(p + i, raw.size() - i);
    scratch_ += n == 0 ? std::string_view("\uFFFD") : raw.substr(i, n);
    i += n == 0 ? broken_length(p + i, raw.size() - i) : n;
  }
  return Value::of(arena.copy(scratch_));
}

LineScan::LineScan(Lines& lines, std::string_view data, bool at_end, bool& skipping) : lines_(lines), data_(data), at_end_(at_end), skipping_(skipping) {
  if (!lines.start_ && !lines.end_) return;
  if (lines.newline_.size() == 1) {
    subject_.emplace(data);
    return;
  }
  lines.decoder_->decode(data, decoded_);
  // A mark of the byte order is no text for some encodings.
  bool marked = data.starts_with("\xff\xfe") || data.starts_with("\xfe\xff");
  if (lines.newline_.size() == 2 && marked && !decoded_.starts_with("\xef\xbb\xbf")) decoded_data_at_ = 2;
  subject_.emplace(decoded_);
}

std::optional<std::string_view> LineScan::next() {
  std::size_t max = lines_.settings_.max_size;
  while (true) {
    begin_ = at_;
    auto found = split();
    if (skipping_) {
      // The rest of a line that was cut off.
      if (!found) return at_ = data_.size(), std::nullopt;
      skipping_ = false;
      at_ += found->advance;
      continue;
    }
    std::size_t left = data_.size() - at_;
    if (!found) {
      if (left < max) return {};
      skipping_ = lines_.settings_.truncate;
      found = Found{data_.substr(at_, max), max};
    } else if (found->token.size() > max) {
      found->token = found->token.substr(0, max);
      if (!lines_.settings_.truncate) found->advance = max;
    }
    at_ += found->advance;
    return found->token;
  }
}

std::optional<LineScan::Found> LineScan::split() {
  if (at_ == data_.size()) return {};
  if (lines_.nop_ || lines_.settings_.one_per_read) {
    if (!at_end_ && data_.size() - at_ < lines_.settings_.max_size) return {};
    return Found{data_.substr(at_), data_.size() - at_};
  }
  return subject_ ? by_expression() : by_newline();
}

std::optional<LineScan::Found> LineScan::by_expression() {
  auto find = [&](std::string_view text, std::size_t at) { return lines_.start_ ? by_start(text, at) : by_end(text, at); };
  std::size_t unit = lines_.newline_.size();
  if (unit == 1) {
    auto found = find(data_, at_);
    if (!found) return {};
    return Found{data_.substr(found->begin, found->end - found->begin), found->next - at_};
  }
  // Characters outside the basic plane take four bytes in all of these.
  std::size_t in_text = decoded_at_, in_data = decoded_data_at_;
  auto step = [&] {
    auto lead = static_cast<unsigned char>(decoded_[in_text]);
    std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    in_text += length;
    in_data += length == 4 ? 4 : unit;
  };
  while (in_data < at_ && in_text < decoded_.size()) step();
  decoded_at_ = in_text, decoded_data_at_ = in_data;
  auto found = find(decoded_, in_text);
  if (!found) return {};
  auto data_place = [&](std::size_t place) {
    while (in_text < place) step();
    return std::min(in_data, data_.size());
  };
  std::size_t begin = data_place(found->begin), end = data_place(found->end), next = data_place(found->next);
  return Found{data_.substr(begin, end - begin), next - at_};
}

std::optional<LineScan::Found> LineScan::by_newline() const {
  std::string_view left = data_.substr(at_);
  std::size_t end = find_aligned(left, lines_.newline_);
  if (end == left.npos) return {};
  std::string_view token = left.substr(0, end);
  if (end > 0 && token.ends_with(lines_.carriage_return_)) token.remove_suffix(lines_.carriage_return_.size());
  return Found{token, end + lines_.newline_.size()};
}

std::optional<LineScan::Span> LineScan::by_start(std::string_view text, std::size_t at) {
  std::string_view group[1];
  auto place = [&] { return static_cast<std::size_t>(group[0].data() - text.data()); };
  if (!lines_.start_->find(*subject_, at, group)) return {};
  std::size_t first = place(), first_end = first + group[0].size();
  // What stands in front of the first start is an entry too.
  if (first > at) return Span{at, first, first};
  if (first_end == text.size()) return {};
  for (std::size_t from = std::max(first_end, first + 1); from <= text.size() && lines_.start_->find(*subject_, from, group);) {
    std::size_t second = place();
    if (second > first_end) return Span{lines_.settings_.multiline.omit_pattern ? first_end : first, second, second};
    from = std::max(second + group[0].size(), second + 1);
  }
  return {};
}

std::optional<LineScan::Span> LineScan::by_end(std::string_view text, std::size_t at) {
  std::string_view group[1];
  if (!lines_.end_->find(*subject_, at, group)) return {};
  auto begin = static_cast<std::size_t>(group[0].data() - text.data()), end = begin + group[0].size();
  if (end + 1 == text.size() && !at_end_) return {};
  if (end == at) return {};  // an empty match is no end
  return Span{at, lines_.settings_.multiline.omit_pattern ? begin : end, end};
}

}  // namespace weir::stanza
