// Any bytes as Thrift, in both protocols: skipping ends where reading does. And what is written reads the same in both.
#include <fuzzer/FuzzedDataProvider.h>

#include "base/result.h"
#include "components/shared/thrift/testing.h"

using namespace weir;
using namespace weir::thrift;

namespace {

// Reads a value piece by piece.
void read_value(Reader& reader, const Field& field, int depth);

void read_struct(Reader& reader, int depth) {
  for (Field field; reader.next(field);) read_value(reader, field, depth);
}

void read_value(Reader& reader, const Field& field, int depth) {
  switch (field.type) {
    case Type::boolean: reader.boolean(field); break;
    case Type::real: reader.real(); break;
    case Type::binary: reader.binary(); break;
    case Type::structure:
      if (depth < 8) read_struct(reader, depth + 1);
      else reader.skip(field);
      break;
    case Type::list: {
      List list = reader.list();
      for (std::uint32_t i = 0; i < list.size && reader.ok(); ++i) {
        if (list.type == Type::boolean) reader.integer(Type::byte);  // in a list it is a byte of its own in either protocol
        else if (list.type == Type::list && depth >= 8) reader.skip({list.type});
        else read_value(reader, {list.type}, depth + 1);
      }
      break;
    }
    case Type::set:
    case Type::map: reader.skip(field); break;
    default: reader.integer(field.type);
  }
}

void check_skipping(Protocol protocol, std::string_view bytes) {
  Reader reading(protocol, bytes), skipping(protocol, bytes);
  Field read, skipped;
  while (reading.next(read)) {
    WEIR_CHECK(skipping.next(skipped) && skipped.type == read.type && skipped.id == read.id);
    read_value(reading, read, 0);
    skipping.skip(skipped);
    WEIR_CHECK(!reading.ok() || !skipping.ok() || reading.rest().data() == skipping.rest().data());
    if (!skipping.ok() || !reading.ok()) return;
  }
  Message message = Reader(protocol, bytes).message();
  WEIR_CHECK(message.name.empty() || (message.name.data() >= bytes.data() && message.name.data() + message.name.size() <= bytes.data() + bytes.size()));
}

struct Written {
  int id, kind;
  std::int64_t number;
  std::string text;
};

std::string written(Protocol protocol, std::span<const Written> fields) {
  testing::Writer writer(protocol);
  writer.begin();
  for (auto& field : fields) {
    switch (field.kind) {
      case 0: writer.integer(field.id, field.number); break;
      case 1: writer.integer(field.id, static_cast<std::int32_t>(field.number), Type::i32); break;
      case 2: writer.boolean(field.id, field.number & 1); break;
      case 3: writer.real(field.id, static_cast<double>(field.number)); break;
      case 4: writer.string(field.id, field.text); break;
      default: writer.structure(field.id).begin().string(1, field.text).integer(300, field.number).end();
    }
  }
  writer.end();
  return writer.bytes();
}

void check_reading(Protocol protocol, std::span<const Written> fields) {
  std::string bytes = written(protocol, fields);
  Reader reader(protocol, bytes);
  Field at;
  for (auto& field : fields) {
    WEIR_CHECK(reader.next(at) && at.id == field.id);
    switch (field.kind) {
      case 0: WEIR_CHECK(at.type == Type::i64 && reader.integer(at.type) == field.number); break;
      case 1: WEIR_CHECK(at.type == Type::i32 && reader.integer(at.type) == static_cast<std::int32_t>(field.number)); break;
      case 2: WEIR_CHECK(at.type == Type::boolean && reader.boolean(at) == ((field.number & 1) != 0)); break;
      case 3: WEIR_CHECK(at.type == Type::real && reader.real() == static_cast<double>(field.number)); break;
      case 4: WEIR_CHECK(at.type == Type::binary && reader.binary() == field.text); break;
      default:
        WEIR_CHECK(at.type == Type::structure);
        reader.skip(at);
    }
    WEIR_CHECK(reader.ok());
  }
  WEIR_CHECK(!reader.next(at) && reader.ok() && reader.rest().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] % 4 != 0) {
    std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    check_skipping(data[0] % 2 ? Protocol::compact : Protocol::binary, bytes);
    return 0;
  }
  FuzzedDataProvider provider(data + 1, size - 1);
  std::vector<Written> fields;
  while (provider.remaining_bytes() > 0 && fields.size() < 50) {
    Written& field = fields.emplace_back();
    field.id = provider.ConsumeIntegralInRange(0, 32767);
    field.kind = provider.ConsumeIntegralInRange(0, 5);
    field.number = provider.ConsumeIntegral<std::int64_t>();
    field.text = provider.ConsumeRandomLengthString(300);
  }
  check_reading(Protocol::compact, fields);
  check_reading(Protocol::binary, fields);
  return 0;
}
