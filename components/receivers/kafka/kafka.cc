// Reads Kafka's topics. What the pipelines have taken moves the offsets.
#include "components/receivers/kafka/consumer.h"
#include "components/receivers/kafka/decode.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::receivers::kafka {
namespace {

constexpr std::string_view transport = "kafka";

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

bool is_final(Errc code) {
  return code == Errc::invalid || code == Errc::too_large || code == Errc::permanent || code == Errc::unauthenticated || code == Errc::unimplemented;
}

// The messages of one core. Those of a delivery with the same headers become one batch.
class CoreLane final : public Lane, public std::enable_shared_from_this<CoreLane> {
 public:
  CoreLane(const Config& config, const engine::ReceiverContext& context, std::shared_ptr<Consumer> consumer)
      : config_(config), context_(context), name_(context.id.to_string()), consumer_(std::move(consumer)) {}

  Result<> start(const std::vector<otlp::Signal>& signals) {
    for (auto signal : signals) {
      WEIR_ASSIGN(auto decoder, Decoder::make(signal, config_.encoding_of(signal)));
      decoders_.emplace(signal, std::move(decoder));
      auto& registry = context_.host.metrics();
      failed_.emplace(signal, &registry.counter(fmt::format("otelcol_kafka_receiver_unmarshal_failed_{}", items_name(signal)), "Number of messages that could not be decoded", {{"name", name_}}));
    }
    return {};
  }

  // Nothing is tried again from now on: what waits for that is read again by whoever gets the partition.
  void stop() {
    stopping_ = true;
    for (auto& [number, waiting] : std::exchange(waiting_, {})) {
      context_.executor.cancel(waiting.timer);
      consumer_->abandon(*waiting.run->partition, waiting.run->records);
    }
  }

  void take(Delivery delivery) override {
    auto& records = delivery.records;
    for (std::size_t begin = 0, end; begin < records.size(); begin = end) {
      for (end = begin + 1; end < records.size() && records[end].headers == records[begin].headers;) ++end;
      auto run = std::make_shared<Run>();  // shared with what waits for its outcome
      run->partition = delivery.partition;
      std::move(records.begin() + static_cast<std::ptrdiff_t>(begin), records.begin() + static_cast<std::ptrdiff_t>(end), std::back_inserter(run->records));
      push(std::move(run));
    }
  }

 private:
  struct Run {
    std::shared_ptr<Partition> partition;
    std::vector<Record> records;
    unsigned attempts = 0;
    TimePoint begun{};
  };
  struct Waiting {
    std::shared_ptr<Run> run;
    io::TimerId timer;
  };

  bool drops_final() const { return config_.message_marking.on_permanent_error.value_or(config_.message_marking.after.value_or(false) ? config_.message_marking.on_error : true); }

  void push(std::shared_ptr<Run> run) {
    if (stopping_ || run->partition->gone) return consumer_->abandon(*run->partition, run->records);
    otlp::Signal signal = run->partition->signal;
    otlp::Batch batch(signal);
    for (auto& record : run->records) {
      auto decoded = decode(record, signal);
      if (decoded) {
        if (!decoded->empty()) batch.append(std::move(*decoded));
        continue;
      }
      bool final = is_final(decoded.error().code);
      if (final) tell(*run->partition, record, decoded.error());
      if (!final || !drops_final()) {
        batch.settle({});
        return failed(std::move(run), decoded.error());
      }
    }
    if (batch.empty()) return consumer_->settle(*run->partition, run->records);
    batch.context = context_of(*run);
    context_.intake.push(std::move(batch), transport, [self = weak_from_this(), consumer = consumer_, run](Outcome outcome) {
      if (!outcome) return consumer->settle(*run->partition, run->records);
      if (auto alive = self.lock()) alive->failed(run, *outcome);
      else consumer->abandon(*run->partition, run->records);
    });
  }

  Result<otlp::Batch> decode(const Record& record, otlp::Signal signal) {
    Budget& budget = context_.host.budget();
    Charge charge = budget.empty_charge();
    WEIR_ASSIGN(auto request, decoders_.at(signal).decode(record.value, context_.executor.wall(), budget, charge));
    WEIR_ASSIGN(auto batch, otlp::Batch::parse(signal, std::move(request), std::move(charge), context_.intake.sought(signal)));
    if (config_.header_extraction.extract_headers) extract(record, batch);
    return batch;
  }

  void extract(const Record& record, otlp::Batch& batch) {
    if (batch.signal() == otlp::Signal::profiles) return;
    Arena& arena = batch.arena();
    for (auto& name : config_.header_extraction.headers)
      for (auto& [key, value] : record.headers) {
        if (key != name) continue;
        auto attribute = arena.copy("kafka.header." + name), text = arena.copy(value);
        for (auto& group : batch.groups()) group.resource.edit(arena).attributes.set(arena, attribute, otlp::Value::of(text));
        break;
      }
  }

  std::shared_ptr<const otlp::Context> context_of(const Run& run) const {
    auto context = std::make_shared<otlp::Context>();  // shared by all batches cut from these messages
    auto& first = run.records.front();
    for (auto& [key, value] : first.headers) {
      std::string lower = key;
      for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
      context->metadata[std::move(lower)].push_back(value);
    }
    context->metadata["kafka.topic"] = {run.partition->topic};
    context->metadata["kafka.partition"] = {std::to_string(run.partition->number)};
    context->metadata["kafka.offset"] = {std::to_string(first.offset)};
    return context;
  }

  void tell(const Partition& partition, const Record& record, const Error& error) {
    failed_.at(partition.signal)->add();
    context_.intake.refused(partition.signal, transport, 1);
    long long more = 0;
    if (lines_.allow(more))
      log::error("kafka: a message cannot be decoded",
                 {{"receiver", name_}, {"topic", partition.topic}, {"partition", partition.number}, {"offset", record.offset}, {"error", error.what}, {"suppressed", more}});
  }

  void failed(std::shared_ptr<Run> run, const Error& error) {
    bool moves_on = is_final(error.code) ? drops_final() : config_.message_marking.on_error && !may_wait(*run);
    if (moves_on) {
      long long more = 0;
      if (lines_.allow(more))
        log::error("kafka: messages are not taken and given up", {{"receiver", name_}, {"topic", run->partition->topic}, {"messages", run->records.size()}, {"error", error.what}, {"suppressed", more}});
      return consumer_->settle(*run->partition, run->records);
    }
    if (stopping_ || run->partition->gone) return consumer_->abandon(*run->partition, run->records);
    again(std::move(run), error);
  }

  // With on_error: whether error_backoff has time left.
  bool may_wait(Run& run) const {
    auto& backoff = config_.error_backoff;
    if (!backoff.enabled) return false;
    TimePoint now = context_.executor.now();
    if (run.attempts == 0) run.begun = now;
    Duration most = backoff.max_elapsed_time.value_or(5min);
    return most == 0s || now - run.begun < most;
  }

  void again(std::shared_ptr<Run> run, const Error& error) {
    long long more = 0;
    if (lines_.allow(more))
      log::info("kafka: messages are not taken and will be tried again", {{"receiver", name_}, {"topic", run->partition->topic}, {"messages", run->records.size()}, {"error", error.what}, {"suppressed", more}});
    Duration wait = exporting::backoff(config_.error_backoff, ++run->attempts, rng_, error.retry_after);
    std::uint64_t number = ++last_number_;
    io::TimerId timer = context_.executor.at(context_.executor.now() + wait, [self = weak_from_this(), number] {
      auto alive = self.lock();
      if (!alive) return;
      auto waiting = alive->waiting_.extract(number);
      if (waiting) alive->push(std::move(waiting.mapped().run));
    });
    waiting_.emplace(number, Waiting{std::move(run), timer});
  }

  Config config_;
  engine::ReceiverContext context_;
  std::string name_;
  std::shared_ptr<Consumer> consumer_;  // shared by the cores
  std::map<otlp::Signal, Decoder> decoders_;
  std::map<otlp::Signal, telemetry::Counter*> failed_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t last_number_ = 0;
  bool stopping_ = false;
  Rng rng_{1};
  log::RateLimit lines_;
};

class KafkaReceiver final : public engine::Receiver, public engine::Begins {
 public:
  KafkaReceiver(const Config& config, engine::ReceiverContext& context)
      : config_(config),
        context_(context),
        consumer_(engine::life_state<Consumer>(context, "kafka consumer " + context.id.to_string())),
        lane_(std::make_shared<CoreLane>(config, context, consumer_)) {
    for (auto signal : otlp::all_signals)
      if (context.intake.takes(signal)) signals_.push_back(signal);
  }

  Result<> start() override {
    std::map<std::string, otlp::Signal> topics;
    for (auto signal : signals_)
      for (auto& topic : config_.topics_of(signal))
        if (auto [at, fresh] = topics.emplace(topic, signal); !fresh)
          return fail(Errc::config, "{}: topic {} cannot have both {} and {}: use a receiver for each", context_.id.to_string(), topic, to_string(at->second), to_string(signal));
    return lane_->start(signals_);
  }
  void begin() override {
    begun_ = true;
    consumer_->join(config_, context_, signals_, lane_);
  }
  void stop(io::Task done) override {
    if (!begun_) return done();
    lane_->stop();
    consumer_->leave(context_.shard, std::move(done));
  }

 private:
  Config config_;
  engine::ReceiverContext context_;
  std::shared_ptr<Consumer> consumer_;  // shared by the cores
  std::shared_ptr<CoreLane> lane_;      // shared with outcomes that are waited for
  std::vector<otlp::Signal> signals_;
  bool begun_ = false;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "kafka",
          .summary = "Reads Kafka's topics; offsets move when messages are settled.",
          .signals = {otlp::all_signals.begin(), otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = [](const void* config, otlp::Signal signal) { return check(as(config), signal); },
          .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<KafkaReceiver>(as(config), context);
          }};
}

}  // namespace weir::receivers::kafka
