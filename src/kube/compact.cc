#include "kube/compact.h"

#include <cstring>

namespace weir::kube {
namespace {

// Walks an object twice: first to learn the size of its block, then to fill it.
class Copier {
 public:
  explicit Copier(char* block) : block_(block) {}
  std::size_t size() const { return size_; }

  void run(const Object& in, Object& out) {
    out = in;  // numbers and flags; the rest follows
    for (auto member : {&Object::name_space, &Object::name, &Object::uid, &Object::version, &Object::created, &Object::ip, &Object::host_ip, &Object::node,
                        &Object::hostname, &Object::phase, &Object::started, &Object::ready, &Object::provider_id, &Object::cluster_ip, &Object::external_name,
                        &Object::balancer_ip, &Object::type, &Object::ingress_class, &Object::raw})
      copy(out.*member);
    copy(out.labels);
    copy(out.annotations);
    copy(out.addresses);
    copy(out.paths);
    copy(out.ips);
    copy(out.tls_hosts);
    copy(out.ports);
    copy(out.owners);
    copy(out.containers);
    copy(out.subsets);
  }

 private:
  void copy(std::string_view& text) {
    if (text.empty()) return;
    char* to = take(text.size(), 1);
    if (to == nullptr) return;
    std::memcpy(to, text.data(), text.size());
    text = {to, text.size()};
  }
  void copy(Pair& pair) { copy(pair.key), copy(pair.value); }
  void copy(Owner& owner) { copy(owner.kind), copy(owner.name), copy(owner.uid); }
  void copy(Port& port) { copy(port.name), copy(port.protocol), copy(port.app_protocol), copy(port.target); }
  void copy(Container& c) {
    for (auto text : {&c.name, &c.image, &c.id, &c.image_id, &c.last_id, &c.runtime}) copy(*text);
    copy(c.ports), copy(c.requests), copy(c.limits);
  }
  void copy(Endpoint& e) {
    copy(e.addresses);
    for (auto text : {&e.hostname, &e.node, &e.target_kind, &e.target_name, &e.zone}) copy(*text);
  }
  void copy(Subset& subset) { copy(subset.endpoints), copy(subset.ports); }

  template <class T>
  void copy(std::span<const T>& list) {
    if (list.empty()) return;
    T* to = reinterpret_cast<T*>(take(sizeof(T) * list.size(), alignof(T)));
    for (std::size_t i = 0; i < list.size(); ++i) {
      T element = list[i];
      copy(element);
      if (to != nullptr) new (to + i) T(element);
    }
    if (to != nullptr) list = {to, list.size()};
  }

  // Null while sizes are learnt.
  char* take(std::size_t size, std::size_t align) {
    size_ = (size_ + align - 1) & ~(align - 1);
    std::size_t at = size_;
    size_ += size;
    return block_ == nullptr ? nullptr : block_ + at;
  }
  char* block_;
  std::size_t size_ = 0;
};

}  // namespace

ObjectPtr compact(const Object& object) {
  struct Holder {
    std::unique_ptr<char[]> block;
    Object object;
  };
  Copier measure(nullptr);
  Object unused;
  measure.run(object, unused);
  auto holder = std::make_shared<Holder>();  // shared by all cores
  holder->block = std::make_unique_for_overwrite<char[]>(measure.size());
  Copier(holder->block.get()).run(object, holder->object);
  holder->object.bytes = measure.size() + sizeof(Holder);
  return ObjectPtr(holder, &holder->object);
}

}  // namespace weir::kube
