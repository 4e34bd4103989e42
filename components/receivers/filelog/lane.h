#pragma once
// What a core does with pieces of files: makes records of the lines and sees to it that they arrive.
#include <deque>
#include <map>

#include "components/receivers/filelog/files.h"
#include "components/shared/stanza/record_writer.h"
#include "engine/component.h"

namespace weir::receivers::filelog {

// A piece of a file, read by the reader or one of its workers, on its way to a lane and back. While it is there the lane may change where
// in the file we are, what is known of its last line, and its attributes; nobody else looks at those.
struct Piece {
  TrackedFile* file = nullptr;
  std::string data;
  std::uint64_t offset = 0, size = 0;  // size: of the file, in front of the read
  std::size_t wanted = 0;
  std::optional<Error> error;
  bool locked_out = false;
  bool other_content = false;  // the file was truncated and written anew since it was looked at
  Charge charge;

  bool at_end() const { return data.size() < wanted; }
};

// Exists once on each core that runs pipelines; a file always goes to the same one, so its lines stay in order. Memory is bounded by what is
// under way: max_unsettled bytes of requests. The files themselves are the queue behind that.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  static Result<std::shared_ptr<Lane>> make(const Config& config, const engine::ReceiverContext& context);

  // What was read of a file up to here has arrived, and all in front of it.
  struct Arrived {
    std::uint64_t file;
    Position position;
  };
  using Report = std::function<void(std::vector<Arrived>)>;
  // The reader that pieces come from, and its core, where it is told what arrived; an empty list says that there is room again.
  // On any core, before the first piece.
  void attach(io::Executor& home, Report report);
  io::Executor& executor() const { return context_.executor; }

  // All others on the lane's core. `done` runs on the reader's.
  void take(std::shared_ptr<Piece> piece, std::move_only_function<void(bool full)> done);
  // What was made so far goes on its way.
  void flush() { close_batch(); }
  // What operators hold goes on its way; `done` when all has arrived, or would have to be tried again: the files still have it.
  void drain(io::Task done);
  // The reader is gone.
  void finish();
  // The receiver of this core stops: `done` when the reader needs it no more.
  void stop(io::Task done);

 private:
  // A request on its way, and what it says about files once it has arrived.
  struct Unsettled {
    std::uint64_t number = 0;
    Bytes request;
    std::size_t items = 0;
    std::vector<Arrived> positions;
    bool arrived = false;
    unsigned attempts = 0;
  };
  struct HeaderSink;

  Lane(const Config& config, const engine::ReceiverContext& context);
  Result<> prepare();
  void take_lines(Piece& piece);
  bool take_header(TrackedFile& file, std::string_view raw);
  void take_line(TrackedFile& file, std::string_view raw, std::uint64_t begin);
  void take_partial(TrackedFile& file, std::string_view raw, std::uint64_t begin);
  void note_position(TrackedFile& file, const Piece& piece);
  bool is_full() const;
  void close_batch();
  void push(std::uint64_t number);
  void settled(std::uint64_t number, Outcome outcome);
  void advance(bool was_full);
  void tick_operators();
  bool note_released();
  void maybe_drained();

  Config config_;
  engine::ReceiverContext context_;
  std::string name_;
  std::size_t max_unsettled_bytes_;
  stanza::RecordWriter writer_;
  std::unique_ptr<stanza::Chain> chain_;
  std::optional<stanza::Lines> lines_;
  std::vector<std::pair<std::string, stanza::Template>> attributes_, resource_;

  // Header lines: their own lines (never trimmed of more than line ends) and operators.
  std::optional<Regex> header_pattern_;
  std::unique_ptr<HeaderSink> header_sink_;
  std::unique_ptr<stanza::Chain> header_chain_;

  std::map<std::uint64_t, Position> touched_;  // what the batch in the making says about files
  std::map<std::uint64_t, Position> holding_;  // where files are of which operators hold something
  std::deque<Unsettled> unsettled_;
  std::size_t unsettled_bytes_ = 0;
  std::uint64_t next_number_ = 1;
  UnixNanos wall_ = 0;
  io::TimerId tick_timer_ = 0;
  bool draining_ = false, attached_ = false;
  io::Executor* home_ = nullptr;
  Report report_;
  io::Task drained_, stopped_;
  log::RateLimit lines_said_;
};

}  // namespace weir::receivers::filelog
