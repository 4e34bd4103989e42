#include "components/exporters/kafka/messages.h"

#include <boost/unordered/unordered_flat_map.hpp>
#include <xxhash.h>

#include "base/text.h"
#include "components/shared/jaeger/span_writer.h"
#include "components/shared/zipkin/span_writer.h"
#include "otlp/attribute_key.h"
#include "otlp/json.h"

namespace weir::exporters::kafka {
namespace {

using otlp::Batch;
using otlp::Signal;

otlp::TraceId trace_id_of(Signal signal, otlp::Item& item, Arena& arena) {
  if (!item.dirty) return otlp::peek_trace_id(signal, item.raw);
  return signal == Signal::traces ? item.read<otlp::Span>(arena).trace_id : item.read<otlp::LogRecord>(arena).trace_id;
}

// Equal for equal attributes, in whatever order they come.
std::string hash_of(const otlp::Attributes& attributes) {
  otlp::Writer writer(256);
  std::string text = otlp::key_of(attributes, writer);
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(text.data(), text.size()));
  return {reinterpret_cast<const char*>(hash.digest), sizeof hash.digest};
}

std::string raw_body(const otlp::Value& body) {
  switch (body.type) {
    case otlp::ValueType::empty: return {};
    case otlp::ValueType::bytes: return std::string(body.text);
    case otlp::ValueType::string: return quote_json(body.text);
    default: return to_text(body);
  }
}

// What goes into one message, unless it is too long: items of one key and topic.
struct Part {
  Message head;  // without a value
  std::vector<std::uint32_t> items;  // their numbers in the whole batch
};

class Builder {
 public:
  Builder(Batch& batch, const Rules& rules) : batch_(batch), rules_(rules), arena_(batch.arena()) {}

  Messages build() {
    out_.message_of.reserve(batch_.items());
    switch (rules_.encoding) {
      case Encoding::jaeger_proto:
      case Encoding::jaeger_json:
      case Encoding::raw: each_item(); break;
      default: parts();
    }
    return std::move(out_);
  }

 private:
  std::string metadata(std::string_view key) const {
    if (key.empty() || !batch_.context) return {};
    auto at = batch_.context->metadata.find(to_lower(key));
    return at == batch_.context->metadata.end() || at->second.empty() ? std::string() : at->second.front();
  }

  // Whether messages of different resources may go to different topics.
  std::string topic_of(const otlp::Resource& resource) const {
    if (std::string named = metadata(rules_.topic_from_metadata_key); !named.empty()) return named;
    if (!rules_.topic_from_attribute.empty())
      if (auto* value = resource.attributes.find(rules_.topic_from_attribute); value && value->is(otlp::ValueType::string) && !value->text.empty())
        return std::string(value->text);
    return rules_.topic;
  }

  std::optional<std::string> common_key() const {
    std::string key = metadata(rules_.key_from_metadata_key);
    return key.empty() ? std::nullopt : std::optional(std::move(key));
  }

  // One message for each span or body.
  void each_item() {
    auto key = common_key();
    for (auto& group : batch_.groups())
      for (auto& scope : group.scopes) {
        const otlp::Resource& resource = group.resource.read(arena_);
        std::string topic = topic_of(resource);
        for (auto& item : scope.items) {
          if (rules_.encoding == Encoding::raw) {
            auto& record = item.read<otlp::LogRecord>(arena_);
            std::string body = raw_body(record.body);
            auto own = key;
            if (rules_.by_trace && !record.trace_id.empty()) own = to_hex(record.trace_id.view());
            if (rules_.by_resource) own = hash_of(resource.attributes);
            if (body.empty()) skip(out_.without_form);
            else add({topic, std::move(own), Bytes::take(std::move(body))});
          } else {
            auto& span = item.read<otlp::Span>(arena_);
            auto format = rules_.encoding == Encoding::jaeger_json ? jaeger::Format::json : jaeger::Format::proto;
            add({topic, key ? key : jaeger::trace_id_text(span.trace_id), Bytes::take(write_span(format, resource, scope.scope.read(arena_), span))});
          }
        }
      }
  }

  void skip(std::size_t& count) {
    ++count;
    out_.message_of.push_back(Messages::none);
  }

  void add(Message message) {
    if (message.value.size() + message.key.value_or("").size() > rules_.max_bytes) return skip(out_.too_large);
    out_.message_of.push_back(static_cast<std::uint32_t>(out_.list.size()));
    out_.list.push_back(std::move(message));
  }

  // Nobody has to look inside.
  bool whole() {
    bool cut = rules_.by_trace || rules_.by_resource || !rules_.topic_from_attribute.empty();
    bool profiles = batch_.signal() == Signal::profiles;
    if ((cut && !profiles) || rules_.encoding != Encoding::otlp_proto || (batch_.bytes() > 2 * rules_.max_bytes && !profiles)) return false;
    Bytes value = in_one(batch_.encode());
    auto key = common_key();
    bool fits = value.size() + key.value_or("").size() <= rules_.max_bytes;
    if (!fits && !profiles) return false;
    out_.single = true;
    if (fits) out_.list.push_back({topic_of({}), std::move(key), std::move(value)});
    else out_.too_large = batch_.items();
    return true;
  }

  // Cuts by topic and key first, then by size.
  void parts() {
    if (whole()) return;
    std::vector<Part> parts;
    std::vector<std::uint32_t> part_of = assign(parts);
    out_.message_of.assign(part_of.size(), Messages::none);
    Batch copy = batch_.fork();
    copy.settle({});
    if (parts.size() == 1) return emit(std::move(copy), parts[0]);
    std::size_t number = 0;
    auto cut = copy.partition(parts.size(), [&](auto&, auto&, auto&) { return part_of[number++]; });
    for (std::size_t i = 0; i < parts.size(); ++i) emit(std::move(cut[i]), parts[i]);
  }

  std::vector<std::uint32_t> assign(std::vector<Part>& parts) {
    std::vector<std::uint32_t> out;
    boost::unordered_flat_map<std::string, std::uint32_t> known;  // by topic, and key behind its length
    auto key = common_key();
    for (auto& group : batch_.groups()) {
      std::string topic = rules_.topic, hash;
      bool needs_resource = !rules_.topic_from_attribute.empty() || !rules_.topic_from_metadata_key.empty() || rules_.by_resource;
      if (needs_resource) topic = topic_of(group.resource.read(arena_));
      if (rules_.by_resource) hash = hash_of(group.resource.read(arena_).attributes);
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          auto own = key;
          if (rules_.by_resource) own = hash;
          if (rules_.by_trace)
            if (auto id = trace_id_of(batch_.signal(), item, arena_); !id.empty() || batch_.signal() == Signal::traces) own = id.empty() ? std::string() : to_hex(id.view());
          std::string both = own ? fmt::format("{} {}{}", own->size(), *own, topic) : " " + topic;
          auto [at, fresh] = known.emplace(std::move(both), static_cast<std::uint32_t>(parts.size()));
          if (fresh) parts.push_back({{topic, std::move(own), {}}, {}});
          parts[at->second].items.push_back(static_cast<std::uint32_t>(out.size()));
          out.push_back(at->second);
        }
    }
    return out;
  }

  // nullopt: too long.
  std::optional<Bytes> encode(Batch& batch, std::size_t most) {
    switch (rules_.encoding) {
      case Encoding::zipkin_json: return to_zipkin(batch, zipkin::Format::json, out_.without_form, most);
      case Encoding::zipkin_proto: return to_zipkin(batch, zipkin::Format::proto, out_.without_form, most);
      default: break;
    }
    if (batch.bytes() > 2 * most) return std::nullopt;
    Bytes out = rules_.encoding == Encoding::otlp_json ? Bytes::take(to_json(batch)) : in_one(batch.encode());
    if (out.size() > most) return std::nullopt;
    return out;
  }

  // Halves what is too long, down to single items.
  void emit(Batch batch, const Part& part) {
    if (part.items.empty()) return;
    std::size_t before = out_.without_form, taken = part.head.key.value_or("").size();
    auto value = encode(batch, rules_.max_bytes - std::min(rules_.max_bytes, taken));
    if (value) {
      for (auto item : part.items) out_.message_of[item] = static_cast<std::uint32_t>(out_.list.size());
      out_.list.push_back({part.head.topic, part.head.key, std::move(*value)});
      return;
    }
    if (part.items.size() == 1) {
      ++out_.too_large;
      return;
    }
    out_.without_form = before;  // counted again with the halves
    std::size_t half = part.items.size() / 2, number = 0;
    auto cut = batch.partition(2, [&](auto&, auto&, auto&) { return number++ < half ? 0u : 1u; });
    auto middle = part.items.begin() + static_cast<std::ptrdiff_t>(half);
    emit(std::move(cut[0]), {part.head, {part.items.begin(), middle}});
    emit(std::move(cut[1]), {part.head, {middle, part.items.end()}});
  }

  Batch& batch_;
  const Rules& rules_;
  Arena& arena_;
  Messages out_;
};

}  // namespace

Rules Rules::of(const Config& config, Signal signal) {
  Rules out{.encoding = config.encoding_of(signal), .topic = config.topic_of(signal), .topic_from_attribute = config.topic_from_attribute};
  out.topic_from_metadata_key = config.signals.of(signal).topic_from_metadata_key;
  out.key_from_metadata_key = config.signals.of(signal).message_key_from_metadata_key;
  out.by_trace = (signal == Signal::traces && config.partition_traces_by_id) || (signal == Signal::logs && config.partition_logs_by_trace_id);
  out.by_resource = (signal == Signal::metrics && config.partition_metrics_by_resource_attributes) ||
                    (signal == Signal::logs && config.partition_logs_by_resource_attributes);
  out.max_bytes = config.producer.max_message_bytes;
  return out;
}

bool repeats_resources(Batch& batch, const Rules& rules) {
  if (rules.encoding == Encoding::raw) return false;
  if (rules.encoding != Encoding::otlp_proto && rules.encoding != Encoding::otlp_json) return true;
  if (rules.by_trace || rules.by_resource) return true;
  // One that leaves a quarter of a message to the items, or more, is in few of them.
  return std::ranges::any_of(batch.groups(), [&](auto& group) { return group.resource.raw().size() > rules.max_bytes / 4 * 3; });
}

Messages messages_of(Batch& batch, const Rules& rules) { return Builder(batch, rules).build(); }

Batch items_of(Batch& batch, const Messages& messages, const std::vector<bool>& chosen) {
  Batch out = batch.fork();
  out.settle({});  // those who wait keep waiting for `batch`
  std::size_t number = 0;
  for (auto& group : out.groups())
    for (auto& scope : group.scopes)
      std::erase_if(scope.items, [&](otlp::Item&) {
        std::uint32_t message = messages.message_of[number++];
        return message == Messages::none || !chosen[message];
      });
  out.prune();
  return out;
}

}  // namespace weir::exporters::kafka
