#pragma once
// Walks objects of Kubernetes in protobuf. Field numbers are those of the generated.proto files of k8s.io/api and k8s.io/apimachinery.
#include <algorithm>

#include "base/arena.h"
#include "kube/decode.h"
#include "otlp/wire.h"

namespace weir::kube {

using otlp::Reader;
using otlp::WireType;

// Each reads the value of the field if it has the right type; false: it has to be skipped.
inline bool text(Reader& in, std::string_view& out) {
  if (!in.is(WireType::bytes)) return false;
  out = in.bytes();
  return true;
}
inline bool number(Reader& in, int& out) {
  if (!in.is(WireType::varint)) return false;
  out = static_cast<int>(std::clamp<std::int64_t>(static_cast<std::int64_t>(in.varint()), 0, INT32_MAX));
  return true;
}
inline bool flag(Reader& in, bool& out) {
  if (!in.is(WireType::varint)) return false;
  out = in.varint() != 0;
  return true;
}

// A Status, or the metadata of a list or a bookmark.
struct Meta {
  std::string_view version, next, message;
  int code = 0;
  bool initial_end = false;
};

// One object: views of the message, arrays in the arena.
class Walk {
 public:
  Walk(Arena& arena, const Keep& keep) : arena_(arena), keep_(keep) {}

  Object object(std::string_view message, Kind kind);
  Meta bookmark(std::string_view message);
  Meta list_meta(std::string_view message);
  Meta status(std::string_view message);
  // on_item(bytes) for each.
  template <class OnItem>
  Meta list(std::string_view message, OnItem on_item);
  // What k8s\0 and an Unknown are around.
  std::string_view opened(std::string_view envelope);

  const char* fault() const { return fault_; }
  void fail(const char* what) { fault_ = fault_ == nullptr ? what : fault_; }

  // on_field(reader) says whether it read the value.
  template <class OnField>
  void each(std::string_view message, OnField on_field) {
    Reader in(message);
    while (fault_ == nullptr && in.next())
      if (!on_field(in)) in.skip();
    if (!in.ok()) fail("not protobuf");
  }
  template <class OnBytes>
  bool nested(Reader& in, OnBytes on_bytes) {
    std::string_view message;
    if (!text(in, message)) return false;
    if (in.ok()) on_bytes(message);
    return true;
  }

 private:
  template <class T>
  T* add(ArenaVector<T>& to) {
    if (++parts_ > ProtobufDecoder::max_parts) fail("an object with too many parts");
    return &to.push_back(arena_, T{});
  }

  void meta(std::string_view message, Object& out);
  void owner(std::string_view message, Owner& out);
  // Adds an entry of a map that is wanted.
  Pair key_and_value(std::string_view message);
  void entry(std::string_view message, const Keys& keys, ArenaVector<Pair>& to);
  // The same with a message around the value: quantities.
  void amount(std::string_view message, ArenaVector<Pair>& to);
  std::span<const Pair> sorted(ArenaVector<Pair>& pairs);
  std::string_view time(std::string_view message);
  void ready(std::string_view condition, Object& out);

  void pod(std::string_view spec, std::string_view status, Object& out);
  void containers(std::string_view spec, std::string_view status, Object& out);
  void container(std::string_view message, Container& out);
  void run(std::string_view message, Container& out);
  void resources(std::string_view message, Container& out);
  void node(std::string_view spec, std::string_view status, Object& out);
  void service(std::string_view spec, Object& out);
  void slice(std::string_view message, Object& out);
  void endpoint(std::string_view message, Endpoint& out);
  void endpoints(std::string_view message, Object& out);
  void address(std::string_view message, Endpoint& out);
  void target(std::string_view message, Endpoint& out);
  void subset(std::string_view message, Subset& out);
  void ingress(std::string_view spec, Object& out);
  void rule(std::string_view message, ArenaVector<Pair>& paths);
  std::string_view target_port(std::string_view message);
  // Numbers of fields, as kinds of ports differ in them.
  struct PortFields {
    std::uint32_t name, protocol, number, app_protocol, target;
  };
  void port(std::string_view message, const PortFields& fields, Port& out);

  Arena& arena_;
  const Keep& keep_;
  std::size_t parts_ = 0;
  const char* fault_ = nullptr;
};

template <class OnItem>
Meta Walk::list(std::string_view message, OnItem on_item) {
  Meta out;
  each(message, [&](Reader& in) {
    if (in.field() == 1) return nested(in, [&](std::string_view m) { out = list_meta(m); });
    return in.field() == 2 && nested(in, on_item);
  });
  return out;
}

}  // namespace weir::kube
