#include "otlp/batch.h"

#include <algorithm>
#include <numeric>
#include <ranges>

#include "otlp/copy.h"
#include "otlp/repair.h"
#include "otlp/verify.h"

namespace weir::otlp {
namespace {

// Reserves a little more than needed if all items are as long as the first. Bounded, since the first may be empty.
void reserve_items(std::vector<Item>& items, std::size_t scope, std::size_t first) {
  std::size_t alike = scope / (std::max<std::size_t>(first, 62) + 2) + 1;  // short ones are no promise
  items.reserve(std::min<std::size_t>(alike + alike / 8, 256));
}

// Builds the index of a body.
class Indexer {
 public:
  // `landmarks`: rows of `row` bytes for the spans in their order, or null.
  Indexer(Signal signal, Arena& arena, const char* landmarks, std::size_t row)
      : signal_(signal), arena_(arena), landmarks_(landmarks), row_(row) {}

  void resource(std::string_view message, ResourceGroup& out);

 private:
  void scope(std::string_view message, ScopeGroup& out);
  void item(const Reader& reader, std::string_view raw, std::vector<Item>& items);

  Signal signal_;
  Arena& arena_;
  const char* landmarks_;
  std::size_t row_;
};

void Indexer::item(const Reader& reader, std::string_view raw, std::vector<Item>& items) {
  Item& item = items.emplace_back();
  item.raw = raw;
  item.head = static_cast<std::uint8_t>(reader.whole().size() - raw.size());
  if (signal_ == Signal::metrics) item.points = static_cast<std::uint32_t>(count_points(raw));
  if (landmarks_ == nullptr) return;
  item.landmarks = landmarks_;
  landmarks_ += row_;
}

void Indexer::scope(std::string_view message, ScopeGroup& out) {
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.scope = Lazy<Scope>(reader.bytes()); break;
      case 2: {
        std::string_view raw = reader.bytes();
        if (out.items.empty()) reserve_items(out.items, message.size(), raw.size());
        item(reader, raw, out.items);
        break;
      }
      case 3: out.schema_url = reader.bytes(); break;
      default:
        reader.skip();
        out.unknown.push_back(arena_, reader.whole());
    }
  }
}

void Indexer::resource(std::string_view message, ResourceGroup& out) {
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: out.resource = Lazy<Resource>(reader.bytes()); break;
      case 2: scope(reader.bytes(), out.scopes.emplace_back()); break;
      case 3: out.schema_url = reader.bytes(); break;
      default:
        reader.skip();
        out.unknown.push_back(arena_, reader.whole());
    }
  }
}

void encode_item(Signal signal, const Item& item, Writer& out) {
  if (!item.dirty) return out.raw(item.raw);
  switch (signal) {
    case Signal::traces: return encode(*static_cast<const Span*>(item.message), out);
    case Signal::metrics: return encode(*static_cast<const Metric*>(item.message), out);
    case Signal::logs: return encode(*static_cast<const LogRecord*>(item.message), out);
    case Signal::profiles: return;  // never edited
  }
}

void encode_unknown(const Unknown& unknown, Writer& out) {
  for (std::size_t i = unknown.size(); i-- > 0;) out.raw(unknown[i]);
}


template <class T>
void encode_lazy(const Lazy<T>& message, Writer& out) {
  std::size_t mark = out.size();
  message.write(out);
  if (out.size() != mark || message.raw().data() != nullptr) out.close(1, mark);
}

// Encodes a batch. Long runs of bytes that lie in one of its bodies are sent from there.
class Encoder {
 public:
  enum class Runs : std::uint8_t { refer, copy };
  Encoder(Signal signal, const std::vector<Bytes>& bodies, std::size_t size, Runs runs = Runs::refer) : signal_(signal), bodies_(bodies), copies_(runs == Runs::copy), out_(size) {}

  void add(const ResourceGroup& group);
  // What was copied is charged to `charge`'s budget.
  std::vector<Bytes> finish(Charge charge);
  // With Runs::copy.
  Bytes finish_whole(Charge charge) {
    Bytes all = out_.finish();
    charge.grow_unchecked(all.size());
    return std::move(all).charged(std::move(charge));
  }

 private:
  void add(const ScopeGroup& scope);
  void add(std::span<const Item> items);
  void add_run(std::string_view run);
  template <class T>
  void add_lazy(const Lazy<T>& message);
  const Bytes* body_of(std::string_view run);

  // Copying a shorter run costs less than a piece of its own.
  static constexpr std::size_t refer_from = 1024;
  Signal signal_;
  const std::vector<Bytes>& bodies_;
  const bool copies_;
  std::vector<const Bytes*> by_address_;  // filled on first use
  Writer out_;
};

const Bytes* Encoder::body_of(std::string_view run) {
  if (by_address_.empty()) {
    for (const Bytes& body : bodies_) by_address_.push_back(&body);
    std::ranges::sort(by_address_, std::less<>(), &Bytes::data);
  }
  auto above = std::ranges::upper_bound(by_address_, run.data(), std::less<>(), &Bytes::data);
  if (above == by_address_.begin()) return nullptr;
  const Bytes* body = *std::prev(above);
  return std::less_equal<>()(run.data() + run.size(), body->data() + body->size()) ? body : nullptr;
}

void Encoder::add_run(std::string_view run) {
  const Bytes* body = copies_ || run.size() < refer_from ? nullptr : body_of(run);
  if (body == nullptr) return out_.raw(run);
  out_.refer(body->slice(run));
}

template <class T>
void Encoder::add_lazy(const Lazy<T>& message) {
  std::size_t mark = out_.size();
  if (message.dirty()) message.write(out_);
  else add_run(message.raw());
  if (out_.size() != mark || message.raw().data() != nullptr) out_.close(1, mark);
}

// The copied parts lie in one buffer: the first of them pays for all.
std::vector<Bytes> Encoder::finish(Charge charge) {
  std::vector<Bytes> pieces = out_.finish_pieces();
  std::size_t copied = 0;
  Bytes* first = nullptr;
  for (Bytes& piece : pieces) {
    if (piece.empty() || body_of(piece.view())) continue;
    copied += piece.size();
    if (first == nullptr) first = &piece;
  }
  if (first == nullptr) return pieces;
  charge.grow_unchecked(copied);
  *first = std::move(*first).charged(std::move(charge));
  return pieces;
}

// Whether the second item follows the first in memory, with only its tag and length between them.
bool adjoin(const Item& first, const Item& second) {
  return !first.dirty && !second.dirty && second.head != 0 && first.raw.data() + first.raw.size() + second.head == second.raw.data();
}

// Writes adjacent items as one run.
void Encoder::add(std::span<const Item> items) {
  for (std::size_t end = items.size(); end > 0;) {
    const Item& last = items[--end];
    if (last.dirty || last.head == 0) {
      std::size_t mark = out_.size();
      encode_item(signal_, last, out_);
      out_.close(2, mark);
      continue;
    }
    while (end > 0 && adjoin(items[end - 1], items[end]) && items[end - 1].head != 0) --end;
    const char* begin = items[end].raw.data() - items[end].head;
    add_run({begin, static_cast<std::size_t>(last.raw.data() + last.raw.size() - begin)});
  }
}

void Encoder::add(const ScopeGroup& scope) {
  std::size_t mark = out_.size();
  encode_unknown(scope.unknown, out_);
  out_.put_bytes(3, scope.schema_url);
  add(scope.items);
  add_lazy(scope.scope);
  out_.close(2, mark);
}

void Encoder::add(const ResourceGroup& group) {
  std::size_t mark = out_.size();
  encode_unknown(group.unknown, out_);
  out_.put_bytes(3, group.schema_url);
  for (const ScopeGroup& scope : std::views::reverse(group.scopes)) add(scope);
  add_lazy(group.resource);
  out_.close(1, mark);
}

// Moves the first `n` points into a metric of its own.
Item split_metric(Item& item, std::uint32_t n, Arena& arena) {
  Metric& rest = item.edit<Metric>(arena);
  Metric* front = copy_without_points(rest, arena);
  front->points = rest.points.take_front(n);
  item.points -= n;
  return Item::of(front, n);
}

// Sums what is encoded, each part at most: with five bytes for every length of what may be cut.
class Measure {
 public:
  Measure(Signal signal, std::size_t room) : signal_(signal), room_(room) {}

  // False: it does not fit, and nothing was added.
  bool add(std::size_t bytes) {
    if (bytes > room_) return false;
    room_ -= bytes;
    return true;
  }
  template <class Group, class T>
  std::size_t head(const Group& group, const Lazy<T>& message) {
    scratch_.clear();
    encode_unknown(group.unknown, scratch_);
    scratch_.put_bytes(3, group.schema_url);
    encode_lazy(message, scratch_);
    return scratch_.size() + length;
  }
  std::size_t item(const Item& item) {
    if (!item.dirty) return item.raw.size() + length;
    scratch_.clear();
    encode_item(signal_, item, scratch_);
    return scratch_.size() + length;
  }
  // Points of a metric that does not fit as a whole.
  std::size_t points(Item& item, Arena& arena) {
    const Metric& whole = item.read<Metric>(arena);
    Metric* one = copy_without_points(whole, arena);
    std::size_t head = size_of(*one) + length, n = 0;
    if (!add(head + length)) return 0;
    one->points.reserve(arena, 1);
    one->points.push_back(arena, {});
    for (; n < whole.points.size(); ++n) {
      one->points[0] = whole.points[n];
      if (!add(size_of(*one) + 2 * length - head)) break;
    }
    return n;
  }

 private:
  static constexpr std::size_t length = 6;  // a tag and the longest length
  std::size_t size_of(const Metric& metric) {
    scratch_.clear();
    encode(metric, scratch_);
    return scratch_.size();
  }
  Signal signal_;
  std::size_t room_;
  Writer scratch_;
};

}  // namespace

Result<Batch> Batch::parse(Signal signal, Bytes request, Charge charge, std::shared_ptr<const Sought> sought) {
  WEIR_ASSIGN(Extent extent, verify(signal, request.view(), sought.get()));
  std::size_t repaired_texts = extent.broken_texts;
  if (repaired_texts != 0) {
    // Pays for the new request and for its parts while they are joined.
    std::size_t size = request.size() + 2 * extent.broken_bytes, before = charge.bytes();
    if (before != 0 && !charge.grow(3 * size)) return fail(Errc::refused, "no memory to repair {} texts that are not UTF-8", repaired_texts);
    request = Bytes::take(repair(signal, request.view()));
    if (before != 0) charge.shrink_to(std::max(before, request.size()));
    WEIR_ASSIGN(extent, verify(signal, request.view(), sought.get()));
  }
  Charge index = charge.another();
  if (!request.empty()) request = std::move(request).charged(std::move(charge));
  Batch batch = trusted(signal, std::move(request), extent.items);
  batch.cost_ = extent.cost;
  batch.repaired_texts = repaired_texts;
  if (!extent.landmarks.empty()) {
    Charge landmarks = index.another();
    landmarks.grow_unchecked(extent.landmarks.size());
    batch.chunks_.front().landmarks = Bytes::take(std::move(extent.landmarks)).charged(std::move(landmarks));
    batch.sought_ = std::move(sought);
  }
  batch.charge = std::move(index);
  return batch;
}

Batch Batch::trusted(Signal signal, Bytes request, std::size_t items, bool dense) {
  Batch batch(signal);
  batch.items_ = items;
  batch.bytes_ = request.size();
  batch.cost_ = Cost::assumed(items, request.size(), dense);
  if (!request.empty()) batch.chunks_.push_back({std::move(request), {}});
  return batch;
}

Arena& Batch::arena() {
  if (!owns_arena_) {
    arenas_.push_back(std::make_shared<Arena>(charge.another()));
    owns_arena_ = true;
  }
  return *arenas_.back();
}

void Batch::index(const Body& body) {
  std::size_t first = groups_.size();
  Reader reader(body.bytes.view());
  Indexer indexer(signal_, arena(), sought_ ? body.landmarks.data() : nullptr, sought_ ? sought_->row_bytes() : 0);
  while (reader.next()) {
    if (reader.field() == 1)
      indexer.resource(reader.bytes(), groups_.emplace_back());
    else
      reader.skip();
  }
  charge_index(first);
}

void Batch::charge_index(std::size_t first_group) {
  std::size_t bytes = 0;
  for (std::size_t i = first_group; i < groups_.size(); ++i) {
    bytes += sizeof(ResourceGroup) + groups_[i].scopes.capacity() * sizeof(ScopeGroup);
    for (const ScopeGroup& scope : groups_[i].scopes) bytes += scope.items.capacity() * sizeof(Item);
  }
  charge.grow_unchecked(bytes);
}

std::size_t Batch::footprint() const {
  std::size_t bytes = charge.bytes();
  for (const Body& body : chunks_) bytes += body.bytes.size() + body.landmarks.size();
  for (const Bytes& kept : kept_) bytes += kept.size();
  for (const auto& arena : arenas_) bytes += arena->footprint();
  return bytes;
}

void Batch::compact() {
  if (groups_.empty() || signal_ == Signal::profiles) return;
  groups();
  Encoder encoder(signal_, kept_, bytes_ + bytes_ / 8 + 1024, Encoder::Runs::copy);
  for (const ResourceGroup& group : std::views::reverse(groups_)) encoder.add(group);
  Bytes body = encoder.finish_whole(charge.another());
  std::vector<ResourceGroup>().swap(groups_);
  chunks_.clear();
  kept_.clear();
  arenas_.clear();
  owns_arena_ = false;
  sought_ = nullptr;
  bytes_ = body.size();
  cost_ = Cost::assumed(items_, bytes_, cost_.dense);
  chunks_.push_back({std::move(body), {}});
  charge.release();
}

Cost Batch::cost_of_part(std::size_t items, std::size_t bytes) const {
  Cost out = Cost::assumed(items, bytes, cost_.dense);
  out.bytes = std::min(out.bytes, cost_.bytes);
  return out;
}

std::vector<ResourceGroup>& Batch::groups() {
  for (Body& body : chunks_) {
    index(body);
    kept_.push_back(std::move(body.bytes));
    if (!body.landmarks.empty()) kept_.push_back(std::move(body.landmarks));
  }
  chunks_.clear();
  return groups_;
}

bool Batch::has_messages() const {
  // In a body that is not indexed, only metrics can be present without being counted.
  if (!chunks_.empty() && (items_ > 0 || signal_ == Signal::metrics)) return true;
  for (auto& group : groups_)
    for (auto& scope : group.scopes)
      if (!scope.items.empty()) return true;
  return false;
}

void Batch::count() {
  items_ = 0;
  for (auto& group : groups_)
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) items_ += item.points;
}

void Batch::prune() {
  std::size_t before = std::max<std::size_t>(items_, 1);
  for (auto& group : groups())
    std::erase_if(group.scopes, [](const ScopeGroup& scope) { return scope.items.empty(); });
  std::erase_if(groups_, [](const ResourceGroup& group) { return group.scopes.empty(); });
  count();
  if (items_ < before) bytes_ = bytes_ * items_ / before;
}

Batch Batch::sibling() {
  groups();  // keeps the bytes
  return shell();
}

// An empty batch that shares everything but the bodies that are not indexed.
Batch Batch::shell() const {
  Batch out(signal_);
  out.kept_ = kept_;
  out.arenas_ = arenas_;
  out.receipts = receipts;
  out.context = context;
  out.answered_ = answered_;
  out.part_ = part_;
  out.sought_ = sought_;
  out.charge = charge.another();
  return out;
}

// What was changed in resources and scopes becomes bytes, which all parts and forks share.
void Batch::seal_groups() {
  for (auto& group : groups_) {
    if (group.resource.dirty()) group.resource.seal(arena());
    for (auto& scope : group.scopes)
      if (scope.scope.dirty()) scope.scope.seal(arena());
  }
}

// The same for items.
void Batch::seal_items() {
  Writer writer;
  for (auto& group : groups_)
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        if (!item.dirty) continue;
        writer.clear();
        encode_item(signal_, item, writer);
        std::size_t size = writer.size();
        writer.close(2, 0);
        std::string_view whole = arena().copy(writer.view());
        item.raw = whole.substr(whole.size() - size);
        item.head = static_cast<std::uint8_t>(whole.size() - size);
        item.landmarks = nullptr;
        item.dirty = false;
      }
}

Batch Batch::fork() {
  seal_groups();
  seal_items();
  Batch out = shell();
  out.chunks_ = chunks_;
  out.items_ = items_;
  out.bytes_ = bytes_;
  out.cost_ = cost_;
  if (groups_.empty()) return out;
  Arena& to = out.arena();
  out.groups_.reserve(groups_.size());
  for (auto& group : groups_) {
    auto& copy = out.groups_.emplace_back(ResourceGroup{group.resource.fork(to), group.schema_url, group.unknown, {}});
    copy.scopes.reserve(group.scopes.size());
    for (auto& scope : group.scopes) {
      auto& scope_copy = copy.scopes.emplace_back(ScopeGroup{scope.scope.fork(to), scope.schema_url, scope.unknown, {}});
      scope_copy.items = scope.items;
      for (auto& item : scope_copy.items) item.message = nullptr;
    }
  }
  out.charge_index(0);
  return out;
}

void Batch::append(Batch other) {
  WEIR_CHECK(other.signal_ == signal_ && (can_join() || other.empty()), "joined {} to {}", to_string(other.signal_),
             to_string(signal_));
  if (empty())
    sought_ = other.sought_;
  else if (!other.empty() && sought_ != other.sought_)
    sought_ = nullptr;
  // Groups come before chunks. To keep the order, our chunks are indexed before groups are added behind them.
  if (!other.groups_.empty() && !chunks_.empty()) groups();
  std::move(other.groups_.begin(), other.groups_.end(), std::back_inserter(groups_));
  std::move(other.chunks_.begin(), other.chunks_.end(), std::back_inserter(chunks_));
  std::move(other.kept_.begin(), other.kept_.end(), std::back_inserter(kept_));
  bool mixed = !empty() && !other.empty() && receipts.empty() != other.receipts.empty();
  answered_ = (answered_ && !empty()) || other.answered_ || mixed;
  part_ = (part_ && !empty()) || other.part_;
  if (empty()) cost_ = {};
  cost_.add(other.cost_);
  // Our arena stays last: only the last one is allocated from.
  arenas_.insert(arenas_.begin(), other.arenas_.begin(), other.arenas_.end());
  std::move(other.receipts.begin(), other.receipts.end(), std::back_inserter(receipts));
  items_ += other.items_;
  bytes_ += other.bytes_;
  charge.absorb(std::move(other.charge));
  if (context != other.context) context = items_ == other.items_ ? other.context : nullptr;
}

Batch Batch::take_front(std::size_t n) {
  if (n >= items_) {
    Batch all = std::move(*this);
    *this = Batch(all.signal_);
    return all;
  }
  groups();
  seal_groups();
  Batch front = sibling();
  std::size_t left = n, used_groups = 0;
  for (auto& group : groups_) {
    if (left == 0) break;
    front.groups_.push_back({group.resource.fork(front.arena()), group.schema_url, group.unknown, {}});
    std::size_t used_scopes = 0;
    for (auto& scope : group.scopes) {
      if (left == 0) break;
      auto& to = front.groups_.back().scopes.emplace_back(
          ScopeGroup{scope.scope.fork(front.arena()), scope.schema_url, scope.unknown, {}});
      std::size_t used = 0;
      while (used < scope.items.size() && left >= scope.items[used].points) left -= scope.items[used++].points;
      to.items.assign(scope.items.begin(), scope.items.begin() + static_cast<std::ptrdiff_t>(used));
      scope.items.erase(scope.items.begin(), scope.items.begin() + static_cast<std::ptrdiff_t>(used));
      if (left > 0 && !scope.items.empty()) {
        to.items.push_back(split_metric(scope.items[0], static_cast<std::uint32_t>(left), arena()));
        front.arenas_.insert(front.arenas_.begin(), arenas_.back());
        left = 0;
      }
      if (scope.items.empty()) ++used_scopes;
    }
    group.scopes.erase(group.scopes.begin(), group.scopes.begin() + static_cast<std::ptrdiff_t>(used_scopes));
    if (group.scopes.empty()) ++used_groups;
  }
  groups_.erase(groups_.begin(), groups_.begin() + static_cast<std::ptrdiff_t>(used_groups));
  front.items_ = n;
  front.bytes_ = bytes_ * n / items_;
  front.cost_ = cost_of_part(n, front.bytes_);
  front.charge = charge.split(charge.bytes() * n / items_);
  bytes_ -= front.bytes_;
  items_ -= n;
  return front;
}

std::size_t Batch::items_within(std::size_t max_bytes) {
  if (groups_.empty() && bytes_ <= max_bytes) return items_;
  Measure measure(signal_, max_bytes);
  std::size_t n = 0;
  auto at_least_one = [](std::size_t found) { return std::max<std::size_t>(1, found); };
  for (ResourceGroup& group : groups()) {
    if (!measure.add(measure.head(group, group.resource))) return at_least_one(n);
    for (ScopeGroup& scope : group.scopes) {
      if (!measure.add(measure.head(scope, scope.scope))) return at_least_one(n);
      for (Item& item : scope.items) {
        if (measure.add(measure.item(item))) n += item.points;
        else return at_least_one(item.points > 1 ? n + measure.points(item, arena()) : n);
      }
    }
  }
  return items_;
}

std::vector<Bytes> Batch::encode() const {
  std::vector<Bytes> pieces;
  if (!groups_.empty()) {
    Encoder encoder(signal_, kept_, bytes_ + bytes_ / 8 + 1024);
    for (const ResourceGroup& group : std::views::reverse(groups_)) encoder.add(group);
    pieces = encoder.finish(charge.another());
  }
  for (const Body& body : chunks_) pieces.push_back(body.bytes);
  return pieces;
}

void Batch::settle(Outcome outcome) {
  for (Receipt& receipt : receipts) receipt.settle(outcome);
  receipts.clear();
  charge.release();
}

}  // namespace weir::otlp
