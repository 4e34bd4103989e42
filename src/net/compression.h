#pragma once
// The compressions that OTLP peers use, on whole bodies, with limits on what comes out.
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/budget.h"
#include "base/bytes.h"

namespace weir::net {

enum class Compression : std::uint8_t {
  none,
  gzip,
  zlib,          // "deflate" on the wire is this one too, as everywhere in HTTP
  zstd,
  snappy,        // the framed form, which Go peers send; decoding takes a single block as well
  snappy_block,  // Prometheus remote write
  lz4,           // the frame form
};

// A Content-Encoding or grpc-encoding: "", "identity", gzip, zlib, deflate, zstd, snappy, x-snappy-framed, lz4.
Result<Compression> compression_of(std::string_view name);
// The name on the wire; "" for none. In gRPC `snappy` is the framed form.
std::string_view to_string(Compression compression);
// HTTP has names of its own: `snappy` is one block, and the framed form is x-snappy-framed.
Compression http_compression(Compression compression, std::string_view name);
std::string_view content_encoding(Compression compression);

// Errors: `invalid` for damaged input, `refused` when the charge has no room, `permanent` when the output would exceed
// `max_output` bytes. What comes out is charged, in steps, before it is made; on success `charge` has grown by exactly
// the size of the result. Concatenated gzip members and zstd frames are one stream.
Result<std::string> decompress(Compression compression, std::string_view in, std::size_t max_output, Charge& charge);

// Level 0 is the algorithm's default: ISA-L level 1 for gzip and zlib, 1 for zstd. The pieces are one stream.
Result<std::string> compress(Compression compression, std::span<const Bytes> pieces, int level = 0);

// gzip for a body that is made in parts. Holds about 300 KiB.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  // Appends what is ready of the compressed stream.
  void add(std::string_view in, std::string& out) { run(in, false, out); }
  void finish(std::string& out) { run({}, true, out); }

 private:
  void run(std::string_view in, bool last, std::string& out);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::net
