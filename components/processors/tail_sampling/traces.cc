#include "components/processors/tail_sampling/traces.h"

namespace weir::processors::tail_sampling {

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
