#include "net/compression.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zstd.h>

#include "base/text.h"

namespace weir::net {
namespace {

std::unexpected<Error> damaged(std::string_view what) { return fail(Errc::invalid, "{}: damaged or cut off", what); }

// The result while it grows: never past `limit`, never past what is charged.
class Output {
 public:
  // A byte more than allowed: decoders that end exactly at the limit still need somewhere to point.
  Output(std::size_t limit, Charge& charge) : limit_(std::min(limit, SIZE_MAX / 8) + 1), charge_(charge) {}
  Output(const Output&) = delete;
  ~Output() {
    if (charged_ > 0) charge_.shrink_to(charge_.bytes() - charged_);
  }

  // Makes the buffer `size` bytes long, or as long as is allowed; the first used() bytes stay.
  Result<> grow(std::size_t size) {
    if (text_.size() >= limit_ && size > limit_) return too_large();
    size = std::min(size, limit_);
    if (size > charged_) {
      if (!charge_.grow(size - charged_)) return fail(Errc::refused, "no room to decompress");
      charged_ = size;
    }
    text_.resize_and_overwrite(size, [](char*, std::size_t n) { return n; });
    return {};
  }
  Result<> more() { return grow(std::max<std::size_t>(2 * text_.size(), 4096)); }

  std::size_t limit() const { return limit_; }
  char* free() { return text_.data() + used_; }
  std::size_t room() const { return text_.size() - used_; }
  std::size_t used() const { return used_; }
  void use(std::size_t bytes) { used_ += bytes; }

  std::unexpected<Error> too_large() const {
    return fail(Errc::permanent, "decompressed size exceeds the limit of {} bytes", limit_ - 1);
  }

  Result<std::string> take() {
    if (used_ >= limit_) return too_large();
    text_.resize(used_);
    if (text_.capacity() > 2 * used_ + 4096) text_.shrink_to_fit();
    charge_.shrink_to(charge_.bytes() - (charged_ - used_));
    charged_ = 0;
    return std::move(text_);
  }

 private:
  std::size_t limit_;
  Charge& charge_;
  std::size_t charged_ = 0;
  std::string text_;
  std::size_t used_ = 0;
};

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const { Free(p); }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, Freer<Free>>;

// ---- gzip and zlib ------------------------------------------------------------------------------------------------

libdeflate_decompressor* inflater() {
  thread_local Handle<libdeflate_decompressor, libdeflate_free_decompressor> made(libdeflate_alloc_decompressor());
  return made.get();
}

// gzip ends with its size modulo 2^32. It may lie, or be that of the last of several members.
std::size_t guess_inflated(Compression kind, std::string_view in) {
  constexpr std::size_t max_ratio = 1032;  // no deflate stream expands further
  std::size_t guess = 4 * in.size();
  if (kind == Compression::gzip && in.size() >= 18) {
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
      size |= std::uint32_t{static_cast<unsigned char>(in[in.size() - 4 + i])} << (8 * i);
    guess = size;
  }
  return std::max<std::size_t>(std::min(guess, max_ratio * in.size()), 64);
}

// One gzip member or zlib stream. It is done again when the room was too small, each time with twice as much.
Result<std::size_t> inflate_one(Compression kind, std::string_view in, Output& out) {
  for (;;) {
    std::size_t taken = 0, made = 0;
    auto* decode = kind == Compression::gzip ? libdeflate_gzip_decompress_ex : libdeflate_zlib_decompress_ex;
    switch (decode(inflater(), in.data(), in.size(), out.free(), out.room(), &taken, &made)) {
      case LIBDEFLATE_SUCCESS: out.use(made); return taken;
      case LIBDEFLATE_INSUFFICIENT_SPACE: WEIR_TRY(out.more()); break;
      default: return damaged(to_string(kind));
    }
  }
}

Result<> inflate(Compression kind, std::string_view in, Output& out) {
  WEIR_TRY(out.grow(guess_inflated(kind, in)));
  do {
    WEIR_ASSIGN(std::size_t taken, inflate_one(kind, in, out));
    in.remove_prefix(taken);
  } while (kind == Compression::gzip && !in.empty());
  return in.empty() ? Result<>{} : damaged(to_string(kind));
}

// ---- zstd ---------------------------------------------------------------------------------------------------------

using ZstdDecoder = Handle<ZSTD_DCtx, ZSTD_freeDCtx>;

ZstdDecoder& zstd_decoder() {
  thread_local ZstdDecoder made;
  if (!made) {
    made.reset(ZSTD_createDCtx());
    // 8 MiB: what the format's specification asks decoders to support.
    ZSTD_DCtx_setParameter(made.get(), ZSTD_d_windowLogMax, 23);
  }
  ZSTD_DCtx_reset(made.get(), ZSTD_reset_session_only);
  return made;
}

Result<> unzstd(std::string_view in, Output& out) {
  ZstdDecoder& decoder = zstd_decoder();
  unsigned long long told = ZSTD_getFrameContentSize(in.data(), in.size());
  bool known = told < ZSTD_CONTENTSIZE_ERROR && told > 0;
  if (known && told >= out.limit()) return out.too_large();
  WEIR_TRY(out.grow(known ? static_cast<std::size_t>(told) : 4 * in.size()));
  ZSTD_inBuffer from{in.data(), in.size(), 0};
  for (std::size_t left = 1; from.pos < from.size || left > 0;) {
    ZSTD_outBuffer to{out.free(), out.room(), 0};
    std::size_t before = from.pos;
    left = ZSTD_decompressStream(decoder.get(), &to, &from);
    if (ZSTD_isError(left)) return fail(Errc::invalid, "zstd: {}", ZSTD_getErrorName(left));
    out.use(to.pos);
    if (out.room() == 0 && left > 0) WEIR_TRY(out.more());
    else if (to.pos == 0 && from.pos == before) return damaged("zstd");
  }
  // A big window is not kept for the next small message.
  if (ZSTD_sizeof_DCtx(decoder.get()) > 1024 * 1024) decoder.reset();
  return {};
}

// ---- snappy -------------------------------------------------------------------------------------------------------

constexpr std::string_view snappy_magic("\xff\x06\x00\x00sNaPpY", 10);
constexpr std::size_t snappy_chunk = 64 * 1024;

std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = ~crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
                                   static_cast<int>(bytes.size()), 0xFFFFFFFFu);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

Result<> unsnappy_block(std::string_view in, Output& out) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(in.data(), in.size(), &size)) return damaged("snappy");
  // A copy of 64 bytes takes 3: nothing valid expands further.
  if (size / 32 > in.size()) return damaged("snappy");
  if (out.room() < size) WEIR_TRY(out.grow(out.used() + size));
  if (out.room() < size) WEIR_TRY(out.grow(out.used() + size));  // at the limit: says so
  if (!snappy::RawUncompress(in.data(), in.size(), out.free())) return damaged("snappy");
  out.use(size);
  return {};
}

Result<> take_snappy_data(bool compressed, std::string_view chunk, Output& out) {
  if (chunk.size() < 4) return damaged("snappy");
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < 4; ++i) crc |= std::uint32_t{static_cast<unsigned char>(chunk[i])} << (8 * i);
  chunk.remove_prefix(4);
  std::size_t before = out.used();
  if (compressed) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(chunk.data(), chunk.size(), &size) || size > snappy_chunk)
      return damaged("snappy");
    if (out.room() < size) WEIR_TRY(out.more());
    WEIR_TRY(unsnappy_block(chunk, out));
  } else {
    if (chunk.size() > snappy_chunk) return damaged("snappy");
    if (out.room() < chunk.size()) WEIR_TRY(out.grow(std::max(2 * out.used(), out.used() + chunk.size())));
    if (out.room() < chunk.size()) WEIR_TRY(out.grow(out.used() + chunk.size()));
    std::memcpy(out.free(), chunk.data(), chunk.size());
    out.use(chunk.size());
  }
  std::string_view made(out.free() - (out.used() - before), out.used() - before);
  return masked_crc(made) == crc ? Result<>{} : damaged("snappy");
}

Result<> unsnappy(std::string_view in, Output& out) {
  if (!in.starts_with(snappy_magic)) return unsnappy_block(in, out);
  WEIR_TRY(out.grow(2 * in.size()));
  while (!in.empty()) {
    if (in.size() < 4) return damaged("snappy");
    auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(in[i])}; };
    std::size_t type = byte(0), size = byte(1) | byte(2) << 8 | byte(3) << 16;
    in.remove_prefix(4);
    if (size > in.size()) return damaged("snappy");
    std::string_view chunk = in.substr(0, size);
    in.remove_prefix(size);
    if (type <= 1) WEIR_TRY(take_snappy_data(type == 0, chunk, out));
    else if (type < 0x80) return damaged("snappy");  // reserved, and not to be skipped
  }
  return {};
}

// ---- lz4 ----------------------------------------------------------------------------------------------------------

Result<> unlz4(std::string_view in, Output& out) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) return fail(Errc::internal, "lz4: no context");
  Handle<LZ4F_dctx, LZ4F_freeDecompressionContext> decoder(raw);
  WEIR_TRY(out.grow(4 * in.size()));
  std::size_t hint = 1;
  while (!in.empty() || hint > 0) {
    std::size_t made = out.room(), taken = in.size();
    hint = LZ4F_decompress(decoder.get(), out.free(), &made, in.data(), &taken, nullptr);
    if (LZ4F_isError(hint)) return fail(Errc::invalid, "lz4: {}", LZ4F_getErrorName(hint));
    in.remove_prefix(taken);
    out.use(made);
    if (out.room() == 0 && hint > 0) WEIR_TRY(out.more());
    else if (made == 0 && taken == 0) return damaged("lz4");
  }
  return {};
}

// ---- the other way ------------------------------------------------------------------------------------------------

void set_size(std::string& text, std::size_t size) {
  text.resize_and_overwrite(size, [](char*, std::size_t n) { return n; });
}

struct Deflater {
  isal_zstream stream;
  std::vector<std::uint8_t> work;
};

// Makes room, lets the encoder run until it has used up its input.
void run_deflate(isal_zstream& stream, std::string& out) {
  do {
    if (out.size() - stream.total_out < 4096) set_size(out, out.size() + out.size() / 2 + 4096);
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data()) + stream.total_out;
    stream.avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(out.size() - stream.total_out, UINT32_MAX / 2));
    isal_deflate(&stream);
  } while (stream.avail_in > 0 || (stream.end_of_stream && stream.internal_state.state != ZSTATE_END));
}

Result<std::string> deflate_fast(Compression kind, std::span<const Bytes> pieces, int level) {
  constexpr std::array<std::uint32_t, 4> work_bytes{0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
                                                    ISAL_DEF_LVL3_DEFAULT};
  thread_local auto made = std::make_unique<Deflater>();
  std::size_t total = total_size(pieces);
  if (total > UINT32_MAX / 4) return fail(Errc::permanent, "{}: {} bytes are too many", to_string(kind), total);
  isal_zstream& stream = made->stream;
  isal_deflate_init(&stream);
  made->work.resize(work_bytes[static_cast<std::size_t>(level)]);
  stream.level = static_cast<std::uint32_t>(level);
  stream.level_buf = made->work.data();
  stream.level_buf_size = static_cast<std::uint32_t>(made->work.size());
  stream.gzip_flag = kind == Compression::gzip ? IGZIP_GZIP : IGZIP_ZLIB;
  std::string out;
  set_size(out, total / 4 + 4096);
  for (const Bytes& piece : pieces) {
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<std::uint32_t>(piece.size());
    run_deflate(stream, out);
  }
  stream.end_of_stream = 1;
  run_deflate(stream, out);
  out.resize(stream.total_out);
  return out;
}

Result<std::string> deflate_small(Compression kind, std::span<const Bytes> pieces, int level) {
  Handle<libdeflate_compressor, libdeflate_free_compressor> encoder(libdeflate_alloc_compressor(std::min(level, 12)));
  std::string in = joined(pieces), out;
  bool gzip = kind == Compression::gzip;
  set_size(out, (gzip ? libdeflate_gzip_compress_bound : libdeflate_zlib_compress_bound)(encoder.get(), in.size()));
  auto* encode = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
  out.resize(encode(encoder.get(), in.data(), in.size(), out.data(), out.size()));
  return out;
}

// ISA-L up to its level 3; those who ask for more than that want size, which libdeflate gives.
Result<std::string> deflate(Compression kind, std::span<const Bytes> pieces, int level) {
  return level <= 3 ? deflate_fast(kind, pieces, std::max(level, 1)) : deflate_small(kind, pieces, level);
}

Result<std::string> zstd(std::span<const Bytes> pieces, int level) {
  thread_local Handle<ZSTD_CCtx, ZSTD_freeCCtx> encoder(ZSTD_createCCtx());
  std::size_t total = total_size(pieces);
  ZSTD_CCtx_reset(encoder.get(), ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(encoder.get(), ZSTD_c_compressionLevel, level == 0 ? 1 : level);
  ZSTD_CCtx_setPledgedSrcSize(encoder.get(), total);
  std::string out;
  set_size(out, ZSTD_compressBound(total));
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{nullptr, 0, 0};
  auto run = [&](ZSTD_EndDirective end) -> Result<> {
    // The room suffices for everything: one call takes all of the input.
    std::size_t left = ZSTD_compressStream2(encoder.get(), &to, &from, end);
    if (ZSTD_isError(left)) return fail(Errc::internal, "zstd: {}", ZSTD_getErrorName(left));
    return {};
  };
  for (const Bytes& piece : pieces.first(pieces.empty() ? 0 : pieces.size() - 1)) {
    from = {piece.data(), piece.size(), 0};
    WEIR_TRY(run(ZSTD_e_continue));
  }
  if (!pieces.empty()) from = {pieces.back().data(), pieces.back().size(), 0};
  WEIR_TRY(run(ZSTD_e_end));
  out.resize(to.pos);
  if (ZSTD_sizeof_CCtx(encoder.get()) > 8 * 1024 * 1024) encoder.reset(ZSTD_createCCtx());
  return out;
}

std::string snappy_whole(std::span<const Bytes> pieces) {
  std::string copy, out;
  if (pieces.size() != 1) copy = joined(pieces);
  std::string_view in = pieces.size() == 1 ? pieces.front().view() : copy;
  set_size(out, snappy::MaxCompressedLength(in.size()));
  std::size_t size = 0;
  snappy::RawCompress(in.data(), in.size(), out.data(), &size);
  out.resize(size);
  return out;
}

std::string snappy_framed(std::span<const Bytes> pieces) {
  std::string in = joined(pieces), out(snappy_magic), packed;
  for (std::string_view rest = in; !rest.empty();) {
    std::string_view chunk = rest.substr(0, snappy_chunk);
    rest.remove_prefix(chunk.size());
    snappy::Compress(chunk.data(), chunk.size(), &packed);
    bool worth = packed.size() < chunk.size();
    std::string_view content = worth ? std::string_view(packed) : chunk;
    std::uint32_t crc = masked_crc(chunk);
    std::size_t size = content.size() + 4;
    out.push_back(worth ? 0 : 1);
    for (int shift = 0; shift < 24; shift += 8) out.push_back(static_cast<char>(size >> shift));
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(crc >> shift));
    out += content;
  }
  return out;
}

Result<std::string> lz4(std::span<const Bytes> pieces, int level) {
  std::string in = joined(pieces), out;
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentSize = in.size();
  preferences.compressionLevel = level;
  set_size(out, LZ4F_compressFrameBound(in.size(), &preferences));
  std::size_t size = LZ4F_compressFrame(out.data(), out.size(), in.data(), in.size(), &preferences);
  if (LZ4F_isError(size)) return fail(Errc::internal, "lz4: {}", LZ4F_getErrorName(size));
  out.resize(size);
  return out;
}

}  // namespace

Result<Compression> compression_of(std::string_view name) {
  struct { std::string_view name; Compression kind; } static constexpr names[] = {
      {"", Compression::none},       {"identity", Compression::none}, {"gzip", Compression::gzip},
      {"none", Compression::none},   {"zlib", Compression::zlib},     {"deflate", Compression::zlib},
      {"zstd", Compression::zstd},   {"snappy", Compression::snappy}, {"x-snappy-framed", Compression::snappy},
      {"lz4", Compression::lz4}};
  for (auto& row : names)
    if (equal_ignore_case(row.name, name)) return row.kind;
  return fail(Errc::invalid, "unsupported compression: {}", name.substr(0, 40));
}

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::none: return "";
    case Compression::gzip: return "gzip";
    case Compression::zlib: return "deflate";
    case Compression::zstd: return "zstd";
    case Compression::snappy:
    case Compression::snappy_block: return "snappy";
    case Compression::lz4: return "lz4";
  }
  return "";
}

Compression http_compression(Compression compression, std::string_view name) {
  return equal_ignore_case(name, "snappy") ? Compression::snappy_block : compression;
}

std::string_view content_encoding(Compression compression) {
  return compression == Compression::snappy ? "x-snappy-framed" : to_string(compression);
}

Result<std::string> decompress(Compression compression, std::string_view in, std::size_t max_output, Charge& charge) {
  if (in.empty()) return compression == Compression::none ? Result<std::string>{} : damaged(to_string(compression));
  Output out(max_output, charge);
  switch (compression) {
    case Compression::none:
      WEIR_TRY(out.grow(in.size()));
      if (out.room() < in.size()) return out.too_large();
      std::memcpy(out.free(), in.data(), in.size());
      out.use(in.size());
      break;
    case Compression::gzip:
    case Compression::zlib: WEIR_TRY(inflate(compression, in, out)); break;
    case Compression::zstd: WEIR_TRY(unzstd(in, out)); break;
    case Compression::snappy: WEIR_TRY(unsnappy(in, out)); break;
    case Compression::snappy_block: WEIR_TRY(unsnappy_block(in, out)); break;
    case Compression::lz4: WEIR_TRY(unlz4(in, out)); break;
  }
  return out.take();
}

Result<std::string> compress(Compression compression, std::span<const Bytes> pieces, int level) {
  switch (compression) {
    case Compression::none: return joined(pieces);
    case Compression::gzip:
    case Compression::zlib: return deflate(compression, pieces, level);
    case Compression::zstd: return zstd(pieces, level);
    case Compression::snappy: return snappy_framed(pieces);
    case Compression::snappy_block: return snappy_whole(pieces);
    case Compression::lz4: return lz4(pieces, level);
  }
  return fail(Errc::internal, "unknown compression");
}

struct GzipStream::State {
  isal_zstream stream;
  std::vector<std::uint8_t> work;
};

GzipStream::GzipStream() : state_(std::make_unique<State>()) {
  isal_zstream& stream = state_->stream;
  isal_deflate_init(&stream);
  state_->work.resize(ISAL_DEF_LVL1_DEFAULT);
  stream.level = 1;
  stream.level_buf = state_->work.data();
  stream.level_buf_size = static_cast<std::uint32_t>(state_->work.size());
  stream.gzip_flag = IGZIP_GZIP;
}

GzipStream::~GzipStream() = default;

void GzipStream::run(std::string_view in, bool last, std::string& out) {
  isal_zstream& stream = state_->stream;
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<std::uint32_t>(in.size());
  stream.end_of_stream = last;
  do {
    std::size_t before = out.size(), room = in.size() / 4 + 4096;
    out.resize_and_overwrite(before + room, [&](char* data, std::size_t) {
      stream.next_out = reinterpret_cast<std::uint8_t*>(data + before);
      stream.avail_out = static_cast<std::uint32_t>(room);
      isal_deflate(&stream);
      return before + room - stream.avail_out;
    });
  } while (stream.avail_in > 0 || stream.avail_out == 0 || (last && stream.internal_state.state != ZSTATE_END));
}

}  // namespace weir::net
