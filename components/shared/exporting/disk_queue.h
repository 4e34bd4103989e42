#pragma once
// The part of a sending queue that is on disk: requests as records of a log.
#include "components/shared/exporting/sender.h"
#include "storage/log.h"

namespace weir::exporting {

struct DiskSettings {
  std::string directory;          // of this queue
  storage::Sync sync = storage::Sync::interval;
  Duration sync_interval = 1s;
  std::uint64_t max_bytes = 8ull * 1024 * 1024 * 1024;  // on disk, of all cores
  Duration max_age{};             // 0: no limit
  bool newest_first = false;
  bool claims = true;             // reads what earlier processes left
  std::uint64_t dead_letter_bytes = 256 * 1024 * 1024;
};

// A request that was read back.
struct Stored {
  storage::Place place;
  otlp::Batch batch;
  std::vector<Bytes> encoded;
  UnixNanos time = 0;
  bool recovered = false;  // of another process or core
};

// What a record holds: a few facts, then the request as it goes on the wire.
struct RequestFacts {
  engine::Signal signal{};
  std::shared_ptr<const otlp::Context> context;  // shared with the batch; null: none
  std::string error;                             // dead letters: the backend's words
};
Bytes encode_facts(const RequestFacts& facts);
struct DecodedRequest {
  RequestFacts facts;
  Bytes body;
};
Result<DecodedRequest> decode_request(const Bytes& payload);

// "otlp_grpc/backup", traces, "10.0.0.1:4317" -> "otlp_grpc%2Fbackup-traces-10.0.0.1%3A4317"
std::string queue_directory_name(std::string_view exporter, engine::Signal signal, std::string_view endpoint = {});

// One core's part; the directory is shared with the same exporter's other cores.
class DiskQueue {
 public:
  static Result<std::unique_ptr<DiskQueue>> open(const DiskSettings& settings, const engine::StageContext& context);

  using Kept = std::move_only_function<void(Result<storage::Place>)>;
  // Writes a request; `encoded` is what it looks like on the wire. With a place the caller has it in its hands until settle() or leave().
  void put(const otlp::Batch& batch, std::vector<Bytes> encoded, Kept done);
  void settle(storage::Place place) { log_.settle(place); }
  void leave(storage::Place place) { log_.leave(place); }

  bool has_unread() const { return log_.has_unread() || !unread_.empty(); }
  bool has_unread_from_before() const { return log_.has_unread_from_before(); }
  // A call of read() is under way.
  bool busy() const { return busy_; }
  // Something was read, or is being read, that nobody has got yet.
  bool reading() const { return busy_ || !unread_.empty(); }
  // The next requests of about so many bytes at most, a part of a larger read; none: nothing can be read now. What cannot be read or is too old is gone, and told.
  void read(std::size_t bytes, std::move_only_function<void(std::vector<Stored>)> done);

  // Whether so many more bytes are within the quota.
  bool has_room(std::uint64_t bytes) const { return files_->bytes() + log_.waiting_bytes() + bytes <= settings_.max_bytes; }
  bool ever_fits(std::uint64_t bytes) const { return bytes <= settings_.max_bytes && bytes <= storage::max_record_bytes; }
  // Gives up the oldest part; `done` hears how many items were lost. False: nothing can be given up.
  bool discard_oldest(std::move_only_function<void(std::size_t items)> done);

  // Puts aside what a backend refused for good, with its words. `done` runs whether that worked or not.
  void store_dead_letter(const otlp::Batch& batch, std::vector<Bytes> encoded, const Error& error, io::Task done);

  void flush() { log_.flush(), dead_.flush(); }
  bool idle() const { return log_.idle() && dead_.idle(); }

  // Told of items that ended here: too old, or damaged beyond reading.
  std::function<void(std::size_t items, bool too_old)> on_lost;

 private:
  DiskQueue(const DiskSettings& settings, std::shared_ptr<storage::LogFiles> files, std::shared_ptr<storage::LogFiles> dead, const engine::StageContext& context);
  std::optional<Stored> to_request(storage::ReadRecord record);
  std::vector<Stored> next_slice();
  void export_metrics(const engine::StageContext& context);
  void count();

  DiskSettings settings_;
  std::string id_;
  engine::Signal signal_;
  io::Executor& executor_;
  std::shared_ptr<storage::LogFiles> files_, dead_files_;  // shared with the exporter's other cores
  storage::Log log_, dead_;
  std::deque<storage::ReadRecord> unread_;  // read, and nobody has got them yet
  bool busy_ = false;
  telemetry::Counter &damaged_, &write_failures_, &sync_failures_, &dead_items_;
  storage::Log::Counts told_;       // in the counters
  std::shared_ptr<void> gauges_;    // registration, first core only
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // tasks look whether this is still there
};

}  // namespace weir::exporting
