#pragma once
// Immutable shared bytes: the body of a request, kept alive by every batch that has views into it.
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/budget.h"

namespace weir {

// A reference to bytes that never change. Copying shares; the last owner, on whatever core, frees.
class Bytes {
 public:
  Bytes() = default;
  static Bytes copy_of(std::string_view text) { return take(std::string(text)); }
  static Bytes take(std::string text) {
    Bytes out;
    out.owner_ = std::make_shared<Body>(std::move(text));
    out.view_ = out.owner_->text;
    out.whole_ = true;
    return out;
  }

  // The same bytes with what was charged for them: given back when the last owner lets go.
  Bytes charged(Charge charge) && {
    if (whole_ && owner_.use_count() == 1 && owner_->charge.bytes() == 0) {
      owner_->charge = std::move(charge);
      return std::move(*this);
    }
    struct Paid {
      std::shared_ptr<Body> owner;
      Charge charge;
    };
    auto paid = std::make_shared<Paid>(owner_, std::move(charge));
    Bytes out;
    out.owner_ = std::shared_ptr<Body>(paid, owner_.get());
    out.view_ = view_;
    return out;
  }

  // A view into `whole` that keeps all of it alive. `part` must lie inside.
  Bytes slice(std::string_view part) const {
    Bytes out = *this;
    out.view_ = part;
    return out;
  }

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }

 private:
  struct Body {
    explicit Body(std::string bytes) : text(std::move(bytes)) {}
    const std::string text;
    Charge charge;
  };

  std::shared_ptr<Body> owner_;  // shared by all batches cut from one body
  std::string_view view_;
  bool whole_ = false;  // owner_ counts all owners of the body
};

inline std::size_t total_size(std::span<const Bytes> pieces) {
  std::size_t total = 0;
  for (const Bytes& piece : pieces) total += piece.size();
  return total;
}

inline std::string joined(std::span<const Bytes> pieces) {
  std::string out;
  out.reserve(total_size(pieces));
  for (const Bytes& piece : pieces) out += piece.view();
  return out;
}

// Without a copy when there is only one.
inline Bytes in_one(std::vector<Bytes> pieces) {
  if (pieces.size() == 1) return std::move(pieces.front());
  return Bytes::take(joined(pieces));
}

}  // namespace weir
