// Any bytes as an event or a page of the API server, as every kind, in JSON and protobuf, and as a kubeconfig.
#include "kube/connection.h"
#include "kube/decode.h"

using namespace weir;
using namespace weir::kube;

namespace {

std::size_t walk(const Object& o) {
  std::size_t n = o.name.size() + o.uid.size() + o.raw.size() + o.node.size() + o.ip.size();
  for (auto pairs : {o.labels, o.annotations, Pairs(o.addresses), Pairs(o.paths)})
    for (auto& pair : pairs) n += pair.key.size() + pair.value.size();
  for (auto& owner : o.owners) n += owner.kind.size() + owner.name.size();
  for (auto& c : o.containers) n += c.name.size() + c.image.size() + c.id.size() + c.ports.size();
  for (auto& subset : o.subsets)
    for (auto& e : subset.endpoints)
      for (auto& address : e.addresses) n += address.size();
  return n;
}

template <class Decoder>
void decode(Decoder& decoder, std::string_view bytes, Kind kind, const Keep& keep) {
  if (auto event = decoder.event(bytes, kind, keep); event && event->object) WEIR_CHECK(walk(*event->object) <= event->object->bytes);
  if (auto page = decoder.page(bytes, kind, keep))
    for (auto& object : page->objects) WEIR_CHECK(walk(*object) <= object->bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  auto kind = static_cast<Kind>(bytes.front() % (static_cast<int>(Kind::other) + 1));
  bool all = bytes.front() & 64;
  bytes.remove_prefix(1);
  Keep keep{.containers = all, .ports = all, .status = all, .raw = !all};
  if (all) keep.labels.add_all(), keep.annotations.add_all();
  JsonDecoder json;
  decode(json, bytes, kind, keep);
  keep.raw = false;
  ProtobufDecoder protobuf;
  decode(protobuf, bytes, kind, keep);
  if (auto object = protobuf.object(bytes, kind, keep)) WEIR_CHECK(walk(**object) <= (*object)->bytes);
  (void)protobuf.status(bytes);
  (void)parse_kubeconfig(bytes, "", "/x");
  return 0;
}
