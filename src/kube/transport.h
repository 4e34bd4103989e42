#pragma once
// The seam to the network: requests to the API server. One core.
#include "io/loop.h"
#include "kube/connection.h"
#include "net/client.h"

namespace weir::kube {

// What an answer may be. The server says in its content-type what it is.
struct Form {
  bool metadata_only = false;  // objects without spec and status are enough
  bool protobuf = false;       // preferred to JSON
};

class Transport {
 public:
  virtual ~Transport() = default;
  // `target`: path and query. The time-out is for the head of the answer. See net::HttpClient::stream.
  virtual net::StreamId get(const std::string& target, Form form, Duration timeout, net::BodySink& sink) = 0;
  // Changes something, or reads one small object. Calls back once, later.
  virtual void send(std::string method, const std::string& target, std::string content_type, std::string body, net::HttpCallback done) = 0;
  virtual void resume(net::StreamId stream) = 0;
  virtual void stop(net::StreamId stream) = 0;
  // The server did not take our credentials: those in files are read again for the next request.
  virtual void refused() = 0;
};

// `max_answer`: of send(), in bytes.
Result<std::unique_ptr<Transport>> make_transport(io::Executor& executor, Connection connection, io::Fs& fs, std::size_t max_answer = 8 * 1024 * 1024);

}  // namespace weir::kube
