#pragma once
// The promise behind an OK. A request opens a receipt; every part that its data is cut into carries a reference; when
// the last part is settled the request is answered, with the worst outcome of all parts.
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"

namespace weir {

// nullopt: every part was kept, delivered, or dropped by a rule of the user's.
using Outcome = std::optional<Error>;

// One part's reference. Copying makes another part. Each must be settled exactly once, on any core; one that goes out of
// scope unsettled counts as an internal error, so that forgotten data is never answered OK.
class Receipt {
 public:
  Receipt() = default;
  // `done` runs once, on the core that settles last (it posts to its home core if it needs to be there).
  static Receipt open(std::move_only_function<void(Outcome)> done);

  Receipt(const Receipt& other);
  Receipt(Receipt&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Receipt& operator=(Receipt other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Receipt();

  bool valid() const { return state_ != nullptr; }
  void settle(Outcome outcome);

 private:
  struct State;
  State* state_ = nullptr;
};

// Which of two errors a caller should hear: one that says "never retry" over one that says "retry".
Outcome worse(Outcome a, Outcome b);

}  // namespace weir
