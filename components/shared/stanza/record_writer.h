#pragma once
// Entries as the bytes of an OTLP request.
#include "base/bytes.h"
#include "components/shared/stanza/chain.h"
#include "otlp/wire.h"

namespace weir::stanza {

// One core. What was added since the last take() is one request: records of equal resource and scope stand together, in
// the order in which they came.
class RecordWriter final : public Sink {
 public:
  RecordWriter();
  void emit(const Entry& entry) override;

  // Nothing in `bytes` changes until the next call: a text of a resource that was compared once is equal when it stands there again. For
  // requests, of which every record may have one large resource.
  void unchanging(std::string_view bytes);

  std::size_t records() const { return records_; }
  // About the request's size.
  std::size_t bytes() const { return bytes_; }
  // The request; the writer is empty after it.
  Bytes take();

 private:
  // Begins with room for what stands in front of its records in the request, which is known only when they are complete.
  struct Group {
    Arena arena;
    Attributes resource;  // texts of its own
    std::vector<const char*> seen;  // where each text was that was equal, in unchanging_; null: nowhere
    std::string scope_name;
    std::string resource_field, scope_field;  // encoded
    std::string encoded;  // the room, then records with their tags, in order
    std::size_t room = 0;
  };
  Group& group_of(const Entry& entry);
  bool fits(Group& group, const Entry& entry) const;
  void open(Group& group, const Entry& entry);
  void append_nested(const Entry& entry, std::string& to);
  static std::string_view finish(Group& group);

  std::vector<std::unique_ptr<Group>> groups_;  // the first open_ have records of this request
  std::size_t open_ = 0;
  otlp::Writer scratch_;
  std::size_t records_ = 0, bytes_ = 0;
  std::size_t expected_bytes_ = 0;  // of a request with one group, by the last one
  std::string_view unchanging_;
};

}  // namespace weir::stanza
