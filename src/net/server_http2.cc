#include "net/server_protocol.h"
namespace weir::net {
std::unique_ptr<ServerProtocol> make_http2_server(ProtocolHost&) { return nullptr; }
}
