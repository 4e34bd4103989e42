#pragma once
// TCP sockets by state, as the kernel counts them when it is asked over netlink: /proc/net/tcp and tcp6 walk all of its table once each, and
// write a line for each socket.
#include "components/receivers/hostmetrics/host.h"

namespace weir::receivers::hostmetrics {

// Of the network that the first process of the machine below `root` is in, if that is ours; nothing otherwise, or when the kernel does not answer.
std::optional<TcpStates> count_tcp_states(const std::string& root);

}  // namespace weir::receivers::hostmetrics
