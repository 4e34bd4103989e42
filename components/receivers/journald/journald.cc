// The journal of systemd, through journalctl. Positions are cursors, which move when entries have arrived.
#include "base/number.h"
#include "base/text.h"
#include "components/receivers/journald/config.h"
#include "components/shared/stanza/storage.h"
#include "engine/decode.h"
#include "io/process.h"
#include "io/workers.h"
#include "ottl/text/json.h"
#include "storage/checkpoints.h"

namespace weir::receivers::journald {
namespace {

constexpr std::size_t longest_entry = 16 << 20;
constexpr Duration first_pause = 1s, longest_pause = 30s, save_interval = 1s;
constexpr std::string_view cursor_key = "cursor";

class Journald final : public engine::Receiver, private io::ProcessHandler {
 public:
  Journald(const Config& config, const engine::ReceiverContext& context) : config_(config), context_(context), name_(context.id.to_string()) {}
  ~Journald() { *alive_ = false; }

  Result<> start() override {
    if (context_.shard != 0) return {};
    WEIR_ASSIGN(input_, stanza::Input::make(config_, context_, "journald"));
    WEIR_ASSIGN(std::string directory, stanza::storage_directory(context_.host, config_.kept_in));
    if (!directory.empty()) {
      WEIR_ASSIGN(auto opened, stanza::open_checkpoints(context_, directory));
      checkpoints_.emplace(std::move(opened));
      if (auto* known = checkpoints_->find(cursor_key)) read_ = *known;
    }
    run();
    return {};
  }

  void stop(io::Task done) override {
    if (!input_) return done();
    stopping_ = true;
    process_.reset();
    stopped_ = std::move(done);
    input_->stop([this] {
      input_stopped_ = true;
      save();
      maybe_stopped();
    });
  }

 private:
  // Entries up to a cursor that are under way.
  struct Pending {
    std::uint64_t number;
    std::string cursor;
    bool arrived = false;
  };

  void run() {
    auto started = io::Process::start(context_.executor, config_.command(read_), *this);
    if (started) {
      process_ = std::move(*started);
      return;
    }
    log::error("journalctl cannot be started", {{"receiver", name_}, {"error", started.error().what}});
    again();
  }

  void again() {
    context_.executor.at(context_.executor.now() + pause_, [this, alive = alive_] {
      if (*alive && !stopping_) run();
    });
    pause_ = std::min(pause_ * 2, longest_pause);
  }

  void on_exit(std::string how, std::string errors) override {
    process_.reset();
    rest_.clear();
    log::error("journalctl ended; it is started again", {{"receiver", name_}, {"how", how}, {"said", std::string(trim(errors))}});
    again();
  }

  void on_output(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::size_t end = bytes.find('\n');
      std::string_view piece = bytes.substr(0, end);
      if (rest_.size() + piece.size() > longest_entry) too_long_ = true;
      if (too_long_) rest_.clear();
      if (end == std::string_view::npos) {
        if (!too_long_) rest_.append(piece);
        break;
      }
      bytes.remove_prefix(end + 1);
      if (std::exchange(too_long_, false)) {
        say("An entry of the journal is too long, and lost", "");
        continue;
      }
      if (rest_.empty()) {
        take(piece);
        continue;
      }
      rest_.append(piece);
      take(rest_);
      rest_.clear();
    }
    if (fresh_) mark();
    if (!input_->full()) return;
    process_->pause();
    input_->on_room([this] {
      if (process_) process_->resume();
    });
  }

  void say(std::string_view what, std::string_view error) {
    long long more = 0;
    if (said_.allow(more)) log::error(what, {{"receiver", name_}, {"error", error}, {"suppressed", more}});
  }

  void take(std::string_view line) {
    if (trim(line).empty()) return;
    auto& memory = input_->memory();
    auto parsed = ottl::parse_json(memory.copy(line), memory);
    if (!parsed || !parsed->is(otlp::ValueType::map)) return say("An entry of the journal cannot be read", parsed ? "it is no object" : parsed.error().what);
    stanza::Entry entry;
    auto* body = memory.make<otlp::Attributes>();
    std::string_view cursor;
    for (auto& kv : parsed->map(memory)) {
      if (kv.key == "__REALTIME_TIMESTAMP" && kv.value.is(otlp::ValueType::string)) {
        if (auto micros = parse_go_int(kv.value.text)) {
          entry.time = *micros * 1000;
          entry.has_time = true;
        }
        continue;
      }
      if (kv.key == "__CURSOR") cursor = kv.value.text;
      if (kv.key == "MESSAGE" && config_.convert_message_bytes) kv.value = text_of_bytes(kv.value);
      body->push_back(memory, kv);
    }
    if (!entry.has_time) return say("An entry of the journal cannot be read", "journald body missing __REALTIME_TIMESTAMP field");
    entry.body = otlp::Value::of(body);
    if (!cursor.empty()) read_ = cursor;
    fresh_ = true;
    pause_ = first_pause;
    input_->take(entry);
  }

  // A list of numbers, which journalctl writes for what is not UTF-8.
  otlp::Value text_of_bytes(otlp::Value& value) {
    if (!value.is(otlp::ValueType::array)) return value;
    std::string text;
    for (auto& one : value.array(input_->memory())) {
      if (!one.is(otlp::ValueType::real)) return value;
      text += static_cast<char>(static_cast<unsigned char>(one.real));
    }
    return otlp::Value::of(input_->memory().copy(text));
  }

  // Everything up to here is one step of the position.
  void mark() {
    if (input_->holds()) return input_->flush();  // operators keep some of it back: a later step covers it
    fresh_ = false;
    std::uint64_t number = next_number_++;
    pending_.push_back({number, read_});
    input_->flush([this, number](Outcome outcome) { arrived(number, std::move(outcome)); });
  }

  void arrived(std::uint64_t number, Outcome outcome) {
    // Given up because we stop: it is read again next time. Refused for good: it would be again.
    if (outcome && stopping_) return;
    for (auto& one : pending_)
      if (one.number == number) one.arrived = true;
    bool moved = false;
    while (!pending_.empty() && pending_.front().arrived) {
      if (checkpoints_) checkpoints_->set(cursor_key, std::move(pending_.front().cursor));
      pending_.pop_front();
      moved = true;
    }
    if (moved) save();
  }

  void save() {
    if (!checkpoints_ || !checkpoints_->dirty() || saving_) return;
    TimePoint now = context_.executor.now();
    if (!stopping_ && now < last_save_ + save_interval) {
      if (save_timer_ != 0) return;
      save_timer_ = context_.executor.at(last_save_ + save_interval, [this, alive = alive_] {
        if (!*alive) return;
        save_timer_ = 0;
        save();
      });
      return;
    }
    auto image = checkpoints_->image(stopping_);
    if (!image) return say("The position cannot be saved", image.error().what);
    last_save_ = now;
    saving_ = true;
    auto result = std::make_shared<Result<>>();  // shared with the worker
    auto submitted = context_.host.workers().submit(
        io::Workers::Priority::normal, context_.executor,
        [result, image = std::move(*image), fs = &context_.host.fs()] { *result = storage::Checkpoints::write(*fs, image); },
        [this, alive = alive_, result] {
          if (!*alive) return;
          saving_ = false;
          if (!*result) {
            checkpoints_->write_failed();
            say("The position cannot be saved", result->error().what);
            return maybe_stopped();
          }
          save();
          maybe_stopped();
        });
    if (submitted) return;
    saving_ = false;
    checkpoints_->write_failed();
  }

  void maybe_stopped() {
    if (stopping_ && input_stopped_ && !saving_ && stopped_) std::exchange(stopped_, nullptr)();
  }

  const Config config_;
  engine::ReceiverContext context_;
  std::string name_;
  std::unique_ptr<stanza::Input> input_;
  std::optional<storage::Checkpoints> checkpoints_;
  std::unique_ptr<io::Process> process_;
  std::string read_;  // cursor of the newest entry that was read
  std::string rest_;  // the beginning of a line
  std::deque<Pending> pending_;
  std::uint64_t next_number_ = 1;
  Duration pause_ = first_pause;
  TimePoint last_save_{};
  io::TimerId save_timer_ = 0;
  bool fresh_ = false, too_long_ = false, saving_ = false, stopping_ = false, input_stopped_ = false;
  io::Task stopped_;
  log::RateLimit said_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with callbacks that may come when we are gone
};

Result<std::unique_ptr<engine::Receiver>> make(const void* config, engine::ReceiverContext& context) {
  return std::make_unique<Journald>(*static_cast<const Config*>(config), context);
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "journald",
          .summary = "Reads the journal of systemd through journalctl.",
          .signals = {otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = make};
}

}  // namespace weir::receivers::journald
