// Writes batches to Kafka's topics.
#include "base/log.h"
#include "base/text.h"
#include "components/exporters/kafka/producer.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::exporters::kafka {
namespace {

const Config& as(const void* config) { return *static_cast<const Config*>(config); }

class KafkaSender final : public exporting::Sender {
 public:
  KafkaSender(const Config& config, engine::StageContext& context)
      : config_(config),
        rules_(Rules::of(config, context.signal)),
        context_(context),
        name_(context.id.to_string()),
        producer_(engine::life_state<Producer>(context, fmt::format("kafka producer {} {}", name_, to_string(context.signal)))),
        mailbox_(std::make_shared<Mailbox>(context.executor)) {}
  ~KafkaSender() override { mailbox_->close(); }

  Result<> start() override { return producer_->open(config_, context_.host, context_.executor); }
  bool sends_protobuf() const override { return false; }  // messages are cut by key and size

  void send(exporting::Payload, Duration, Done done) override { done(Error{Errc::internal, "kafka sends batches", {}}); }

  // librdkafka's message.timeout.ms is the time-out.
  void send(otlp::Batch& batch, Duration, Done done) override {
    auto call = std::make_shared<Call>(Call{.batch = &batch, .windows = windows_of(batch, rules_), .headers = headers_of(batch), .done = std::move(done)});
    next(std::move(call));
  }

 private:
  // Shared with the producer's callbacks.
  struct Call {
    otlp::Batch* batch;
    std::vector<otlp::Batch> windows;
    Headers headers;
    Done done;
    std::size_t at = 0;
    Messages messages;  // of the window under way, without their bytes
    std::size_t rejected = 0;
    bool anything_taken = false;
    Outcome error;
    std::optional<otlp::Batch> left;
  };

  Headers headers_of(const otlp::Batch& batch) const {
    Headers out;
    for (auto& header : config_.record_headers) out.emplace_back(header.name, header.value);
    if (!batch.context) return out;
    for (auto& key : config_.include_metadata_keys)
      if (auto at = batch.context->metadata.find(to_lower(key)); at != batch.context->metadata.end())
        for (auto& value : at->second) out.emplace_back(key, value);
    return out;
  }

  // One window, so that a batch whose resource is in many messages does not keep the core.
  void next(std::shared_ptr<Call> call) {
    if (call->at < call->windows.size()) {
      call->messages = messages_of(call->windows[call->at], rules_);
      std::size_t unsendable = call->messages.too_large + call->messages.without_form;
      if (unsendable > 0) say(call->messages);
      call->rejected += unsendable;
      if (call->messages.list.empty()) {
        ++call->at;
        mailbox_->post([this, call] { next(call); });
        return;
      }
      auto list = std::exchange(call->messages.list, {});
      return producer_->produce(std::move(list), call->headers, mailbox_, [this, call](Delivery delivery) { delivered(call, std::move(delivery)); });
    }
    finish(*call);
  }

  void delivered(const std::shared_ptr<Call>& call, Delivery delivery) {
    auto count = [&](Fate fate) { return static_cast<std::size_t>(std::ranges::count(delivery.fates, fate)); };
    call->anything_taken = call->anything_taken || count(Fate::taken) > 0;
    if (!delivery.error.what.empty() && (!call->error || delivery.error.code == Errc::retryable)) call->error = delivery.error;
    if (count(Fate::final) > 0) call->rejected += items(*call, delivery, Fate::final);
    if (count(Fate::may_pass) > 0) keep(*call, delivery);
    if (count(Fate::may_pass) > 0) return finish(*call);  // the brokers are away: what follows would only wait, too
    ++call->at;
    next(call);
  }

  std::size_t items(Call& call, const Delivery& delivery, Fate fate) {
    if (call.messages.single) return call.windows[call.at].items();
    return static_cast<std::size_t>(std::ranges::count_if(call.messages.message_of, [&](auto message) { return message != Messages::none && delivery.fates[message] == fate; }));
  }

  // What was not taken and may be later, and all windows that follow.
  void keep(Call& call, const Delivery& delivery) {
    otlp::Batch rest(context_.signal);
    if (call.messages.single) {
      rest = std::move(call.windows[call.at]);
    } else {
      std::vector<bool> chosen;
      for (auto fate : delivery.fates) chosen.push_back(fate == Fate::may_pass);
      rest = items_of(call.windows[call.at], call.messages, chosen);
    }
    for (std::size_t i = call.at + 1; i < call.windows.size(); ++i) rest.append(std::move(call.windows[i]));
    call.left = std::move(rest);
  }

  void finish(Call& call) {
    exporting::Sent sent;
    sent.rejected = call.rejected;
    if (call.left) {
      sent.error = call.error;
      if (call.anything_taken || call.rejected > 0) sent.left = std::move(call.left);
    } else if (call.rejected > 0 && !call.anything_taken) {
      sent.error = call.error ? call.error : Error{Errc::permanent, "no item of the request can be sent to Kafka", {}};
      sent.rejected = 0;  // the whole request is
    }
    call.done(std::move(sent));
  }

  void say(const Messages& messages) {
    long long more = 0;
    if (lines_.allow(more))
      log::warn("items cannot be sent to Kafka and are dropped",
                {{"exporter", name_}, {"too_large", messages.too_large}, {"without_form", messages.without_form}, {"max_message_bytes", rules_.max_bytes}, {"suppressed", more}});
  }

  Config config_;
  Rules rules_;
  engine::StageContext context_;
  std::string name_;
  std::shared_ptr<Producer> producer_;  // shared by the cores
  std::shared_ptr<Mailbox> mailbox_;    // shared with messages under way
  log::RateLimit lines_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "kafka",
          .summary = "Writes to Kafka's topics, as OTLP, Jaeger, Zipkin or raw.",
          .signals = {otlp::all_signals.begin(), otlp::all_signals.end()},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = [](const void* config, otlp::Signal signal) { return check(as(config), signal); },
          .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(as(config).exporting.settings(), storage); },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return exporting::make_stage(as(config).exporting.settings(), std::make_unique<KafkaSender>(as(config), context), context);
          }};
}

}  // namespace weir::exporters::kafka
