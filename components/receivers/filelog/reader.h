#pragma once
// Looks for files, reads them piece by piece for the lanes, and moves each file's position when its records have arrived.
#include <deque>
#include <mutex>

#include "components/receivers/filelog/lane.h"
#include "components/receivers/filelog/search.h"
#include "io/workers.h"

namespace weir::receivers::filelog {

// The lanes of all cores, by core. Filled while receivers are made, on whatever core.
class Lanes {
 public:
  void add(std::size_t shard, std::shared_ptr<Lane> lane) {
    std::lock_guard lock(mutex_);
    lanes_[shard] = std::move(lane);
  }
  std::vector<std::shared_ptr<Lane>> take() {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Lane>> out;
    for (auto& [shard, lane] : std::exchange(lanes_, {})) out.push_back(std::move(lane));
    return out;
  }

 private:
  std::mutex mutex_;  // guards lanes_
  std::map<std::size_t, std::shared_ptr<Lane>> lanes_;
};

// One core; exists once in the process.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> make(const Config& config, const engine::ReceiverContext& context, std::shared_ptr<Lanes> lanes);
  ~Reader();
  // What can be wrong with where positions are kept.
  Result<> check_storage();
  // Reads on from there.
  void begin();
  void stop(io::Task done);

 private:
  // What goes to one lane.
  struct Seat {
    std::shared_ptr<Lane> lane;       // shared with its core's receiver
    std::deque<std::uint64_t> ready;  // files with something to read
    std::string spare;                // a buffer for the next piece
    bool reading = false;             // a piece is on its way
    bool full = false;                // so much is under way that the lane takes no more
    bool unflushed = false;
    bool drained = false;
  };
  Reader(const Config& config, const engine::ReceiverContext& context, std::shared_ptr<Lanes> lanes);
  Result<> open_storage();
  void add_metrics();

  void poll();
  void found(std::vector<Found> files);
  void end_round();
  void show(const TrackedFile& file);
  void show_all();

  Seat& seat_of(const TrackedFile& file) { return *seats_[file.lane % seats_.size()]; }
  void read_all();
  void read_next(Seat& seat);
  TrackedFile* next_file(Seat& seat);
  void read_on_worker(Seat& seat, std::shared_ptr<Piece> piece);
  void have_read(Seat& seat, std::shared_ptr<Piece> piece);
  void taken(Seat& seat, Piece& piece, bool full);
  void remove_if_done(TrackedFile& file);
  void arrived(Seat& seat, std::vector<Lane::Arrived> positions);
  void save();
  void saved(const Result<>& result);
  void maybe_stopped();
  void release_lanes();
  io::Workers& workers() const { return context_.host.workers(); }

  Config config_;
  engine::ReceiverContext context_;
  std::string name_;
  Files files_;
  std::shared_ptr<Lanes> lanes_;  // shared with the receivers of all cores
  std::vector<std::unique_ptr<Seat>> seats_;
  std::shared_ptr<Search> search_;  // shared with the worker that runs it
  UnixNanos wall_ = 0;
  TimePoint round_began_{}, whole_due_{}, last_save_{}, last_sync_{};
  bool whole_look_ = true, watch_wanted_ = false;
  bool searching_ = false, polling_ = false, saving_ = false, stopping_ = false, save_wanted_ = false, released_ = false;
  io::TimerId poll_timer_ = 0, save_timer_ = 0;
  io::Task stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with callbacks that may come when we are gone
  std::shared_ptr<void> metrics_;  // the registry's token
  struct Shown;
  std::shared_ptr<Shown> shown_;  // shared with whoever reads metrics
  log::RateLimit lines_said_;
};

}  // namespace weir::receivers::filelog
