#include "components/receivers/fluentforward/message.h"

#include <bit>
#include <cstring>

#include "base/text.h"
#include "base/utf8.h"
#include "components/shared/stanza/go_text.h"
#include "net/compression.h"

namespace weir::receivers::fluentforward {
namespace {

using otlp::Value;
using otlp::ValueType;

constexpr int most_levels = 32;
constexpr std::size_t most_items = 1'000'000;

std::unexpected<Error> wrong(std::string_view what) { return fail(Errc::invalid, "fluent forward: {}", what); }

enum class Type : std::uint8_t { nil, boolean, positive, negative, real, text, binary, list, map, extension };

// The head of a value: what it is, and its length or number.
struct Head {
  Type type = Type::nil;
  std::uint64_t size = 0;    // of text, binary, extension; items of list and map
  std::uint64_t number = 0;  // positive; negative as two's complement; bits of a real
  std::uint8_t kind = 0;     // of an extension
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes), whole_(bytes) {}

  bool short_of_bytes() const { return short_; }
  std::size_t position() const { return whole_.size() - left_.size(); }
  bool empty() const { return left_.empty(); }

  Result<Head> head() {
    Head out;
    auto c = static_cast<std::uint8_t>(number(1));
    if (short_) return wrong("a message ends too early");
    if (c < 0x80) return out.type = Type::positive, out.number = c, out;
    if (c >= 0xe0) return out.type = Type::negative, out.number = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int8_t>(c))), out;
    if (c < 0x90) return out.type = Type::map, out.size = c & 0x0f, out;
    if (c < 0xa0) return out.type = Type::list, out.size = c & 0x0f, out;
    if (c < 0xc0) return out.type = Type::text, out.size = c & 0x1f, out;
    auto sized = [&](Type type, std::size_t width) { out.type = type, out.size = number(width); };
    auto fixed = [&](std::uint64_t size) { out.type = Type::extension, out.size = size; };
    switch (c) {
      case 0xc0: break;
      case 0xc2:
      case 0xc3: out.type = Type::boolean, out.number = c & 1; break;
      case 0xc4: sized(Type::binary, 1); break;
      case 0xc5: sized(Type::binary, 2); break;
      case 0xc6: sized(Type::binary, 4); break;
      case 0xc7: sized(Type::extension, 1); break;
      case 0xc8: sized(Type::extension, 2); break;
      case 0xc9: sized(Type::extension, 4); break;
      case 0xca: out.type = Type::real, out.number = std::bit_cast<std::uint64_t>(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(number(4))))); break;
      case 0xcb: out.type = Type::real, out.number = number(8); break;
      case 0xcc: out.type = Type::positive, out.number = number(1); break;
      case 0xcd: out.type = Type::positive, out.number = number(2); break;
      case 0xce: out.type = Type::positive, out.number = number(4); break;
      case 0xcf: out.type = Type::positive, out.number = number(8); break;
      case 0xd0: signed_number(out, static_cast<std::int8_t>(number(1))); break;
      case 0xd1: signed_number(out, static_cast<std::int16_t>(number(2))); break;
      case 0xd2: signed_number(out, static_cast<std::int32_t>(number(4))); break;
      case 0xd3: signed_number(out, static_cast<std::int64_t>(number(8))); break;
      case 0xd4: fixed(1); break;
      case 0xd5: fixed(2); break;
      case 0xd6: fixed(4); break;
      case 0xd7: fixed(8); break;
      case 0xd8: fixed(16); break;
      case 0xd9: sized(Type::text, 1); break;
      case 0xda: sized(Type::text, 2); break;
      case 0xdb: sized(Type::text, 4); break;
      case 0xdc: sized(Type::list, 2); break;
      case 0xdd: sized(Type::list, 4); break;
      case 0xde: sized(Type::map, 2); break;
      case 0xdf: sized(Type::map, 4); break;
      default: return wrong("a byte that begins no value");
    }
    if (out.type == Type::extension) out.kind = static_cast<std::uint8_t>(number(1));
    if (short_) return wrong("a message ends too early");
    if ((out.type == Type::list || out.type == Type::map) && out.size > most_items) return wrong("too many items in a list");
    return out;
  }

  std::string_view bytes(std::uint64_t n) {
    if (n > left_.size()) return short_ = true, left_ = {}, std::string_view{};
    std::string_view out = left_.substr(0, static_cast<std::size_t>(n));
    left_.remove_prefix(out.size());
    return out;
  }

  Result<> skip(int depth = 0) {
    if (depth > most_levels) return wrong("values nest too deep");
    WEIR_ASSIGN(Head h, head());
    switch (h.type) {
      case Type::text:
      case Type::binary:
      case Type::extension: bytes(h.size); break;
      case Type::list:
      case Type::map:
        for (std::uint64_t i = 0; i < h.size * (h.type == Type::map ? 2 : 1); ++i) WEIR_TRY(skip(depth + 1));
        break;
      default: break;
    }
    return short_ ? Result<>(wrong("a message ends too early")) : Result<>{};
  }

 private:
  std::uint64_t number(std::size_t width) {
    std::uint64_t out = 0;
    for (char c : bytes(width)) out = out << 8 | static_cast<unsigned char>(c);
    return out;
  }
  static void signed_number(Head& to, std::int64_t v) {
    to.type = v < 0 ? Type::negative : Type::positive;
    to.number = static_cast<std::uint64_t>(v);
  }

  std::string_view left_, whole_;
  bool short_ = false;
};

class MessageReader {
 public:
  MessageReader(std::string_view bytes, Arena& arena, std::size_t most, Charge& charge) : in_(bytes), arena_(arena), most_(most), charge_(charge) {}

  Result<Message> read() {
    Message out;
    WEIR_ASSIGN(Head whole, in_.head());
    if (whole.type != Type::list || whole.size < 2 || whole.size > 4) return wrong("a message is a list of 2 to 4 values");
    WEIR_ASSIGN(out.tag, text(in_));
    out.tag = stanza::to_valid_utf8(out.tag, arena_);
    WEIR_ASSIGN(Head second, in_.head());
    std::uint64_t used = 2;
    std::string_view packed;
    if (second.type == Type::list) {
      for (std::uint64_t i = 0; i < second.size; ++i) WEIR_TRY(entry(in_, out));
    } else if (second.type == Type::text || second.type == Type::binary) {
      packed = in_.bytes(second.size);
    } else {
      if (whole.size < 3) return wrong("a message without a record");
      stanza::Entry one;
      WEIR_TRY(time(in_, second, one));
      WEIR_TRY(record(in_, one));
      out.entries.push_back(one);
      used = 3;
    }
    bool compressed = false;
    if (whole.size > used) WEIR_TRY(options(out, compressed));
    if (packed.data() != nullptr) WEIR_TRY(unpack(packed, compressed, out));
    for (auto& one : out.entries) one.attributes.set(arena_, "fluent.tag", Value::of(out.tag));
    return out;
  }

 private:
  static Result<std::string_view> text(Reader& in) {
    WEIR_ASSIGN(Head h, in.head());
    if (h.type != Type::text && h.type != Type::binary) return wrong("expected a text");
    std::string_view out = in.bytes(h.size);
    if (in.short_of_bytes()) return wrong("a message ends too early");
    return out.data() == nullptr ? std::string_view("") : out;
  }

  Result<> options(Message& out, bool& compressed) {
    WEIR_ASSIGN(Head h, in_.head());
    if (h.type == Type::nil) return {};
    if (h.type != Type::map) return wrong("options are a map");
    for (std::uint64_t i = 0; i < h.size; ++i) {
      WEIR_ASSIGN(std::string_view key, text(in_));
      WEIR_ASSIGN(Value option, value(in_, 0));
      if (key == "chunk" && option.is(ValueType::string)) out.chunk = option.text;
      if (key == "compressed" && option.is(ValueType::string)) compressed = option.text == "gzip";
    }
    return {};
  }

  Result<> unpack(std::string_view packed, bool compressed, Message& out) {
    if (compressed) {
      WEIR_ASSIGN(std::string content, net::decompress(net::Compression::gzip, packed, most_, charge_));
      WEIR_TRY(pay(content.size()));
      packed = arena_.copy(content);
    }
    Reader in(packed);
    while (!in.empty()) WEIR_TRY(entry(in, out));
    return {};
  }

  Result<> entry(Reader& in, Message& out) {
    WEIR_ASSIGN(Head h, in.head());
    if (h.type != Type::list || h.size != 2) return wrong("an entry is a time and a record");
    if (out.entries.size() >= most_items) return wrong("too many entries");
    WEIR_TRY(pay(2 * sizeof(stanza::Entry) + for_a_line));
    stanza::Entry one;
    WEIR_ASSIGN(Head stamp, in.head());
    WEIR_TRY(time(in, stamp, one));
    WEIR_TRY(record(in, one));
    out.entries.push_back(one);
    return {};
  }

  // Seconds, or the extension EventTime: seconds and nanoseconds. Fluent Bit also has a list of that and metadata.
  Result<> time(Reader& in, const Head& h, stanza::Entry& to) {
    if (h.type == Type::list && h.size == 2) {
      WEIR_ASSIGN(Head inner, in.head());
      WEIR_TRY(time(in, inner, to));
      return in.skip();
    }
    std::uint64_t seconds = h.number, nanos = 0;
    if (h.type == Type::extension && h.kind == 0 && h.size == 8) {
      std::string_view b = in.bytes(8);
      if (b.size() != 8) return wrong("a message ends too early");
      auto word = [&](std::size_t at) {
        std::uint64_t out = 0;
        for (char c : b.substr(at, 4)) out = out << 8 | static_cast<unsigned char>(c);
        return out;
      };
      seconds = word(0), nanos = word(4);
    } else if (h.type == Type::real) {
      double value = std::bit_cast<double>(h.number);
      if (!(value >= 0 && value < 9e9)) return wrong("a time that is none");
      seconds = static_cast<std::uint64_t>(value), nanos = static_cast<std::uint64_t>((value - static_cast<double>(seconds)) * 1e9);
    } else if (h.type != Type::positive && h.type != Type::negative) {
      return wrong("a time that is none");
    }
    to.time = static_cast<std::int64_t>(seconds * 1'000'000'000 + nanos);
    to.has_time = true;
    return {};
  }

  // For what is about to be made, in steps.
  Result<> pay(std::size_t bytes) {
    if (bytes > paid_) {
      std::size_t more = std::max<std::size_t>(bytes, 64 * 1024);
      if (!charge_.grow(more)) return fail(Errc::refused, "fluent forward: no room for a message");
      paid_ += more;
    }
    paid_ -= bytes;
    return {};
  }

  Result<> record(Reader& in, stanza::Entry& to) {
    WEIR_ASSIGN(Head h, in.head());
    if (h.type != Type::map) return wrong("a record is a map");
    for (std::uint64_t i = 0; i < h.size; ++i) {
      WEIR_TRY(pay(2 * sizeof(otlp::KeyValue) + for_a_line));
      WEIR_ASSIGN(std::string_view key, text(in));
      WEIR_ASSIGN(Value item, value(in, 0));
      if (key == "message" || key == "log") to.body = item;
      else to.attributes.push_back(arena_, otlp::KeyValue{stanza::to_valid_utf8(key, arena_), item});
    }
    return {};
  }

  Result<Value> value(Reader& in, int depth) {
    if (depth > most_levels) return wrong("values nest too deep");
    WEIR_ASSIGN(Head h, in.head());
    switch (h.type) {
      case Type::nil: return Value();
      case Type::boolean: return Value::of(h.number != 0);
      case Type::positive:
        if (h.number > static_cast<std::uint64_t>(INT64_MAX)) return Value::of(arena_.copy(fmt::format("{}", h.number)));
        return Value::of(static_cast<std::int64_t>(h.number));
      case Type::negative: return Value::of(static_cast<std::int64_t>(h.number));
      case Type::real: return Value::of(std::bit_cast<double>(h.number));
      case Type::text:
      case Type::binary: {
        std::string_view text = in.bytes(h.size);
        if (in.short_of_bytes()) return wrong("a message ends too early");
        return Value::of(text.empty() ? std::string_view("") : stanza::to_valid_utf8(text, arena_));
      }
      case Type::list: {
        auto* list = arena_.make<otlp::Array>();
        for (std::uint64_t i = 0; i < h.size; ++i) {
          WEIR_TRY(pay(2 * sizeof(Value)));
          WEIR_ASSIGN(Value item, value(in, depth + 1));
          list->push_back(arena_, item);
        }
        return Value::of(list);
      }
      case Type::map: {
        auto* map = arena_.make<otlp::Attributes>();
        for (std::uint64_t i = 0; i < h.size; ++i) {
          WEIR_TRY(pay(2 * sizeof(otlp::KeyValue)));
          WEIR_ASSIGN(std::string_view key, text(in));
          WEIR_ASSIGN(Value item, value(in, depth + 1));
          map->push_back(arena_, otlp::KeyValue{stanza::to_valid_utf8(key, arena_), item});
        }
        return Value::of(map);
      }
      case Type::extension: {
        std::string_view bytes = in.bytes(h.size);
        if (in.short_of_bytes()) return wrong("a message ends too early");
        return Value::of_bytes(bytes);
      }
    }
    return Value();
  }

  Reader in_;
  Arena& arena_;
  // What a record or an attribute becomes in the request that is written of it, beside its text.
  static constexpr std::size_t for_a_line = 64;
  std::size_t most_;
  Charge& charge_;
  std::size_t paid_ = 0;  // and not used yet
};

}  // namespace

Result<std::size_t> value_size(std::string_view bytes) {
  Reader in(bytes);
  auto done = in.skip();
  if (in.short_of_bytes()) return std::size_t{0};
  if (!done) return std::unexpected(done.error());
  return in.position();
}

Result<Message> read_message(std::string_view bytes, Arena& arena, std::size_t most, Charge& charge) { return MessageReader(bytes, arena, most, charge).read(); }

std::string ack_of(std::string_view chunk) {
  std::string out = "\x81\xa3" "ack";
  if (chunk.size() < 32) out += static_cast<char>(0xa0 | chunk.size());
  else if (chunk.size() < 256) out += "\xd9", out += static_cast<char>(chunk.size());
  else out += "\xda", out += static_cast<char>(chunk.size() >> 8), out += static_cast<char>(chunk.size());
  return out + std::string(chunk.substr(0, 65'535));
}

}  // namespace weir::receivers::fluentforward
