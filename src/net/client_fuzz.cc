#include "net/client_connection.h"

using namespace weir;
using namespace weir::net;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.size() < 2) return 0;
  OutQueue out;
  ClientProtocol::Results results;
  ManualClock clock;
  auto plan = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  ClientWires wires{out, results, clock};
  auto client = plan & 128 ? make_http1_client(wires) : make_http2_client(wires, ClientKeepalive{});
  std::size_t started = 0, piece = std::size_t{1} << (plan & 15);
  bool alive = true;
  while (alive && !bytes.empty()) {
    if (client->room() > 0 && started < 5) {
      ++started;
      client->start(started, {.fields = {{":method", plan & 16 ? "HEAD" : "POST"}, {":scheme", "http"}, {":path", "/a"}, {":authority", "h"}},
                                .body = {Bytes::take(std::string(100'000, 'b'))},
                                .max_response = 1000,
                                .streamed = started % 2 == 0});
    }
    alive = client->produce();
    out.clear();
    std::size_t part = std::min(piece, bytes.size());
    std::vector<char> copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
    alive = alive && client->receive({copy.data(), copy.size()});
    bytes.remove_prefix(part);
    if (plan & 32) client->cancel(1);
    if (plan & 1) client->pause(2, plan & 2);
    if (plan & 64) clock.advance(6s);
    if (alive && clock.now() >= client->deadline()) alive = client->on_time(clock.now());
  }
  if (alive) client->receive_end();
  client->fail_all({Errc::retryable, "over", {}});
  // Each request has at most one result, behind its parts, and none is forgotten unless it was cancelled.
  std::vector<int> told(started + 1);
  for (auto& [id, result] : results) {
    WEIR_CHECK(id <= started && told[id] == 0);
    if (!result || !result->more) ++told[id];
    WEIR_CHECK(!result || id % 2 == 0 || result->body.size() <= 1000);
  }
  for (std::size_t id = 1; id <= started; ++id) WEIR_CHECK(told[id] == 1 || (plan & 32), "{} of {}", id, started);
  return 0;
}
