#include "kube/compact.h"
#include "kube/protobuf_walk.h"

namespace weir::kube {

struct ProtobufDecoder::Impl {
  Arena arena;

  Walk walk(const Keep& keep) {
    arena.reset();
    return Walk(arena, keep);
  }
  Result<ObjectPtr> make(std::string_view message, Kind kind, const Keep& keep) {
    Walk one = walk(keep);
    Object object = one.object(message, kind);
    if (one.fault() != nullptr) return fail(Errc::invalid, "{}", one.fault());
    return compact(object);
  }
};

ProtobufDecoder::ProtobufDecoder() : impl_(std::make_unique<Impl>()) {}
ProtobufDecoder::~ProtobufDecoder() = default;

Result<ObjectPtr> ProtobufDecoder::object(std::string_view body, Kind kind, const Keep& keep) {
  Walk outer = impl_->walk(keep);
  std::string_view message = outer.opened(body);
  if (outer.fault() != nullptr) return fail(Errc::invalid, "{}", outer.fault());
  return impl_->make(message, kind, keep);
}

Result<Event> ProtobufDecoder::event(std::string_view frame, Kind kind, const Keep& keep) {
  Walk outer = impl_->walk(keep);
  std::string_view type, raw;
  outer.each(frame, [&](Reader& in) {
    if (in.field() == 1) return text(in, type);
    return in.field() == 2 && outer.nested(in, [&](std::string_view m) { outer.each(m, [&](Reader& extension) { return extension.field() == 1 && text(extension, raw); }); });
  });
  std::string_view message = outer.opened(raw);
  Event event;
  Meta meta;
  if (type == "BOOKMARK") meta = outer.bookmark(message);
  if (type == "ERROR") meta = outer.status(message);
  if (outer.fault() != nullptr) return fail(Errc::invalid, "{}", outer.fault());
  event.version = meta.version;
  event.initial_end = meta.initial_end;
  event.code = meta.code;
  event.message = meta.message;
  if (type == "ERROR") return event;
  if (type == "BOOKMARK") {
    event.type = EventType::bookmark;
    return event;
  }
  if (type == "ADDED") event.type = EventType::added;
  else if (type == "MODIFIED") event.type = EventType::modified;
  else if (type == "DELETED") event.type = EventType::deleted;
  else return fail(Errc::invalid, "unknown watch event '{}'", type.substr(0, 40));
  WEIR_ASSIGN(event.object, impl_->make(message, kind, keep));
  return event;
}

Result<Page> ProtobufDecoder::page(std::string_view body, Kind kind, const Keep& keep) {
  Walk outer = impl_->walk(keep);
  Page page;
  Result<> made;
  Meta meta = outer.list(outer.opened(body), [&](std::string_view item) {
    auto object = impl_->make(item, kind, keep);
    if (object) page.objects.push_back(std::move(*object));
    else made = fail(std::move(object).error()), outer.fail("an object of the list");
  });
  WEIR_TRY(made);
  if (outer.fault() != nullptr) return fail(Errc::invalid, "{}", outer.fault());
  page.version = meta.version;
  page.next = meta.next;
  return page;
}

std::string ProtobufDecoder::status(std::string_view body) {
  Keep nothing;
  Walk outer = impl_->walk(nothing);
  Meta meta = outer.status(outer.opened(body));
  return outer.fault() != nullptr ? std::string() : std::string(meta.message.substr(0, 500));
}

}  // namespace weir::kube
