#include "base/receipt.h"

#include <mutex>

#include "base/partial_success.h"

namespace weir {

struct Receipt::State {
  std::atomic<std::uint32_t> parts{1};
  std::mutex mutex;  // guards what follows: taken only when there is something to say
  Outcome worst;
  PartialSuccess partial;
  std::move_only_function<void(Outcome)> done;
};

namespace {

int severity(const Outcome& outcome) {
  if (!outcome) return 0;
  switch (outcome->code) {
    case Errc::refused: return 1;
    case Errc::retryable: return 1;
    default: return 2;
  }
}

const PartialSuccess nothing;
thread_local const PartialSuccess* settling_with = &nothing;

}  // namespace

SettlingWith::SettlingWith(const PartialSuccess& what) : before_(std::exchange(settling_with, &what)) {}
SettlingWith::~SettlingWith() { settling_with = before_; }
const PartialSuccess& SettlingWith::current() { return *settling_with; }

Outcome worse(Outcome a, Outcome b) {
  if (severity(a) != severity(b)) return severity(a) > severity(b) ? std::move(a) : std::move(b);
  if (a && b && b->retry_after > a->retry_after) return b;
  return a;
}

Receipt Receipt::open(std::move_only_function<void(Outcome)> done) {
  Receipt receipt;
  receipt.state_ = new State;
  receipt.state_->done = std::move(done);
  return receipt;
}

Receipt::Receipt(const Receipt& other) : state_(other.state_) {
  if (state_) state_->parts.fetch_add(1, std::memory_order_relaxed);
}

Receipt::~Receipt() {
  if (state_) settle(Error{Errc::internal, "a part of the request was lost without being settled", {}});
}

void Receipt::settle(Outcome outcome) {
  State* state = std::exchange(state_, nullptr);
  if (state == nullptr) return;
  if (outcome) {
    std::lock_guard lock(state->mutex);
    state->worst = worse(std::move(state->worst), std::move(outcome));
  } else if (!SettlingWith::current().empty()) {
    std::lock_guard lock(state->mutex);
    state->partial += SettlingWith::current();
  }
  if (state->parts.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  auto done = std::move(state->done);
  Outcome worst = std::move(state->worst);
  PartialSuccess partial = std::move(state->partial);
  delete state;
  SettlingWith with(partial);
  done(std::move(worst));
}

}  // namespace weir
