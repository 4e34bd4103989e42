#include "components/receivers/filelog/reader.h"
#include "engine/decode.h"
#include "engine/life.h"

namespace weir::receivers::filelog {
namespace {

// Files are read on one core: the first. The others have nothing to do.
class FilelogReceiver final : public engine::Receiver, public engine::Begins {
 public:
  explicit FilelogReceiver(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
  Result<> start() override { return reader_ ? reader_->check_storage() : Result<>{}; }
  void begin() override {
    if (reader_) reader_->begin();
  }
  void stop(io::Task done) override {
    if (!reader_) return done();
    reader_->stop(std::move(done));
  }

 private:
  std::unique_ptr<Reader> reader_;
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  if (context.shard != 0) return std::make_unique<FilelogReceiver>(nullptr);
  WEIR_ASSIGN(auto reader, Reader::make(*static_cast<const Config*>(config), context));
  return std::make_unique<FilelogReceiver>(std::move(reader));
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
