#include "net/datagram.h"

#include <doctest/doctest.h>
#include <netinet/in.h>

using namespace weir;
using namespace weir::net;

namespace {

// Sends from a socket of its own; returns false when the kernel refuses.
bool send_to(const std::string& endpoint, std::string_view bytes) {
  auto at = parse_endpoint(endpoint);
  REQUIRE(at.has_value());
  auto address = numeric_address(at->host, at->port);
  REQUIRE(!address.empty());
  Fd fd(::socket(address[0].family(), SOCK_DGRAM, 0));
  return ::sendto(fd.get(), bytes.data(), bytes.size(), 0, address[0].get(), address[0].size) == static_cast<ssize_t>(bytes.size());
}

struct Inbox {
  io::Loop loop;
  std::vector<std::pair<std::string, bool>> got;
  Result<std::unique_ptr<DatagramSocket>> socket;
  explicit Inbox(DatagramSettings settings)
      : socket(DatagramSocket::listen(loop, std::move(settings), [this](const Datagram& in) { got.emplace_back(std::string(in.bytes), in.truncated); })) {}
};

}  // namespace

TEST_CASE("datagrams arrive whole and in order, also empty ones") {
  Inbox inbox({.endpoint = "127.0.0.1:0"});
  REQUIRE(inbox.socket);
  for (std::string text : {"one", "", "three"}) CHECK(send_to((*inbox.socket)->endpoint(), text));
  CHECK(inbox.loop.run_until([&] { return inbox.got.size() == 3; }));
  CHECK(inbox.got == std::vector<std::pair<std::string, bool>>{{"one", false}, {"", false}, {"three", false}});
}

TEST_CASE("a datagram over the limit is cut and says so") {
  Inbox inbox({.endpoint = "127.0.0.1:0", .max_size = 4});
  REQUIRE(inbox.socket);
  CHECK(send_to((*inbox.socket)->endpoint(), "12345678"));
  CHECK(inbox.loop.run_until([&] { return inbox.got.size() == 1; }));
  CHECK(inbox.got[0] == std::pair<std::string, bool>{"1234", true});
}

TEST_CASE("a port that another socket has is an error unless it is shared") {
  Inbox first({.endpoint = "127.0.0.1:0"});
  REQUIRE(first.socket);
  std::string endpoint = (*first.socket)->endpoint();
  Inbox second({.endpoint = endpoint});
  REQUIRE_FALSE(second.socket);
  CHECK(second.socket.error().what.find(endpoint) != std::string::npos);
  Inbox third({.endpoint = endpoint, .share_port = true});
  CHECK(third.socket.has_value());
}

TEST_CASE("the callback may destroy its socket") {
  io::Loop loop;
  std::unique_ptr<DatagramSocket> socket;
  int got = 0;
  auto made = DatagramSocket::listen(loop, {.endpoint = "127.0.0.1:0"}, [&](const Datagram&) { ++got, socket.reset(); });
  REQUIRE(made);
  socket = std::move(*made);
  std::string endpoint = socket->endpoint();
  CHECK(send_to(endpoint, "a"));
  CHECK(send_to(endpoint, "b"));
  CHECK(loop.run_until([&] { return got == 1; }));
}

TEST_CASE("an empty host listens on every address, IPv6 and IPv4") {
  Inbox inbox({.endpoint = ":0"});
  REQUIRE(inbox.socket);
  std::string endpoint = (*inbox.socket)->endpoint();
  CHECK(send_to("127.0.0.1" + endpoint.substr(endpoint.rfind(':')), "v4"));
  CHECK(inbox.loop.run_until([&] { return inbox.got.size() == 1; }));
}
