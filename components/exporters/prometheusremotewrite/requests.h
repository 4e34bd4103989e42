#pragma once
// Which series go together in a request, what came of each request, and what is left to send.
#include <deque>

#include "base/bytes.h"
#include "components/exporters/prometheusremotewrite/translate.h"

namespace weir::exporters::prometheusremotewrite {

struct Request {
  std::vector<const OutSeries*> series;
  std::vector<remote_write::Metadata> metadata;  // 1.0
  std::size_t bytes = 0;                         // of it encoded, about
};
// As it goes over the wire, not compressed.
Bytes encode(remote_write::Version version, const Translated& content, const Request& request);

// What a backend said to one request.
struct Verdict {
  enum class Kind : std::uint8_t {
    taken,
    try_again,  // an error that may pass
    partly,     // an error that is about some of it; `written` says how many samples were taken, if known
    refused,    // an error that is about all of it
  };
  Kind kind = Kind::taken;
  Error error;
  std::optional<std::size_t> written;
};

// The way of one batch to the backend. Series are spread over lanes by their hash, and a lane sends one request after another, so
// samples of a series arrive in the order of their times. A lane stops at an error that may pass: nothing overtakes.
class Delivery {
 public:
  Delivery(Translated translated, std::size_t lanes, std::size_t max_bytes);

  std::size_t lanes() const { return lanes_.size(); }
  // The lane's next request; null when it has none or has stopped. Stays valid until answered() is called.
  const Request* next(std::size_t lane);
  void answered(std::size_t lane, const Verdict& verdict);
  bool finished() const;

  // Once finished: the error that stopped a lane, and which points have not arrived.
  const Outcome& error() const { return error_; }
  std::vector<bool> unsent() const;
  // Points that the backend does not want, and why.
  std::size_t rejected() const { return rejected_points_; }
  const std::string& reason() const { return reason_; }
  bool anything_taken() const { return taken_ > 0; }
  const Translated& content() const { return translated_; }

 private:
  struct Lane {
    std::deque<Request> requests;
    bool open = false;     // the first one is being sent
    bool stopped = false;
  };
  void reject(const Verdict& verdict, std::size_t points);
  void split(Lane& lane);

  Translated translated_;
  std::vector<Lane> lanes_;
  std::size_t splits_left_;
  std::size_t rejected_points_ = 0, taken_ = 0;
  std::string reason_;
  Outcome error_;
};

}  // namespace weir::exporters::prometheusremotewrite
