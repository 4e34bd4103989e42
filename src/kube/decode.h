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

}  // namespace weir::kube
