#include "components/shared/remote_write/decode.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "otlp/wire.h"

namespace weir::remote_write {
namespace {

using otlp::Reader;
using otlp::WireType;

std::unexpected<Error> damaged(std::string_view what) { return fail(Errc::invalid, "remote write: {}: damaged or cut off", what); }

using Symbols = std::vector<std::string_view>;

// Pays for the vectors that a series is read into: two bytes can become a histogram of hundreds. Twice an element's size, as vectors grow.
class Room {
 public:
  explicit Room(Charge charge) : charge_(std::move(charge)) {}

  bool take(std::size_t bytes) {
    if (bytes > paid_) {
      std::size_t more = std::max(bytes, step);
      if (!charge_.grow(more)) return full_ = true, false;
      paid_ += more;
    }
    paid_ -= bytes;
    return true;
  }
  // Null: there is no room.
  template <class T>
  T* add(std::vector<T>& to) {
    return take(2 * sizeof(T)) ? &to.emplace_back() : nullptr;
  }
  template <class T>
  bool add(std::vector<T>& to, const T& value) {
    if (!take(2 * sizeof(T))) return false;
    to.push_back(value);
    return true;
  }
  bool full() const { return full_; }
  // What was read is not needed any more. True: it was so much that it is to be freed.
  bool clear() {
    bool much = charge_.bytes() > step;
    charge_.shrink_to(step);
    paid_ = charge_.bytes();
    return much;
  }

 private:
  static constexpr std::size_t step = 64 * 1024;
  Charge charge_;
  std::size_t paid_ = 0;  // and not used yet
  bool full_ = false;
};

// A packed or a single value of a repeated number. `take(Reader&)` reads one; false ends it.
template <class Take>
bool repeated(Reader& in, WireType single, Take take) {
  if (in.is(single)) return take(in) && in.ok();
  if (!in.is(WireType::bytes)) return in.skip(), in.ok();
  Reader packed(in.bytes());
  while (packed.ok() && !packed.rest().empty())
    if (!take(packed)) return false;
  return in.ok() && packed.ok();
}

double real_of(Reader& in) {
  if (in.is(WireType::fixed64)) return in.real();
  in.skip();
  return 0;
}
std::uint64_t number_of(Reader& in) {
  if (in.is(WireType::varint)) return in.varint();
  in.skip();
  return 0;
}
std::string_view text_of(Reader& in) {
  if (in.is(WireType::bytes)) return in.bytes();
  in.skip();
  return {};
}
std::int64_t time_of(Reader& in) { return static_cast<std::int64_t>(number_of(in)); }

bool decode_span(std::string_view bytes, std::vector<prometheus::NativeSpan>& out, Room& room) {
  prometheus::NativeSpan span;
  Reader in(bytes);
  while (in.next()) {
    if (in.field() == 1)
      span.offset = static_cast<std::int32_t>(otlp::unzigzag(number_of(in)));
    else if (in.field() == 2)
      span.length = static_cast<std::uint32_t>(number_of(in));
    else
      in.skip();
  }
  return room.add(out, span) && in.ok();
}

std::uint64_t whole_part(double value) { return value >= 0 && value < 1.8e19 ? static_cast<std::uint64_t>(value) : 0; }

// The two protocols have the same message.
bool decode_histogram(std::string_view bytes, Histogram* out_or_null, Room& room) {
  if (out_or_null == nullptr) return false;
  Histogram& out = *out_or_null;
  Reader in(bytes);
  bool fine = true;
  auto deltas = [&](std::vector<std::int64_t>& to) {
    fine = fine && repeated(in, WireType::varint, [&](Reader& r) { return room.add(to, otlp::unzigzag(r.varint())); });
  };
  auto reals = [&](std::vector<double>& to) {
    fine = fine && repeated(in, WireType::fixed64, [&](Reader& r) { return room.add(to, r.real()); });
  };
  while (fine && in.next()) {
    switch (in.field()) {
      case 1: out.count = number_of(in); break;
      case 2:
        out.is_float = true;
        out.count = whole_part(real_of(in));
        break;
      case 3: out.sum = real_of(in); break;
      case 4: out.schema = static_cast<std::int32_t>(otlp::unzigzag(number_of(in))); break;
      case 5: out.zero_threshold = real_of(in); break;
      case 6: out.zero_count = number_of(in); break;
      case 7: out.zero_count = whole_part(real_of(in)); break;
      case 8: fine = decode_span(text_of(in), out.negative_spans, room); break;
      case 9: deltas(out.negative_deltas); break;
      case 10: reals(out.negative_counts); break;
      case 11: fine = decode_span(text_of(in), out.positive_spans, room); break;
      case 12: deltas(out.positive_deltas); break;
      case 13: reals(out.positive_counts); break;
      case 14: out.reset = static_cast<Histogram::Reset>(std::min<std::uint64_t>(number_of(in), 3)); break;
      case 15: out.time = time_of(in); break;
      case 16: reals(out.custom_bounds); break;
      case 17: out.start = time_of(in); break;
      default: in.skip();
    }
  }
  return fine && in.ok();
}

bool decode_sample(std::string_view bytes, Sample* out) {
  if (out == nullptr) return false;
  Reader in(bytes);
  while (in.next()) {
    switch (in.field()) {
      case 1: out->value = real_of(in); break;
      case 2: out->time = time_of(in); break;
      case 3: out->start = time_of(in); break;
      default: in.skip();
    }
  }
  return in.ok();
}

bool decode_label(std::string_view bytes, Label* out) {
  if (out == nullptr) return false;
  Reader in(bytes);
  while (in.next()) {
    if (in.field() == 1)
      out->name = text_of(in);
    else if (in.field() == 2)
      out->value = text_of(in);
    else
      in.skip();
  }
  return in.ok();
}

// Why a set of labels cannot be a series', or "".
std::string check(std::vector<Label>& labels) {
  if (!std::ranges::is_sorted(labels, {}, &Label::name)) std::ranges::stable_sort(labels, {}, &Label::name);
  bool named = false;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto& [name, value] = labels[i];
    if (name.empty()) return "a label without a name";
    if (i > 0 && name == labels[i - 1].name) return fmt::format("duplicate label \"{}\"", name.substr(0, 100));
    if (!valid_utf8(name) || !valid_utf8(value)) return "a label that is not UTF-8";
    named = named || (name == "__name__" && !value.empty());
  }
  return named ? "" : "missing metric name in labels";
}

class Decoder {
 public:
  Decoder(Version version, Handler& handler, Charge charge) : version_(version), handler_(handler), symbols_room_(charge.another()), room_(std::move(charge)) {}

  Result<> run(std::string_view body) {
    if (version_ == Version::v2) WEIR_TRY(take_symbols(body));
    std::uint32_t series_field = version_ == Version::v1 ? 1 : 5;
    Reader in(body);
    while (in.next()) {
      if (in.field() == series_field && in.is(WireType::bytes)) {
        WEIR_TRY(take_series(in.bytes()));
      } else if (version_ == Version::v1 && in.field() == 3 && in.is(WireType::bytes)) {
        if (!take_metadata_v1(in.bytes())) return damaged("metadata");
      } else {
        in.skip();
      }
    }
    return in.ok() ? Result<>() : damaged("request");
  }

 private:
  // They may stand behind the series that use them.
  Result<> take_symbols(std::string_view body) {
    Reader in(body);
    while (in.next()) {
      if (in.field() != 4 || !in.is(WireType::bytes))
        in.skip();
      else if (!symbols_room_.add(symbols_, in.bytes()))
        return no_room();
    }
    if (!in.ok()) return damaged("request");
    if (!symbols_.empty() && !symbols_[0].empty()) return fail(Errc::invalid, "remote write: the first symbol is not empty");
    return {};
  }

  static std::unexpected<Error> no_room() { return fail(Errc::refused, "no room for a remote write request"); }

  Result<> take_series(std::string_view bytes) {
    if (room_.clear()) series_ = {};
    series_.clear();
    why_.clear();
    created_ = 0;
    bool fine = version_ == Version::v1 ? series_v1(bytes) : series_v2(bytes);
    if (room_.full()) return no_room();
    if (!fine) return damaged("time series");
    if (why_.empty()) why_ = check(series_.labels);
    if (!why_.empty()) return handler_.invalid(series_.samples.size(), series_.histograms.size(), std::move(why_)), Result<>();
    if (created_ != 0) {
      for (auto& sample : series_.samples)
        if (sample.start == 0) sample.start = created_;
      for (auto& histogram : series_.histograms)
        if (histogram.start == 0) histogram.start = created_;
    }
    return handler_.series(series_);
  }

  bool series_v1(std::string_view bytes) {
    Reader in(bytes);
    bool fine = true;
    while (fine && in.next()) {
      if (!in.is(WireType::bytes)) {
        in.skip();
        continue;
      }
      std::string_view message = in.bytes();
      switch (in.field()) {
        case 1: fine = decode_label(message, room_.add(series_.labels)); break;
        case 2: fine = decode_sample(message, room_.add(series_.samples)); break;
        case 3: fine = exemplar_v1(message); break;
        case 4: fine = decode_histogram(message, room_.add(series_.histograms), room_); break;
      }
    }
    for (auto& sample : series_.samples) sample.start = 0;  // 1.0 has none
    return fine && in.ok();
  }

  bool exemplar_v1(std::string_view bytes) {
    Exemplar* added = room_.add(series_.exemplars);
    if (added == nullptr) return false;
    Exemplar& out = *added;
    Reader in(bytes);
    bool fine = true;
    while (fine && in.next()) {
      switch (in.field()) {
        case 1: fine = decode_label(text_of(in), room_.add(out.labels)); break;
        case 2: out.value = real_of(in); break;
        case 3: out.time = time_of(in); break;
        default: in.skip();
      }
    }
    return fine && in.ok();
  }

  bool series_v2(std::string_view bytes) {
    Reader in(bytes);
    bool fine = true;
    while (fine && in.next()) {
      if (in.field() == 1) {
        fine = take_refs(in, series_.labels);
      } else if (in.field() == 6 && in.is(WireType::varint)) {
        created_ = time_of(in);
      } else if (in.is(WireType::bytes)) {
        std::uint32_t field = in.field();
        std::string_view message = in.bytes();
        if (field == 2) fine = decode_sample(message, room_.add(series_.samples));
        if (field == 3) fine = decode_histogram(message, room_.add(series_.histograms), room_);
        if (field == 4) fine = exemplar_v2(message);
        if (field == 5) fine = metadata_v2(message);
      } else {
        in.skip();
      }
    }
    return fine && in.ok();
  }

  bool exemplar_v2(std::string_view bytes) {
    Exemplar* added = room_.add(series_.exemplars);
    if (added == nullptr) return false;
    Exemplar& out = *added;
    Reader in(bytes);
    bool fine = true;
    while (fine && in.next()) {
      switch (in.field()) {
        case 1: fine = take_refs(in, out.labels); break;
        case 2: out.value = real_of(in); break;
        case 3: out.time = time_of(in); break;
        default: in.skip();
      }
    }
    return fine && in.ok();
  }

  bool metadata_v2(std::string_view bytes) {
    Reader in(bytes);
    while (in.next()) {
      switch (in.field()) {
        case 1: series_.metadata.type = type_of(number_of(in)); break;
        case 3: series_.metadata.help = symbol(number_of(in)); break;
        case 4: series_.metadata.unit = symbol(number_of(in)); break;
        default: in.skip();
      }
    }
    return in.ok();
  }

  bool take_metadata_v1(std::string_view bytes) {
    Metadata out;
    Reader in(bytes);
    while (in.next()) {
      switch (in.field()) {
        case 1: out.type = type_of(number_of(in)); break;
        case 2: out.family = text_of(in); break;
        case 4: out.help = text_of(in); break;
        case 5: out.unit = text_of(in); break;
        default: in.skip();
      }
    }
    if (in.ok()) handler_.metadata(out);
    return in.ok();
  }

  static MetricType type_of(std::uint64_t number) { return number <= 7 ? static_cast<MetricType>(number) : MetricType::unknown; }

  std::string_view symbol(std::uint64_t ref) {
    if (ref < symbols_.size()) return symbols_[ref];
    if (ref != 0) why_ = fmt::format("reference {} to {} symbols", ref, symbols_.size());
    return {};
  }

  // References come in pairs of name and value.
  bool take_refs(Reader& in, std::vector<Label>& labels) {
    std::vector<std::uint64_t> refs;
    bool fine = repeated(in, WireType::varint, [&](Reader& r) { return room_.add(refs, r.varint()); });
    if (refs.size() % 2 != 0) why_ = "an odd number of label references";
    for (std::size_t i = 0; i + 1 < refs.size(); i += 2) fine = fine && room_.add(labels, {symbol(refs[i]), symbol(refs[i + 1])});
    return fine;
  }

  Version version_;
  Handler& handler_;
  Room symbols_room_, room_;
  Symbols symbols_;
  Series series_;
  std::string why_;
  std::int64_t created_ = 0;
};

}  // namespace

Result<> decode(Version version, std::string_view body, Handler& handler, const Charge& charge) {
  return Decoder(version, handler, charge.another()).run(body);
}

std::size_t count_series(std::string_view body, Version version) {
  std::size_t n = 0;
  Reader in(body);
  while (in.next()) {
    if (in.field() == (version == Version::v1 ? 1 : 5)) ++n;
    in.skip();
  }
  return n;
}

}  // namespace weir::remote_write
