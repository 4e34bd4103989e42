#pragma once
// Bytes of the API server to objects.
#include <functional>

#include "kube/object.h"

namespace weir::kube {

enum class EventType : std::uint8_t { added, modified, deleted, bookmark, error };

struct Event {
  EventType type = EventType::error;
  ObjectPtr object;            // added, modified, deleted
  std::string version;         // bookmark: how far the server has come
  bool initial_end = false;    // bookmark: all that was there at the start has been sent
  int code = 0;                // error: as an HTTP status
  std::string message;         // error
};

// One page of a list.
struct Page {
  std::vector<ObjectPtr> objects;
  std::string version, next;  // next: for the `continue` parameter, "" on the last page
};

// Reads JSON. Keeps its buffers between calls: one for each core.
class JsonDecoder {
 public:
  JsonDecoder();
  ~JsonDecoder();
  // One line of a watch. Errc::invalid when it is no event.
  Result<Event> event(std::string_view json, Kind kind, const Keep& keep);
  Result<Page> page(std::string_view json, Kind kind, const Keep& keep);
  Result<ObjectPtr> object(std::string_view json, Kind kind, const Keep& keep);
  // The message of a Status object, or what the text begins with.
  std::string status(std::string_view json);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// Reads protobuf, which the API server has for built-in kinds only: `keep` must not want raw parts. Reads each message once and
// looks at wanted fields only. Keeps its buffers between calls: one for each core.
class ProtobufDecoder {
 public:
  // An object may have so many parts (labels, owners, containers, ports, addresses). Service meshes come to some thousands.
  static constexpr std::size_t max_parts = 100'000;

  ProtobufDecoder();
  ~ProtobufDecoder();
  // One frame of a watch, without its length. Errc::invalid when it is no event, or the object has too many parts.
  Result<Event> event(std::string_view frame, Kind kind, const Keep& keep);
  Result<Page> page(std::string_view body, Kind kind, const Keep& keep);
  Result<ObjectPtr> object(std::string_view body, Kind kind, const Keep& keep);
  // Whether an answer is protobuf, by its first bytes.
  static bool is_envelope(std::string_view body) { return body.starts_with(std::string_view("k8s\0", 4)); }
  // The message of a Status object, "" if it is none.
  std::string status(std::string_view body);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::kube
