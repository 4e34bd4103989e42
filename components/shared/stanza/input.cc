#include "components/shared/stanza/input.h"

namespace weir::stanza {
namespace {

using config::field;

constexpr Duration flush_interval = 100ms;
constexpr std::size_t batch_bytes = 256 * 1024;

}  // namespace

std::span<const config::FieldInfo> InputConfig::Retry::fields() {
  static const std::array rows{
      field<&Retry::enabled>("enabled", "Refused records are sent again; otherwise they are dropped, and counted."),
      field<&Retry::initial_interval>("initial_interval", "How long to wait after a refusal; doubles each time.", {.min = 1ms}),
      field<&Retry::max_interval>("max_interval", "Longest wait.", {.min = 1ms}),
      field<&Retry::max_elapsed_time>("max_elapsed_time", "After so long records are dropped; 0: never.", {.min = 0s}),
  };
  return rows;
}

std::span<const config::FieldInfo> InputConfig::fields_but_storage() {
  static const std::array rows{
      field<&InputConfig::attributes>("attributes", "Attributes that every record gets; EXPR(...) is replaced by what the expression gives."),
      field<&InputConfig::resource>("resource", "Attributes that every resource gets, in the same way."),
      field<&InputConfig::operators>("operators", "What is done with each line; see components/shared/stanza."),
      field<&InputConfig::retry_on_failure>("retry_on_failure", "When the pipeline refuses."),
  };
  return rows;
}

std::span<const config::FieldInfo> InputConfig::fields() {
  static const auto rows = joined(fields_but_storage(), {field<&InputConfig::storage>("storage", "Accepted; there is nothing to keep.")});
  return rows;
}

void InputConfig::check(config::Context& context) const {
  for (auto [key, map] : {std::pair("attributes", &attributes), std::pair("resource", &resource)})
    for (auto& [name, text] : *map)
      if (auto made = Template::compile(text); !made) context.error_at(key, made.error().what);
}

Result<std::unique_ptr<Input>> Input::make(const InputConfig& config, const engine::ReceiverContext& context, std::string_view transport,
                                           std::unique_ptr<Operator> first) {
  std::unique_ptr<Input> out(new Input(context, transport));
  out->retry_ = config.retry_on_failure;
  WEIR_ASSIGN(out->chain_, Chain::make(config.operators, out->writer_, out->name_, ChainCounters::of(context.host.metrics(), out->name_), std::move(first)));
  for (auto [map, to] : {std::pair(&config.attributes, &out->attributes_), std::pair(&config.resource, &out->resource_)}) {
    for (auto& [key, text] : *map) {
      WEIR_ASSIGN(auto made, Template::compile(text));
      to->emplace_back(key, std::move(made));
    }
  }
  return out;
}

Input::~Input() {
  *alive_ = false;
  if (timer_ != 0) context_.executor.cancel(timer_);
}

void Input::take(Value body, std::span<const otlp::KeyValue> attributes) {
  Entry entry;
  entry.body = body;
  if (body.is(ValueType::string)) entry.checked = body.text;
  entry.attributes.reserve(memory(), attributes.size() + attributes_.size() + 2);
  for (auto& kv : attributes) entry.attributes.push_back(memory(), kv);
  take(entry);
}

void Input::take(Entry& entry) {
  UnixNanos wall = context_.executor.wall();
  if (entry.observed == 0) entry.observed = wall;
  for (auto& [key, text] : attributes_)
    if (auto value = text.render(entry, chain_->run()); value && !entry.attributes.find(key)) entry.attributes.push_back(memory(), otlp::KeyValue{key, Value::of(*value)});
  for (auto& [key, text] : resource_)
    if (auto value = text.render(entry, chain_->run()); value && !entry.resource.find(key)) entry.resource.push_back(memory(), otlp::KeyValue{key, Value::of(*value)});
  chain_->process(entry, wall);
  if (writer_.bytes() >= batch_bytes)
    send();
  else
    plan();
}

void Input::plan() {
  if (timer_ != 0 || (writer_.records() == 0 && !chain_->holds())) return;
  timer_ = context_.executor.at(context_.executor.now() + flush_interval, [this, alive = alive_] {
    if (!*alive) return;
    timer_ = 0;
    tick();
  });
}

void Input::tick() {
  if (chain_->holds()) chain_->tick(context_.executor.wall());
  send();
  plan();
}

void Input::flush(std::move_only_function<void(Outcome)> done) {
  send();
  if (!done) return;
  Waiter waiter{std::exchange(waited_for_, next_number_), next_number_, 0, std::move(done), std::exchange(unclaimed_, {})};
  for (auto& batch : unsettled_) waiter.left += batch.number >= waiter.first;
  if (waiter.left == 0) return waiter.done(std::move(waiter.outcome));
  waiters_.push_back(std::move(waiter));
}

void Input::send() {
  if (writer_.records() == 0) return;
  std::size_t items = writer_.records();
  Unsettled batch{next_number_++, writer_.take(), items, context_.executor.now()};
  unsettled_bytes_ += batch.request.size();
  std::uint64_t number = batch.number;
  unsettled_.push_back(std::move(batch));
  push(number);
}

void Input::push(std::uint64_t number) {
  auto at = std::find_if(unsettled_.begin(), unsettled_.end(), [&](auto& one) { return one.number == number; });
  if (at == unsettled_.end()) return;
  auto batch = otlp::Batch::trusted(otlp::Signal::logs, at->request, at->items);
  batch.charge = context_.host.budget().charge_unchecked(at->request.size());
  context_.intake.push(std::move(batch), transport_, [this, alive = alive_, number](Outcome outcome) {
    if (*alive) settled(number, std::move(outcome));
  });
}

void Input::settled(std::uint64_t number, Outcome outcome) {
  auto at = std::find_if(unsettled_.begin(), unsettled_.end(), [&](auto& one) { return one.number == number; });
  if (at == unsettled_.end()) return;
  bool may_pass = outcome && (outcome->code == Errc::retryable || outcome->code == Errc::refused);
  TimePoint now = context_.executor.now();
  bool in_time = retry_.max_elapsed_time == 0s || now - at->began < retry_.max_elapsed_time;
  if (may_pass && retry_.enabled && in_time && !stopping_) {
    Duration wait = std::max(std::min(retry_.initial_interval * (1 << std::min(at->attempts++, 10u)), retry_.max_interval), Duration(outcome->retry_after));
    context_.executor.at(now + wait, [this, alive = alive_, number] {
      if (*alive && !stopping_) push(number);
    });
    return;
  }
  long long more = 0;
  if (outcome && lines_.allow(more))
    log::error("Log records are lost: the pipeline did not take them.", {{"receiver", name_}, {"error", outcome->what}, {"records", at->items}, {"suppressed", more}});
  bool was_full = full();
  unsettled_bytes_ -= at->request.size();
  unsettled_.erase(at);
  if (outcome && number >= waited_for_) unclaimed_ = outcome;
  std::vector<Waiter> ready;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    if (number < waiter.first || number >= waiter.end) return false;
    if (outcome) waiter.outcome = outcome;
    if (--waiter.left > 0) return false;
    ready.push_back(std::move(waiter));
    return true;
  });
  for (auto& waiter : ready) waiter.done(std::move(waiter.outcome));
  if (was_full && !full() && room_) std::exchange(room_, nullptr)();
  maybe_stopped();
}

void Input::stop(io::Task done) {
  stopped_ = std::move(done);
  stopping_ = true;
  chain_->drain(context_.executor.wall());
  send();
  // What waits for another attempt gets its last one.
  for (auto& batch : std::vector<std::uint64_t>([&] {
         std::vector<std::uint64_t> waiting;
         for (auto& one : unsettled_)
           if (one.attempts > 0) waiting.push_back(one.number);
         return waiting;
       }()))
    push(batch);
  maybe_stopped();
}

void Input::maybe_stopped() {
  if (stopping_ && stopped_ && unsettled_.empty()) std::exchange(stopped_, nullptr)();
}

}  // namespace weir::stanza
