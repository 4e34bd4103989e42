#pragma once
// For tests: an API server in memory, on virtual time, that can do all that real ones and networks do to a watch.
#include <map>

#include "kube/object.h"
#include "kube/testing_protobuf.h"
#include "kube/transport.h"
#include "net/compression.h"

namespace weir::kube::testing {

class FakeApi final : public Transport {
 public:
  explicit FakeApi(io::Executor& executor, std::uint64_t seed = 1) : executor_(executor), rng_(seed) {}

  // Stores an object; `meta` and `rest` are JSON members that follow its names: R"(,"labels":{"a":"b"})", R"(,"spec":{})".
  void put(const Resource& resource, const std::string& name_space, const std::string& name, const std::string& uid, const std::string& meta = "",
           const std::string& rest = "") {
    auto& stored = objects_[path_of(resource)][name_space + "/" + name];
    bool added = stored.empty();
    stored = fmt::format(R"({{"metadata":{{"namespace":"{}","name":"{}","uid":"{}","resourceVersion":"{}"{}}}{}}})", name_space, name, uid, ++version_, meta, rest);
    publish(resource, added ? "ADDED" : "MODIFIED", stored);
  }
  void remove(const Resource& resource, const std::string& name_space, const std::string& name) {
    auto& all = objects_[path_of(resource)];
    auto at = all.find(name_space + "/" + name);
    if (at == all.end()) return;
    std::string last = at->second;
    std::size_t from = last.find("\"resourceVersion\":\"") + 19;
    last.replace(from, last.find('"', from) - from, std::to_string(++version_));
    all.erase(at);
    publish(resource, "DELETED", last);
  }
  // What the server has: "ns/name" -> JSON.
  const std::map<std::string, std::string>& truth(const Resource& resource) { return objects_[path_of(resource)]; }

  // Forgets what happened before now: older versions are answered with 410.
  void compact() { oldest_ = version_; }
  // Ends all streams, in order or as if the network had failed.
  void cut(bool in_order) {
    auto streams = std::exchange(streams_, {});
    for (auto& [id, stream] : streams) stream.sink->on_end(in_order ? Result<>() : Result<>(fail(Errc::retryable, "the connection was lost")));
  }

  bool streams_lists = true, gzips_pages = false, unreachable = false, speaks_protobuf = true;
  std::size_t page_size = 2;
  double doubles = 0, swaps = 0, garbage = 0;      // chances for each event
  std::vector<std::pair<int, int>> answers;        // status and Retry-After of the next requests, instead of what they ask for
  std::vector<std::string> asked;
  int refusals = 0, sent_protobuf = 0;  // answers in protobuf
  struct Sent {
    std::string method, target, body;
  };
  std::vector<Sent> sent;
  // Answers to send(); 404 unless a test says otherwise.
  std::function<net::HttpResponse(const std::string& method, const std::string& target, const std::string& body)> answer_to_send =
      [](const std::string&, const std::string&, const std::string&) { return net::HttpResponse{.status = 404, .headers = {}, .body = {}}; };

  net::StreamId get(const std::string& target, Form form, Duration, net::BodySink& sink) override {
    asked.push_back(target);
    net::StreamId id = ++last_;
    streams_[id] = {&sink, path_of(target), {}, false, form.protobuf && speaks_protobuf};
    sent_protobuf += form.protobuf && speaks_protobuf;
    later(id, [this, id, target] {
      if (!unreachable) return answer(id, target);
      auto node = streams_.extract(id);
      node.mapped().sink->on_end(fail(Errc::retryable, "connection refused"));
    });
    return id;
  }
  void send(std::string method, const std::string& target, std::string, std::string body, net::HttpCallback done) override {
    sent.push_back({method, target, body});
    executor_.post([this, method, target, body, done = std::move(done)]() mutable { done(answer_to_send(method, target, body)); });
  }
  void resume(net::StreamId) override {}
  void stop(net::StreamId stream) override { streams_.erase(stream); }
  void refused() override { ++refusals; }
  std::size_t open() const { return streams_.size(); }

 private:
  struct Stream {
    net::BodySink* sink = nullptr;
    std::string path;
    std::string late;  // an event that will come behind the next one
    bool watching = false, protobuf = false;
  };
  struct Logged {
    std::uint64_t version;
    std::string path, event;
  };

  static std::string path_of(const Resource& resource) { return resource.api + "/" + resource.plural; }
  // Objects of all namespaces are kept together.
  static std::string path_of(const std::string& target) {
    std::string path = target.substr(0, target.find('?'));
    constexpr std::string_view word = "/namespaces/";
    std::size_t at = path.find(word);
    if (at != std::string::npos) path.erase(at, path.find('/', at + word.size()) - at);
    return path;
  }
  static std::string parameter(const std::string& target, const std::string& name) {
    std::size_t at = target.find(name + "=");
    if (at == std::string::npos) return "";
    at += name.size() + 1;
    return target.substr(at, target.find('&', at) - at);
  }
  void later(net::StreamId id, io::Task task) {
    executor_.post([this, id, task = std::move(task)]() mutable {
      if (streams_.contains(id)) task();
    });
  }
  void piece(net::StreamId id, const std::string& text) {
    // Cut anywhere, as networks do.
    std::size_t at = rng_.below(text.size() + 1);
    if (auto s = streams_.find(id); s != streams_.end() && at > 0) s->second.sink->on_piece(std::string_view(text).substr(0, at));
    if (auto s = streams_.find(id); s != streams_.end() && at < text.size()) s->second.sink->on_piece(std::string_view(text).substr(at));
  }
  static std::string message_of(const std::string& path) {
    for (int kind = 0; kind < static_cast<int>(Kind::other); ++kind)
      if (path_of(resource_of(static_cast<Kind>(kind))) == path) return ToProtobuf::name_of(static_cast<Kind>(kind));
    return "Plain";
  }
  // One event, or an event that is none.
  void tell(net::StreamId id, const std::string& line, bool as_garbage = false) {
    auto at = streams_.find(id);
    if (at == streams_.end()) return;
    if (!at->second.protobuf) return piece(id, as_garbage ? "{\"type\":\"ADD\n" : line);
    piece(id, as_garbage ? std::string("\0\0\0\3abc", 7) : ToProtobuf::event(line, message_of(at->second.path)));
  }
  void end(net::StreamId id) {
    auto node = streams_.extract(id);
    if (!node.empty()) node.mapped().sink->on_end({});
  }
  void head(net::StreamId id, int status, int retry_after = 0, bool gzip = false) {
    net::HeaderList headers;
    if (gzip) headers.add("content-encoding", "gzip");
    auto at = streams_.find(id);
    bool protobuf = status == 200 && at != streams_.end() && at->second.protobuf;
    headers.add("content-type", protobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json");
    if (retry_after > 0) headers.add("retry-after", std::to_string(retry_after));
    if (auto s = streams_.find(id); s != streams_.end()) s->second.sink->on_head(status, headers);
  }
  void refuse(net::StreamId id, int status, int retry_after = 0) {
    head(id, status, retry_after);
    piece(id, R"({"kind":"Status","message":"no","code":0})");
    end(id);
  }

  void answer(net::StreamId id, const std::string& target) {
    if (!answers.empty()) {
      auto [status, retry_after] = answers.front();
      answers.erase(answers.begin());
      return refuse(id, status, retry_after);
    }
    if (parameter(target, "watch") != "1") return page(id, target);
    if (parameter(target, "sendInitialEvents") == "true") {
      if (!streams_lists) return refuse(id, 422);
      head(id, 200);
      streams_.at(id).watching = true;
      for (auto& [key, object] : std::map(objects_[path_of(target)])) tell(id, event("ADDED", object));
      tell(id, fmt::format("{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"{}\",\"annotations\":{{\"k8s.io/initial-events-end\":\"true\"}}}}}}}}\n", version_));
      return;
    }
    std::uint64_t from = std::stoull(parameter(target, "resourceVersion"));
    head(id, 200);
    if (from < oldest_) {
      tell(id, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too old resource version\"}}\n");
      return end(id);
    }
    if (auto s = streams_.find(id); s != streams_.end()) s->second.watching = true;
    for (auto& logged : std::vector(log_))
      if (logged.version > from && logged.path == path_of(target)) send(id, logged.event);
  }

  void page(net::StreamId id, const std::string& target) {
    std::string after = parameter(target, "continue");
    auto& all = objects_[path_of(target)];
    std::string items, next;
    std::size_t n = 0;
    for (auto& [key, object] : all) {
      if (!after.empty() && to_token(key) <= after) continue;
      if (n++ == page_size) {
        next = last_token_;
        break;
      }
      last_token_ = to_token(key);
      items += (items.empty() ? "" : ",") + object;
    }
    std::string body = fmt::format(R"({{"kind":"List","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})", version_, next, items);
    if (auto at = streams_.find(id); at != streams_.end() && at->second.protobuf) body = ToProtobuf::object(body, message_of(at->second.path) + "List");
    if (gzips_pages) {
      Bytes plain = Bytes::take(std::move(body));
      auto small = net::compress(net::Compression::gzip, std::span(&plain, 1));
      body = small ? *small : std::string();
    }
    head(id, 200, 0, gzips_pages);
    piece(id, body);
    end(id);
  }
  static std::string to_token(std::string key) {
    std::replace(key.begin(), key.end(), '/', '.');
    return key;
  }

  static std::string event(std::string_view type, const std::string& object) { return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object); }
  void publish(const Resource& resource, std::string_view type, const std::string& object) {
    log_.push_back({version_, path_of(resource), event(type, object)});
    for (auto& [id, stream] : std::map(streams_))
      if (stream.watching && stream.path == path_of(resource)) send(id, log_.back().event);
  }
  void send(net::StreamId id, const std::string& text) {
    auto at = streams_.find(id);
    if (at == streams_.end()) return;
    std::string late = std::exchange(at->second.late, {});
    if (late.empty() && rng_.chance(swaps)) {
      at->second.late = text;
      return;
    }
    tell(id, text, rng_.chance(garbage));
    if (rng_.chance(doubles)) tell(id, text);
    if (!late.empty()) tell(id, late);
  }

  io::Executor& executor_;
  Rng rng_;
  std::map<std::string, std::map<std::string, std::string>> objects_;
  std::vector<Logged> log_;
  std::map<net::StreamId, Stream> streams_;
  std::string last_token_;
  std::uint64_t version_ = 100, oldest_ = 0;
  net::StreamId last_ = 0;
};

}  // namespace weir::kube::testing
