#include "components/receivers/filelog/reader.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::receivers::filelog {
namespace {

// One core looks for files and reads them: the first. Each has a lane.
class FilelogReceiver final : public engine::Receiver, public engine::Begins {
 public:
  FilelogReceiver(std::shared_ptr<Lane> lane, std::unique_ptr<Reader> reader) : lane_(std::move(lane)), reader_(std::move(reader)) {}
  Result<> start() override { return reader_ ? reader_->check_storage() : Result<>{}; }
  void begin() override {
    if (reader_) reader_->begin();
  }
  void stop(io::Task done) override {
    if (reader_) return reader_->stop(std::move(done));
    lane_->stop(std::move(done));
  }

 private:
  std::shared_ptr<Lane> lane_;  // shared with the reader
  std::unique_ptr<Reader> reader_;
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  const auto& c = *static_cast<const Config*>(config);
  auto lanes = engine::life_state<Lanes>(context, context.id.to_string());
  WEIR_ASSIGN(auto lane, Lane::make(c, context));
  lanes->add(context.shard, lane);
  std::unique_ptr<Reader> reader;
  if (context.shard == 0) {
    WEIR_ASSIGN(reader, Reader::make(c, context, std::move(lanes)));
  }
  return std::make_unique<FilelogReceiver>(std::move(lane), std::move(reader));
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "filelog",
          .aliases = {"file_log"},
          .summary = "Reads log files, through rotation, restarts and refusals.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::filelog
