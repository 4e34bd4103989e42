#include "net/grpc.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::net;

TEST_CASE("a status survives its trip, with the delay") {
  RpcStatus in{GrpcCode::unavailable, "no room", 1500ms};
  auto out = decode_rpc_status(encode_rpc_status(in));
  REQUIRE(out);
  CHECK(out->code == GrpcCode::unavailable);
  CHECK(out->message == "no room");
  CHECK(out->retry_delay == 1500ms);
}

TEST_CASE("a status as protobuf's own encoder writes it") {
  // code: 14, message: "x", details: [Any{RetryInfo{retry_delay{seconds: 2}}}]
  std::string_view bytes("\x08\x0e\x12\x01x\x1a\x30\n(type.googleapis.com/google.rpc.RetryInfo\x12\x04\n\x02\x08\x02", 55);
  auto out = decode_rpc_status(bytes);
  REQUIRE(out);
  CHECK(out->code == GrpcCode::unavailable);
  CHECK(out->retry_delay == 2s);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) (void)decode_rpc_status(bytes.substr(0, cut));
  CHECK_FALSE(decode_rpc_status("\x12\x7fshort"));
}

TEST_CASE("delays beyond any use are bounded") {
  RpcStatus in{GrpcCode::unavailable, "", Duration(1s) * 9'000'000'000};
  CHECK(decode_rpc_status(encode_rpc_status(in))->retry_delay == Duration(1s) * 1'000'000'000);
}

TEST_CASE("grpc-timeout: what clients write") {
  struct { std::string_view in; std::optional<Duration> out; } const rows[] = {
      {"5S", 5s}, {"100m", 100ms}, {"1H", 1h}, {"2M", 2min}, {"7u", 7us}, {"9n", 9ns}, {"99999999H", 1'000'000h},
      {"", {}}, {"S", {}}, {"5", {}}, {"-5S", {}}, {"5X", {}}, {"123456789S", {}}, {"5 S", {}}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(parse_grpc_timeout(row.in) == row.out);
  }
}

TEST_CASE("grpc-timeout: written with at most eight digits, never shorter than asked") {
  for (Duration d : {Duration(1ns), Duration(1ms), Duration(5s), Duration(30min), Duration(90 * 24h), Duration(123456789ns)}) {
    std::string text = format_grpc_timeout(d);
    CHECK(text.size() <= 9);
    CHECK(*parse_grpc_timeout(text) >= d);
  }
}

TEST_CASE("grpc-message is percent-encoded") {
  std::string text = "50% \xC3\xA4\n";
  CHECK(encode_grpc_message(text) == "50%25 %C3%A4%0A");
  CHECK(decode_grpc_message(encode_grpc_message(text)) == text);
  CHECK(decode_grpc_message("%zz%4") == "%zz%4");
}
