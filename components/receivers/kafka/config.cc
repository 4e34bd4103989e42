#include "components/receivers/kafka/config.h"

#include "base/regex.h"
#include "components/receivers/kafka/decode.h"
#include "components/shared/kafka/client.h"

namespace weir::receivers::kafka {
namespace {

using weir::kafka::millis;

constexpr std::string_view cooperative_sticky = "cooperative-sticky", sticky = "sticky";
constexpr std::array strategies = {std::string_view("range"), std::string_view("roundrobin"), cooperative_sticky, sticky};

void check_strategy(const std::string& name, std::string_view key, config::Context& context) {
  if (std::ranges::find(strategies, name) == strategies.end())
    context.error_at(key, fmt::format("\"{}\" is not supported; known: range, roundrobin, sticky, cooperative-sticky", name));
  if (name == sticky) context.warning_at(key, "sticky is read as cooperative-sticky; a group cannot have members with either");
}

std::string known_strategy(const std::string& name) { return std::string(name == sticky ? cooperative_sticky : name); }

}  // namespace

using config::field;
using config::FieldInfo;
using otlp::Signal;

std::span<const FieldInfo> AutoCommit::fields() {
  static const std::array rows{
      field<&AutoCommit::enable>("enable", "Tell the brokers once in an interval how far everything is settled; otherwise whenever it moves."),
      field<&AutoCommit::interval>("interval", "The interval.", {.min = 1ms}),
  };
  return rows;
}

std::span<const FieldInfo> MessageMarking::fields() {
  static const std::array rows{
      field<&MessageMarking::after>("after", "Offsets move when messages are settled; false: when they are read, so that a crash loses what was under way. Default: true."),
      field<&MessageMarking::on_error>("on_error", "Offsets also move past messages that the pipelines refuse; otherwise those are tried again until they are taken."),
      field<&MessageMarking::on_permanent_error>("on_permanent_error",
                                                 "The same for messages that cannot be decoded or are refused for good. Default: on_error if after is set, otherwise true: they are counted and dropped."),
  };
  return rows;
}

std::span<const FieldInfo> HeaderExtraction::fields() {
  static const std::array rows{
      field<&HeaderExtraction::extract_headers>("extract_headers", "Headers become attributes kafka.header.NAME of the resources."),
      field<&HeaderExtraction::headers>("headers", "Which."),
  };
  return rows;
}

std::span<const FieldInfo> SignalConfig::fields() {
  static const std::array rows{
      field<&SignalConfig::topics>("topics", "Topics; with ^ in front a regular expression. Default: otlp_spans, otlp_metrics, otlp_logs, otlp_profiles.", {.aliases = "topic"}),
      field<&SignalConfig::exclude_topics>("exclude_topics", "Regular expressions of topics that are left out, beside topics with ^.", {.aliases = "exclude_topic"}),
      field<&SignalConfig::encoding>("encoding", "otlp_proto or otlp_json; traces: also jaeger_proto, jaeger_json, zipkin_proto, zipkin_json, zipkin_thrift; logs: also raw, text, text_CHARSET, json. Default: otlp_proto."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      config::embedded<&T::client>(),
      config::embedded<&T::signals>(),
      field<&T::group_id>("group_id", "Consumer group."),
      field<&T::group_instance_id>("group_instance_id", "Static member of the group: it gets its partitions back when it comes back within session_timeout."),
      field<&T::initial_offset>("initial_offset", "Where a group begins that never read a partition.", {.choices = "latest|earliest"}),
      field<&T::session_timeout>("session_timeout", "A member that is silent for so long has left the group.", {.min = 1ms, .max = 1h}),
      field<&T::heartbeat_interval>("heartbeat_interval", "How often a member says that it is there.", {.min = 1ms, .max = 1h}),
      field<&T::autocommit>("autocommit", "When offsets are told to the brokers."),
      field<&T::message_marking>("message_marking", "When offsets move."),
      field<&T::header_extraction>("header_extraction", "Headers as attributes."),
      field<&T::min_fetch_size>("min_fetch_size", "Bytes that a broker waits for.", {.min = 0, .max = 100'000'000}),
      field<&T::max_fetch_size>("max_fetch_size", "Most bytes of one answer; a longer message comes by itself. 0: 50 MiB.", {.min = 0, .max = 1'000'000'000}),
      field<&T::max_partition_fetch_size>("max_partition_fetch_size", "The same for one partition.", {.min = 1, .max = 1'000'000'000, .aliases = "default_fetch_size"}),
      field<&T::max_fetch_wait>("max_fetch_wait", "How long a broker waits for min_fetch_size.", {.min = 0ms, .max = 5min}),
      field<&T::group_rebalance_strategies>("group_rebalance_strategies", "How partitions are shared out: range, roundrobin, sticky, cooperative-sticky. Default: cooperative-sticky."),
      field<&T::group_rebalance_strategy>("group_rebalance_strategy", "Old: one of them."),
      field<&T::error_backoff>("error_backoff", "Waits before what the pipelines refused is tried again."),
      config::ignored("telemetry", "the optional metric kafka_receiver_records_delay is not there"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (!group_rebalance_strategy.empty() && !group_rebalance_strategies.empty())
    context.error_at("group_rebalance_strategy", "group_rebalance_strategy and group_rebalance_strategies are mutually exclusive");
  for (auto& name : group_rebalance_strategies) check_strategy(name, "group_rebalance_strategies", context);
  if (!group_rebalance_strategy.empty()) check_strategy(group_rebalance_strategy, "group_rebalance_strategy", context);
  bool cooperative = std::ranges::any_of(group_rebalance_strategies, [](auto& name) { return known_strategy(name) == cooperative_sticky; });
  if (cooperative && group_rebalance_strategies.size() > 1) context.error_at("group_rebalance_strategies", "cooperative-sticky cannot stand beside others");
  if (max_fetch_size > 0 && max_fetch_size < min_fetch_size)
    context.error_at("max_fetch_size", fmt::format("max_fetch_size ({}) cannot be less than min_fetch_size ({})", max_fetch_size, min_fetch_size));
  for (auto signal : otlp::all_signals) {
    auto& own = signals.of(signal);
    bool pattern = std::ranges::any_of(own.topics, [](auto& name) { return name.starts_with('^'); });
    auto at = [&](std::string_view key) { return fmt::format("{}::{}", to_string(signal), key); };
    if (!own.exclude_topics.empty() && !pattern)
      context.error_at(at("exclude_topics"), "exclude_topics is configured but none of the topics is a regular expression (must start with '^')");
    for (auto& name : own.topics)
      if (name.starts_with('^'))
        if (auto regex = Regex::compile(name); !regex) context.error_at(at("topics"), regex.error().what);
    for (auto& name : own.exclude_topics)
      if (auto regex = Regex::compile(name); name.empty() || !regex) context.error_at(at("exclude_topics"), name.empty() ? "an empty text would match all topics" : regex.error().what);
  }
  if (auto checked = weir::kafka::check(properties()); !checked) context.machine_error_at("", checked.error().what);
}

std::vector<std::string> Config::topics_of(Signal signal) const {
  auto& own = signals.of(signal).topics;
  return own.empty() ? std::vector{signals.common_topic(signal)} : own;
}

std::string Config::encoding_of(Signal signal) const {
  auto& own = signals.of(signal).encoding;
  if (!own.empty()) return own;
  return signals.encoding.empty() ? "otlp_proto" : signals.encoding;
}

weir::kafka::Properties Config::properties() const {
  auto out = client.properties();
  out.emplace_back("group.id", group_id);
  if (!group_instance_id.empty()) out.emplace_back("group.instance.id", group_instance_id);
  out.emplace_back("auto.offset.reset", initial_offset);
  out.emplace_back("session.timeout.ms", millis(session_timeout));
  out.emplace_back("heartbeat.interval.ms", millis(heartbeat_interval));
  out.emplace_back("enable.auto.offset.store", "false");
  out.emplace_back("enable.auto.commit", autocommit.enable ? "true" : "false");
  out.emplace_back("auto.commit.interval.ms", millis(autocommit.interval));
  constexpr std::uint64_t longest_message = 1'000'000, most = 50 * 1024 * 1024;
  out.emplace_back("fetch.min.bytes", std::to_string(std::max<std::uint64_t>(min_fetch_size, 1)));
  out.emplace_back("fetch.max.bytes", std::to_string(max_fetch_size == 0 ? most : std::max(max_fetch_size, longest_message)));
  out.emplace_back("fetch.message.max.bytes", std::to_string(max_partition_fetch_size));
  out.emplace_back("fetch.wait.max.ms", millis(max_fetch_wait));
  std::string chosen = known_strategy(group_rebalance_strategy);
  for (auto& name : group_rebalance_strategies) chosen += (chosen.empty() ? "" : ",") + known_strategy(name);
  out.emplace_back("partition.assignment.strategy", chosen.empty() ? std::string(cooperative_sticky) : chosen);
  out.emplace_back("allow.auto.create.topics", "true");
  std::string excluded;
  for (auto signal : otlp::all_signals)
    for (auto& name : signals.of(signal).exclude_topics) excluded += (excluded.empty() ? "" : ",") + name;
  if (!excluded.empty()) out.emplace_back("topic.blacklist", excluded);
  return out;
}

Result<> check(const Config& config, Signal signal) {
  WEIR_ASSIGN(auto decoder, Decoder::make(signal, config.encoding_of(signal)));
  return {};
}

}  // namespace weir::receivers::kafka
