#pragma once
// The unit that travels through pipelines: request bodies as they came, an index over them once somebody needs it, and
// overlays where somebody changed something.
#include <memory>
#include <vector>

#include "base/budget.h"
#include "base/bytes.h"
#include "base/receipt.h"
#include "otlp/codec.h"
#include "otlp/cost.h"
#include "otlp/landmarks.h"
#include "otlp/model.h"

namespace weir::otlp {

// What the receiver knew about the sender, beside the data.
struct Context {
  std::string peer;                                                         // address without port
  std::map<std::string, std::vector<std::string>, std::less<>> metadata;    // lower-case keys; only with include_metadata
  std::map<std::string, std::string, std::less<>> auth;
  Charge charge;  // for this
};

// A message that is still bytes until somebody looks, and is encoded anew only when somebody changed it.
template <class T>
class Lazy {
 public:
  Lazy() = default;
  explicit Lazy(std::string_view bytes) : raw_(bytes) {}
  explicit Lazy(T* message) : message_(message), dirty_(true) {}

  const T& read(Arena& arena) {
    if (message_ == nullptr) {
      message_ = arena.make<T>();
      decode(raw_, arena, *message_);
    }
    return *message_;
  }
  T& edit(Arena& arena) {
    read(arena);
    dirty_ = true;
    return *message_;
  }
  bool dirty() const { return dirty_; }
  // The bytes as they came; meaningless once dirty.
  std::string_view raw() const { return raw_; }
  void write(Writer& out) const {
    if (dirty_)
      encode(*message_, out);
    else
      out.raw(raw_);
  }
  // For a second batch over the same bytes, on whatever core: shares nothing that can change.
  Lazy fork(Arena& arena) const {
    if (!dirty_) return Lazy(raw_);
    Writer writer;
    encode(*message_, writer);
    return Lazy(arena.copy(writer.view()));
  }

 private:
  std::string_view raw_;
  T* message_ = nullptr;
  bool dirty_ = false;
};

// A span, log record or metric; the batch's signal says which. Same idea as Lazy, without the type.
struct Item {
  std::string_view raw;
  void* message = nullptr;
  const char* landmarks = nullptr;  // spans: where things stand in `raw`, if that was noted
  std::uint32_t points = 1;  // what it counts for: a metric's data points, otherwise 1
  bool dirty = false;
  std::uint8_t head = 0;  // so many bytes in front of `raw` are its tag and length; 0: none are

  template <class T>
  static Item of(T* created, std::uint32_t count = 1) {
    return {.message = created, .points = count, .dirty = true};
  }
  template <class T>
  const T& read(Arena& arena) {
    if (message == nullptr) {
      message = arena.make<T>();
      decode(raw, arena, *static_cast<T*>(message));
    }
    return *static_cast<const T*>(message);
  }
  template <class T>
  T& edit(Arena& arena) {
    read<T>(arena);
    dirty = true;
    return *static_cast<T*>(message);
  }
};

struct ScopeGroup {
  Lazy<Scope> scope;
  std::string_view schema_url;
  Unknown unknown;
  std::vector<Item> items;
};

struct ResourceGroup {
  Lazy<Resource> resource;
  std::string_view schema_url;
  Unknown unknown;
  std::vector<ScopeGroup> scopes;
};

// Move-only; belongs to one core at a time. Its receipts must be settled before it goes (Out::push, drop and refuse do).
class Batch {
 public:
  explicit Batch(Signal signal) : signal_(signal) {}
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  // Takes an Export<Signal>ServiceRequest after checking all of it. Errc::invalid when it is malformed. `charge` is for its
  // bytes and goes when they go. `sought`: what stages will look for in each span, or null. Text that is not UTF-8 is
  // repaired: U+FFFD for each byte that is none.
  static Result<Batch> parse(Signal signal, Bytes request, Charge charge = {}, std::shared_ptr<const Sought> sought = nullptr);
  // The same for a request that was put together here, from parts that were checked when they came.
  static Batch trusted(Signal signal, Bytes request, std::size_t items, bool dense = false);

  Signal signal() const { return signal_; }
  // Spans, data points, log records.
  std::size_t items() const { return items_; }
  // Nothing in it. A metric without points counts for no item, and is something.
  bool empty() const { return items_ == 0 && !has_messages(); }
  // About its size on the wire.
  std::size_t bytes() const { return bytes_; }
  // At most what it takes when it is taken apart.
  const Cost& cost() const { return cost_; }
  // About what it keeps alive: bodies, also where it has only a part of them, its index, and what was changed.
  std::size_t footprint() const;
  // Gives up what was taken apart and changed for the same content as one body.
  void compact();
  // What the landmarks of its items are about; null: none have any that anybody could use.
  const std::shared_ptr<const Sought>& sought() const { return sought_; }

  // Indexed on first use. After removing or adding items call prune().
  std::vector<ResourceGroup>& groups();
  Arena& arena();
  // Keeps bytes alive that groups put in by hand have views into.
  void hold(Bytes bytes) { kept_.push_back(std::move(bytes)); }
  // For batches made by hand: their size on the wire.
  void set_bytes(std::size_t bytes) { bytes_ = bytes; }
  // Drops scopes without items and resources without scopes, and counts anew.
  void prune();

  // A second batch with the same content and a copy of every receipt. Shares the bytes, copies what was changed.
  Batch fork();
  // Everything of `other`, behind what is here. Same signal; profiles cannot be joined (see can_join).
  void append(Batch other);
  bool can_join() const { return signal_ != Signal::profiles || empty(); }
  // The first `n` items as a batch of their own, metrics cut between points. Both keep every receipt.
  Batch take_front(std::size_t n);
  // How many items from the front, with their resources and scopes, take at most `max_bytes` encoded: the `n` for take_front. At
  // least one item; all of them with what counts for no item.
  std::size_t items_within(std::size_t max_bytes);
  // Cuts into `parts` batches by part_of(group, scope, item) → [0, parts); empty parts come back empty, without receipts.
  template <class PartOf>
  std::vector<Batch> partition(std::size_t parts, PartOf part_of);
  // An empty batch of the same signal that keeps the same bytes and arena alive and has the same receipts and context:
  // for moving groups into.
  Batch sibling();

  // The request body, as pieces that are to be sent one after another. Long runs of what nobody changed are not copied.
  std::vector<Bytes> encode() const;

  void settle(Outcome outcome);

  // True when somebody still waits for the answer on every part of it: refusing it loses nothing. False for what was
  // answered already, or made here, also where that was joined with what was not.
  bool refusable() const { return !receipts.empty() && !answered_; }
  // True when nothing of the requests that it came in was taken yet: who has no room refuses those, and takes the others. A
  // request of which a part is refused comes again as a whole.
  bool whole() const { return refusable() && !part_; }
  void mark_part() { part_ = true; }
  void mark_answered() { answered_ = true; }
  // Whoever waits for `from` waits for this instead.
  void take_receipts(Batch& from) {
    receipts = std::exchange(from.receipts, {});
    answered_ = from.answered_;
    part_ = from.part_;
  }

  std::size_t repaired_texts = 0;  // by parse()
  std::vector<Receipt> receipts;
  Charge charge;  // for its index; bodies and arenas have charges of their own, since they may be shared
  std::shared_ptr<const Context> context;  // shared by every batch cut from one request

 private:
  friend class Slicer;
  // A request body, and the landmarks of its spans.
  struct Body {
    Bytes bytes, landmarks;
  };
  bool has_messages() const;
  void index(const Body& body);
  void charge_index(std::size_t first_group);
  void count();
  Cost cost_of_part(std::size_t items, std::size_t bytes) const;
  Batch shell() const;

  Signal signal_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Body> chunks_;                         // bodies that nobody has looked into
  std::vector<ResourceGroup> groups_;                // in front of chunks_ in order
  std::vector<Bytes> kept_;                          // what groups_ have views into
  std::vector<std::shared_ptr<Arena>> arenas_;       // shared with siblings; only the last is allocated from, by its creator
  std::shared_ptr<const Sought> sought_;
  bool owns_arena_ = false;
  Cost cost_;
  bool part_ = false;      // of requests whose other parts were taken
  bool answered_ = false;  // nobody waits for a part of it, though there are receipts for the rest
};

template <class PartOf>
std::vector<Batch> Batch::partition(std::size_t parts, PartOf part_of) {
  std::vector<Batch> out;
  out.reserve(parts);
  groups();
  for (std::size_t i = 0; i < parts; ++i) {
    out.push_back(sibling());
    // Each part forks what several may end up with, so none shares anything mutable.
  }
  // Where the items of the running group and scope go; null: none did so far.
  std::vector<ResourceGroup*> group_of(parts);
  std::vector<std::vector<Item>*> items_of(parts);
  auto open = [&](ResourceGroup& group, ScopeGroup& scope, std::size_t part) {
    Batch& to = out[part];
    if (group_of[part] == nullptr) group_of[part] = &to.groups_.emplace_back(group.resource.fork(to.arena()), group.schema_url, group.unknown);
    auto& made = group_of[part]->scopes.emplace_back(scope.scope.fork(to.arena()), scope.schema_url, scope.unknown);
    made.items.reserve(scope.items.size() / parts * 5 / 4 + 1);
    return &made.items;
  };
  for (ResourceGroup& group : groups_) {
    std::ranges::fill(group_of, nullptr);
    for (ScopeGroup& scope : group.scopes) {
      std::ranges::fill(items_of, nullptr);
      for (Item& item : scope.items) {
        std::size_t part = part_of(group, scope, item);
        if (items_of[part] == nullptr) items_of[part] = open(group, scope, part);
        items_of[part]->push_back(item);
      }
    }
  }
  std::size_t whole = std::max<std::size_t>(items_, 1), held = charge.bytes();
  for (Batch& part : out) {
    part.count();
    part.bytes_ = bytes_ * part.items_ / whole;
    part.cost_ = cost_of_part(part.items_, part.bytes_);
    part.charge = charge.split(held * part.items_ / whole);
    if (part.empty()) part.settle({});
  }
  for (Batch& part : out)
    if (!part.empty() && charge.bytes()) part.charge.absorb(charge.split(charge.bytes()));
  groups_.clear();
  items_ = bytes_ = 0;
  settle({});
  return out;
}

}  // namespace weir::otlp
