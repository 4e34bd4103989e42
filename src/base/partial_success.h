#pragma once
// What is said beside an OK: that some items were thrown away for good, or a warning.
#include <cstddef>
#include <string>

namespace weir {

struct PartialSuccess {
  std::size_t rejected = 0;  // items
  std::string message;

  bool empty() const { return rejected == 0 && message.empty(); }
  // Items add up, and one message is enough.
  PartialSuccess& operator+=(const PartialSuccess& other) {
    rejected += other.rejected;
    if (message.empty()) message = other.message;
    return *this;
  }
};

// While it exists, receipts that this thread settles with OK pass it on to those that they answer.
class SettlingWith {
 public:
  explicit SettlingWith(const PartialSuccess& what);
  ~SettlingWith();
  SettlingWith(const SettlingWith&) = delete;

  // For whoever is being answered OK. Empty when there is nothing to say.
  static const PartialSuccess& current();

 private:
  const PartialSuccess* before_;
};

}  // namespace weir
