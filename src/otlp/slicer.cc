#include "otlp/slicer.h"

#include "otlp/verify.h"

namespace weir::otlp {

Slicer::Slicer(Batch batch, std::size_t most) : batch_(std::move(batch)), most_(most) {
  if (batch_.groups_.empty()) open_body(), advance();
}

// `is_scope`: what is nested in both is field 2, what they are about field 1, the schema's URL field 3.
void Slicer::Head::read(std::string_view message, bool is_scope) {
  *this = {};
  Reader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1: about = reader.bytes(), has_about = true; break;
      case 2: reader.skip(); break;
      case 3: schema_url = reader.bytes(); break;
      default: reader.skip(), unknown.push_back(reader.whole());
    }
  }
  cost = is_scope ? sizeof(ScopeGroup) + cost_of_scope(about).bytes : sizeof(ResourceGroup) + cost_of_resource(about).bytes;
}

void Slicer::open_body() {
  state_ = body_ < batch_.chunks_.size() ? State::body : State::done;
  if (state_ == State::done) return;
  const Batch::Body& body = batch_.chunks_[body_];
  in_request_ = Reader(body.bytes.view());
  landmarks_ = batch_.sought_ && !body.landmarks.empty() ? body.landmarks.data() : nullptr;
}

// To the next item, wherever it is.
void Slicer::advance() {
  while (!find_item() && state_ != State::done) {
  }
}

// One step. True when it came to an item.
bool Slicer::find_item() {
  switch (state_) {
    case State::indexed:
    case State::body:
      if (!in_request_.next()) return ++body_, open_body(), false;
      if (in_request_.field() != 1) return in_request_.skip(), false;
      in_resource_ = Reader(in_request_.bytes());
      resource_.read(in_resource_.rest(), false);
      resource_open_ = scope_open_ = false;
      state_ = State::resource;
      return false;
    case State::resource:
      if (!in_resource_.next()) return state_ = State::body, false;
      if (in_resource_.field() != 2) return in_resource_.skip(), false;
      in_scope_ = Reader(in_resource_.bytes());
      scope_.read(in_scope_.rest(), true);
      scope_open_ = false;
      state_ = State::scope;
      return false;
    case State::scope:
    case State::item:
      state_ = State::scope;
      if (!in_scope_.next()) return state_ = State::resource, false;
      if (in_scope_.field() != 2) return in_scope_.skip(), false;
      item_ = in_scope_.bytes();
      item_head_ = static_cast<std::uint8_t>(in_scope_.whole().size() - item_.size());
      item_cost_ = cost_of_item(batch_.signal_, item_).bytes;
      state_ = State::item;
      return true;
    case State::done: break;
  }
  return false;
}

void Slicer::put(Batch& piece) {
  if (!resource_open_) {
    auto& group = piece.groups_.emplace_back();
    if (resource_.has_about) group.resource = Lazy<Resource>(resource_.about);
    group.schema_url = resource_.schema_url;
    for (std::string_view field : std::exchange(resource_.unknown, {})) group.unknown.push_back(piece.arena(), field);
  }
  if (!scope_open_) {
    auto& scope = piece.groups_.back().scopes.emplace_back();
    if (scope_.has_about) scope.scope = Lazy<Scope>(scope_.about);
    scope.schema_url = scope_.schema_url;
    for (std::string_view field : std::exchange(scope_.unknown, {})) scope.unknown.push_back(piece.arena(), field);
  }
  resource_open_ = scope_open_ = true;
  Item& item = piece.groups_.back().scopes.back().items.emplace_back();
  item.raw = item_;
  item.head = item_head_;
  item.landmarks = landmarks_;
  if (landmarks_ != nullptr) landmarks_ += batch_.sought_->row_bytes();
  if (batch_.signal_ == Signal::metrics) item.points = static_cast<std::uint32_t>(count_points(item_));
  piece.items_ += item.points;
  piece.bytes_ += item_.size() + item_head_;
}

void Slicer::keep_body(Batch& piece) const {
  const Batch::Body& body = batch_.chunks_[body_];
  piece.kept_.push_back(body.bytes);
  if (!body.landmarks.empty()) piece.kept_.push_back(body.landmarks);
}

Batch Slicer::next() {
  Batch piece = batch_.shell();
  if (state_ == State::indexed) {  // what was taken apart already
    piece.groups_ = std::move(batch_.groups_);
    piece.charge = batch_.charge.split(batch_.charge.bytes());
    piece.count();
    piece.bytes_ = batch_.bytes_ * piece.items_ / std::max<std::size_t>(batch_.items_, 1);
    piece.cost_ = {.bytes = most_, .largest = most_, .dense = batch_.cost_.dense};
    batch_.groups_.clear();
    open_body();
    advance();
  } else {
    resource_open_ = scope_open_ = false;
    std::size_t kept = SIZE_MAX;
    // A resource that leaves little room for items would be taken apart again for each few of them.
    std::size_t most = std::max(most_, resource_.cost + scope_.cost + most_ / 2);
    while (state_ == State::item) {
      std::size_t heads = (resource_open_ ? 0 : resource_.cost) + (scope_open_ ? 0 : scope_.cost);
      if (!piece.groups_.empty() && piece.cost_.bytes + heads + item_cost_ > most) break;
      if (std::exchange(kept, body_) != body_) keep_body(piece);
      piece.cost_.add({heads + item_cost_, heads + item_cost_, batch_.cost_.dense});
      put(piece);
      advance();
    }
    piece.charge_index(0);
  }
  if (piece.empty()) piece.settle({});
  if (done()) stop({});
  return piece;
}

void Slicer::stop(Outcome outcome) {
  state_ = State::done;
  batch_.settle(std::move(outcome));
  batch_ = Batch(batch_.signal_);
}

}  // namespace weir::otlp
