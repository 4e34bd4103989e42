#pragma once
// What a core does with files: looks for them, reads them piece by piece, makes records of the lines, and moves each file's
// position when its records have arrived.
#include <deque>

#include "components/receivers/filelog/files.h"
#include "components/shared/stanza/record_writer.h"
#include "engine/component.h"
#include "io/workers.h"

namespace weir::receivers::filelog {

// One core; exists once in the process. Memory is bounded by what is under way: max_unsettled bytes of requests, and one
// piece of a file. The files themselves are the queue behind that.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> make(const Config& config, const engine::ReceiverContext& context);
  ~Reader();
  // What can be wrong with where positions are kept.
  Result<> check_storage();
  // Reads on from there.
  void begin();
  void stop(io::Task done);

 private:
  // A request on its way, and what it says about files once it has arrived.
  struct Unsettled {
    std::uint64_t number = 0;
    Bytes request;
    std::size_t items = 0;
    std::vector<std::pair<std::uint64_t, Position>> positions;
    bool arrived = false;
    unsigned attempts = 0;
  };
  struct Piece;   // what a worker reads
  struct Search;  // what a worker looks for

  Reader(const Config& config, const engine::ReceiverContext& context);
  Result<> prepare();
  Result<> open_storage();

  void poll();
  void found(std::vector<Found> files, Duration took);
  void read_next();
  void take(TrackedFile& file, Piece& piece);
  void take_lines(TrackedFile& file, std::string_view data, std::uint64_t offset, bool at_end);
  bool take_header(TrackedFile& file, std::string_view raw);
  void take_line(TrackedFile& file, std::string_view raw, std::uint64_t begin);
  void take_partial(TrackedFile& file, std::string_view raw, std::uint64_t begin);
  void finished_reading(TrackedFile& file);
  void end_round();

  void touch(TrackedFile& file);
  void close_batch();
  Position safe_position(TrackedFile& file);
  void push(std::uint64_t number);
  void settled(std::uint64_t number, Outcome outcome);
  void advance();
  void save();
  void saved(bool good, std::size_t path_slot);
  void tick_operators();
  void maybe_stopped();
  bool window_full() const;
  io::Workers& workers() const { return context_.host.workers(); }

  Config config_;
  engine::ReceiverContext context_;
  std::string name_;
  Files files_;
  stanza::RecordWriter writer_;
  std::unique_ptr<stanza::Chain> chain_;
  std::optional<stanza::Lines> lines_;
  std::vector<std::pair<std::string, stanza::Template>> attributes_, resource_;

  // Header lines: their own lines (never trimmed of more than line ends) and operators.
  struct HeaderSink;
  std::optional<Regex> header_pattern_;
  std::unique_ptr<HeaderSink> header_sink_;
  std::unique_ptr<stanza::Chain> header_chain_;

  std::shared_ptr<Search> search_;  // shared with the worker that runs it
  std::deque<std::uint64_t> ready_;   // files with something to read
  std::vector<std::uint64_t> touched_;  // files of which the batch in the making says something
  std::deque<Unsettled> unsettled_;
  std::size_t unsettled_bytes_ = 0;
  std::uint64_t next_number_ = 1;
  UnixNanos wall_ = 0;
  TimePoint round_began_{}, last_save_{}, last_sync_{};
  bool searching_ = false, reading_ = false, polling_ = false, saving_ = false, stopping_ = false, save_wanted_ = false;
  std::optional<storage::Checkpoints::Image> image_;
  io::TimerId poll_timer_ = 0, tick_timer_ = 0, save_timer_ = 0;
  io::Task stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with callbacks that may come when we are gone
  std::shared_ptr<void> metrics_;  // the registry's token
  struct Shown;
  std::shared_ptr<Shown> shown_;  // shared with whoever reads metrics
  log::RateLimit lines_said_;
};

}  // namespace weir::receivers::filelog
