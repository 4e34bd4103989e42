#include "net/inflow.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "net/inflow_lz.h"

namespace weir::net {
namespace {

// Of all Inflows of one core.
constexpr std::size_t most_memory = 4 * 1024 * 1024;
thread_local std::size_t memory = 0;

class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) { memory += bytes; }
  Memory(const Memory&) = delete;
  ~Memory() { memory -= bytes_; }

 private:
  std::size_t bytes_;
};

constexpr std::size_t piece_bytes = 16 * 1024;

class Plain : public Inflow {
 public:
  bool take(std::string_view in, const std::function<void(std::string_view)>& out) override { return out(in), true; }
};

class Inflate : public Inflow {
 public:
  static constexpr std::size_t bytes = sizeof(inflate_state) + piece_bytes;
  explicit Inflate(bool gzip) : gzip_(gzip) { begin(); }

  bool take(std::string_view in, const std::function<void(std::string_view)>& out) override {
    state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    for (bool full = true; state_.avail_in > 0 || full;) {
      if (state_.block_state == ISAL_BLOCK_FINISH) {  // one member behind the other
        if (state_.avail_in == 0 || !gzip_) return true;
        auto *next = state_.next_in;
        auto left = state_.avail_in;
        begin();
        state_.next_in = next;
        state_.avail_in = left;
      }
      std::uint8_t piece[piece_bytes];
      state_.next_out = piece;
      state_.avail_out = sizeof piece;
      bool fine = isal_inflate(&state_) >= 0;
      std::size_t made = sizeof piece - state_.avail_out;
      full = state_.avail_out == 0;
      if (made > 0) out({reinterpret_cast<const char*>(piece), made});
      if (!fine) return false;
    }
    return true;
  }

 private:
  void begin() {
    isal_inflate_init(&state_);
    state_.crc_flag = gzip_ ? IGZIP_GZIP : IGZIP_ZLIB;
  }
  bool gzip_;
  Memory memory_{bytes};
  inflate_state state_;
};

class Unzstd : public Inflow {
 public:
  static constexpr int window_log = 20;
  static constexpr std::size_t bytes = (std::size_t{1} << window_log) + 256 * 1024;
  Unzstd() : decoder_(ZSTD_createDCtx()) { ZSTD_DCtx_setParameter(decoder_, ZSTD_d_windowLogMax, window_log); }
  ~Unzstd() override { ZSTD_freeDCtx(decoder_); }

  bool take(std::string_view in, const std::function<void(std::string_view)>& out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    for (bool full = true; from.pos < from.size || full;) {
      char piece[piece_bytes];
      ZSTD_outBuffer to{piece, sizeof piece, 0};
      if (ZSTD_isError(ZSTD_decompressStream(decoder_, &to, &from))) return false;
      full = to.pos == to.size;
      if (to.pos > 0) out({piece, to.pos});
    }
    return true;
  }

 private:
  ZSTD_DCtx* decoder_;
  Memory memory_{bytes};
};

template <class T>
class Accounted : public T {
  Memory memory_{T::bytes};
};

}  // namespace

std::unique_ptr<Inflow> Inflow::make(Compression compression) {
  auto fits = [](std::size_t bytes) { return memory + bytes <= most_memory; };
  switch (compression) {
    case Compression::none: return std::make_unique<Plain>();
    case Compression::gzip:
    case Compression::zlib: return fits(Inflate::bytes) ? std::make_unique<Inflate>(compression == Compression::gzip) : nullptr;
    case Compression::zstd: return fits(Unzstd::bytes) ? std::make_unique<Unzstd>() : nullptr;
    case Compression::snappy:
    case Compression::snappy_block: return fits(Unsnappy::bytes) ? std::make_unique<Accounted<Unsnappy>>() : nullptr;
    case Compression::lz4: return fits(Unlz4::bytes) ? std::make_unique<Accounted<Unlz4>>() : nullptr;
  }
  return nullptr;
}

}  // namespace weir::net
