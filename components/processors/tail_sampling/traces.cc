#include "components/processors/tail_sampling/traces.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::processors::tail_sampling {
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

Surroundings& SurroundingsTable::lease(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Policies& policies, Arena& arena) {
  auto hash = [](std::string_view text, std::uint64_t seed) { return XXH3_64bits_withSeed(text.data(), text.size(), seed); };
  std::string resource_unknown = joined(group.unknown), scope_unknown = joined(scope.unknown);
  Views views{bytes_of(group.resource, arena), group.schema_url, resource_unknown, bytes_of(scope.scope, arena), scope.schema_url, scope_unknown, 0};
  std::uint64_t resource_hash = hash(views.resource, hash(views.resource_schema_url, hash(resource_unknown, seed_)));
  views.hash = hash(views.scope, hash(views.scope_schema_url, hash(scope_unknown, resource_hash)));
  auto at = table_.find(views);
  if (at == table_.end()) {
    auto made = std::make_unique<Surroundings>(std::string(views.resource), std::string(views.resource_schema_url), std::move(resource_unknown),
                                               std::string(views.scope), std::string(views.scope_schema_url), std::move(scope_unknown));
    made->conditions = policies.conditions().look_at(group.resource.read(arena));
    if (policies.exemplars()) made->exemplars = policies.exemplars()->look_at(group.resource.read(arena));
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
  while (first_ != nullptr) Segments::give_back(std::exchange(first_, first_->next)->segment);
}

void HeldSpans::open(std::uint32_t runs, std::size_t bytes, Segments& memory) {
  std::size_t whole = sizeof(Block) + runs * sizeof(Run) + bytes;
  Segments::Piece piece = memory.take(whole);
  auto* block = new (piece.at) Block{.next = nullptr, .segment = piece.segment, .room = runs, .size = static_cast<std::uint32_t>(bytes)};
  (last_ ? last_->next : first_) = block;
  last_ = block;
  bytes_ += whole;
}

void HeldSpans::append(Surroundings& around, std::string_view span) {
  Block& block = *last_;
  std::size_t need = framed(span.size());
  WEIR_CHECK(block.size - block.used >= need, "{} bytes in a block of {}, {} used", need, block.size, block.used);
  if (block.runs == 0 || block.run()[block.runs - 1].around != &around) {
    WEIR_CHECK(block.runs < block.room, "more than {} runs in a block", block.room);
    block.run()[block.runs++] = {&around, 0, 0};
    ++around.users;
  }
  char* to = block.spans() + block.used;
  *to++ = 2 << 3 | static_cast<char>(otlp::WireType::bytes);  // ScopeSpans.spans
  std::size_t left = span.size();
  for (; left >= 0x80; left >>= 7) *to++ = static_cast<char>(left | 0x80);
  *to++ = static_cast<char>(left);
  std::memcpy(to, span.data(), span.size());
  block.used += static_cast<std::uint32_t>(need);
  Run& run = block.run()[block.runs - 1];
  run.size += static_cast<std::uint32_t>(need);
  ++run.spans;
}

void TraceSize::add(std::uint64_t piece, std::uint64_t scope, std::size_t resource_bytes, std::size_t scope_bytes, std::size_t span_bytes) {
  if (piece_ != piece) {
    closed_framed_ = framed();
    closed_ = bytes();
    piece_ = piece;
    scope_ = 0;
    scope_bytes_ = 0;
    closed_scopes_ = HeldSpans::framed(resource_bytes);
  }
  if (scope_ != scope) {
    closed_scopes_ = piece_bytes();
    scope_ = scope;
    scope_bytes_ = HeldSpans::framed(scope_bytes);
  }
  scope_bytes_ += HeldSpans::framed(span_bytes);
}

}  // namespace weir::processors::tail_sampling
