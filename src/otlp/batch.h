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

// A message that is decoded on first use and encoded again only if it was changed.
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
  // The message's bytes; out of date while dirty().
  std::string_view raw() const { return raw_; }
  void write(Writer& out) const {
    if (dirty_)
      encode(*message_, out);
    else
      out.raw(raw_);
  }
  // Encodes what was changed, once for all forks. `arena` must live as long as they do.
  void seal(Arena& arena) {
    if (!dirty_) return;
    Writer writer;
    encode(*message_, writer);
    raw_ = arena.copy(writer.view());
    dirty_ = false;
  }
  // A copy for another batch, which may be on another core. It shares the bytes, and nothing that can change.
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

// A span, log record or metric; the batch's signal says which. Like Lazy, without the type.
struct Item {
  std::string_view raw;
  void* message = nullptr;
  const char* landmarks = nullptr;  // spans: offsets in `raw`, see Landmarks; null: none were recorded
  std::uint32_t points = 1;  // a metric's number of data points, otherwise 1
  bool dirty = false;
  std::uint8_t head = 0;  // size of the item's tag and length, which stand in front of `raw`; 0: they do not

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

// Move-only; belongs to one core at a time. Its receipts must be settled before it is destroyed (Out::push, drop and refuse do that).
class Batch {
 public:
  explicit Batch(Signal signal) : signal_(signal) {}
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  // Takes an Export<Signal>ServiceRequest after checking all of it. Errc::invalid when it is malformed. `charge` pays for its bytes and
  // is released with them. `sought`: what stages will read of each span, or null. Text that is not UTF-8 is repaired: each byte that
  // is not part of a character becomes U+FFFD.
  static Result<Batch> parse(Signal signal, Bytes request, Charge charge = {}, std::shared_ptr<const Sought> sought = nullptr);
  // The same for a request that this process wrote itself, from parts that were checked before.
  static Batch trusted(Signal signal, Bytes request, std::size_t items, bool dense = false);

  Signal signal() const { return signal_; }
  // Spans, data points, log records.
  std::size_t items() const { return items_; }
  // A batch whose only content is metrics without points has no items but is not empty.
  bool empty() const { return items_ == 0 && !has_messages(); }
  // About its size on the wire.
  std::size_t bytes() const { return bytes_; }
  // Upper bound of the memory for its index and decoded items.
  const Cost& cost() const { return cost_; }
  // About how much memory it keeps alive: whole bodies, even if it has only a part of them, its index, and what was decoded or changed.
  std::size_t footprint() const;
  // Encodes the batch into one body and releases everything else.
  void compact();
  // Which keys the landmarks of its items are for; null: its items have no usable landmarks.
  const std::shared_ptr<const Sought>& sought() const { return sought_; }

  // Indexed on first use. After removing or adding items call prune().
  std::vector<ResourceGroup>& groups();
  Arena& arena();
  // Keeps bytes alive that groups which the caller added have views into.
  void hold(Bytes bytes) { kept_.push_back(std::move(bytes)); }
  // For batches that the caller put together: their size on the wire.
  void set_bytes(std::size_t bytes) { bytes_ = bytes; }
  // Drops scopes without items and resources without scopes, and counts anew.
  void prune();

  // A second batch with the same content and a copy of every receipt. Shares the bytes; what was decoded and changed becomes
  // bytes first.
  Batch fork();
  // Adds all of `other` at the end. It must have the same signal; profiles cannot be joined (see can_join).
  void append(Batch other);
  bool can_join() const { return signal_ != Signal::profiles || empty(); }
  // The first `n` items as a batch of their own, metrics cut between points. Both keep every receipt.
  Batch take_front(std::size_t n);
  // The number of items at the front that take at most `max_bytes` encoded, with their resources and scopes: the `n` for take_front. At
  // least one item; all of them with what counts for no item.
  std::size_t items_within(std::size_t max_bytes);
  // Cuts into `parts` batches; part_of(group, scope, item) says which one gets an item. Empty parts have no receipts.
  template <class PartOf>
  std::vector<Batch> partition(std::size_t parts, PartOf part_of);
  // An empty batch to move groups into: same signal, receipts and context, and it keeps the same bytes and arenas alive.
  Batch sibling();

  // The request body in pieces that follow each other. Long runs of unchanged items are not copied.
  std::vector<Bytes> encode() const;

  void settle(Outcome outcome);

  // True when the senders of all of it still wait for an answer, so that refusing it loses nothing. False if some of it was answered
  // already or was made by this process.
  bool refusable() const { return !receipts.empty() && !answered_; }
  // True when no part of its requests was accepted yet. A stage without room refuses only such batches: a sender repeats a request as
  // a whole, so refusing a part would duplicate the other parts.
  bool whole() const { return refusable() && !part_; }
  void mark_part() { part_ = true; }
  void mark_answered() { answered_ = true; }
  // Moves the receipts of `from` here: its senders now wait for this batch.
  void take_receipts(Batch& from) {
    receipts = std::exchange(from.receipts, {});
    answered_ = from.answered_;
    part_ = from.part_;
  }

  std::size_t repaired_texts = 0;  // by parse()
  std::vector<Receipt> receipts;
  Charge charge;  // for its index; bodies and arenas, which may be shared, have their own
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
  void seal_groups();
  void seal_items();
  void count();
  Cost cost_of_part(std::size_t items, std::size_t bytes) const;
  Batch shell() const;

  Signal signal_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Body> chunks_;                         // bodies that are not indexed
  std::vector<ResourceGroup> groups_;                // the index; comes before chunks_
  std::vector<Bytes> kept_;                          // bytes that groups_ have views into
  std::vector<std::shared_ptr<Arena>> arenas_;       // shared with siblings; only the last is allocated from, by its creator
  std::shared_ptr<const Sought> sought_;
  bool owns_arena_ = false;
  Cost cost_;
  bool part_ = false;      // other parts of its requests were accepted
  bool answered_ = false;  // for some of it nobody waits any more
};

template <class PartOf>
std::vector<Batch> Batch::partition(std::size_t parts, PartOf part_of) {
  std::vector<Batch> out;
  out.reserve(parts);
  groups();
  seal_groups();
  for (std::size_t i = 0; i < parts; ++i) {
    out.push_back(sibling());
    // Resources and scopes are forked for each part, so parts share nothing mutable.
  }
  // For each part: where the items of the current group and scope go; null: it has got none of them yet.
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
