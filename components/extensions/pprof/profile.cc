#include "components/extensions/pprof/profile.h"

#include "net/compression.h"
#include "otlp/wire.h"

namespace weir::extensions::pprof {
namespace {

using otlp::Writer;

// Field numbers are those of github.com/google/pprof/proto/profile.proto. The writer works backwards, so what refers to
// texts is written before the table of texts is complete: texts are collected first.
class Encoder {
 public:
  Encoder(const Profile& profile, std::span<const Mapping> mappings) : profile_(profile), mappings_(mappings) {
    for (auto& [stack, values] : profile.samples) addresses_.insert(addresses_.end(), stack.begin(), stack.end());
    std::sort(addresses_.begin(), addresses_.end());
    addresses_.erase(std::unique(addresses_.begin(), addresses_.end()), addresses_.end());
    names_ = function_names(mappings, addresses_);
    text("");
    text(profile.period_type.type);
    text(profile.period_type.unit);
    for (auto& value : profile.types) {
      text(value.type);
      text(value.unit);
    }
    for (auto& mapping : mappings) text(mapping.file);
    for (auto& [address, name] : names_) text(name);
  }

  std::string run(UnixNanos begun, Duration length) {
    out_.number(12, profile_.period);
    value_type(11, profile_.period_type);
    out_.number(10, static_cast<std::uint64_t>(length.count()));
    out_.number(9, begun);
    for (std::size_t i = texts_.size(); i-- > 0;) out_.bytes(6, texts_[i]);
    functions();
    for (auto address : addresses_) location(address);
    for (std::size_t i = mappings_.size(); i-- > 0;) mapping(i);
    for (auto& [stack, values] : profile_.samples) sample(stack, values);
    for (std::size_t i = profile_.types.size(); i-- > 0;) value_type(1, profile_.types[i]);
    return std::string(out_.view());
  }

 private:
  std::uint64_t text(std::string_view t) {
    auto [at, fresh] = numbers_.try_emplace(std::string(t), texts_.size());
    if (fresh) texts_.emplace_back(t);
    return at->second;
  }

  void value_type(std::uint32_t field, const ValueType& value) {
    std::size_t mark = out_.size();
    out_.number(2, text(value.unit));
    out_.number(1, text(value.type));
    out_.close(field, mark);
  }

  void sample(const std::vector<std::uintptr_t>& stack, const std::vector<std::uint64_t>& values) {
    std::size_t mark = out_.size();
    for (std::size_t i = values.size(); i-- > 0;) out_.number(2, values[i]);
    for (std::size_t i = stack.size(); i-- > 0;) out_.number(1, location_id(stack[i]));
    out_.close(2, mark);
  }

  std::uint64_t location_id(std::uintptr_t address) const {
    return static_cast<std::uint64_t>(std::lower_bound(addresses_.begin(), addresses_.end(), address) - addresses_.begin()) + 1;
  }

  void location(std::uintptr_t address) {
    std::size_t mark = out_.size();
    if (names_.contains(address)) {
      std::size_t line = out_.size();
      out_.number(1, function_id(names_[address]));
      out_.close(4, line);
    }
    out_.number(3, address);
    for (std::size_t i = 0; i < mappings_.size(); ++i)
      if (address >= mappings_[i].start && address < mappings_[i].limit) out_.number(2, i + 1);
    out_.number(1, location_id(address));
    out_.close(4, mark);
  }

  // A function's id is that of its name.
  std::uint64_t function_id(const std::string& name) { return text(name); }
  void functions() {
    std::map<std::uint64_t, bool> done;
    for (auto& [address, name] : names_) {
      std::uint64_t id = function_id(name);
      if (std::exchange(done[id], true)) continue;
      std::size_t mark = out_.size();
      out_.number(3, id);
      out_.number(2, id);
      out_.number(1, id);
      out_.close(5, mark);
    }
  }

  void mapping(std::size_t i) {
    auto& m = mappings_[i];
    std::size_t mark = out_.size();
    out_.number(7, 1);
    out_.number(5, text(m.file));
    out_.number(4, m.offset);
    out_.number(3, m.limit);
    out_.number(2, m.start);
    out_.number(1, i + 1);
    out_.close(3, mark);
  }

  const Profile& profile_;
  std::span<const Mapping> mappings_;
  std::vector<std::uintptr_t> addresses_;
  std::map<std::uintptr_t, std::string> names_;
  std::vector<std::string> texts_;
  std::map<std::string, std::uint64_t> numbers_;
  Writer out_;
};

}  // namespace

Profile cpu_profile(const Stacks& stacks) {
  auto period = static_cast<std::uint64_t>(std::chrono::nanoseconds(Sampler::period).count());
  Profile out{.types = {{"samples", "count"}, {"cpu", "nanoseconds"}}, .period_type = {"cpu", "nanoseconds"}, .period = period, .samples = {}};
  for (auto& [stack, count] : stacks) out.samples[stack] = {count, count * period};
  return out;
}

Result<std::string> encode_profile(const Profile& profile, std::span<const Mapping> mappings, UnixNanos begun, Duration length) {
  std::array pieces{Bytes::take(Encoder(profile, mappings).run(begun, length))};
  return net::compress(net::Compression::gzip, pieces);
}

}  // namespace weir::extensions::pprof
