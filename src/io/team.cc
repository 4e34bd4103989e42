#include "io/team.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

namespace weir::io {
namespace {

TimePoint now() { return system_clock().now(); }

double share_of(Duration busy, Duration window) {
  return static_cast<double>(busy.count()) / static_cast<double>(std::max<Duration::rep>(1, window.count()));
}

}  // namespace

Team::Team(std::vector<Loop*> loops, Threads threads) : threads_(threads), events_(::epoll_create1(EPOLL_CLOEXEC)) {
  WEIR_CHECK(events_ >= 0, "errno {}", errno);
  for (Loop* loop : loops) members_.push_back(std::make_unique<Member>(*loop));
  window_began_ = now();
  for (auto& member : members_) {
    bool leads = member == members_.front();
    if (leads || threads_ == Threads::follow_load) {
      adopt(*member);
    } else {
      member->at_home = true;
      ++away_;
    }
  }
  for (auto& member : members_)
    member->thread = member == members_.front() ? std::thread([this] { lead(); }) : std::thread([this, &member = *member] { follow(member); });
}

Team::~Team() {
  for (auto& member : members_) {
    std::lock_guard lock(member->mutex);
    member->quit = true;
    member->changed.notify_one();
  }
  for (auto& member : members_) member->loop.stop();
  for (auto& member : members_) member->thread.join();
  ::close(events_);
}

void Team::each_thread(const std::function<void()>& work) {
  members_.front()->loop.post(work);
  for (std::size_t i = 1; i < members_.size(); ++i) {
    Member& member = *members_[i];
    std::lock_guard lock(member.mutex);
    if (member.at_home) {
      member.loop.post(work);
    } else {
      member.chores.push_back(work);
      member.changed.notify_one();
    }
  }
}

template <class Round>
void Team::run_round(Member& member, Round round) {
  Duration before = member.loop.busy();
  bool goes_on = round(member.loop);
  member.busy += member.loop.busy() - before;
  if (!goes_on) detach(member);
}

void Team::lead() {
  while (!hosted_.empty()) {
    if (hosted_.size() == 1) {
      run_round(*hosted_.front(), [](Loop& loop) { return loop.round(Duration::max()); });
    } else {
      wait_for_events();
      TimePoint woke = now();
      turn_ = hosted_;  // which changes meanwhile
      for (Member* member : turn_) {
        if (std::exchange(member->ready, false))
          run_round(*member, [](Loop& loop) { return loop.round(Duration::zero()); });
        else if (member->loop.next() <= woke)
          run_round(*member, [](Loop& loop) { return loop.eventless_round(); });
      }
    }
    share_out();
  }
}

void Team::wait_for_events() {
  TimePoint next = TimePoint::max();
  for (Member* member : hosted_) next = std::min(next, member->loop.next());
  std::array<epoll_event, 64> ready;
  int count = ::epoll_wait(events_, ready.data(), static_cast<int>(ready.size()), Loop::millis_until(next, now()));
  WEIR_CHECK(count >= 0 || errno == EINTR, "epoll_wait: errno {}", errno);
  for (int i = 0; i < count; ++i) static_cast<Member*>(ready[static_cast<std::size_t>(i)].data.ptr)->ready = true;
}

// When one thread is not enough any more.
void Team::share_out() {
  Duration window = now() - window_began_;
  if (window < busy_window) return;
  Duration busy{};
  for (Member* member : hosted_) busy += member->busy;
  double load = share_of(busy, window);
  lead_busy_.store(load, std::memory_order_relaxed);
  if (load > too_busy && hosted_.size() > 1) {
    std::vector<Member*> others;
    for (Member* member : hosted_)
      if (member != members_.front().get()) others.push_back(member);
    std::ranges::sort(others, std::greater{}, &Member::busy);
    others.resize((others.size() + 1) / 2);
    for (Member* member : others)
      if (!send_home(*member)) break;
  }
  for (Member* member : hosted_) member->busy = Duration::zero();
  window_began_ = now();
}

void Team::adopt(Member& member) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &member}};
  WEIR_CHECK(::epoll_ctl(events_, EPOLL_CTL_ADD, member.loop.fd(), &event) == 0, "errno {}", errno);
  member.busy = Duration::zero();
  member.ready = true;
  hosted_.push_back(&member);
}

void Team::detach(Member& member) {
  ::epoll_ctl(events_, EPOLL_CTL_DEL, member.loop.fd(), nullptr);
  std::erase(hosted_, &member);
}

bool Team::send_home(Member& member) {
  std::lock_guard lock(member.mutex);
  if (member.quit) return false;
  detach(member);
  member.loop.disown();
  member.at_home = true;
  away_.fetch_add(1, std::memory_order_relaxed);
  member.changed.notify_one();
  return true;
}

void Team::follow(Member& member) {
  std::unique_lock lock(member.mutex);
  while (true) {
    member.changed.wait(lock, [&] { return member.at_home || member.quit || !member.chores.empty(); });
    auto chores = std::exchange(member.chores, {});
    bool run = member.at_home, done = member.quit && !run;
    lock.unlock();
    for (auto& chore : chores) chore();
    if (done) return;
    if (run) run_at_home(member);
    lock.lock();
  }
}

// Until the loop has stopped or went back to the lead.
void Team::run_at_home(Member& member) {
  TimePoint began = now();
  Duration busy = member.loop.busy();
  while (member.loop.round(Duration::max())) {
    TimePoint at = now();
    if (at - began < quiet_window) continue;
    if (give_back(member, share_of(member.loop.busy() - busy, at - began))) return;
    began = at;
    busy = member.loop.busy();
  }
  std::lock_guard lock(member.mutex);
  member.at_home = false;
  away_.fetch_sub(1, std::memory_order_relaxed);
}

bool Team::give_back(Member& member, double busy) {
  if (threads_ != Threads::follow_load) return false;
  std::lock_guard lock(member.mutex);
  if (member.quit) return false;
  // With what others bring at the same time.
  double lead = lead_busy_.load(std::memory_order_relaxed);
  do {
    if (lead + busy > quiet) return false;
  } while (!lead_busy_.compare_exchange_weak(lead, lead + busy, std::memory_order_relaxed));
  member.at_home = false;
  member.loop.disown();
  away_.fetch_sub(1, std::memory_order_relaxed);
  members_.front()->loop.post([this, &member] { adopt(member); });
  return true;
}

}  // namespace weir::io
