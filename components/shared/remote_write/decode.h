#pragma once
#include "base/budget.h"
#include "base/result.h"
#include "components/shared/remote_write/series.h"

namespace weir::remote_write {

enum class Version : std::uint8_t { v1, v2 };

// Gets a request's series one by one. Views live as long as the request's bytes; the series itself is gone after the call.
class Handler {
 public:
  virtual ~Handler() = default;
  // An error ends the decoding.
  virtual Result<> series(Series& series) = 0;
  // A series that cannot be used: `samples` and `histograms` are not taken.
  virtual void invalid(std::size_t samples, std::size_t histograms, std::string why) = 0;
  // 1.0 only.
  virtual void metadata(const Metadata&) {}
};

// `invalid` for bytes that are no such message, `refused` when the charge has no room for a series while it is read (what it paid for
// that is given back at the end). Series in front of that have been handed over by then.
Result<> decode(Version version, std::string_view body, Handler& handler, const Charge& charge);

// Series of a request, without looking into them: for a bound before any work is done.
std::size_t count_series(std::string_view body, Version version);

}  // namespace weir::remote_write
