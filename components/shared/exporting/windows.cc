#include "components/shared/exporting/windows.h"

#include "base/log.h"
#include "components/shared/exporting/rest.h"
#include "components/shared/exporting/retry.h"

namespace weir::exporting {
namespace {

// What is made of one window, about: formats take up to twice the bytes of OTLP.
constexpr std::size_t window_bytes = 8 * 1024 * 1024, least_item = 256;

template <class T>
std::size_t size_of(otlp::Lazy<T>& message, Arena& arena) {
  return message.dirty() ? otlp::encoded_size_at_most(message.read(arena)) : message.raw().size();
}

std::size_t size_of(otlp::Signal signal, const otlp::Item& item) {
  if (!item.dirty) return item.raw.size();
  switch (signal) {
    case otlp::Signal::traces: return otlp::encoded_size_at_most(*static_cast<const otlp::Span*>(item.message));
    case otlp::Signal::logs: return otlp::encoded_size_at_most(*static_cast<const otlp::LogRecord*>(item.message));
    default: return otlp::encoded_size_at_most(*static_cast<const otlp::Metric*>(item.message));
  }
}

// A metric's name and description may stand beside each of its points, too.
std::size_t written_size(otlp::Batch& batch, std::size_t heads, otlp::Item& item) {
  std::size_t size = size_of(batch.signal(), item);
  if (batch.signal() == otlp::Signal::metrics && item.points > 1 && size * item.points > window_bytes)
    heads += otlp::head_size_at_most(item.read<otlp::Metric>(batch.arena()));
  return 2 * (heads * item.points + std::max(size, least_item));
}

// f(what each of its items repeats, scope).
template <class F>
void each_scope(otlp::Batch& batch, F f) {
  for (auto& group : batch.groups()) {
    std::size_t resource = size_of(group.resource, batch.arena());
    for (auto& scope : group.scopes) f(resource + size_of(scope.scope, batch.arena()), scope);
  }
}

std::size_t total_of(otlp::Batch& batch) {
  std::size_t total = 0;
  each_scope(batch, [&](std::size_t heads, otlp::ScopeGroup& scope) {
    for (auto& item : scope.items) total += written_size(batch, heads, item);
  });
  return total;
}

class WindowSender final : public Sender {
 public:
  WindowSender(std::unique_ptr<Sender> sender, const engine::StageContext& context, Repeats repeats)
      : sender_(std::move(sender)), executor_(context.executor), name_(context.id.to_string()), repeats_(std::move(repeats)) {}

  Result<> start() override { return sender_->start(); }
  std::vector<Bytes> encode(otlp::Batch& batch) override { return sender_->encode(batch); }
  bool sends_protobuf() const override { return sender_->sends_protobuf(); }
  void send(Payload payload, Duration timeout, Done done) override { sender_->send(std::move(payload), timeout, std::move(done)); }

  void send(otlp::Batch& batch, Duration timeout, Done done) override {
    Windows windows = repeats_(batch) ? windows_of(batch) : Windows();
    if (windows.list.empty()) return sender_->send(batch, timeout, std::move(done));
    if (windows.given_up > 0) say(windows.given_up);
    std::size_t given_up = windows.given_up;
    next(std::make_shared<Call>(Call{batch, std::move(windows), timeout, std::move(done), given_up}));  // shared with the sender's callbacks
  }

 private:
  struct Call {
    otlp::Batch& batch;
    Windows windows;
    Duration timeout;
    Done done;
    std::size_t rejected = 0;
    std::string message = {};
    std::size_t at = 0;
    bool anything_taken = false;
    Outcome error = {};                    // the last one
    bool again = false;                    // it may pass
    std::optional<otlp::Batch> part = {};  // what is left of the window that it is about; none: all of it
  };

  void next(std::shared_ptr<Call> call) {
    if (call->at == call->windows.list.size()) return finish(*call);
    otlp::Batch& window = call->windows.list[call->at];
    sender_->send(window, call->timeout, [this, call](Sent sent) {
      if (!take(*call, std::move(sent))) return finish(*call);
      executor_.post([this, call, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) next(call);
      });
    });
  }

  // False: those that follow need not be tried.
  bool take(Call& call, Sent sent) {
    call.rejected += sent.rejected;
    if (call.message.empty()) call.message = std::move(sent.message);
    call.anything_taken |= !sent.error || sent.left;
    if (!sent.error) return ++call.at, true;
    call.again = may_retry(*sent.error);
    call.error = std::move(sent.error);
    if (call.again) return call.part = std::move(sent.left), false;
    call.rejected += (sent.left ? *sent.left : call.windows.list[call.at]).items();
    return ++call.at, true;
  }

  // Cut from the batch, not put together from windows: each of them has the resource.
  static otlp::Batch left_of(Call& call) {
    std::size_t first = call.at + (call.part ? 1 : 0);
    std::vector<bool> unsent;
    unsent.reserve(call.windows.window_of.size());
    for (std::uint32_t window : call.windows.window_of) unsent.push_back(window != Windows::nowhere && window >= first);
    otlp::Batch rest = rest_of(call.batch, unsent);
    if (call.part) rest.append(std::move(*call.part));
    return rest;
  }

  void finish(Call& call) {
    Sent out;
    out.rejected = call.rejected;
    out.message = std::move(call.message);
    if (call.again) {
      out.error = std::move(call.error);
      if (call.anything_taken || call.rejected > 0) out.left = left_of(call);
    } else if (!call.anything_taken) {
      out.error = call.error ? std::move(call.error) : Error{Errc::permanent, "no item of the request can be sent", {}};
      out.rejected = 0;  // the whole request is
    }
    call.done(std::move(out));
  }

  void say(std::size_t items) {
    long long more = 0;
    if (lines_.allow(more))
      log::warn("Items are dropped: with the resource that each of them repeats they would take hundreds of times the bytes that came",
                {{"exporter", name_}, {"items", items}, {"suppressed", more}});
  }

  std::unique_ptr<Sender> sender_;
  io::Executor& executor_;
  std::string name_;
  Repeats repeats_;
  log::RateLimit lines_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // tasks look whether this is still there
};

}  // namespace

Windows windows_of(otlp::Batch& batch) {
  if (total_of(batch) <= window_bytes) return {};
  const std::size_t most = most_growth * batch.bytes() + room_to_grow;
  std::uint32_t windows = 0;
  std::size_t filled = window_bytes, total = 0;
  Windows out;
  out.window_of.reserve(batch.items());
  each_scope(batch, [&](std::size_t heads, otlp::ScopeGroup& scope) {
    for (auto& item : scope.items) {
      std::size_t size = written_size(batch, heads, item);
      if (total + size > most) {
        out.given_up += item.points;
        out.window_of.insert(out.window_of.end(), item.points, Windows::nowhere);
        continue;
      }
      if (filled + size > window_bytes) ++windows, filled = 0;
      filled += size, total += size;
      out.window_of.insert(out.window_of.end(), item.points, windows - 1);
    }
  });
  otlp::Batch copy = batch.fork();
  copy.settle({});  // those who wait keep waiting for `batch`
  std::size_t number = 0;
  out.list = copy.partition(windows + 1, [&](auto&, auto&, otlp::Item& item) {
    std::uint32_t window = item.points == 0 ? windows : std::min(out.window_of[number], windows);
    number += item.points;
    return window;
  });
  out.list.pop_back();
  return out;
}

std::unique_ptr<Sender> in_windows(std::unique_ptr<Sender> sender, const engine::StageContext& context, Repeats repeats) {
  return std::make_unique<WindowSender>(std::move(sender), context, std::move(repeats));
}

}  // namespace weir::exporting
