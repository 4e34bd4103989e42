#pragma once
// Batches as messages for Kafka: cut by key and by size, encoded.
#include "components/exporters/kafka/config.h"
#include "otlp/batch.h"

namespace weir::exporters::kafka {

struct Rules {
  Encoding encoding = Encoding::otlp_proto;
  std::string topic, topic_from_attribute, topic_from_metadata_key, key_from_metadata_key;
  bool by_trace = false, by_resource = false;
  std::size_t max_bytes = 1'000'000;

  static Rules of(const Config& config, otlp::Signal signal);
};

struct Message {
  std::string topic;
  std::optional<std::string> key;
  Bytes value;
};

struct Messages {
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  std::vector<Message> list;
  bool single = false;                    // all items are in the one message
  std::vector<std::uint32_t> message_of;  // otherwise: for each item of the batch in order; none: it cannot be sent
  std::size_t too_large = 0, without_form = 0;  // items that cannot be sent
};

// Whether many messages may have one resource.
bool repeats_resources(otlp::Batch& batch, const Rules& rules);

// The batch stays as it is.
Messages messages_of(otlp::Batch& batch, const Rules& rules);

// The items whose message is chosen, as a batch without receipts.
otlp::Batch items_of(otlp::Batch& batch, const Messages& messages, const std::vector<bool>& chosen);

}  // namespace weir::exporters::kafka
