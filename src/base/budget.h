#pragma once
// The process's byte budget. Whoever takes bytes from outside charges them before reading and releases them when they
// are settled; when it is used up, receivers refuse with a retryable answer instead of growing.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace weir {

class Budget;

// Bytes charged to a budget, given back when this goes out of scope. Move-only; any core may let it go.
class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    if (this != &other) {
      release();
      budget_ = std::exchange(other.budget_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }
  ~Charge() { release(); }

  std::size_t bytes() const { return bytes_; }
  // Of its budget.
  std::size_t limit() const;
  // Whether more is charged to its budget than that has, which grow_unchecked() can do.
  bool overdrawn() const;
  // A charge of nothing to the same budget.
  Charge another() const { return Charge(budget_, 0); }
  // False, and nothing charged, when the budget has no room for `more`.
  [[nodiscard]] bool grow(std::size_t more);
  // Always works: for memory that exists already. Taken from the core's Reserve as far as that goes; past it the budget may be
  // over its limit for a moment.
  void grow_unchecked(std::size_t more);
  void shrink_to(std::size_t bytes);
  void release() { shrink_to(0); }
  // Takes over what the other one holds. Both of one budget.
  void absorb(Charge&& other);
  // Cuts `bytes` (at most all) off into a charge of its own.
  Charge split(std::size_t bytes);

 private:
  friend class Budget;
  friend class Reserve;
  Charge(Budget* budget, std::size_t bytes) : budget_(budget), bytes_(bytes) {}
  Budget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

class Budget {
 public:
  explicit Budget(std::size_t limit = SIZE_MAX / 2) : limit_(limit) {}
  Budget(const Budget&) = delete;

  // An empty charge when there is no room; check ok.
  [[nodiscard]] bool try_charge(std::size_t bytes, Charge& out) {
    if (!reserve(bytes)) return false;
    out = Charge(this, bytes);
    return true;
  }
  // A charge of nothing that can grow.
  Charge empty_charge() { return Charge(this, 0); }
  Charge charge_unchecked(std::size_t bytes) {
    Charge out(this, 0);
    out.grow_unchecked(bytes);
    return out;
  }

  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  // All that was ever charged, given back or not.
  std::size_t charged() const { return charged_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void set_limit(std::size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  // Set from measurements of the process (RSS near its limit): nothing is admitted while it is on.
  void set_closed(bool closed) { closed_.store(closed, std::memory_order_relaxed); }
  bool closed() const { return closed_.load(std::memory_order_relaxed); }
  // Called from whichever core charges, about every 4 MiB of charges: the place to look at the process's real memory.
  // Set before the first charge.
  void set_probe(std::function<void()> probe) { probe_ = std::move(probe); }
  bool has_room() const { return !closed() && used() < limit(); }
  // What can be charged now.
  std::size_t room() const {
    std::size_t seen = used(), most = limit();
    return closed() || seen >= most ? 0 : most - seen;
  }

 private:
  friend class Charge;
  friend class Reserve;
  bool reserve(std::size_t bytes) {
    if (closed()) return false;
    std::size_t seen = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit() || seen > limit() - bytes) return false;
    } while (!used_.compare_exchange_weak(seen, seen + bytes, std::memory_order_relaxed));
    std::size_t before = charged_.fetch_add(bytes, std::memory_order_relaxed);
    if (probe_ && (before ^ (before + bytes)) & ~(probe_bytes - 1)) probe_();
    return true;
  }
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> limit_;
  std::atomic<bool> closed_{false};
  static constexpr std::size_t probe_bytes = 4 * 1024 * 1024;
  std::atomic<std::size_t> charged_{0};  // ever
  std::function<void()> probe_;
};

// What was charged ahead for the work that runs on this thread: as long as it is in scope, memory that the work makes and
// charges is taken out of it before the budget is asked. So a request that was let in is not refused half way.
class Reserve {
 public:
  explicit Reserve(Charge& charge) : charge_(charge), outer_(std::exchange(current_, this)) {}
  Reserve(const Reserve&) = delete;
  ~Reserve() { current_ = outer_; }

  // `part` of `whole` of what is left in this thread's, for work that goes on elsewhere.
  static Charge share(std::size_t part, std::size_t whole) {
    if (current_ == nullptr || whole == 0) return {};
    Charge& all = current_->charge_;
    return all.split(static_cast<std::size_t>(static_cast<double>(all.bytes()) * static_cast<double>(part) / static_cast<double>(whole)));
  }

 private:
  friend class Charge;
  // How much of `bytes` it had.
  static std::size_t draw(const Budget* budget, std::size_t bytes) {
    if (current_ == nullptr || current_->charge_.budget_ != budget) return 0;
    std::size_t drawn = bytes < current_->charge_.bytes_ ? bytes : current_->charge_.bytes_;
    current_->charge_.bytes_ -= drawn;
    return drawn;
  }
  static constinit inline thread_local Reserve* current_ = nullptr;
  Charge& charge_;
  Reserve* outer_;
};

inline std::size_t Charge::limit() const { return budget_ == nullptr ? SIZE_MAX / 2 : budget_->limit(); }
inline bool Charge::overdrawn() const { return budget_ != nullptr && budget_->used() > budget_->limit(); }
inline bool Charge::grow(std::size_t more) {
  if (budget_ == nullptr) return true;
  std::size_t drawn = Reserve::draw(budget_, more);
  bytes_ += drawn;
  if (drawn == more) return true;
  if (!budget_->reserve(more - drawn)) return shrink_to(bytes_ - drawn), false;
  bytes_ += more - drawn;
  return true;
}
inline void Charge::grow_unchecked(std::size_t more) {
  if (budget_ == nullptr) return;
  if (std::size_t rest = more - Reserve::draw(budget_, more)) budget_->used_.fetch_add(rest, std::memory_order_relaxed);
  bytes_ += more;
}
inline void Charge::shrink_to(std::size_t bytes) {
  if (bytes >= bytes_) return;
  budget_->used_.fetch_sub(bytes_ - bytes, std::memory_order_relaxed);
  bytes_ = bytes;
}
inline void Charge::absorb(Charge&& other) {
  if (budget_ == nullptr) {
    *this = std::move(other);
    return;
  }
  bytes_ += std::exchange(other.bytes_, 0);
}
inline Charge Charge::split(std::size_t bytes) {
  std::size_t part = bytes < bytes_ ? bytes : bytes_;
  bytes_ -= part;
  return Charge(budget_, part);
}

}  // namespace weir
