#pragma once
// Keeps a copy of what a list and a watch of one resource say. One core.
#include <unordered_set>

#include "base/budget.h"
#include "base/log.h"
#include "base/rng.h"
#include "kube/decode.h"
#include "kube/transport.h"

namespace weir::kube {

// Which objects, and which parts of them.
struct Query {
  Resource resource;
  std::string name_space;                     // "": all
  std::string field_selector, label_selector;
  Keep keep;

  // Equal for queries that one watch can serve.
  std::string key() const;
  // Nothing of spec and status is wanted.
  bool metadata_only() const;
  // A built-in kind of which no part is kept as JSON.
  bool has_protobuf() const;
};

struct Change {
  ObjectPtr object;  // as it is now, or was last
  bool removed = false;
};

class ReflectorListener {
 public:
  virtual void on_changes(std::vector<Change> changes) = 0;
  // All that the server has was told.
  virtual void on_synced() = 0;
  virtual void on_failure(const Error& error) = 0;

 protected:
  ~ReflectorListener() = default;
};

// Asks for a streamed list first (the server sends object by object and says when it has sent all), for pages if the
// server has none, then watches. What the watch cannot explain leads to a new list; objects that are missing in it are
// told as removed.
class Reflector final : net::BodySink {
 public:
  Reflector(Transport& transport, io::Executor& executor, Rng& rng, Budget& budget, Query query, ReflectorListener& listener);
  Reflector(const Reflector&) = delete;
  ~Reflector();

  void start();
  // Also keeps what `keep` names. A new list is made when that is more than before.
  void widen(const Keep& keep);
  bool synced() const { return synced_; }
  std::vector<ObjectPtr> objects() const;
  std::size_t size() const { return objects_.size() + stale_.size(); }
  const Query& query() const { return query_; }

  static constexpr std::size_t max_event = 16 * 1024 * 1024;
  static constexpr std::size_t max_page = 64 * 1024 * 1024;
  static constexpr Duration max_back_off = 30s;

 private:
  enum class State : std::uint8_t { waiting, streaming_list, listing, watching };
  struct Name {
    std::string_view name_space, name;
    bool operator==(const Name&) const = default;
  };
  static Name name_of(const ObjectPtr& object) { return {object->name_space, object->name}; }
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Name& n) const { return std::hash<std::string_view>{}(n.name) * 31 + std::hash<std::string_view>{}(n.name_space); }
    std::size_t operator()(const ObjectPtr& object) const { return (*this)(name_of(object)); }
  };
  struct Same {
    using is_transparent = void;
    static Name as_name(const Name& n) { return n; }
    static Name as_name(const ObjectPtr& object) { return name_of(object); }
    bool operator()(const auto& a, const auto& b) const { return as_name(a) == as_name(b); }
  };
  using Objects = std::unordered_set<ObjectPtr, Hash, Same>;

  void on_head(int status, const net::HeaderList& headers) override;
  bool on_piece(std::string_view piece) override;
  void on_end(Result<> end) override;

  std::string target(std::string_view parameters) const;
  void relist();
  void ask_page();
  void watch();
  void ask(State state, const std::string& target, Duration silence);
  void take_events(std::string_view piece);
  // The size of the first event in `piece` with what ends or begins it; npos when more bytes are needed to know it.
  std::size_t event_size(std::string_view piece) const;
  void take_event_bytes(std::string_view whole);
  Result<Event> read_event(std::string_view whole);
  void take_event(Event event);
  void take_page();
  Result<Page> read_page();
  void put(ObjectPtr object);
  void remove(const ObjectPtr& object);
  void begin_round();
  void end_round(std::string version);
  void ended();
  void refused_by_server();
  void fail_with(Error error, bool list_again);
  void retry(Duration at_least, bool list_again);
  void stop_stream();
  void set_silence();
  bool hold(std::string_view piece, std::size_t limit);
  void drop_buffer();
  void tell();
  void charge(const ObjectPtr& object, bool more);

  Transport& transport_;
  io::Executor& executor_;
  Rng& rng_;
  Query query_;
  ReflectorListener& listener_;
  JsonDecoder json_;
  ProtobufDecoder protobuf_;

  Objects objects_;
  Objects stale_;  // in a new list: those it has not named yet
  std::vector<Change> changes_;
  Charge kept_;    // the objects
  Charge held_;    // buffer_
  std::string buffer_;  // a page, or a line of a watch that is not complete
  std::string version_;  // the watch begins behind it
  std::string continue_;
  std::uint64_t newest_ = 0;  // of this watch

  State state_ = State::waiting;
  net::StreamId stream_ = 0;
  io::TimerId retry_timer_ = 0, silence_timer_ = 0;
  Duration silence_{0};  // without a byte the stream is given up
  TimePoint heard_{}, began_{};
  int status_ = 0;
  int failures_ = 0;  // in a row
  Duration retry_after_{0};
  bool gzipped_ = false;  // the page
  bool asks_protobuf_ = false, is_protobuf_ = false;  // the next request; the answer
  bool streams_lists_ = true;
  bool synced_ = false;
  bool list_next_ = true;
  bool changed_keep_ = false;
  log::RateLimit lines_{3};
};

}  // namespace weir::kube
