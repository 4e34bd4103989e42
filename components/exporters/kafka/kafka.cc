// Writes batches to Kafka's topics.
#include "base/log.h"
#include "base/text.h"
#include "components/exporters/kafka/producer.h"
#include "components/shared/exporting/windows.h"
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
    auto call = std::make_shared<Call>(Call{.batch = batch, .messages = messages_of(batch, rules_), .done = std::move(done)});  // shared with the producer's callbacks
    call->rejected = call->messages.too_large + call->messages.without_form;
    if (call->rejected > 0) say(call->messages);
    auto list = std::exchange(call->messages.list, {});
    if (list.empty()) return finish(*call, false, {});
    producer_->produce(std::move(list), headers_of(batch), mailbox_, [this, call](Delivery delivery) { delivered(*call, std::move(delivery)); });
  }

 private:
  struct Call {
    otlp::Batch& batch;
    Messages messages;  // without their bytes
    Done done;
    std::size_t rejected = 0;
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

  void delivered(Call& call, Delivery delivery) {
    auto any = [&](Fate fate) { return std::ranges::find(delivery.fates, fate) != delivery.fates.end(); };
    if (any(Fate::final)) call.rejected += items(call, delivery, Fate::final);
    if (!any(Fate::may_pass)) return finish(call, any(Fate::taken), delivery.error);
    exporting::Sent sent(std::move(delivery.error));
    sent.rejected = call.rejected;
    if (any(Fate::taken) || call.rejected > 0) sent.left = rest_of(call, delivery);
    call.done(std::move(sent));
  }

  std::size_t items(Call& call, const Delivery& delivery, Fate fate) {
    if (call.messages.single) return call.batch.items();
    return static_cast<std::size_t>(std::ranges::count_if(call.messages.message_of, [&](auto message) { return message != Messages::none && delivery.fates[message] == fate; }));
  }

  otlp::Batch rest_of(Call& call, const Delivery& delivery) {
    std::vector<bool> chosen;
    for (auto fate : delivery.fates) chosen.push_back(fate == Fate::may_pass);
    return items_of(call.batch, call.messages, chosen);
  }

  // Nothing is to be tried again.
  static void finish(Call& call, bool anything_taken, const Error& error) {
    exporting::Sent sent;
    sent.rejected = call.rejected;
    if (call.rejected > 0 && !anything_taken) {
      sent.error = !error.what.empty() ? error : Error{Errc::permanent, "no item of the request can be sent to Kafka", {}};
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
            auto repeats = [rules = Rules::of(as(config), context.signal)](otlp::Batch& batch) { return repeats_resources(batch, rules); };
            auto sender = exporting::in_windows(std::make_unique<KafkaSender>(as(config), context), context, std::move(repeats));
            return exporting::make_stage(as(config).exporting.settings(), std::move(sender), context);
          }};
}

}  // namespace weir::exporters::kafka
