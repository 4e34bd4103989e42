#pragma once
// Traces on their way out of a stage that holds spans: what of them is in memory goes at once, the rest is read back from disk first.
#include <list>
#include <set>

#include "components/shared/holding/fetch.h"
#include "components/shared/holding/hold_log.h"
#include "components/shared/holding/outgoing.h"

namespace weir::holding {

// How senders of a trace hear; both are empty with a hold log, which has answered them.
struct Senders {
  std::vector<Receipt> receipts;
  bool answered = false;  // some of it has nobody who waits
};

// One core. Batches of up to 2000 spans or 2 MiB. With a hold log each batch carries a receipt of its.
class Leaving {
 public:
  enum class Traces : std::uint8_t {
    cut,   // a large one leaves in several batches: there may be no room for a copy of all of it
    whole  // each leaves in one batch
  };
  Leaving(const engine::StageContext& context, SurroundingsTable& table, Traces traces);

  // From start() of the stage. `turn` makes its argument one of the stage's turns: it is called when something was read back.
  using Turn = std::function<void(const std::function<void()>& work)>;
  void use(HoldLog& hold, std::string_view metrics, engine::Out& out, Turn turn);
  void use(engine::Out& out) { out_ = &out; }

  // `count` spans of a trace, held since a time. Senders: without a hold log only.
  void add(HeldSpans spans, std::size_t count, TimePoint since, Senders senders = {});
  // A single span, which is copied.
  void add(Surroundings& around, std::string_view span) { outgoing_.add(around, span); }
  // Some of what leaves came in requests that are otlp::Cost::dense.
  void mark_dense(bool dense) { dense_ = dense; }
  // Begins to read what is to be read.
  void fetch_next();
  void flush();
  // At the end of a process that has no time left: what is still to be read stays in the hold log, for the next start.
  void abandon();

  // Gives back memory of spans that are on disk, oldest first, before anything is refused or goes early.
  void spill(Segments& spans) const;

  bool empty() const { return outgoing_.empty(); }
  bool idle() const { return fetching_.empty() && (!fetch_ || !fetch_->busy()); }
  // Spans.
  std::size_t held() const { return outgoing_.items() + fetching_spans_; }
  // Everything that came before has left the stage, but for what the stage still has; TimePoint::max(): all of it.
  TimePoint oldest() const { return fetching_since_.empty() ? TimePoint::max() : *fetching_since_.begin(); }

 private:
  // A trace of which some is on disk only.
  struct Fetching {
    HeldSpans spans;
    TimePoint since;
  };
  // A part of one whose turn it is: in memory, or so many runs that are being read.
  struct Part {
    HeldSpans spans;
    std::size_t runs;  // 0: in memory
    bool last;         // of its trace
  };
  // One that was read; its text, if it was on disk.
  struct Ready {
    HeldSpans spans;
    std::vector<std::string_view> runs;
    Bytes text;
  };
  void pass_on(HeldSpans spans);
  void flush_if_full();
  std::size_t take_part(std::vector<Fetch::Run>& runs);
  void pass_on_parts(const Fetch::Got& got);
  void pass_on_ready();
  void lose(HeldSpans part);

  engine::StageContext context_;
  SurroundingsTable& table_;
  Traces traces_;
  Outgoing outgoing_;
  Senders senders_;  // of what is in outgoing_
  bool dense_ = false;
  engine::Out* out_ = nullptr;
  HoldLog* hold_ = nullptr;
  Turn turn_;
  std::unique_ptr<Fetch> fetch_;             // with hold_
  std::list<Fetching> fetching_;             // oldest first
  std::multiset<TimePoint> fetching_since_;  // of all in fetching_ and parts_
  std::vector<Part> parts_;                  // their turn
  std::vector<Ready> ready_;                 // of the trace whose turn it is
  std::vector<TimePoint> whole_;             // in fetching_since_, of traces whose last part is in parts_
  std::size_t fetching_spans_ = 0;
};

}  // namespace weir::holding
