#include "components/shared/exporting/exporting.h"

#include <list>

#include "base/log.h"
#include "components/shared/exporting/line.h"
#include "components/shared/exporting/metrics.h"
#include "components/shared/exporting/place.h"
#include "engine/disk_wait.h"
#include "engine/life.h"

namespace weir::exporting {
namespace {

using engine::Out;
using engine::Reason;
using otlp::Batch;
using storage::Place;

// Of requests in memory while there are more on disk, on one core; less when memory is short.
constexpr std::size_t window_bytes = 8 * 1024 * 1024;

// Of one look at the disk.
constexpr std::size_t read_bytes = 2 * 1024 * 1024;

// Holds batches from process() until the backend has them or they are given up. One core.
//
// In memory it is bounded by queue_size for whoever can still be refused, and by the memory budget for what stages in front
// already hold. With a place on disk a request is written first (`writing_`), then its senders are answered; it waits in memory while the window has
// room, otherwise it is read back later. Its record is settled by a receipt of the batch, however the batch is joined and cut until
// then. What is in memory when the process ends stays on disk.
class QueuedExporter : public QueuedStage {
 public:
  QueuedExporter(const Settings& settings, std::unique_ptr<Sender> sender, Relay* relay, const engine::StageContext& context)
      : settings_(settings),
        sender_(std::move(sender)),
        relay_(relay),
        context_(context),
        id_(context.id.to_string()),
        executor_(context.executor),
        metrics_(Metrics::of(context)),
        spans_(context.host.own_spans()),
        batcher_(settings.queue.batch, settings.queue.sizer) {
    auto& queue = settings_.queue;
    fill_ = engine::life_state<Fill>(context, fmt::format("queue {} {} {}", id_, to_string(context.signal), settings_.endpoint));
    if (queue.enabled && sender_) consumers_ = queue.in_order ? 1 : std::max<std::size_t>(1, queue.num_consumers / context.shards);
  }

  ~QueuedExporter() override {
    leaving_ = true;  // records of what is still here stay on disk
    for (auto timer : {check_timer_, turn_timer_})
      if (timer) executor_.cancel(timer);
    disk_.reset();  // what it leaves is there for the next one before its turn comes
  }

  Result<> start(Out& out) override {
    out_ = &out;
    if (settings_.queue.enabled || relay_) WEIR_TRY(open_disk());
    if (settings_.queue.enabled && settings_.queue.in_order) join_line();
    if (settings_.queue.enabled && context_.shard == 0)
      gauges_ = export_fill(context_, settings_.endpoint, fill_, settings_.queue.queue_size.value_or(disk_ ? 0 : QueueSettings::default_size));
    WEIR_TRY(sender_ ? sender_->start() : Result<>());
    if (context_.shard == 0) tell_backlog();
    look_at_disk();
    if (turn_) wait_for_turn();
    return {};
  }

  void process(Batch batch, Out& out) override {
    if (!settings_.queue.enabled) return launch(std::move(batch));
    std::uint64_t size = size_of(batch, settings_.queue.sizer);
    if (batch.refusable() && !ever_fits(batch, size)) {
      metrics_.enqueue_failed.add(batch.items());
      return out.refuse(std::move(batch), {Errc::permanent, "the request is larger than the sending queue", {}});
    }
    if (is_full(size, batch.bytes()) && !make_room(batch, size, out)) return;
    enqueue(std::move(batch), size);
  }

  void drain(Out& out) override {
    draining_ = true;
    for (auto& batch : std::exchange(blocked_, {})) out.refuse(std::move(batch), shutting_down());
    if (disk_) {
      // What failed before is on disk: another attempt now would only hold up the end.
      for (auto job = jobs_.begin(); job != jobs_.end();) {
        auto next = std::next(job);
        if (job->timer && job->request.on_disk) leave_on_disk(job);
        job = next;
      }
      disk_->flush();
    }
    pump();
  }

  bool idle() const override {
    if (!jobs_.empty() || !blocked_.empty() || !writing_.empty() || !dead_letters_.empty()) return false;
    if (take_ && open_records_ > 0) return false;  // what was handed back is not written elsewhere yet
    return (waiting_.empty() || away_) && (!disk_ || disk_->idle());
  }

  void abandon(Out& out) override {
    abandoned_ = leaving_ = true;
    for (auto& entry : std::exchange(waiting_, {})) end(std::move(entry), out);
    for (auto& batch : std::exchange(blocked_, {})) out.refuse(std::move(batch), shutting_down());
    for (auto* entries : {&writing_, &dead_letters_}) {
      for (auto& entry : *entries) end(std::move(entry), out);
      entries->clear();
    }
    for (auto& [place, receipts] : askers_)
      for (auto& receipt : receipts) receipt.settle(shutting_down());
    askers_.clear();
    for (Job& job : jobs_) {
      if (job.timer) executor_.cancel(job.timer);
      end(std::move(job.request), out);
    }
    jobs_.clear();
    out.count_stored(std::exchange(spilled_items_, 0));
  }

  std::size_t held() const override {
    std::size_t n = spilled_items_;
    for (auto& entry : waiting_) n += entry.batch.items();
    for (auto& batch : blocked_) n += batch.items();
    for (auto& entry : writing_) n += entry.batch.items();
    for (auto& entry : dead_letters_) n += entry.batch.items();
    for (auto& job : jobs_) n += job.request.batch.items();
    return n;
  }
  bool congested() const override { return settings_.queue.enabled && is_full(1, 1); }
  bool opens() const override {
    bool cuts = settings_.queue.enabled && settings_.queue.batch && settings_.queue.batch->max_size > 0;
    return cuts || relay_ != nullptr || !sender_->sends_protobuf();
  }
  bool keeps() const override { return true; }
  bool refuses(const Out&) const override { return congested() && !settings_.queue.block_on_overflow && settings_.queue.overflow == Overflow::refuse; }

  void tick(TimePoint, Out&) override { pump(); }

  void retire(std::function<void(Batch)> take) override {
    take_ = std::move(take);
    auto blocked = std::exchange(blocked_, {});
    for (auto& entry : std::exchange(waiting_, {})) hand_back(std::move(entry.batch), entry.size);
    for (auto& batch : blocked) take_(std::move(batch));
    for (auto job = jobs_.begin(); job != jobs_.end();) {
      auto next = std::next(job);
      if (job->timer) {
        executor_.cancel(job->timer);
        Waiting request = std::move(job->request);
        jobs_.erase(job);
        hand_back(std::move(request.batch), request.size);
      }
      job = next;
    }
  }

 private:
  // A batch with a consumer: being sent, or waiting for its next attempt.
  struct Job {
    Waiting request;
    TimePoint begun;
    unsigned attempts = 0;
    UnixNanos sent_at = 0;  // the latest attempt
    io::TimerId timer = 0;
    std::uint64_t number = 0;
    Charge sending;  // for what the batch was encoded to
    PartialSuccess partial = {};  // of all attempts: each may take a part
  };
  using JobRef = std::list<Job>::iterator;
  static constexpr std::size_t small = 64 * 1024;
  using Entries = std::list<Waiting>;

  static Error shutting_down() { return {Errc::retryable, "shutting down before the backend took it", {}}; }

  Result<> open_disk() {
    WEIR_ASSIGN(auto place, place_of(settings_, context_));
    if (!place) return {};
    WEIR_ASSIGN(disk_, DiskQueue::open(*place, context_));
    disk_->on_lost = [this](std::size_t items, bool too_old) {
      lose(items, too_old ? Reason::evicted : Reason::invalid);
    };
    return {};
  }

  // Items that were on disk only.
  void lose(std::size_t items, Reason reason) {
    std::size_t known = std::min(items, spilled_items_);
    out_->count_created(items - known);  // of an earlier process
    out_->count_dropped(items, reason);
    std::uint64_t sizes = spilled_items_ ? spilled_sizes_ * known / spilled_items_ : 0;
    spilled_items_ -= known;
    spilled_sizes_ -= sizes;
    release(sizes);
  }

  // A queue of an older plan goes first; what comes meanwhile waits.
  void join_line() {
    auto line = engine::shared_state<Line>(context_.host, fmt::format("line {} {} {}", id_, to_string(context_.signal), settings_.endpoint));
    std::call_once(fill_->numbered, [&] { fill_->number = line->next_number(); });
    turn_ = std::make_unique<Turn>(std::move(line), fill_->number);
  }

  void wait_for_turn() {
    turn_timer_ = 0;
    if (is_behind()) {
      turn_timer_ = executor_.at(executor_.now() + 10ms, [this] { wait_for_turn(); });
      return;
    }
    tell_backlog();
    pump();
  }

  bool is_behind() const { return turn_ && turn_->is_behind(); }

  // --- how full the queue is

  std::uint64_t capacity() const {
    if (settings_.queue.queue_size) return *settings_.queue.queue_size;
    return disk_ ? UINT64_MAX : QueueSettings::default_size;
  }

  bool is_full(std::uint64_t size, std::size_t bytes) const {
    if (disk_ && !disk_->has_room(bytes)) return true;
    std::uint64_t limit = capacity(), now = fill_->value();
    return now > limit || size > limit - now;
  }

  bool ever_fits(const Batch& batch, std::uint64_t size) const {
    return size <= capacity() && (!disk_ || disk_->ever_fits(batch.bytes()));
  }

  // False: the batch has found its end here.
  bool make_room(Batch& batch, std::uint64_t size, Out& out) {
    auto& queue = settings_.queue;
    if (queue.overflow == Overflow::drop_oldest) {
      while (is_full(size, batch.bytes()) && !waiting_.empty()) drop_oldest(out);
      if (is_full(size, batch.bytes())) discard_from_disk();
      return true;
    }
    if (queue.overflow == Overflow::drop_newest) {
      metrics_.enqueue_failed.add(batch.items());
      out.drop(std::move(batch), Reason::queue_full);
      return false;
    }
    if (!batch.refusable()) return true;  // it was answered: nobody else has it
    if (queue.block_on_overflow && !draining_) {
      blocked_.push_back(std::move(batch));
      return false;
    }
    if (!batch.whole()) return true;  // other parts of its request were taken
    metrics_.enqueue_failed.add(batch.items());
    out.refuse(std::move(batch), {Errc::refused, "sending queue is full", {}});
    return false;
  }

  void drop_oldest(Out& out) {
    Waiting oldest = std::move(waiting_.front());
    waiting_.pop_front();
    shrink_window(oldest.batch.bytes());
    metrics_.enqueue_failed.add(oldest.batch.items());
    release(oldest.size);
    out.drop(std::move(oldest.batch), Reason::queue_full);
  }

  void discard_from_disk() {
    if (!disk_ || discarding_) return;
    discarding_ = disk_->discard_oldest([this](std::size_t items) {
      discarding_ = false;
      metrics_.enqueue_failed.add(items);
      lose(items, Reason::queue_full);
    });
  }

  // --- into the queue

  void enqueue(Batch batch, std::uint64_t size) {
    metrics_.enqueued.observe(batch);
    fill_->add(static_cast<std::int64_t>(size));
    if (disk_) return write(std::move(batch), size);
    if (!settings_.queue.wait_for_result) out_->accept(batch);
    wait({std::move(batch), size, executor_.now()});
    pump();
  }

  void write(Batch batch, std::uint64_t size) {
    auto encoded = batch.encode();
    writing_.push_back({std::move(batch), size, executor_.now(), encoded});
    auto entry = std::prev(writing_.end());
    engine::OnItsWay on_its_way(disk_wait_, entry->batch.footprint());
    disk_->put(entry->batch, std::move(encoded), [this, entry, on_its_way = std::move(on_its_way)](Result<Place> place) {
      if (abandoned_) return;  // settled already
      Waiting request = std::move(*entry);
      writing_.erase(entry);
      if (place) written(std::move(request), *place);
      else not_written(std::move(request), place.error());
    });
  }

  void written(Waiting request, Place place) {
    std::uint64_t size = std::exchange(request.size, 0);
    bool waits = settings_.queue.wait_for_result && request.batch.refusable();  // a stage that holds data needs to know only that it is kept
    if (!waits) out_->accept(request.batch);
    if (!fits_window(request.batch)) return spill(std::move(request.batch), size, place);
    keep_record(request.batch, place, size, waits);
    request.on_disk = true;
    shorten(request);
    wait(std::move(request));
    pump();
  }

  void wait(Waiting request) {
    request.partition = batcher_.partition_of(request.batch);
    window_ += request.batch.bytes();
    waiting_.push_back(std::move(request));
  }

  void shrink_window(std::size_t bytes) { window_ = waiting_.empty() ? 0 : window_ - std::min(window_, bytes); }

  // What was edited is on disk as one run of bytes now: index and edits are not needed any more.
  void shorten(Waiting& request) {
    if (request.encoded.size() != 1) return;
    Batch slim = Batch::trusted(context_.signal, request.encoded.front(), request.batch.items());
    slim.take_receipts(request.batch);
    slim.charge = std::move(request.batch.charge);
    slim.context = std::move(request.batch.context);
    request.batch = std::move(slim);
  }

  bool fits_window(const Batch& batch) const {
    if (settings_.queue.in_order && (disk_->reading() || is_behind())) return false;  // what is being read, or others left, comes first
    if (take_ || (disk_->has_unread() && !settings_.queue.newest_first)) return false;
    return waiting_.empty() || window_ + batch.bytes() <= window_limit();
  }

  std::size_t window_limit() const {
    auto& budget = context_.host.budget();
    std::size_t left = budget.closed() ? 0 : budget.limit() - std::min(budget.limit(), budget.used());
    return std::min(window_bytes, left / 16);
  }

  // It is read back at its turn. Who waits for the backend's answer waits on.
  void spill(Batch batch, std::uint64_t size, Place place) {
    spilled_items_ += batch.items();
    if (!batch.receipts.empty()) askers_[place] = std::exchange(batch.receipts, {});
    spilled_sizes_ += size;
    disk_->leave(place);
    batch.settle({});
    look_at_disk();
  }

  // The disk is full or broken. Who can be told keeps the data; what was answered stays in memory.
  void not_written(Waiting request, const Error& error) {
    if (request.batch.refusable()) {
      release(request.size);
      metrics_.enqueue_failed.add(request.batch.items());
      Errc code = error.code == Errc::permanent ? Errc::permanent : Errc::refused;
      return out_->refuse(std::move(request.batch), {code, "the sending queue cannot be written: " + error.what, {}});
    }
    request.encoded.clear();
    wait(std::move(request));
    pump();
  }

  // From now on the batch stands for its record: the last part of it that ends settles the record.
  void keep_record(Batch& batch, Place place, std::uint64_t size, bool somebody_waits, bool recovered = false) {
    open_recovered_ += recovered;
    batch.receipts.push_back(Receipt::open([this, place, size, recovered, alive = std::weak_ptr(alive_)](Outcome) {
      if (alive.expired()) return;
      --open_records_;
      open_recovered_ -= recovered;
      if (leaving_) return;
      if (recovered) tell_backlog();
      disk_->settle(place);
      release(size);
    }));
    ++open_records_;
    if (!somebody_waits) batch.mark_answered();
  }

  // --- back from disk

  void look_at_disk() {
    if (!disk_ || draining_ || abandoned_ || is_behind()) return;
    if (!disk_->busy() && !take_ && disk_->has_unread() && (waiting_.empty() || window_ <= window_limit() / 2)) {
      disk_->read(std::clamp<std::size_t>(window_limit() / 2, 64 * 1024, read_bytes), [this](std::vector<Stored> requests) {
        bool none = requests.empty();
        for (auto& request : requests) take_back(std::move(request));
        tell_backlog();
        if (none && !disk_->reading()) return look_again();
        pump();
      });
    }
    check_later();
  }

  // Cores look from time to time whether another one has left something.
  void check_later() { check_after(disk_->has_unread() || must_wait() ? 100ms : 5s); }
  // A file had nothing in it, and there may be thousands of them: each write to a full disk leaves one.
  void look_again() {
    if (!disk_->has_unread()) return check_later();
    if (check_timer_) executor_.cancel(std::exchange(check_timer_, 0));
    check_after(1ms);
  }
  void check_after(Duration wait) {
    if (check_timer_ || abandoned_) return;
    check_timer_ = executor_.at(executor_.now() + wait, [this] {
      check_timer_ = 0;
      pump();
    });
  }

  // The first core reads what an earlier process left. Series and their like were spread over the cores then as they are now, but
  // perhaps over more or fewer of them: nothing new may overtake what is still on its way.
  void tell_backlog() {
    if (!settings_.queue.in_order || context_.shard != 0) return;
    bool there = is_behind() || (disk_ && (disk_->has_unread_from_before() || disk_->reading() || open_recovered_ > 0));
    fill_->backlog.store(there ? Fill::Backlog::there : Fill::Backlog::none, std::memory_order_release);
  }
  bool must_wait() const {
    return settings_.queue.in_order && disk_ && context_.shard != 0 && fill_->backlog.load(std::memory_order_acquire) != Fill::Backlog::none;
  }

  void take_back(Stored stored) {
    Batch& batch = stored.batch;
    std::uint64_t size = size_of(batch, settings_.queue.sizer);
    if (stored.recovered) {
      out_->count_created(batch.items());
      fill_->add(static_cast<std::int64_t>(size));
    } else {
      spilled_items_ -= std::min(spilled_items_, batch.items());
      spilled_sizes_ -= std::min(spilled_sizes_, size);
    }
    auto asker = askers_.extract(stored.place);
    if (asker) batch.receipts = std::move(asker.mapped());
    bool waits = !batch.receipts.empty();
    keep_record(batch, stored.place, size, waits, stored.recovered);
    batch.charge = context_.host.budget().charge_unchecked(batch.bytes());
    wait({std::move(batch), 0, executor_.now(), std::move(stored.encoded), true});
  }

  // --- out of the queue

  void pump() {
    if (std::exchange(pumping_, true)) return;  // an attempt may end at once, and ends here
    away_ = away_ || (draining_ && disk_ && (must_wait() || is_behind()));  // it is on disk and goes on there
    while (!waiting_.empty() && jobs_.size() < consumers_ && !away_ && !must_wait() && !is_behind()) {
      auto next = batcher_.take(waiting_, executor_.now(), draining_);
      if (!next.request) {
        out_->wake_at(next.due);
        break;
      }
      shrink_window(next.request->batch.bytes());
      metrics_.sent_batches.observe(next.request->batch);
      jobs_.push_back({.request = std::move(*next.request), .begun = executor_.now(), .number = ++job_number_});
      attempt(std::prev(jobs_.end()));
    }
    pumping_ = false;
    look_at_disk();
  }

  void launch(Batch batch) {
    jobs_.push_back({.request = {std::move(batch), 0, executor_.now(), {}}, .begun = executor_.now(), .number = ++job_number_});
    attempt(std::prev(jobs_.end()));
  }

  void attempt(JobRef job) {
    job->timer = 0;
    ++job->attempts;
    job->sent_at = executor_.wall();
    if (relay_) return relay(job);
    metrics_.in_flight.set(metrics_.in_flight.value() + 1);
    auto done = [this, number = job->number](Sent sent) { finished(number, std::move(sent)); };
    job->sending = context_.host.budget().charge_unchecked(job->request.batch.bytes());
    Batch& batch = job->request.batch;
    if (!job->request.encoded.empty() && sender_->sends_protobuf())
      sender_->send(Payload{job->request.encoded, context_.signal, batch.items(), batch.context}, settings_.timeout, std::move(done));
    else
      sender_->send(batch, settings_.timeout, std::move(done));
  }

  void relay(JobRef job) {
    job->request.encoded.clear();
    Outcome outcome = relay_->forward(job->request.batch, *out_);
    if (outcome) return fail_attempt(job, *outcome);
    leave(job);
    pump();
  }

  void finished(std::uint64_t number, Sent sent) {
    metrics_.in_flight.set(metrics_.in_flight.value() - 1);
    auto job = std::find_if(jobs_.begin(), jobs_.end(), [number](const Job& j) { return j.number == number; });
    if (job == jobs_.end()) return;  // abandoned meanwhile
    job->sending.release();
    if (spans_ != nullptr) record_span(*job, sent.error);
    metrics_.rejected.add(sent.rejected);
    job->partial += {sent.rejected, std::move(sent.message)};
    if (!sent.error) return succeed(job, sent.rejected);
    if (sent.left) keep_rest(*job, std::move(*sent.left), sent.rejected);
    fail_attempt(job, *sent.error);
  }

  // The backend has the rest of it.
  void keep_rest(Job& job, Batch left, std::size_t rejected) {
    Batch& all = job.request.batch;
    std::size_t taken = all.items() - std::min(all.items(), left.items());
    metrics_.sent.add(taken);
    count_taken(taken, rejected);
    left.take_receipts(all);
    left.charge = std::move(all.charge);
    left.context = std::move(all.context);
    all = std::move(left);
    job.request.encoded.clear();
  }

  void fail_attempt(JobRef job, const Error& error) {
    bool may_pass = may_retry(error);
    if (take_ && may_pass) {
      Waiting request = std::move(job->request);
      jobs_.erase(job);
      hand_back(std::move(request.batch), request.size);
    } else if (disk_ && draining_ && may_pass && job->request.on_disk) {
      leave_on_disk(job);
    } else if (settings_.retry.enabled && may_pass) {
      retry(job, error);
    } else {
      fail_job(job, error, may_pass ? Reason::retries_exhausted : Reason::permanent_error);
    }
  }

  // The process ends and the backend is away: the rest waits for the next start.
  void leave_on_disk(JobRef job) {
    away_ = true;
    if (job->timer) executor_.cancel(std::exchange(job->timer, 0));
    window_ += job->request.batch.bytes();
    waiting_.push_front(std::move(job->request));
    jobs_.erase(job);
  }

  void hand_back(Batch batch, std::uint64_t size) {
    release(size);
    take_(std::move(batch));
  }

  // One for each attempt.
  void record_span(const Job& job, const Outcome& outcome) {
    telemetry::OwnSpan span{.name = fmt::format("exporter/{}/{}", id_, to_string(context_.signal)), .start = job.sent_at, .end = executor_.wall()};
    std::size_t items = job.request.batch.items();
    span.attributes.emplace_back("exporter", id_);
    span.attributes.emplace_back("data_type", std::string(to_string(context_.signal)));
    span.attributes.emplace_back("items.sent", outcome ? 0 : items);
    span.attributes.emplace_back("items.failed", outcome ? items : 0);
    if (outcome) span.error = outcome->what;
    spans_->record(std::move(span));
  }

  void succeed(JobRef job, std::size_t rejected) {
    Batch batch = std::move(job->request.batch);
    PartialSuccess partial = std::move(job->partial);
    // Whose items were rejected is known only when all of them are from one request.
    if (batch.receipts.size() > (job->request.on_disk ? 2u : 1u)) partial = {};
    metrics_.sent.add(batch.items());
    leave(job);
    count_taken(batch.items(), rejected);
    {
      SettlingWith with(partial);
      batch.settle({});
    }
    pump();
  }

  // What a backend threw away counts as sent, as the specification wants, but is gone.
  void count_taken(std::size_t items, std::size_t rejected) {
    rejected = std::min(rejected, items);
    out_->count_delivered(items - rejected);
    if (rejected > 0) out_->count_dropped(rejected, Reason::permanent_error);
  }

  void retry(JobRef job, const Error& error) {
    Duration wait = backoff(settings_.retry, job->attempts, context_.rng, error.retry_after);
    Duration limit = settings_.retry.give_up_after(disk_ != nullptr);
    if (limit > 0s && executor_.now() + wait - job->begun > limit)
      return fail_job(job, error, Reason::retries_exhausted);
    // What it was taken apart for is not kept for the wait: consumers of a backend that is away would hold all the memory there is.
    if (Batch& batch = job->request.batch; batch.footprint() > 2 * batch.bytes() + small) batch.compact();
    long long more = 0;
    if (retry_lines_.allow(more))
      log::info("Exporting failed. Will retry the request after interval.",
                {{"exporter", id_}, {"error", error.what}, {"interval", format_duration(wait)}, {"suppressed", more}});
    job->timer = executor_.at(executor_.now() + wait, [this, job] { attempt(job); });
  }

  void fail_job(JobRef job, const Error& error, Reason reason) {
    Waiting request = std::move(job->request);
    jobs_.erase(job);
    long long more = 0;
    bool told = request.batch.refusable();
    if (drop_lines_.allow(more))
      log::error(told ? "Exporting failed. Rejecting data." : "Exporting failed. Dropping data.",
                 {{"exporter", id_}, {"error", error.what}, {"items", request.batch.items()}, {"suppressed", more}});
    if (disk_ && !told && reason == Reason::permanent_error)
      set_aside(std::move(request), error);
    else
      give_up(std::move(request.batch), request.size, reason, error, *out_);
    pump();
  }

  // No one else has the data: it is stored as a dead letter before its record in the queue is removed.
  void set_aside(Waiting request, const Error& error) {
    dead_letters_.push_back(std::move(request));
    auto entry = std::prev(dead_letters_.end());
    auto encoded = entry->encoded.empty() ? entry->batch.encode() : entry->encoded;
    disk_->store_dead_letter(entry->batch, std::move(encoded), error, [this, entry, error] {
      if (abandoned_) return;
      Waiting done = std::move(*entry);
      dead_letters_.erase(entry);
      give_up(std::move(done.batch), done.size, Reason::permanent_error, error, *out_);
    });
  }

  // Where all of it has senders they keep the data and hear why; otherwise it is lost here and counted.
  void give_up(Batch batch, std::uint64_t size, Reason reason, const Error& error, Out& out) {
    metrics_.failed.add(batch.items());
    release(size);
    if (batch.refusable())
      out.refuse(std::move(batch), error);
    else
      out.drop(std::move(batch), reason, error);
  }

  // The process ends.
  void end(Waiting request, Out& out) {
    if (request.on_disk && !request.batch.refusable()) return out.stored(std::move(request.batch), shutting_down());
    give_up(std::move(request.batch), request.size, Reason::shutdown, shutting_down(), out);
  }

  void leave(JobRef job) {
    std::uint64_t size = job->request.size;
    jobs_.erase(job);
    release(size);
  }

  void release(std::uint64_t size) {
    fill_->add(-static_cast<std::int64_t>(size));
    while (!blocked_.empty() && !abandoned_ && !is_full(size_of(blocked_.front(), settings_.queue.sizer), blocked_.front().bytes())) {
      Batch batch = std::move(blocked_.front());
      blocked_.pop_front();
      std::uint64_t need = size_of(batch, settings_.queue.sizer);
      enqueue(std::move(batch), need);
    }
  }

  Settings settings_;
  std::unique_ptr<Sender> sender_;  // one of the two
  Relay* relay_;
  engine::StageContext context_;
  std::string id_;
  io::Executor& executor_;
  Metrics metrics_;
  telemetry::SpanSink* spans_;  // null: nobody wants them
  Batcher batcher_;
  Out* out_ = nullptr;
  std::shared_ptr<Fill> fill_;    // shared with the same exporter on other cores
  std::shared_ptr<void> gauges_;  // registration, first core only
  std::size_t consumers_ = SIZE_MAX;  // handing on takes no time: what one backend has no room for must not stop the others
  bool draining_ = false, abandoned_ = false, pumping_ = false;
  bool away_ = false;      // seen while draining: the backend does not take anything
  bool leaving_ = false;   // records stay on disk whatever becomes of their batches
  bool discarding_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // receipts look whether their queue is still there
  std::unique_ptr<DiskQueue> disk_;  // null: in memory. Before the batches, whose receipts use it
  std::shared_ptr<engine::DiskWait> disk_wait_ = engine::DiskWait::of(context_.host);  // shared by the process
  std::deque<Waiting> waiting_;
  std::size_t window_ = 0;           // bytes in waiting_, about
  std::deque<Batch> blocked_;        // block_on_overflow: not in the queue yet, their senders wait
  Entries writing_, dead_letters_;
  std::list<Job> jobs_;
  std::size_t spilled_items_ = 0;    // on disk only, of this process
  std::uint64_t spilled_sizes_ = 0;  // what they take of the queue
  std::size_t open_records_ = 0;     // on disk and in somebody's hands
  std::size_t open_recovered_ = 0;   // of them, from an earlier process
  std::map<Place, std::vector<Receipt>> askers_;  // wait_for_result, of spilled requests
  std::uint64_t job_number_ = 0;
  io::TimerId check_timer_ = 0, turn_timer_ = 0;
  std::unique_ptr<Turn> turn_;  // in_order only
  std::function<void(Batch)> take_;  // set: out of service
  log::RateLimit retry_lines_, drop_lines_;
};

}  // namespace

std::unique_ptr<QueuedStage> make_stage(const Settings& settings, std::unique_ptr<Sender> sender,
                                        const engine::StageContext& context) {
  return std::make_unique<QueuedExporter>(settings, std::move(sender), nullptr, context);
}

std::unique_ptr<QueuedStage> make_stage(const Settings& settings, Relay& relay, const engine::StageContext& context) {
  return std::make_unique<QueuedExporter>(settings, nullptr, &relay, context);
}

}  // namespace weir::exporting
