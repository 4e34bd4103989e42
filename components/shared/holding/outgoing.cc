#include "components/shared/holding/outgoing.h"

namespace weir::holding {

void Outgoing::add(HeldSpans spans) {
  spans.each_run([&](Surroundings& around, std::string_view run, std::uint32_t count) {
    Part& to = part(around);
    to.slices.push_back({run, true});
    ++to.users;
    items_ += count;
    bytes_ += run.size();
  });
  spans.pin();
  spans_.push_back(std::move(spans));
}

void Outgoing::add(HeldSpans spans, std::span<const std::string_view> runs, Bytes text) {
  spans.each_run([&](Surroundings& around, std::string_view, std::uint32_t count) {
    Part& to = part(around);
    to.slices.push_back({runs.front(), true});
    ++to.users;
    items_ += count;
    bytes_ += runs.front().size();
    runs = runs.subspan(1);
  });
  if (texts_.empty() || texts_.back().data() != text.data()) texts_.push_back(std::move(text));
}

void Outgoing::add(Surroundings& around, std::string_view span) {
  Part& to = part(around);
  to.slices.push_back({copies_.copy(span), false});
  ++to.users;
  ++around.users;
  ++items_;
  bytes_ += HeldSpans::framed(span.size());
}

Outgoing::Part& Outgoing::part(Surroundings& around) {
  if (around.part == UINT32_MAX) {
    around.part = static_cast<std::uint32_t>(used_);
    if (used_ == parts_.size()) parts_.emplace_back();
    parts_[used_++].around = &around;
    bytes_ += around.bytes();
  }
  return parts_[around.part];
}

otlp::Batch Outgoing::take(Budget& budget, bool dense) {
  auto end = parts_.begin() + static_cast<std::ptrdiff_t>(used_);
  std::sort(parts_.begin(), end, [](const Part& a, const Part& b) { return a.around->resource_hash < b.around->resource_hash; });
  otlp::Writer out(bytes_ + 32 * used_);
  for (auto part = end; part != parts_.begin();) {
    const Surroundings& around = *(part - 1)->around;
    std::size_t mark = out.size();
    out.raw(around.resource_unknown);
    out.put_bytes(3, around.resource_schema_url);
    for (; part != parts_.begin() && (part - 1)->around->same_resource(around); --part) write_scope(*(part - 1), out);
    out.put_bytes(1, around.resource);
    out.close(1, mark);
  }
  for (auto part = parts_.begin(); part != end; ++part) {
    part->slices.clear();
    part->around->part = UINT32_MAX;
    if (std::size_t users = std::exchange(part->users, 0)) table_.release(*part->around, users);
  }
  for (const HeldSpans& spans : spans_) spans.unpin();
  spans_.clear();
  texts_.clear();
  copies_.reset();
  used_ = bytes_ = 0;
  Bytes body = out.finish();
  Charge paid = budget.charge_unchecked(body.size());
  auto batch = otlp::Batch::trusted(otlp::Signal::traces, std::move(body).charged(std::move(paid)), std::exchange(items_, 0), dense);
  batch.charge = budget.empty_charge();
  return batch;
}

void Outgoing::write_scope(const Part& part, otlp::Writer& out) const {
  const Surroundings& around = *part.around;
  std::size_t mark = out.size();
  out.raw(around.scope_unknown);
  out.put_bytes(3, around.scope_schema_url);
  for (std::size_t i = part.slices.size(); i-- > 0;) {
    if (part.slices[i].framed)
      out.raw(part.slices[i].bytes);
    else
      out.bytes(2, part.slices[i].bytes);
  }
  out.put_bytes(1, around.scope);
  out.close(2, mark);
}

}  // namespace weir::holding
