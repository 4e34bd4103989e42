#include "components/exporters/elasticsearch/index.h"

#include <ctime>

#include "base/text.h"

namespace weir::exporters::elasticsearch {
namespace {

using otlp::Attributes;

constexpr std::size_t longest_field = 100;

std::optional<std::string> find(std::string_view key, std::initializer_list<const Attributes*> lists) {
  for (auto* list : lists)
    if (auto* value = list->find(key)) return to_text(*value);
  return std::nullopt;
}

// What data streams allow in their names.
std::string sanitized(std::string text, std::string_view forbidden, std::string_view suffix) {
  text = to_lower(text);
  for (char& c : text)
    if (forbidden.find(c) != forbidden.npos) c = '_';
  std::size_t most = longest_field - suffix.size();
  if (text.size() > most) text.resize(most);
  while (!text.empty() && !valid_utf8(text)) text.pop_back();  // cut inside of a character
  return text + std::string(suffix);
}

// "hostmetricsreceiver" of ".../receiver/hostmetricsreceiver/internal/scraper/cpuscraper".
std::string_view receiver_in(std::string_view scope) {
  constexpr std::string_view folder = "/receiver/";
  std::size_t at = scope.find(folder);
  if (at == scope.npos) return {};
  std::string_view word = scope.substr(at + folder.size());
  word = word.substr(0, word.find('/'));
  return word.ends_with("receiver") ? word : std::string_view();
}

}  // namespace

Router::Router(const Config& config, otlp::Signal signal)
    : set_(config.index_of(signal)),
      set_for_events_(config.index_of(otlp::Signal::logs)),
      type_(to_string(signal)),
      dynamic_(config.dynamic_index(signal)),
      otel_(config.mapping.mode == Mode::otel),
      logstash_(config.logstash_format) {}

Index Router::route(const Attributes& item, const otlp::Scope& scope, const Attributes& resource, UnixNanos now) const {
  return route_as(type_, set_, item, scope, resource, now);
}

Index Router::route_event(const Attributes& event, const otlp::Scope& scope, const Attributes& resource, UnixNanos now) const {
  return route_as("logs", set_for_events_, event, scope, resource, now);
}

Index Router::route_as(std::string_view type, const std::string& set, const Attributes& item, const otlp::Scope& scope, const Attributes& resource, UnixNanos now) const {
  Index out;
  auto dataset = find("data_stream.dataset", {&item, &scope.attributes, &resource});
  auto name_space = find("data_stream.namespace", {&item, &scope.attributes, &resource});
  auto direct = find("elasticsearch.index", {&item, &scope.attributes, &resource});
  bool by_set = !set.empty() && (!dynamic_ || (!dataset && !name_space));
  if (by_set) {
    std::string prefix, suffix;
    if (dynamic_) {
      prefix = find("elasticsearch.index.prefix", {&resource, &scope.attributes, &item}).value_or("");
      suffix = find("elasticsearch.index.suffix", {&resource, &scope.attributes, &item}).value_or("");
    }
    out.name = prefix + set + suffix;
  } else if (direct && !direct->empty()) {
    out.name = *direct;
  } else {
    out.type = type;
    if (!dataset)
      if (auto receiver = receiver_in(scope.name); !receiver.empty()) dataset = receiver;
    out.dataset = sanitized(dataset.value_or("generic"), "-\\/*?\"<>| ,#:", otel_ ? ".otel" : "");
    out.name_space = sanitized(name_space.value_or("default"), "\\/*?\"<>| ,#:", "");
    out.name = fmt::format("{}-{}-{}", out.type, out.dataset, out.name_space);
  }
  if (logstash_.enabled) {
    std::time_t seconds = static_cast<std::time_t>(now / 1'000'000'000);
    std::tm day{};
    gmtime_r(&seconds, &day);
    char text[128];
    std::size_t size = std::strftime(text, sizeof text, logstash_.date_format.c_str(), &day);
    out.name += logstash_.prefix_separator + std::string(text, size);
    out.type.clear();
  }
  return out;
}

}  // namespace weir::exporters::elasticsearch
