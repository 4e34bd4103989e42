#pragma once
// Cuts a large batch into pieces that are indexed and decoded one after the other, each in bounded memory.
#include "otlp/batch.h"

namespace weir::otlp {

// Cuts between items, without an index of the whole batch. Each piece keeps the batch's bodies alive and has copies of its receipts.
// The batch is settled when the last piece was taken. Resources and scopes without items are left out.
class Slicer {
 public:
  // `most`: Cost::bytes of a piece; one item may take more.
  Slicer(Batch batch, std::size_t most);

  bool done() const { return state_ == State::done; }
  // The next piece; an empty batch after the last one. done() tells whether a piece was the last.
  Batch next();
  // Settles the batch without cutting the rest.
  void stop(Outcome outcome);

 private:
  enum class State : std::uint8_t { indexed, body, resource, scope, item, done };
  // The fields of a resource or scope message except the scopes or items nested in it.
  struct Head {
    std::string_view about, schema_url;
    bool has_about = false;
    std::vector<std::string_view> unknown;  // goes to the first piece
    std::size_t cost = 0;

    void read(std::string_view message, bool is_scope);
  };
  void advance();
  bool find_item();
  void open_body();
  void keep_body(Batch& piece) const;
  void put(Batch& piece);

  Batch batch_;
  const std::size_t most_;
  State state_ = State::indexed;
  std::size_t body_ = 0;                       // of batch_.chunks_
  Reader in_request_{{}}, in_resource_{{}}, in_scope_{{}};
  Head resource_, scope_;
  const char* landmarks_ = nullptr;
  // The item that goes next.
  std::string_view item_;
  std::uint8_t item_head_ = 0;
  std::size_t item_cost_ = 0;
  // Whether the current resource and scope are in the current piece already.
  bool resource_open_ = false, scope_open_ = false;
};

}  // namespace weir::otlp
