// Reads files with OTLP JSON, a request in each line, as the exporter `file` writes them.
#include <set>

#include "base/log.h"
#include "components/receivers/otlpjsonfile/files.h"
#include "components/shared/stanza/storage.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "io/workers.h"
#include "otlp/json.h"
#include "storage/checkpoints.h"

namespace weir::receivers::otlpjsonfile {
namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;
constexpr Duration before_retry = 1s;
constexpr std::string_view transport = "file";

std::optional<otlp::Signal> signal_of(std::string_view line) {
  struct Row {
    std::string_view key;
    otlp::Signal signal;
  };
  static constexpr Row rows[] = {{"\"resourceSpans\"", otlp::Signal::traces},   {"\"resource_spans\"", otlp::Signal::traces}, {"\"resourceMetrics\"", otlp::Signal::metrics},
                                 {"\"resource_metrics\"", otlp::Signal::metrics}, {"\"resourceLogs\"", otlp::Signal::logs},     {"\"resource_logs\"", otlp::Signal::logs}};
  std::size_t first = line.npos;
  std::optional<otlp::Signal> out;
  for (auto& row : rows)
    if (std::size_t at = line.find(row.key); at < first) first = at, out = row.signal;
  return out;
}

// One piece of one file at a time; the next when all of it is settled. One core.
class JsonFile final : public engine::Receiver, public engine::Begins {
 public:
  JsonFile(const Config& config, const engine::ReceiverContext& context) : config_(config), context_(context), name_(context.id.to_string()) {}
  ~JsonFile() override {
    *alive_ = false;
    cancel();
  }

  Result<> start() override {
    if (context_.shard != 0) return {};
    WEIR_ASSIGN(directory_, stanza::storage_directory(context_.host, config_.storage));
    return {};
  }

  void begin() override {
    if (context_.shard != 0) return;
    if (!directory_.empty() && !config_.replay_file) {
      auto opened = stanza::open_checkpoints(context_, directory_);
      if (opened) checkpoints_.emplace(std::move(*opened));
      else log::error("positions of files cannot be kept", {{"receiver", name_}, {"error", opened.error().what}});
    }
    poll();
  }

  void stop(io::Task done) override {
    stopping_ = true;
    cancel();
    stopped_ = std::move(done);
    maybe_stopped();
  }

 private:
  struct File {
    std::string path;
    std::uint64_t offset = 0;
    bool skipping = false;
  };
  // A line on its way.
  struct Line {
    Bytes text;  // charged
    otlp::Signal signal;
  };
  using LineRef = std::shared_ptr<Line>;  // shared with the outcome that is waited for

  void cancel() {
    context_.executor.cancel(std::exchange(poll_timer_, 0));
    context_.executor.cancel(std::exchange(retry_timer_, 0));
  }

  void later() {
    if (stopping_) return maybe_stopped();
    poll_timer_ = context_.executor.at(context_.executor.now() + config_.poll_interval, [this] {
      poll_timer_ = 0;
      poll();
    });
  }

  template <class T, class Work, class Then>
  void in_worker(Work work, Then then) {
    auto result = std::make_shared<T>();  // shared by the worker and this core, one after the other
    ++jobs_;
    auto submitted = context_.host.workers().submit(
        io::Workers::Priority::normal, context_.executor, [result, work = std::move(work)] { *result = work(); },
        [this, alive = alive_, result, then = std::move(then)] {
          if (!*alive) return;
          --jobs_;
          if (stopping_) return maybe_stopped();
          then(std::move(*result));
        });
    if (submitted) return;
    --jobs_;
    later();
  }

  void poll() {
    in_worker<std::vector<Found>>([include = config_.include, exclude = config_.exclude] { return find_files(include, exclude); }, [this](std::vector<Found> found) { looked(std::move(found)); });
  }

  void looked(std::vector<Found> found) {
    todo_.clear();
    std::set<std::string> there;
    for (auto& one : found) {
      there.insert(one.identity);
      auto [at, fresh] = files_.try_emplace(one.identity);
      File& file = at->second;
      if (fresh) file.offset = first_offset(one);
      if (config_.replay_file && file.offset >= one.size) file.offset = 0;
      if (one.size < file.offset) file = {};  // it was written anew
      file.path = one.path;
      if (one.size > file.offset) todo_.push_back(one.identity);
    }
    std::erase_if(files_, [&](auto& entry) { return !there.contains(entry.first); });
    if (checkpoints_ && first_look_) {
      std::vector<std::string> gone;
      for (auto& [identity, offset] : checkpoints_->entries())
        if (!there.contains(identity)) gone.push_back(identity);
      for (auto& identity : gone) checkpoints_->erase(identity);
    }
    first_look_ = false;
    next_file();
  }

  std::uint64_t first_offset(const Found& file) const {
    if (checkpoints_)
      if (auto* known = checkpoints_->find(file.identity)) return std::strtoull(known->c_str(), nullptr, 10);
    bool at_end = config_.start_at == StartAt::end && first_look_ && !config_.replay_file;
    return at_end ? file.size : 0;
  }

  void next_file() {
    if (stopping_) return maybe_stopped();
    if (todo_.empty()) return save();
    identity_ = todo_.back();
    const File& file = files_.at(identity_);
    in_worker<Piece>([file, identity = identity_, longest = config_.max_log_size.value] { return read_piece(file.path, identity, file.offset, file.skipping, piece_bytes, longest); },
                     [this](Piece piece) { take(std::move(piece)); });
  }

  void take(Piece piece) {
    File& file = files_.at(identity_);
    if (piece.gone || piece.next == file.offset) {
      todo_.pop_back();
      return next_file();
    }
    if (piece.too_long > 0) tell(fmt::format("{} lines are longer than max_log_size", piece.too_long));
    next_ = piece.next;
    skipping_ = piece.skipping;
    open_ = 1;  // this function's own
    for (auto& text : piece.lines) {
      auto signal = signal_of(text);
      if (!signal) {
        tell("a line is no OTLP JSON");
        continue;
      }
      if (!context_.intake.takes(*signal)) continue;
      auto charge = context_.host.budget().charge_unchecked(text.size());
      push(std::make_shared<Line>(Line{Bytes::take(std::move(text)).charged(std::move(charge)), *signal}));
    }
    closed();
  }

  void push(const LineRef& line) {
    ++open_;
    auto batch = parse(*line);
    if (!batch) {
      bool final = batch.error().code != Errc::refused;
      if (final) {
        context_.intake.refused(line->signal, transport, 1);
        tell(batch.error().what);
      } else {
        waiting_.push_back(line);
      }
      return closed();
    }
    context_.intake.push(std::move(*batch), transport, [this, alive = alive_, line](Outcome outcome) {
      if (!*alive) return;
      bool again = outcome && (outcome->code == Errc::refused || outcome->code == Errc::retryable);
      if (again) waiting_.push_back(line);
      else if (outcome) tell(outcome->what);
      closed();
    });
  }

  Result<otlp::Batch> parse(const Line& line) {
    Budget& budget = context_.host.budget();
    WEIR_ASSIGN(auto request, otlp::json_to_protobuf(line.signal, line.text.view(), &budget));
    Charge charge = budget.charge_unchecked(request.size());
    WEIR_ASSIGN(auto batch, otlp::Batch::parse(line.signal, std::move(request), std::move(charge), context_.intake.sought(line.signal)));
    name_file(batch);
    return batch;
  }

  void name_file(otlp::Batch& batch) {
    if (!config_.include_file_name && !config_.include_file_path) return;
    Arena& arena = batch.arena();
    std::string_view path = arena.copy(files_.at(identity_).path), name = path.substr(path.rfind('/') + 1);
    auto add = [&](otlp::Attributes& attributes) {
      if (config_.include_file_name) attributes.set(arena, "log.file.name", otlp::Value::of(name));
      if (config_.include_file_path) attributes.set(arena, "log.file.path", otlp::Value::of(path));
    };
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          if (batch.signal() == otlp::Signal::traces) add(item.edit<otlp::Span>(arena).attributes);
          else if (batch.signal() == otlp::Signal::logs) add(item.edit<otlp::LogRecord>(arena).attributes);
          else add(item.edit<otlp::Metric>(arena).metadata);
        }
  }

  // One of what was open is not any more. With the last one the piece is through, or what was refused waits.
  void closed() {
    if (--open_ > 0) return;
    if (!waiting_.empty()) {
      if (stopping_) return maybe_stopped();  // they are read again
      retry_timer_ = context_.executor.at(context_.executor.now() + before_retry, [this] {
        retry_timer_ = 0;
        open_ = 1;
        for (auto& line : std::exchange(waiting_, {})) push(line);
        closed();
      });
      return;
    }
    File& file = files_.at(identity_);
    file.offset = next_;
    file.skipping = skipping_;
    if (checkpoints_) checkpoints_->set(identity_, std::to_string(next_));
    next_file();  // or the end
  }

  void save() {
    if (!checkpoints_ || !checkpoints_->dirty()) return later();
    auto image = checkpoints_->image();
    if (!image) return later();
    in_worker<bool>([&fs = context_.host.fs(), image = std::move(*image)] { return storage::Checkpoints::write(fs, image).has_value(); },
                    [this](bool written) {
                      if (!written) checkpoints_->write_failed();
                      later();
                    });
  }

  // What is settled now is kept before the end.
  void maybe_stopped() {
    if (!stopping_ || !stopped_ || open_ > 0 || jobs_ > 0) return;
    if (checkpoints_ && checkpoints_->dirty() && !last_save_) {
      last_save_ = true;
      if (auto image = checkpoints_->image())
        return in_worker<bool>([&fs = context_.host.fs(), image = std::move(*image)] { return storage::Checkpoints::write(fs, image).has_value(); }, [](bool) {});
    }
    std::exchange(stopped_, nullptr)();
  }

  void tell(std::string_view what) {
    long long more = 0;
    if (lines_.allow(more)) log::error("a line is passed over", {{"receiver", name_}, {"file", files_.at(identity_).path}, {"error", what}, {"suppressed", more}});
  }

  Config config_;
  engine::ReceiverContext context_;
  std::string name_, directory_;
  std::optional<storage::Checkpoints> checkpoints_;
  std::map<std::string, File> files_;  // by identity
  std::vector<std::string> todo_;
  bool first_look_ = true, stopping_ = false, last_save_ = false;

  // The piece under way.
  std::string identity_;
  std::uint64_t next_ = 0;
  bool skipping_ = false;
  std::size_t open_ = 0, jobs_ = 0;
  std::vector<LineRef> waiting_;  // for another attempt

  io::TimerId poll_timer_ = 0, retry_timer_ = 0;
  io::Task stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with callbacks that may come when we are gone
  log::RateLimit lines_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "otlpjsonfile",
          .aliases = {"otlp_json_file"},
          .summary = "Reads files with OTLP JSON, a request in each line.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* config, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<JsonFile>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::receivers::otlpjsonfile
