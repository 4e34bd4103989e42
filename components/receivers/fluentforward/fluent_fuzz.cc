// Bytes are messages of the forward protocol, one behind the other.
#include "components/receivers/fluentforward/message.h"
#include "components/shared/stanza/record_writer.h"
#include "otlp/batch.h"

using namespace weir;
using namespace weir::receivers::fluentforward;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Budget budget;
  stanza::RecordWriter writer;
  while (!bytes.empty()) {
    auto one = value_size(bytes);
    if (!one || *one == 0) break;
    Arena arena;
    Charge charge = budget.empty_charge();
    if (auto message = read_message(bytes.substr(0, *one), arena, 1 << 20, charge)) {
      for (auto& entry : message->entries) writer.emit(entry);
      (void)ack_of(message->chunk);
    }
    bytes.remove_prefix(*one);
  }
  std::size_t records = writer.records();
  auto batch = otlp::Batch::parse(otlp::Signal::logs, writer.take());
  WEIR_CHECK(batch.has_value() && batch->items() == records);
  return 0;
}
