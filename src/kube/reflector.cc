#include "kube/reflector.h"

#include <algorithm>

#include "base/text.h"
#include "net/compression.h"

namespace weir::kube {
namespace {

constexpr Duration head_timeout = 60s;
constexpr Duration list_silence = 60s;
constexpr std::size_t page_size = 500;
constexpr std::size_t frame_head = 4;  // the length of a frame, big-endian
// Nobody answers: to ask costs the server nothing, and it may be back at any time. Twice this at most.
constexpr Duration unreachable_back_off = 4s;

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) out += c;
    else fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::string Query::key() const {
  return fmt::format("{}/{}\n{}\n{}\n{}\n{}", resource.api, resource.plural, name_space, field_selector, label_selector, keep.raw);
}

bool Query::metadata_only() const {
  using enum Kind;
  constexpr std::array only_names = {name_space, replica_set, deployment, stateful_set, daemon_set, job, cron_job};
  bool known = std::find(only_names.begin(), only_names.end(), resource.kind) != only_names.end();
  return !keep.raw && keep.paths.empty() && (known || (resource.kind == node && !keep.status));
}

bool Query::has_protobuf() const { return resource.kind != Kind::other && !keep.raw && keep.paths.empty(); }

Reflector::Reflector(Transport& transport, io::Executor& executor, Rng& rng, Budget& budget, Query query, ReflectorListener& listener)
    : transport_(transport), executor_(executor), rng_(rng), query_(std::move(query)), listener_(listener),
      kept_(budget.empty_charge()), held_(budget.empty_charge()), asks_protobuf_(query_.has_protobuf()) {}

Reflector::~Reflector() {
  stop_stream();
  executor_.cancel(retry_timer_);
}

void Reflector::start() { relist(); }

void Reflector::widen(const Keep& keep) {
  if (!query_.keep.merge(keep)) return;
  asks_protobuf_ = asks_protobuf_ && query_.has_protobuf();
  changed_keep_ = true;
  list_next_ = true;
  if (state_ == State::waiting && retry_timer_ == 0) return;  // not started
  executor_.cancel(std::exchange(retry_timer_, 0));
  relist();
}

std::vector<ObjectPtr> Reflector::objects() const {
  std::vector<ObjectPtr> out(objects_.begin(), objects_.end());
  out.insert(out.end(), stale_.begin(), stale_.end());
  return out;
}

std::string Reflector::target(std::string_view parameters) const {
  std::string out = query_.resource.api;
  if (!query_.name_space.empty() && query_.resource.namespaced) out += "/namespaces/" + escape(query_.name_space);
  fmt::format_to(std::back_inserter(out), "/{}?{}", query_.resource.plural, parameters);
  if (!query_.field_selector.empty()) out += "&fieldSelector=" + escape(query_.field_selector);
  if (!query_.label_selector.empty()) out += "&labelSelector=" + escape(query_.label_selector);
  return out;
}

void Reflector::ask(State state, const std::string& to, Duration silence) {
  stop_stream();
  state_ = state;
  status_ = 0;
  silence_ = silence;
  retry_after_ = {};
  newest_ = 0;
  began_ = heard_ = executor_.now();
  set_silence();
  stream_ = transport_.get(to, {.metadata_only = query_.metadata_only(), .protobuf = asks_protobuf_}, head_timeout, *this);
}

void Reflector::relist() {
  begin_round();
  continue_.clear();
  if (!streams_lists_) return ask_page();
  ask(State::streaming_list,
      target(fmt::format("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds={}", 300 + rng_.next() % 300)),
      list_silence);
}

void Reflector::ask_page() {
  ask(State::listing, target(fmt::format("limit={}{}{}", page_size, continue_.empty() ? "" : "&continue=", escape(continue_))), list_silence);
}

void Reflector::watch() {
  auto seconds = 300 + rng_.next() % 300;  // so that not all watches of a cluster end at one time
  ask(State::watching,
      target(fmt::format("watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}", escape(version_), seconds)),
      std::chrono::seconds(seconds) + 30s);
}

void Reflector::stop_stream() {
  if (stream_ != 0) transport_.stop(std::exchange(stream_, 0));
  executor_.cancel(std::exchange(silence_timer_, 0));
  drop_buffer();
}

// One timer, looked at again when it runs off: pieces come far more often than streams fall silent.
void Reflector::set_silence() {
  silence_timer_ = executor_.at(heard_ + silence_, [this] {
    silence_timer_ = 0;
    if (executor_.now() < heard_ + silence_) return set_silence();
    bool no_end_mark = state_ == State::streaming_list && status_ == 200;
    if (no_end_mark) {
      // A server that does not know streamed lists, and does not say so either.
      streams_lists_ = false;
      return relist();
    }
    fail_with({Errc::retryable, "no answer from the API server", {}}, state_ != State::watching);
  });
}

void Reflector::on_head(int status, const net::HeaderList& headers) {
  heard_ = executor_.now();
  status_ = status;
  gzipped_ = headers.get("content-encoding") == "gzip";
  is_protobuf_ = headers.get("content-type").starts_with("application/vnd.kubernetes.protobuf");
  net::HttpResponse head{.status = status, .headers = headers};
  retry_after_ = head.retry_after(executor_.wall()).value_or(Duration::zero());
}

bool Reflector::hold(std::string_view piece, std::size_t limit) {
  if (buffer_.size() + piece.size() > limit || !held_.grow(piece.size())) return false;
  buffer_ += piece;
  return true;
}

void Reflector::drop_buffer() {
  buffer_ = {};
  held_.release();
}

bool Reflector::on_piece(std::string_view piece) {
  heard_ = executor_.now();
  if (status_ != 200) {
    if (buffer_.size() < 4096) buffer_ += piece.substr(0, 4096);
    return true;
  }
  if (state_ == State::listing) {
    if (!hold(piece, max_page)) fail_with({Errc::refused, "no room for a page of the list", {}}, true);
    return true;
  }
  take_events(piece);
  tell();
  return true;
}

// Lines of JSON, or frames of protobuf behind their length.
std::size_t Reflector::event_size(std::string_view piece) const {
  if (!is_protobuf_) {
    std::size_t end = piece.find('\n');
    return end == piece.npos ? piece.npos : end + 1;
  }
  if (piece.size() < frame_head) return piece.npos;
  std::size_t size = 0;
  for (std::size_t i = 0; i < frame_head; ++i) size = size << 8 | static_cast<unsigned char>(piece[i]);
  return size + frame_head;
}

void Reflector::take_events(std::string_view piece) {
  net::StreamId stream = stream_;
  auto no_room = [this] { fail_with({Errc::refused, "no room for an event of the watch", {}}, true); };
  while (stream_ == stream && stream_ != 0 && !piece.empty()) {
    if (is_protobuf_ && !buffer_.empty() && buffer_.size() < frame_head) {
      std::size_t missing = std::min(frame_head - buffer_.size(), piece.size());
      if (!hold(piece.substr(0, missing), max_event)) return no_room();
      piece.remove_prefix(missing);
      continue;
    }
    // What is held begins an event: a line that has no end yet, or a frame of known size.
    std::size_t size = is_protobuf_ && !buffer_.empty() ? event_size(buffer_) : event_size(piece);
    std::size_t held = is_protobuf_ ? buffer_.size() : 0;
    if (size != piece.npos && is_protobuf_ && size > max_event) return no_room();
    if (size == piece.npos || size - held > piece.size()) {
      if (!hold(piece, max_event)) no_room();
      return;
    }
    std::string_view part = piece.substr(0, size - held);
    piece.remove_prefix(part.size());
    if (buffer_.empty()) {
      take_event_bytes(part);
      continue;
    }
    if (!hold(part, max_event)) return no_room();
    std::string whole = std::exchange(buffer_, {});
    Charge charge = std::move(held_);
    held_ = charge.split(0);
    take_event_bytes(whole);
  }
  if (is_protobuf_ && stream_ == stream && stream_ != 0 && buffer_.size() == frame_head && event_size(buffer_) > max_event) no_room();
}

Result<Event> Reflector::read_event(std::string_view whole) {
  if (is_protobuf_) return protobuf_.event(whole.substr(frame_head), query_.resource.kind, query_.keep);
  return json_.event(whole, query_.resource.kind, query_.keep);
}

void Reflector::take_event_bytes(std::string_view whole) {
  if (!is_protobuf_ && trim(whole).empty()) return;
  auto event = read_event(whole);
  if (!event) {
    asks_protobuf_ = false;  // JSON may be right
    return fail_with({Errc::invalid, event.error().what, {}}, true);
  }
  take_event(std::move(*event));
}

void Reflector::take_event(Event event) {
  if (event.type == EventType::error) {
    // 410: the server does not remember so far back.
    if (event.code == 410 && executor_.now() - began_ > 1s) return relist();
    return fail_with({Errc::retryable, fmt::format("{} {}", event.code, event.message), {}}, true);
  }
  if (event.type == EventType::bookmark) {
    version_ = event.version;
    newest_ = std::max(newest_, version_number(version_));
    if (event.initial_end && state_ == State::streaming_list) end_round(event.version);
    return;
  }
  if (state_ == State::watching) {
    std::uint64_t version = version_number(event.object->version);
    auto known = objects_.find(name_of(event.object));
    bool old = version != 0 && version <= newest_;
    bool had = known != objects_.end() && version_number((*known)->version) >= version;
    // Watches tell in order. What was told twice is skipped; what comes late cannot be put in its place any more.
    if (old && had) return;
    if (old) return fail_with({Errc::invalid, "an event came out of order", {}}, true);
    newest_ = version;
    version_ = event.object->version;
  }
  if (event.type == EventType::deleted) remove(event.object);
  else put(std::move(event.object));
}

void Reflector::begin_round() {
  stale_.merge(objects_);
  objects_.clear();
}

// What has not been named is gone.
void Reflector::end_round(std::string version) {
  for (auto& object : stale_) {
    charge(object, false);
    changes_.push_back({object, true});
  }
  stale_.clear();
  version_ = std::move(version);
  newest_ = version_number(version_);
  if (state_ == State::streaming_list) {
    state_ = State::watching;
    silence_ = 630s;
  }
  failures_ = 0;
  list_next_ = false;
  changed_keep_ = false;
  synced_ = true;
  tell();
  listener_.on_synced();
}

void Reflector::put(ObjectPtr object) {
  if (auto old = stale_.find(name_of(object)); old != stale_.end()) {
    bool same = (*old)->version == object->version && (*old)->uid == object->uid && !changed_keep_;
    if (same) {
      objects_.insert(stale_.extract(old));
      return;
    }
    charge(*old, false);
    if ((*old)->uid != object->uid) changes_.push_back({*old, true});
    stale_.erase(old);
  }
  charge(object, true);
  auto [at, added] = objects_.insert(object);
  if (!added) {
    charge(*at, false);
    if ((*at)->uid != object->uid) changes_.push_back({*at, true});
    auto node = objects_.extract(at);
    node.value() = object;
    objects_.insert(std::move(node));
  }
  changes_.push_back({std::move(object), false});
}

void Reflector::remove(const ObjectPtr& object) {
  for (Objects* set : {&objects_, &stale_}) {
    auto at = set->find(name_of(object));
    if (at == set->end()) continue;
    charge(*at, false);
    bool other = (*at)->uid != object->uid;
    changes_.push_back({other ? *at : object, true});
    set->erase(at);
  }
}

void Reflector::charge(const ObjectPtr& object, bool more) {
  if (more) kept_.grow_unchecked(object->bytes);
  else kept_.shrink_to(kept_.bytes() - std::min(kept_.bytes(), object->bytes));
}

void Reflector::tell() {
  if (!changes_.empty()) listener_.on_changes(std::exchange(changes_, {}));
}

void Reflector::on_end(Result<> end) {
  stream_ = 0;
  executor_.cancel(std::exchange(silence_timer_, 0));
  if (status_ == 0) return fail_with({Errc::retryable, end ? "no answer" : end.error().what, {}}, list_next_);
  if (status_ != 200) return refused_by_server();
  if (state_ == State::listing) {
    if (!end) return fail_with({Errc::retryable, end.error().what, {}}, true);
    return take_page();
  }
  ended();
}

// The server ends watches now and then; that is no failure unless it does so at once.
void Reflector::ended() {
  drop_buffer();
  if (state_ == State::streaming_list) return fail_with({Errc::retryable, "the list ended early", {}}, true);
  if (executor_.now() - began_ < 1s) return fail_with({Errc::retryable, "the watch ended at once", {}}, false);
  failures_ = 0;
  watch();
}

Result<Page> Reflector::read_page() {
  auto read = [this](std::string_view body) {
    return is_protobuf_ ? protobuf_.page(body, query_.resource.kind, query_.keep) : json_.page(body, query_.resource.kind, query_.keep);
  };
  if (!gzipped_) return read(buffer_);
  Charge charge = held_.split(0);
  WEIR_ASSIGN(std::string whole, net::decompress(net::Compression::gzip, buffer_, max_page, charge));
  return read(whole);
}

void Reflector::take_page() {
  auto page = read_page();
  drop_buffer();
  if (!page) {
    asks_protobuf_ = false;
    return fail_with({Errc::invalid, page.error().what, {}}, true);
  }
  for (auto& object : page->objects) put(std::move(object));
  tell();
  continue_ = std::move(page->next);
  if (!continue_.empty()) return ask_page();
  end_round(std::move(page->version));
  watch();
}

void Reflector::refused_by_server() {
  std::string message = ProtobufDecoder::is_envelope(buffer_) ? protobuf_.status(buffer_) : json_.status(buffer_);
  drop_buffer();
  if (status_ == 401) transport_.refused();
  // 410: the page or the version is too old. It is asked anew, after a wait when that is not the first time.
  if (status_ == 410 && failures_++ == 0) return relist();
  // 406: not in this form.
  if (status_ == 406 && std::exchange(asks_protobuf_, false)) return relist();
  bool unknown = status_ >= 400 && status_ < 500 && status_ != 401 && status_ != 403 && status_ != 404 && status_ != 408 && status_ != 410 && status_ != 429;
  if (state_ == State::streaming_list && unknown) {
    streams_lists_ = false;
    return relist();
  }
  fail_with({Errc::retryable, fmt::format("{}: {}", status_, message), retry_after_}, state_ != State::watching || status_ == 410);
}

void Reflector::fail_with(Error error, bool list_again) {
  stop_stream();
  tell();
  long long more = 0;
  if (lines_.allow(more))
    log::warn("Kubernetes API: a watch failed and is tried again", {{"resource", query_.resource.plural}, {"error", error.what}, {"suppressed", more}});
  listener_.on_failure(error);
  retry(error.retry_after, list_again || list_next_);
}

void Reflector::retry(Duration at_least, bool list_again) {
  list_next_ = list_again;
  state_ = State::waiting;
  Duration wait = std::min<Duration>(800ms * (1 << std::min(failures_++, 10)), status_ == 0 ? unreachable_back_off : max_back_off);
  wait += Duration(static_cast<std::int64_t>(rng_.next() % static_cast<std::uint64_t>(wait.count())));
  wait = std::max(wait, std::min<Duration>(at_least, 10min));
  executor_.cancel(retry_timer_);
  retry_timer_ = executor_.at(executor_.now() + wait, [this] {
    retry_timer_ = 0;
    if (list_next_) relist();
    else watch();
  });
}

}  // namespace weir::kube
