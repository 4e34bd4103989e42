#include "components/shared/decisions/decisions.h"

#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::decisions {
namespace {

// A word: 46 bits that tell traces apart, 16 bits of the second of the decision, 1 bit kept, 1 bit in use.
constexpr std::uint64_t used_bit = 1, kept_bit = 2;
constexpr unsigned second_shift = 2, print_shift = 18;
constexpr std::uint64_t second_mask = 0xFFFF;

bool is_kept(std::uint64_t word) { return word & kept_bit; }
std::uint64_t print_of(std::uint64_t word) { return word >> print_shift; }
// Seconds since the decision, modulo 18 hours.
std::uint64_t age(std::uint64_t word, std::uint64_t now) { return (now - (word >> second_shift)) & second_mask; }

// The higher, the sooner it has to make room: free, then dropped by age, then kept by age.
std::uint64_t dispensable(std::uint64_t word, std::uint64_t now) {
  if (word == 0) return UINT64_MAX;
  return age(word, now) + (is_kept(word) ? 0 : second_mask + 1);
}

}  // namespace

Board::Sampler::Sampler(std::shared_ptr<Board> board) : board_(std::move(board)) {
  board_->samplers_.fetch_add(1, std::memory_order_acq_rel);
}

Board::Sampler::~Sampler() {
  if (board_) board_->samplers_.fetch_sub(1, std::memory_order_acq_rel);
}

void Board::watch() {
  std::call_once(prepared_, [this] {
    std::size_t sets = std::bit_ceil(std::max<std::size_t>(1, capacity_ / ways));
    mask_ = sets - 1;
    owned_ = std::make_unique<Set[]>(sets);
    sets_.store(owned_.get(), std::memory_order_release);
  });
}

Board::Place Board::place(Set* sets, const otlp::TraceId& id) const {
  std::uint64_t hash = XXH3_64bits(id.bytes.data(), id.bytes.size());
  return {&sets[hash & mask_], hash >> print_shift};
}

void Board::publish(std::span<const Decision> decisions, TimePoint when) {
  Set* sets = sets_.load(std::memory_order_acquire);
  if (sets == nullptr) return;
  auto second = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch()).count());
  for (const Decision& decision : decisions) put(sets, decision, second & second_mask);
}

// Two cores that write one set at the same time may overwrite each other's decision: it is then unknown, never wrong.
void Board::put(Set* sets, const Decision& decision, std::uint64_t second) {
  Place at = place(sets, decision.id);
  std::atomic<std::uint64_t>* target = nullptr;
  std::uint64_t most = 0;
  bool kept = decision.kept;
  for (auto& word : at.set->words) {
    std::uint64_t there = word.load(std::memory_order_relaxed);
    if (there && print_of(there) == at.print) {
      target = &word;
      kept = kept || is_kept(there);
      break;
    }
    std::uint64_t rank = dispensable(there, second);
    if (target == nullptr || rank > most) target = &word, most = rank;
  }
  target->store(at.print << print_shift | second << second_shift | (kept ? kept_bit : 0) | used_bit, std::memory_order_relaxed);
}

Verdict Board::find(const otlp::TraceId& id) const {
  Set* sets = sets_.load(std::memory_order_acquire);
  if (sets == nullptr) return Verdict::unknown;
  Place at = place(sets, id);
  Verdict found = Verdict::unknown;
  for (auto& word : at.set->words) {
    std::uint64_t there = word.load(std::memory_order_relaxed);
    if (there == 0 || print_of(there) != at.print) continue;
    if (is_kept(there)) return Verdict::kept;
    found = Verdict::dropped;
  }
  return found;
}

std::shared_ptr<Board> board_of(engine::Host& host) { return engine::shared_state<Board>(host, "sampling decisions"); }

}  // namespace weir::decisions
