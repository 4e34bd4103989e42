#pragma once
// Goes through a batch in parts.
#include <string>

#include "otlp/batch.h"

namespace weir::exporters::debug {

// What is printed next. With `scope` and `item` 0 the resource's heading comes first, with `item` 0 the scope's.
struct Position {
  std::size_t group = 0, scope = 0, item = 0;
};

// The words of a signal: "ResourceSpans", "ScopeSpans", "Span".
struct Words {
  std::string_view resource, scope, item;
};

// Prints with text.resource(word, group, number), text.scope(...) and text.item(word, message, number) until `out` has `end` bytes;
// true when it has come to the end of the batch.
template <class Message, class Text>
bool walk(otlp::Batch& batch, Position& at, const Words& words, std::size_t end, const std::string& out, Text& text) {
  auto& groups = batch.groups();
  for (; at.group < groups.size(); ++at.group, at.scope = 0) {
    otlp::ResourceGroup& group = groups[at.group];
    if (out.size() >= end) return false;
    if (at.scope == 0 && at.item == 0) text.resource(words.resource, group, at.group);
    for (; at.scope < group.scopes.size(); ++at.scope, at.item = 0) {
      otlp::ScopeGroup& scope = group.scopes[at.scope];
      if (at.scope > 0 && out.size() >= end) return false;
      if (at.item == 0) text.scope(words.scope, scope, at.scope);
      while (at.item < scope.items.size()) {
        text.item(words.item, scope.items[at.item].template read<Message>(batch.arena()), at.item);
        ++at.item;
        if (out.size() >= end) return false;
      }
    }
  }
  return true;
}

// Where to stop.
inline std::size_t end_of(const std::string& out, std::size_t bytes) { return bytes > SIZE_MAX - out.size() ? SIZE_MAX : out.size() + bytes; }

template <class Text>
bool walk(otlp::Batch& batch, Position& at, std::size_t end, const std::string& out, Text& text) {
  switch (batch.signal()) {
    case otlp::Signal::traces: return walk<otlp::Span>(batch, at, Text::words_of_traces, end, out, text);
    case otlp::Signal::metrics: return walk<otlp::Metric>(batch, at, Text::words_of_metrics, end, out, text);
    case otlp::Signal::logs: return walk<otlp::LogRecord>(batch, at, Text::words_of_logs, end, out, text);
    case otlp::Signal::profiles: break;
  }
  return true;
}

}  // namespace weir::exporters::debug
