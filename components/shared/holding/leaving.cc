#include "components/shared/holding/leaving.h"

namespace weir::holding {
namespace {

// Traces go on together up to this size, so that what follows is called less often.
constexpr std::size_t outgoing_items = 2000;
// ... or this: what receivers take in one gRPC message is 4 MiB.
constexpr std::size_t outgoing_bytes = 2 * 1024 * 1024;

// What is read back at once: a wake-up of a worker for many traces.
constexpr std::size_t fetch_bytes = 1024 * 1024, fetch_runs = 1024;

// Of spans in memory that are on disk too, over all cores. With 64 MiB tail sampling costs a tenth more: memory that is used again is in no cache.
constexpr std::size_t most_in_memory = 4 * 1024 * 1024;

}  // namespace

Leaving::Leaving(const engine::StageContext& context, SurroundingsTable& table, Traces traces) : context_(context), table_(table), traces_(traces), outgoing_(table) {}

void Leaving::use(HoldLog& hold, std::string_view metrics, engine::Out& out, Turn turn) {
  hold_ = &hold;
  out_ = &out;
  turn_ = std::move(turn);
  fetch_ = std::make_unique<Fetch>(context_, metrics);
}

void Leaving::add(HeldSpans spans, std::size_t count, TimePoint since, Senders senders) {
  if (!spans.here()) {
    if (!fetch_) return out_->count_stored(count);
    fetching_since_.insert(since);
    fetching_spans_ += count;
    fetching_.push_back({std::move(spans), since});
    return;
  }
  std::ranges::move(senders.receipts, std::back_inserter(senders_.receipts));
  senders_.answered |= senders.answered;
  pass_on(std::move(spans));
}

void Leaving::pass_on(HeldSpans spans) {
  while (traces_ == Traces::cut && spans.bytes() > outgoing_bytes) {
    outgoing_.add(spans.take_first());
    if (outgoing_.bytes() >= outgoing_bytes) flush();
  }
  outgoing_.add(std::move(spans));
  flush_if_full();
}

void Leaving::flush_if_full() {
  if (outgoing_.items() >= outgoing_items || outgoing_.bytes() >= outgoing_bytes) flush();
}

// Reads back what traces have on disk, a part of them at a time.
void Leaving::fetch_next() {
  while (!fetching_.empty() && !fetch_->busy()) {
    std::vector<Fetch::Run> runs;
    for (std::size_t bytes = 0; !fetching_.empty() && bytes < fetch_bytes && runs.size() < fetch_runs;) bytes += take_part(runs);
    if (runs.empty()) {
      pass_on_parts({});
      continue;
    }
    fetch_->read(std::move(runs), [this](const Fetch::Got& got) {
      turn_([this, &got] { pass_on_parts(got); });
    });
  }
}

// Moves what the first trace got first to parts_; how many bytes of it are to be read.
std::size_t Leaving::take_part(std::vector<Fetch::Run>& runs) {
  Fetching& next = fetching_.front();
  HeldSpans part = next.spans.take_first();
  bool last = next.spans.empty();
  if (last) {
    whole_.push_back(next.since);
    fetching_.pop_front();
  }
  std::size_t before = runs.size(), bytes = 0;
  const Segments::Segment& segment = part.first_segment();
  if (segment.here()) {
    part.pin();
  } else {
    part.each_place([&](std::uint32_t offset, std::uint32_t size, std::uint32_t checksum) {
      runs.push_back({segment.record.file, segment.record.offset + offset, size, checksum});
      bytes += size;
    });
  }
  parts_.push_back({std::move(part), runs.size() - before, last});
  return bytes;
}

void Leaving::pass_on_parts(const Fetch::Got& got) {
  std::span<const std::string_view> left = got.runs;
  for (Part& part : parts_) {
    auto runs = left.first(part.runs);
    left = left.subspan(part.runs);
    if (std::ranges::any_of(runs, &std::string_view::empty)) lose(std::move(part.spans));
    else ready_.push_back({std::move(part.spans), {runs.begin(), runs.end()}, part.runs > 0 ? got.bytes : Bytes()});
    if (traces_ == Traces::cut || part.last) pass_on_ready();
  }
  parts_.clear();
  for (TimePoint since : whole_) fetching_since_.erase(fetching_since_.find(since));
  whole_.clear();
}

void Leaving::pass_on_ready() {
  std::size_t before = outgoing_.items();
  for (Ready& part : ready_) {
    if (part.runs.empty()) {
      part.spans.unpin();
      outgoing_.add(std::move(part.spans));
    } else {
      outgoing_.add(std::move(part.spans), part.runs, std::move(part.text));
    }
  }
  ready_.clear();
  fetching_spans_ -= outgoing_.items() - before;
  flush_if_full();
}

// What cannot be read stays in the hold log, for the next start.
void Leaving::lose(HeldSpans part) {
  std::size_t spans = 0;
  part.each_run([&](Surroundings& around, std::string_view, std::uint32_t n) {
    spans += n;
    table_.release(around);
  });
  hold_->leave_on_disk(part.first_segment().record.number);
  fetching_spans_ -= spans;
  out_->count_stored(spans);
}

void Leaving::abandon() {
  fetch_.reset();
  out_->count_stored(std::exchange(fetching_spans_, 0));
  fetching_.clear();
  parts_.clear();
}

void Leaving::spill(Segments& spans) const {
  if (!fetch_) return;
  Budget& budget = context_.host.budget();
  bool half_full = budget.closed() || budget.used() > budget.limit() / 2;
  std::size_t most = std::min(budget.limit() / (half_full ? 32 : 4), most_in_memory) / context_.shards;
  while (spans.bytes() > most) {
    Segments::Segment* oldest = spans.oldest();
    if (oldest == nullptr) return;
    fetch_->count_spilled(oldest->used);
    spans.detach(*oldest);
  }
}

void Leaving::flush() {
  if (outgoing_.empty()) return;
  otlp::Batch batch = outgoing_.take(context_.host.budget(), dense_);
  batch.receipts = std::exchange(senders_.receipts, {});
  if (hold_) batch.receipts.push_back(hold_->leaving());
  if (std::exchange(senders_.answered, false) || hold_) batch.mark_answered();
  out_->push(std::move(batch));
}

}  // namespace weir::holding
