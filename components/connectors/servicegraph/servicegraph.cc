#include "components/connectors/servicegraph/servicegraph.h"

#include "components/connectors/servicegraph/attributes.h"
#include "base/log.h"
#include "components/shared/storage/kept_state.h"
#include "config/value.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::connectors::servicegraph {

using otlp::Span;

constexpr Duration idle_series = 15min;  // as the collector's
constexpr Duration least_interval = 1ms;  // of all loops, so that no setting keeps a core busy
constexpr Duration longest_interval = 24h * 365 * 100;  // so that a time in the future can be told

class ServiceGraph : public engine::Stage {
 public:
  ServiceGraph(const Config& config, engine::StageContext& context)
      : config_(config),
        shape_(std::make_shared<Shape>(config, context.host.budget(), context.rng.next())),
        attributes_(config),
        edges_(config.dimensions.size(), context.rng),
        series_(shape_),
        charge_(context.host.budget().empty_charge()),
        executor_(context.executor),
        shards_(context.shards),
        home_(context.shard == 0),
        meeting_(engine::life_state<Meeting>(context, "meeting")),
        context_(context) {
    auto counter = [&](std::string_view name, std::string_view help) -> telemetry::Counter& {
      return context.host.metrics().counter(fmt::format("otelcol_connector_servicegraph_{}", name), help, {{"connector", context.id.to_string()}});
    };
    dropped_spans_ = &counter("dropped_spans", "Number of spans dropped when trying to add edges");
    expired_edges_ = &counter("expired_edges", "Number of edges that expired before finding its matching span");
    total_edges_ = &counter("total_edges", "Total number of unique edges");
  }

  ~ServiceGraph() override {
    meeting_->waiting -= static_cast<std::int64_t>(edges_.size());
    if (home_ && meeting_->writer == this) meeting_->writer = nullptr;
  }

  void seek(otlp::Sought& sought) const override { attributes_.seek(sought); }

  Result<> start(engine::Out& out) override {
    out_ = &out;
    series_.begin(out.wall());
    kept_ = storage::KeptState::of(context_, config::to_yaml(engine::encode_config<Config>(&config_)));
    if (home_) {
      take_up();
      meeting_->writer = this;
      meeting_->home.store(&executor_, std::memory_order_release);
    }
    TimePoint now = out.now();
    next_expiration_ = now + positive_or(config_.store_expiration_loop, 2s);
    next_cleaning_ = now + positive_or(config_.cache_loop, 1min);
    next_flush_ = flushes_by_time() ? now + positive_or(config_.metrics_flush_interval, {}) : TimePoint::max();
    wake();
    return {};
  }

  void process(otlp::Batch batch, engine::Out& out) override {
    std::size_t dropped = 0;
    TimePoint now = out.now();
    attributes_.use(batch.sought());
    for (auto& group : batch.groups()) {
      auto service = attributes_.enter(group, batch.arena());
      if (!service) continue;
      service_ = *service;
      for (auto& scope : group.scopes) dropped += take(scope.items, now);
    }
    tell();
    out.count_consumed(batch.items() - dropped);
    if (dropped) out.count_dropped(dropped, engine::Reason::evicted);
    batch.settle({});
    if (!flushes_by_time() || drained_) hand_over(Part::batch);
    charge();
  }

  void tick(TimePoint now, engine::Out&) override {
    if (now >= next_expiration_) {
      expire(now);
      step(next_expiration_, positive_or(config_.store_expiration_loop, 2s), now);
    }
    if (now >= next_cleaning_) {
      // What is new after series were forgotten may be one of them again: it begins now.
      if (home_ && series_.forget_idle(now - idle_series)) series_.begin(out_->wall());
      step(next_cleaning_, positive_or(config_.cache_loop, 1min), now);
    }
    if (now >= next_flush_) {
      hand_over(Part::round);
      step(next_flush_, positive_or(config_.metrics_flush_interval, {}), now);
    }
    charge();
    wake();
  }

  void drain(engine::Out&) override {
    if (std::exchange(drained_, true)) return;
    while (Edge* edge = edges_.oldest()) {
      // The caller of a request without a parent will never be seen; others may send their end to who comes after us.
      expired_edges_->add();
      if (virtual_nodes() && edge->client.empty() && edge->key.span.empty()) complete_with_user(*edge, executor_.now());
      forget(*edge);
    }
    tell();
    if (!home_) keep();
    hand_over(Part::last);
    charge();
  }

  bool idle() const override { return saving_ == 0; }

 private:
  // Why a core hands over what it counted: a batch came and metrics are to leave at once, the interval is over (each core
  // says so once an interval), or the end.
  enum class Part : std::uint8_t { batch, round, last };

  static Duration positive_or(Duration given, Duration standard) { return given > 0s ? std::clamp(given, least_interval, longest_interval) : standard; }
  static void step(TimePoint& next, Duration interval, TimePoint now) {
    next += ((now - next) / interval + 1) * interval;
  }
  // What was counted before an orderly restart.
  void take_up() {
    if (!kept_) return;
    for (auto& part : kept_->take_parts())
      if (!series_.unpack(part, executor_.now())) log::error("A part of what was counted before the restart cannot be read", {{"connector", context_.id.to_string()}});
    charge();
  }
  // At the end, again with what comes after it. The other cores have handed theirs over.
  void keep() {
    if (!kept_) return;
    ++saving_;
    kept_->save(context_.shard, home_ ? series_.pack() : std::string(), executor_, [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) --saving_;
    });
  }
  bool flushes_by_time() const { return config_.metrics_flush_interval > 0s; }
  bool virtual_nodes() const { return !config_.virtual_node_peer_attributes.empty(); }
  void wake() { out_->wake_at(std::min({next_expiration_, next_cleaning_, next_flush_})); }

  // The span at an end of a request.
  struct End {
    otlp::SpanView span;
    HashedKey key;
  };
  static bool at_client(std::int32_t kind) { return kind == Span::client || kind == Span::producer; }
  static bool at_server(std::int32_t kind) { return kind == Span::server || kind == Span::consumer; }

  // How many were dropped because too many wait. A few are read before the first is looked up: until then what is known of
  // them, which is in no cache most of the time, is there.
  std::size_t take(std::span<const otlp::Item> items, TimePoint now) {
    constexpr std::size_t at_once = 16;
    std::size_t dropped = 0;
    for (; !items.empty(); items = items.subspan(std::min(at_once, items.size()))) {
      ends_.clear();
      for (auto& item : items.first(std::min(at_once, items.size()))) {
        End& end = ends_.emplace_back(otlp::SpanView(item));
        bool client = at_client(end.span.kind);
        if (!client && !at_server(end.span.kind)) {
          ends_.pop_back();
          continue;
        }
        end.key = edges_.hashed({end.span.trace_id, client ? end.span.span_id : end.span.parent_span_id});
        edges_.prefetch(end.key);
      }
      for (auto& end : ends_) edges_.prefetch_known(end.key);
      for (auto& end : ends_) dropped += !take(end.span, end.key, now);
    }
    return dropped;
  }

  // False when the span was dropped because too many wait.
  bool take(const otlp::SpanView& span, const HashedKey& key, TimePoint now) {
    bool messaging = span.kind == Span::producer || span.kind == Span::consumer;
    bool client = at_client(span.kind);
    Edge* known = edges_.find(key);
    Edge& edge = known ? *known : edges_.fresh(key, now + std::min(config_.store.ttl, longest_interval));
    edge.connection = messaging ? Connection::messaging : Connection::direct;
    edge.failed |= span.status_code == Span::error;
    double seconds = span.end_time_unix_nano > span.start_time_unix_nano ? static_cast<double>(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9 : 0;
    if (client) {
      edge.client = service_;
      edge.client_seconds = seconds;
      attributes_.read(span);
      add_dimensions(edge, 0);
      add_peer(edge);
      add_database(edge);
    } else {
      edge.server = service_;
      edge.server_seconds = seconds;
      if (!config_.dimensions.empty()) {
        attributes_.read(span);
        add_dimensions(edge, 1);
      }
    }
    return settle(edge, known != nullptr, now);
  }

  void add_dimensions(Edge& edge, std::size_t end) {
    for (std::size_t i = 0; i < attributes_.dimensions.size(); ++i)
      if (auto text = attributes_.anywhere(attributes_.dimensions[i])) {
        auto& to = edge.dimensions[i * 2 + end];
        to.present = true;
        to.text = *text;
      }
  }

  void add_peer(Edge& edge) {
    for (std::uint32_t rank = 0; rank < attributes_.peers.size() && rank <= edge.peer_rank; ++rank)
      if (auto text = attributes_.of_span(attributes_.peers[rank])) {
        edge.peer_rank = rank;
        edge.peer = *text;
        return;
      }
  }

  // Databases send no spans; what the client saw is all there is.
  void add_database(Edge& edge) {
    for (std::size_t slot : attributes_.databases)
      if (auto text = attributes_.anywhere(slot)) {
        edge.connection = Connection::database;
        edge.server = *text;
        edge.server_seconds = edge.client_seconds;
        return;
      }
  }

  // Counts an edge that is complete, keeps one that is not.
  bool settle(Edge& edge, bool known, TimePoint now) {
    if (edge.complete()) {
      series_.add(edge, now);
      if (known) return forget(edge), true;
      edges_.release(edge);
    } else if (known) {
      edges_.count_texts(edge);
    } else {
      if (meeting_->waiting.load(std::memory_order_relaxed) + untold_ >= config_.store.max_items) {
        edges_.release(edge);
        dropped_spans_->add();
        return false;
      }
      edges_.keep(edge);
      ++untold_;
    }
    if (!known) total_edges_->add();
    return true;
  }

  // What is held here, to the memory budget.
  void charge() {
    std::size_t bytes = edges_.bytes() + series_.bytes();
    if (bytes > charge_.bytes()) charge_.grow_unchecked(bytes - charge_.bytes());
    charge_.shrink_to(bytes);
  }

  void forget(Edge& edge) {
    edges_.remove(edge);
    --untold_;
  }

  // The other cores hear once for each batch how many edges wait here.
  void tell() { meeting_->waiting.fetch_add(std::exchange(untold_, 0), std::memory_order_relaxed); }

  void expire(TimePoint now) {
    for (Edge* edge = edges_.oldest(); edge != nullptr && edge->expires < now; edge = edges_.oldest()) {
      expired_edges_->add();
      if (virtual_nodes()) complete_with_virtual_node(*edge, now);
      forget(*edge);
    }
    tell();
  }

  void complete_with_virtual_node(Edge& edge, TimePoint now) {
    if (edge.client.empty() && edge.key.span.empty()) complete_with_user(edge, now);
    if (!edge.server.empty()) return;
    edge.connection = Connection::virtual_node;
    edge.server = edge.peer_rank == Edge::no_peer ? std::string_view("unknown") : std::string_view(edge.peer);
    if (config_.virtual_node_extra_label) edge.virtual_node = VirtualNode::server;
    series_.add(edge, now);
  }
  void complete_with_user(Edge& edge, TimePoint now) {
    edge.connection = Connection::virtual_node;
    edge.client = "user";
    if (config_.virtual_node_extra_label) edge.virtual_node = VirtualNode::client;
    series_.add(edge, now);
  }

  void hand_over(Part part) {
    if (home_) return arrived(part);
    io::Executor* home = meeting_->home.load(std::memory_order_acquire);
    if (home == nullptr) return;  // the first core did not start, or not yet: no span came
    // The meeting is shared with all cores; it outlives their stages while messages are under way.
    home->post([meeting = meeting_, part, counted = std::exchange(series_, SeriesTable(shape_))]() mutable {
      if (ServiceGraph* writer = meeting->writer) writer->receive(part, std::move(counted));
    });
  }

  void receive(Part part, SeriesTable counted) {
    series_.merge(std::move(counted));
    charge();
    arrived(part);
  }

  // On the home core: metrics leave when all cores have said that the interval, or everything, is over.
  void arrived(Part part) {
    if (part == Part::last && ++ended_ < shards_) return;
    if (part == Part::round && ++round_ < shards_) return;
    round_ = 0;
    if (ended_ == shards_) keep();
    if (!series_.empty()) out_->emit(series_.write(out_->wall(), config_.metrics_timestamp_offset, charge_.another()));
  }

  const Config& config_;
  std::shared_ptr<const Shape> shape_;  // shared by the tables of all cores and those on their way
  Attributes attributes_;
  Edges edges_;
  std::vector<End> ends_;    // of the spans that are being read
  std::int64_t untold_ = 0;  // edges more (or less) than meeting_->waiting has of us
  SeriesTable series_;  // home: everything since the start; others: since it was handed over
  Charge charge_;
  io::Executor& executor_;
  std::uint16_t shards_, round_ = 0, ended_ = 0;
  bool home_, drained_ = false;
  std::shared_ptr<Meeting> meeting_;  // shared by the stages of all cores and messages between them
  engine::Out* out_ = nullptr;
  TimePoint next_flush_, next_expiration_, next_cleaning_;
  telemetry::Counter *dropped_spans_, *expired_edges_, *total_edges_;
  std::string_view service_;  // of the resource that is being read
  const engine::StageContext context_;
  std::shared_ptr<storage::KeptState> kept_;  // shared by all cores; null: nothing is kept
  std::size_t saving_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // a save that ends later looks whether this is still there
};

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context) {
  return std::make_unique<ServiceGraph>(config, context);
}

}  // namespace weir::connectors::servicegraph
