#pragma once
// Messages of the Fluent forward protocol, version 1.
#include "base/budget.h"
#include "components/shared/stanza/entry.h"
#include "base/result.h"

namespace weir::receivers::fluentforward {

// The size of the first MessagePack value; 0: more bytes are needed. Errc::invalid when it is none, or nests too deep.
Result<std::size_t> value_size(std::string_view bytes);

struct Message {
  std::string_view tag, chunk;  // chunk: what the sender wants to hear back; empty: nothing
  std::vector<stanza::Entry> entries;
};

// One whole value: [tag, time, record], [tag, [[time, record], …]] or [tag, packed entries], each with options behind. The
// result has views into `bytes` and `arena`. Compressed entries may grow to `most` bytes. What it is read into is
// charged; Errc::refused when there is no room.
Result<Message> read_message(std::string_view bytes, Arena& arena, std::size_t most, Charge& charge);

// {"ack": chunk}
std::string ack_of(std::string_view chunk);

}  // namespace weir::receivers::fluentforward
