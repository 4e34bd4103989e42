#pragma once
// The client's messages of one streaming gRPC call, on their way to a Call.
#include "net/server.h"

namespace weir::net {

// Belongs to the stream of its call. Holds at most one incomplete message and what the stream's window lets in behind it, all
// charged to the budget.
class IncomingCall {
 public:
  IncomingCall(std::unique_ptr<Call> call, Compression encoding, std::size_t limit, Budget& budget)
      : call_(std::move(call)), encoding_(encoding), limit_(limit), charge_(budget.empty_charge()) {}

  // An error ends the call. `hand_over` may be in the middle of calling the Call when these are called again.
  Result<> append(std::string_view bytes);
  Result<> end();
  // The Call has finished with the message that it was given.
  Result<> next();
  // The server goes away: the call ends with an error once the message that is at work is settled.
  Result<> go_away();
  // The call is answered: what comes now is of no use.
  void close();
  // What the peer may send anew: as much as was taken. Nothing while a message is at work.
  std::size_t take_window() { return busy_ && !closed_ ? 0 : std::exchange(window_, 0); }

 private:
  Result<> hand_over();
  // Gives the next complete message to the Call; false when there is none.
  Result<bool> hand_over_one();
  void compact();

  std::unique_ptr<Call> call_;
  Compression encoding_;
  std::size_t limit_;
  std::string pending_;
  std::size_t read_ = 0;  // of `pending_`
  Charge charge_;         // for `pending_`
  std::size_t window_ = 0;
  bool busy_ = false;     // the Call has a message
  bool ended_ = false, told_end_ = false, going_away_ = false, closed_ = false, working_ = false;
};

}  // namespace weir::net
