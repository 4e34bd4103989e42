#include "kube/reflector.h"

#include <doctest/doctest.h>

#include <map>

#include "io/simulation.h"
#include "kube/testing.h"

using namespace weir;
using namespace weir::kube;
using weir::kube::testing::FakeApi;

namespace {

const Resource& pods = resource_of(Kind::pod);

Query all_labels() {
  Query query{.resource = pods};
  query.keep.labels.add_all();
  return query;
}

// A subscriber that believes what it is told.
struct Watcher final : ReflectorListener {
  io::Simulation simulation;
  FakeApi api;
  Budget budget;
  Rng rng;
  std::map<std::string, std::string> told;  // "ns/name" -> uid and version
  std::size_t synced = 0, failures = 0, changes = 0;
  std::string last_failure;
  Reflector reflector;

  explicit Watcher(std::uint64_t seed = 1, const Query& query = all_labels())
      : simulation(1, seed), api(simulation.core(0), seed), rng(seed), reflector(api, simulation.core(0), rng, budget, query, *this) {}

  static std::string key(const Object& o) { return fmt::format("{}/{}", o.name_space, o.name); }
  void on_changes(std::vector<Change> news) override {
    for (auto& change : news) {
      ++changes;
      std::string now = fmt::format("{}@{}", change.object->uid, change.object->version);
      auto at = told.find(key(*change.object));
      bool other = at != told.end() && at->second.substr(0, at->second.find('@')) != change.object->uid;
      if (!change.removed) told[key(*change.object)] = now;
      else if (at != told.end() && !other) told.erase(at);
    }
  }
  void on_synced() override { ++synced; }
  void on_failure(const Error& error) override {
    ++failures;
    last_failure = error.what;
  }

  std::map<std::string, std::string> truth() {
    std::map<std::string, std::string> out;
    JsonDecoder decoder;
    for (auto& [name, json] : api.truth(pods)) {
      auto object = decoder.object(json, Kind::pod, {});
      REQUIRE(object);
      out[name] = fmt::format("{}@{}", (*object)->uid, (*object)->version);
    }
    return out;
  }
  void settle(Duration d = 5s) { simulation.advance(d); }
};

}  // namespace

TEST_CASE("reflector: a streamed list, then what changes") {
  Watcher w;
  w.api.put(pods, "a", "one", "u1");
  w.api.put(pods, "a", "two", "u2");
  w.reflector.start();
  CHECK_FALSE(w.reflector.synced());
  w.settle();
  CHECK(w.reflector.synced());
  CHECK(w.told == w.truth());
  CHECK(w.told.size() == 2);
  w.api.put(pods, "b", "three", "u3");
  w.api.put(pods, "a", "one", "u1", R"(,"labels":{"x":"y"})");
  w.api.remove(pods, "a", "two");
  w.settle();
  CHECK(w.told == w.truth());
  CHECK(w.told.size() == 2);
  CHECK(w.api.asked.size() == 1);
  CHECK(w.budget.used() > 0);
}

TEST_CASE("reflector: a server without streamed lists is asked for pages, compressed or not") {
  for (bool gzip : {false, true}) {
    Watcher w;
    w.api.streams_lists = false;
    w.api.gzips_pages = gzip;
    for (int i = 0; i < 7; ++i) w.api.put(pods, "a", fmt::format("p{}", i), fmt::format("u{}", i));
    w.reflector.start();
    w.settle();
    CHECK(w.told == w.truth());
    CHECK(w.told.size() == 7);
    CHECK(w.api.asked.size() == 6);  // a try, four pages, a watch
    CHECK(w.api.asked.back().find("watch=1&allowWatchBookmarks=true&resourceVersion=107") != std::string::npos);
    w.api.put(pods, "a", "p9", "u9");
    w.settle();
    CHECK(w.told == w.truth());
  }
}

TEST_CASE("reflector: built-in kinds come in protobuf unless the server has none or parts are kept as JSON") {
  Query raw = all_labels();
  raw.keep.raw = true;
  const std::tuple<bool, Query, bool> rows[] = {{true, all_labels(), true}, {false, all_labels(), false}, {true, raw, false}, {true, Query{.resource = {"/apis/x/v1", "things"}}, false}};
  for (auto& [speaks, query, protobuf] : rows)
    for (bool streams : {false, true}) {
      Watcher w(3, query);
      w.api.speaks_protobuf = speaks;
      w.api.streams_lists = streams;
      for (int i = 0; i < 5; ++i) w.api.put(query.resource, "a", fmt::format("p{}", i), fmt::format("u{}", i));
      w.reflector.start();
      w.settle();
      w.api.put(query.resource, "a", "p1", "u1", R"(,"labels":{"x":"y"})");
      w.settle();
      CHECK(w.told.size() == 5);
      CHECK(w.told.at("a/p1") == "u1@106");
      CHECK((w.api.sent_protobuf > 0) == protobuf);
      CHECK(w.failures == 0);
    }
}

TEST_CASE("reflector: protobuf that cannot be read leads to JSON; so does 406") {
  Watcher w;
  w.api.put(pods, "a", "one", "u1");
  w.api.answers = {{406, 0}};
  w.reflector.start();
  w.settle();
  CHECK(w.told == w.truth());
  CHECK(w.failures == 0);
  CHECK(w.api.sent_protobuf == 1);  // as it was asked
  Watcher other;
  other.api.put(pods, "a", "one", "u1");
  other.reflector.start();
  other.settle();
  other.api.garbage = 1;
  other.api.put(pods, "a", "one", "u1");
  other.settle();
  CHECK(other.failures == 1);
  other.api.garbage = 0;
  other.settle(30s);
  CHECK(other.told == other.truth());
  CHECK(other.api.sent_protobuf == 1);
}

TEST_CASE("reflector: a frame that says it is larger than any event is not waited for") {
  struct Server final : Transport {
    net::BodySink* sink = nullptr;
    int stopped = 0;
    net::StreamId get(const std::string&, Form, Duration, net::BodySink& to) override {
      sink = &to;
      return 1;
    }
    void send(std::string, const std::string&, std::string, std::string, net::HttpCallback) override {}
    void resume(net::StreamId) override {}
    void stop(net::StreamId) override { ++stopped; }
    void refused() override {}
  };
  for (std::size_t cut : {1u, 4u, 6u}) {
    io::Simulation simulation(1, 1);
    Server server;
    Rng rng(1);
    Budget budget;
    Watcher listener;
    Reflector reflector(server, simulation.core(0), rng, budget, all_labels(), listener);
    reflector.start();
    net::HeaderList headers;
    headers.add("content-type", "application/vnd.kubernetes.protobuf;stream=watch");
    server.sink->on_head(200, headers);
    std::string_view bytes("\x7f\xff\xff\xff\x0a\x01", 6);
    server.sink->on_piece(bytes.substr(0, cut));
    if (server.stopped == 0) server.sink->on_piece(bytes.substr(cut));
    CHECK(listener.last_failure == "no room for an event of the watch");
    CHECK(server.stopped == 1);
  }
}

TEST_CASE("reflector: selectors and the namespace are in the request") {
  Query query{.resource = pods, .name_space = "shop", .field_selector = "spec.nodeName=n1", .label_selector = "a in (b,c)"};
  Watcher w(1, query);
  w.reflector.start();
  w.settle(0s);
  REQUIRE(w.api.asked.size() == 1);
  CHECK(w.api.asked[0].starts_with("/api/v1/namespaces/shop/pods?watch=1&sendInitialEvents=true"));
  CHECK(w.api.asked[0].ends_with("&fieldSelector=spec.nodeName%3Dn1&labelSelector=a%20in%20%28b%2Cc%29"));
}

TEST_CASE("reflector: a watch that ends goes on where it was; one that the server forgot begins with a list") {
  Watcher w;
  w.api.put(pods, "a", "one", "u1");
  w.reflector.start();
  w.settle();
  w.api.cut(true);
  w.api.put(pods, "a", "two", "u2");
  w.settle();
  CHECK(w.told == w.truth());
  CHECK(w.api.asked.back().find("resourceVersion=101") != std::string::npos);
  CHECK(w.synced == 1);
  CHECK(w.failures == 0);
  w.settle(5s);
  w.api.cut(false);
  w.api.remove(pods, "a", "one");
  w.api.put(pods, "a", "three", "u3");
  w.api.compact();
  w.settle(30s);
  CHECK(w.told == w.truth());
  CHECK(w.synced == 2);
}

TEST_CASE("reflector: the server's wish for a pause is obeyed, and pauses grow") {
  Watcher w;
  w.api.answers = {{429, 7}, {503, 0}, {500, 0}, {401, 0}};
  w.reflector.start();
  w.settle(6s);
  CHECK(w.api.asked.size() == 1);
  w.settle(2s);
  CHECK(w.api.asked.size() == 2);
  w.settle(60s);
  CHECK(w.reflector.synced());
  CHECK(w.failures == 4);
  CHECK(w.api.refusals == 1);
}

TEST_CASE("reflector: a server that was away for long is found again soon") {
  Watcher w;
  w.api.put(pods, "a", "one", "u1");
  w.reflector.start();
  w.settle();
  w.api.unreachable = true;
  w.api.cut(false);
  w.settle(600s);
  std::size_t asked = w.api.asked.size();
  CHECK(asked > 70);  // every four to eight seconds
  CHECK(asked < 160);
  w.api.unreachable = false;
  w.api.put(pods, "a", "two", "u2");
  w.settle(9s);
  CHECK(w.told == w.truth());
}

TEST_CASE("reflector: an object that was replaced under its name is told as removed") {
  Watcher w;
  w.api.put(pods, "a", "one", "u1");
  w.reflector.start();
  w.settle();
  w.api.cut(false);
  w.api.remove(pods, "a", "one");
  w.api.put(pods, "a", "one", "u2");
  w.api.compact();
  w.settle(30s);
  CHECK(w.told == w.truth());
  CHECK(w.told.at("a/one").starts_with("u2@"));
}

TEST_CASE("reflector: wanting more of objects makes a new list") {
  Watcher w(1, {.resource = pods});
  w.api.put(pods, "a", "one", "u1", R"(,"labels":{"team":"x","other":"y"})");
  w.reflector.start();
  w.settle();
  CHECK(w.reflector.objects().at(0)->labels.empty());
  Keep keep;
  keep.labels.add("team");
  w.reflector.widen(keep);
  w.settle();
  REQUIRE(w.reflector.objects().size() == 1);
  CHECK(find(w.reflector.objects()[0]->labels, "team") == "x");
  CHECK_FALSE(contains(w.reflector.objects()[0]->labels, "other"));
  CHECK(w.changes == 2);
  std::size_t asked = w.api.asked.size();
  w.reflector.widen(keep);
  w.settle();
  CHECK(w.api.asked.size() == asked);
}

TEST_CASE("reflector: a stream that says nothing is given up") {
  Watcher w;
  w.api.put(pods, "a", "one", "u1");
  w.reflector.start();
  w.settle(700s);
  CHECK(w.api.asked.size() >= 2);
  CHECK(w.told == w.truth());
}

TEST_CASE("reflector: a full budget makes it wait, not grow") {
  Watcher w;
  w.api.put(pods, "a", std::string(200, 'n'), "u1");
  w.budget.set_limit(10);
  w.api.streams_lists = false;
  w.reflector.start();
  w.settle(3s);
  CHECK(w.last_failure.find("no room") != std::string::npos);
  CHECK(w.told.empty());
  w.budget.set_limit(1 << 20);
  w.settle(60s);
  CHECK(w.told.size() == 1);
}

// Whatever happens to a watch: at every quiet point the copy is what the server has.
TEST_CASE("reflector: random worlds") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Watcher w(seed);
    Rng rng(seed * 977);
    w.api.streams_lists = rng.chance(0.7);
    w.api.speaks_protobuf = rng.chance(0.6);
    w.api.doubles = rng.chance(0.5) ? 0.1 : 0;
    w.api.swaps = rng.chance(0.5) ? 0.1 : 0;
    w.api.garbage = rng.chance(0.3) ? 0.02 : 0;
    w.reflector.start();
    for (int step = 0; step < 120; ++step) {
      std::string name = fmt::format("p{}", rng.below(6));
      switch (rng.below(12)) {
        case 0: case 1: case 2: case 3: w.api.put(pods, "a", name, fmt::format("u{}", rng.below(3)), fmt::format(R"(,"labels":{{"l":"{}"}})", step)); break;
        case 4: case 5: w.api.remove(pods, "a", name); break;
        case 6: w.api.cut(rng.chance(0.5)); break;
        case 7: w.api.compact(); break;
        case 8: w.api.answers.emplace_back(std::array{429, 410, 500, 503, 404}[rng.below(5)], static_cast<int>(rng.below(3))); break;
        default: w.settle(Duration(static_cast<std::int64_t>(rng.below(5'000'000'000))));
      }
    }
    w.api.swaps = w.api.garbage = 0;
    w.api.put(pods, "a", "last", "u");  // brings what was held back
    w.settle(700s);
    CHECK(w.told == w.truth());
    std::map<std::string, std::string> kept;
    for (auto& o : w.reflector.objects()) kept[Watcher::key(*o)] = fmt::format("{}@{}", o->uid, o->version);
    CHECK(kept == w.truth());
  }
}
