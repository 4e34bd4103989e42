#include "components/shared/holding/held_spans.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/crc32c.h"

namespace weir::holding {
namespace {

std::string joined(const otlp::Unknown& unknown) {
  std::string out;
  for (std::string_view field : unknown) out += field;
  return out;
}

// The message's bytes; in `arena` when it was edited.
template <class T>
std::string_view bytes_of(const otlp::Lazy<T>& message, Arena& arena) {
  if (!message.dirty()) return message.raw();
  otlp::Writer out;
  message.write(out);
  return arena.copy(out.view());
}

}  // namespace

bool SurroundingsTable::Equal::operator()(const Views& a, const std::unique_ptr<Surroundings>& b) const {
  return a.hash == b->hash && a.resource == b->resource && a.scope == b->scope && a.resource_schema_url == b->resource_schema_url &&
         a.scope_schema_url == b->scope_schema_url && a.resource_unknown == b->resource_unknown && a.scope_unknown == b->scope_unknown;
}

Surroundings& SurroundingsTable::lease(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Arena& arena) {
  auto hash = [](std::string_view text, std::uint64_t seed) { return XXH3_64bits_withSeed(text.data(), text.size(), seed); };
  std::string resource_unknown = joined(group.unknown), scope_unknown = joined(scope.unknown);
  Views views{bytes_of(group.resource, arena), group.schema_url, resource_unknown, bytes_of(scope.scope, arena), scope.schema_url, scope_unknown, 0};
  std::uint64_t resource_hash = hash(views.resource, hash(views.resource_schema_url, hash(resource_unknown, seed_)));
  views.hash = hash(views.scope, hash(views.scope_schema_url, hash(scope_unknown, resource_hash)));
  auto at = table_.find(views);
  if (at == table_.end()) {
    auto made = make_ ? make_(group, arena) : std::make_unique<Surroundings>();
    made->resource = views.resource, made->resource_schema_url = views.resource_schema_url, made->resource_unknown = std::move(resource_unknown);
    made->scope = views.scope, made->scope_schema_url = views.scope_schema_url, made->scope_unknown = std::move(scope_unknown);
    made->resource_hash = resource_hash;
    made->hash = views.hash;
    bytes_ += made->bytes();
    at = table_.insert(std::move(made)).first;
  }
  ++(*at)->users;
  return **at;
}

void SurroundingsTable::release(Surroundings& around, std::size_t users) {
  around.users -= users;
  if (around.users > 0) return;
  bytes_ -= around.bytes();
  table_.erase(table_.find(&around));
}

HeldSpans::~HeldSpans() {
  while (first_ != nullptr) {
    Block* block = std::exchange(first_, first_->next);
    Segments::give_back(block->spans_in);
    Segments::give_back(block->segment);
  }
}

HeldSpans HeldSpans::take_first() {
  Block* block = std::exchange(first_, first_->next);
  if (first_ == nullptr) last_ = nullptr;
  block->next = nullptr;
  std::size_t bytes = sizeof(Block) + block->runs * sizeof(Run) + block->size;
  bytes_ -= bytes;
  return HeldSpans(block, block, bytes);
}

HeldSpans::Block* HeldSpans::add(std::uint32_t runs, std::size_t bytes, Segments& memory, Segments::Segment* spans_in) {
  std::size_t head = sizeof(Block) + runs * sizeof(Run);
  Segments::Piece piece = memory.take(head);
  auto* block = new (piece.at) Block{.next = nullptr, .segment = piece.segment, .spans_in = spans_in, .runs = runs, .size = static_cast<std::uint32_t>(bytes)};
  (last_ ? last_->next : first_) = block;
  last_ = block;
  bytes_ += head + bytes;
  return block;
}

HeldSpans::Appender HeldSpans::open(std::uint32_t runs, std::size_t bytes, Segments& memory, Segments& spans) {
  Segments::Piece text = spans.take(bytes);
  return Appender(*add(runs, bytes, memory, text.segment), text.at);
}

HeldSpans::Referrer HeldSpans::refer(std::uint32_t runs, std::size_t bytes, Segments& memory, Segments::Segment& record) {
  Segments::share(record);
  return Referrer(*add(runs, bytes, memory, &record));
}

void HeldSpans::Appender::begin_run(Surroundings& around) {
  WEIR_CHECK(next_run_ != runs_end_, "more runs than the block was opened for");
  run_ = new (next_run_++) Run{.around = &around, .offset = static_cast<std::uint32_t>(to_ - begin_), .size = 0, .spans = 0};
  ++around.users;
}

void HeldSpans::Referrer::add(Surroundings& around, std::string_view spans, std::uint32_t count) {
  WEIR_CHECK(next_run_ != runs_end_, "more runs than the block was opened for");
  auto offset = static_cast<std::size_t>(spans.data() - in_.data());
  WEIR_CHECK(offset <= in_.size() && spans.size() <= in_.size() - offset, "{} bytes at {} of a record of {}", spans.size(), offset, in_.size());
  new (next_run_++) Run{.around = &around,
                        .offset = static_cast<std::uint32_t>(offset),
                        .size = static_cast<std::uint32_t>(spans.size()),
                        .spans = count,
                        .checksum = storage::crc32c(spans)};
  ++around.users;
}

}  // namespace weir::holding
