#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/kafka/config.h"

namespace weir::receivers::kafka {

struct AutoCommit {
  bool enable = true;
  Duration interval = 1s;
  static std::span<const config::FieldInfo> fields();
};

struct MessageMarking {
  std::optional<bool> after;  // not set: after
  bool on_error = false;
  std::optional<bool> on_permanent_error;
  static std::span<const config::FieldInfo> fields();
};

struct HeaderExtraction {
  bool extract_headers = false;
  std::vector<std::string> headers;
  static std::span<const config::FieldInfo> fields();
};

struct SignalConfig {
  std::vector<std::string> topics, exclude_topics;
  std::string encoding;
  static std::span<const config::FieldInfo> fields();
};

struct ErrorBackoff : exporting::RetryConfig {
  ErrorBackoff() {
    enabled = false;
    initial_interval = 500ms;
  }
};

struct Config {
  weir::kafka::Client client;
  weir::kafka::PerSignal<SignalConfig> signals;
  std::string group_id = "otel-collector", group_instance_id;
  std::string initial_offset = "latest";
  Duration session_timeout = 10s, heartbeat_interval = 3s;
  AutoCommit autocommit;
  MessageMarking message_marking;
  HeaderExtraction header_extraction;
  std::uint64_t min_fetch_size = 1, max_fetch_size = 1'048'576, max_partition_fetch_size = 1'048'576;
  Duration max_fetch_wait = 250ms;
  std::vector<std::string> group_rebalance_strategies;
  std::string group_rebalance_strategy;
  ErrorBackoff error_backoff;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  std::vector<std::string> topics_of(otlp::Signal signal) const;
  std::string encoding_of(otlp::Signal signal) const;
  weir::kafka::Properties properties() const;
};

// What is wrong with it for this signal.
Result<> check(const Config& config, otlp::Signal signal);

}  // namespace weir::receivers::kafka
