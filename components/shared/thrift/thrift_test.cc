#include "components/shared/thrift/thrift.h"

#include <doctest/doctest.h>

#include "components/shared/thrift/testing.h"

using namespace weir;
using namespace weir::thrift;

namespace {

std::string sample(Protocol protocol) {
  testing::Writer out(protocol);
  out.message("hello").begin().integer(1, -5).boolean(2, true).real(3, 2.5).string(20, "text").boolean(21, false);
  out.structs(4, 2).begin().integer(1, 1, Type::i32).end().begin().integer(1, 2, Type::i32).end();
  out.structure(30).begin().string(1, "unknown").structs(2, 1).begin().real(9, 1).end().end();
  return out.integer(31, INT64_MAX).end().bytes();
}

// What a reader that knows fields 1, 3, 20, 4 and 31 sees.
std::string seen(Protocol protocol, std::string_view bytes) {
  Reader in(protocol, bytes);
  Message message = in.message();
  std::string out(message.name);
  Field field;
  while (in.next(field)) {
    if (field.id == 1 || field.id == 31) out += fmt::format(" {}", in.integer(field.type));
    else if (field.id == 3) out += fmt::format(" {}", in.real());
    else if (field.id == 20) out += fmt::format(" {}", in.binary());
    else if (field.type == Type::boolean) out += in.boolean(field) ? " true" : " false";
    else if (field.id == 4) out += fmt::format(" [{}]", in.list().size), in.skip({Type::structure}), in.skip({Type::structure});
    else in.skip(field);
  }
  return in.ok() ? out : "failed";
}

}  // namespace

TEST_CASE("thrift: both protocols read back what was written, and skip what nobody knows") {
  for (Protocol protocol : {Protocol::binary, Protocol::compact}) {
    CAPTURE(static_cast<int>(protocol));
    CHECK(seen(protocol, sample(protocol)) == "hello -5 true 2.5 text false [2] 9223372036854775807");
  }
}

TEST_CASE("thrift: every shorter text fails, none reads beyond its end") {
  for (Protocol protocol : {Protocol::binary, Protocol::compact}) {
    std::string whole = sample(protocol);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      std::string cut = whole.substr(0, size);  // its own buffer, so that sanitizers see the end
      CHECK(seen(protocol, cut) == "failed");
    }
  }
}

TEST_CASE("thrift: counts and lengths that lie are refused, nesting is bounded") {
  std::string huge("\x19\xFC\xFF\xFF\xFF\xFF\x07", 7);  // compact: field 1, a list of 2^31-1 structs
  Reader in(Protocol::compact, huge);
  Field field;
  REQUIRE(in.next(field));
  CHECK(in.list().size == 0);
  CHECK_FALSE(in.ok());

  std::string deep(1000, '\x1C');  // compact: field 1 is a struct, whose field 1 is a struct, ...
  Reader nested(Protocol::compact, deep);
  Field outer;
  REQUIRE(nested.next(outer));
  nested.skip(outer);
  CHECK_FALSE(nested.ok());
}

TEST_CASE("thrift: binary messages without a version are read too") {
  std::string old("\0\0\0\2hi\4\0\0\0\1", 11);
  Reader in(Protocol::binary, old);
  Message message = in.message();
  CHECK(in.ok());
  CHECK(message.name == "hi");
  CHECK(message.type == MessageType::oneway);
}
