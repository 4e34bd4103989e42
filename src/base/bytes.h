#pragma once
// Immutable shared bytes: the body of a request, kept alive by every batch that has views into it.
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/budget.h"

namespace weir {

// A reference to bytes that never change. Copying shares; the last owner, on whatever core, frees.
class Bytes {
 public:
  Bytes() = default;
  static Bytes copy_of(std::string_view text) { return Bytes(std::make_shared<const std::string>(text)); }
  static Bytes take(std::string text) { return Bytes(std::make_shared<const std::string>(std::move(text))); }

  // The same bytes with what was charged for them: given back when the last owner lets go.
  Bytes charged(Charge charge) const {
    struct Paid {
      std::shared_ptr<const std::string> owner;
      Charge charge;
    };
    auto paid = std::make_shared<Paid>(owner_, std::move(charge));
    Bytes out;
    out.owner_ = std::shared_ptr<const std::string>(paid, owner_.get());
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
  explicit Bytes(std::shared_ptr<const std::string> owner) : owner_(std::move(owner)), view_(*owner_) {}

  std::shared_ptr<const std::string> owner_;  // shared by all batches cut from one body
  std::string_view view_;
};

}  // namespace weir
