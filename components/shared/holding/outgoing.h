#pragma once
// Kept spans on their way out, brought together by resource and scope, so that each stands there once.
#include "components/shared/holding/held_spans.h"

namespace weir::holding {

// One core. Spans that were held stay where they are until take(), where they are copied once.
class Outgoing {
 public:
  explicit Outgoing(SurroundingsTable& table) : table_(table) {}

  // Takes over the surroundings' users.
  void add(HeldSpans spans);
  // The same for spans whose bytes were read back: those of each run, in `text`.
  void add(HeldSpans spans, std::span<const std::string_view> runs, Bytes text);
  // A single span, which is copied.
  void add(Surroundings& around, std::string_view span);

  std::size_t items() const { return items_; }
  bool empty() const { return items_ == 0; }
  // About what take() will make.
  std::size_t bytes() const { return bytes_; }
  // All of it as one batch, charged to `budget`.
  otlp::Batch take(Budget& budget, bool dense);

 private:
  struct Slice {
    std::string_view bytes;
    bool framed;
  };
  struct Part {
    Surroundings* around = nullptr;
    std::size_t users = 0;  // to be released
    std::vector<Slice> slices;
  };
  Part& part(Surroundings& around);
  void write_scope(const Part& part, otlp::Writer& out) const;

  SurroundingsTable& table_;
  std::vector<HeldSpans> spans_;
  std::vector<Bytes> texts_;
  Arena copies_;
  std::vector<Part> parts_;  // the first used_ of them; the others keep their memory
  std::size_t used_ = 0, items_ = 0, bytes_ = 0;
};

}  // namespace weir::holding
