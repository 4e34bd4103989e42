#include "storage/checkpoints.h"

#include <cstring>

#include "base/log.h"
#include "storage/crc32c.h"

namespace weir::storage {
namespace {

constexpr std::string_view magic = "weirckp1";

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);  // little-endian host
}

// Takes from the front; once it ran short, everything is empty and ok is false.
struct Input {
  std::string_view left;
  bool ok = true;

  std::string_view bytes(std::size_t n) {
    if (n > left.size()) return ok = false, std::string_view{};
    std::string_view out = left.substr(0, n);
    left.remove_prefix(n);
    return out;
  }
  template <class T>
  T number() {
    T out{};
    std::string_view from = bytes(sizeof out);
    if (ok) std::memcpy(&out, from.data(), sizeof out);
    return out;
  }
};

std::string file_of(const CheckpointSettings& settings, int which) {
  return fmt::format("{}/{}.{}", settings.directory, settings.name, which);
}

// nullopt when there is no such file.
Result<std::optional<std::string>> read_file(io::Fs& fs, const std::string& path, std::size_t max_bytes) {
  WEIR_ASSIGN(auto info, fs.info(path));
  if (!info) return std::optional<std::string>();
  if (info->size > max_bytes) return fail(Errc::corrupt, "{} has {} bytes, more than {}", path, info->size, max_bytes);
  WEIR_ASSIGN(auto file, fs.open(path, io::OpenMode::read));
  std::string out(info->size, '\0');
  WEIR_ASSIGN(std::size_t got, file->read_at(0, out));
  out.resize(got);
  return std::optional(std::move(out));
}

using Decoded = std::pair<std::uint64_t, Checkpoints::Entries>;

Result<std::optional<Decoded>> read_checkpoints(io::Fs& fs, const std::string& path, std::size_t max_bytes) {
  WEIR_ASSIGN(auto bytes, read_file(fs, path, max_bytes));
  if (!bytes) return std::optional<Decoded>();
  WEIR_ASSIGN(Decoded decoded, decode_checkpoints(*bytes));
  return std::optional(std::move(decoded));
}

}  // namespace

std::string encode_checkpoints(std::uint64_t generation, const Checkpoints::Entries& entries) {
  std::string out(magic);
  put(out, generation);
  put(out, static_cast<std::uint32_t>(entries.size()));
  for (auto& [key, value] : entries) {
    put(out, static_cast<std::uint32_t>(key.size()));
    put(out, static_cast<std::uint32_t>(value.size()));
    out += key;
    out += value;
  }
  put(out, crc32c(out));
  return out;
}

Result<std::pair<std::uint64_t, Checkpoints::Entries>> decode_checkpoints(std::string_view bytes) {
  std::pair<std::uint64_t, Checkpoints::Entries> out;
  constexpr std::size_t crc_bytes = sizeof(std::uint32_t);
  if (bytes.size() < magic.size() + crc_bytes || !bytes.starts_with(magic))
    return fail(Errc::corrupt, "no checkpoint file of a version that is known here");
  std::string_view body = bytes.substr(0, bytes.size() - crc_bytes);
  std::uint32_t stored = Input{bytes.substr(body.size())}.number<std::uint32_t>(), computed = crc32c(body);
  if (stored != computed) return fail(Errc::corrupt, "crc {:08x}, computed {:08x}", stored, computed);
  Input in{body.substr(magic.size())};
  out.first = in.number<std::uint64_t>();
  for (auto left = in.number<std::uint32_t>(); in.ok && left > 0; --left) {
    auto key_size = in.number<std::uint32_t>(), value_size = in.number<std::uint32_t>();
    std::string_view key = in.bytes(key_size), value = in.bytes(value_size);
    if (in.ok) out.second.emplace(key, value);
  }
  if (!in.ok || !in.left.empty()) return fail(Errc::corrupt, "lengths do not add up");
  return out;
}

Result<Checkpoints> Checkpoints::open(io::Fs& fs, CheckpointSettings settings) {
  WEIR_TRY(fs.make_directory(settings.directory, 0750));
  Checkpoints out(fs, std::move(settings));
  for (int which : {0, 1}) {
    std::string path = file_of(out.settings_, which);
    auto read = read_checkpoints(fs, path, out.settings_.max_bytes);
    if (!read) {
      ++out.damaged_;
      log::error("Skipping a damaged checkpoint file.", {{"path", path}, {"error", read.error().what}});
      continue;
    }
    if (!*read || (*read)->first < out.generation_) continue;
    out.generation_ = (*read)->first;
    out.synced_ = which;
    out.entries_ = std::move((*read)->second);
  }
  return out;
}

const std::string* Checkpoints::find(std::string_view key) const {
  auto at = entries_.find(key);
  return at == entries_.end() ? nullptr : &at->second;
}

void Checkpoints::set(std::string_view key, std::string value) {
  auto at = entries_.find(key);
  if (at == entries_.end())
    entries_.emplace(key, std::move(value));
  else if (at->second == value)
    return;
  else
    at->second = std::move(value);
  dirty_ = true;
}

void Checkpoints::erase(std::string_view key) {
  auto at = entries_.find(key);
  if (at == entries_.end()) return;
  entries_.erase(at);
  dirty_ = true;
}

Result<Checkpoints::Image> Checkpoints::image(bool sync) {
  std::string bytes = encode_checkpoints(generation_ + 1, entries_);
  if (bytes.size() > settings_.max_bytes)
    return fail(Errc::permanent, "checkpoints {} would have {} bytes, more than {}", settings_.name, bytes.size(), settings_.max_bytes);
  ++generation_;
  dirty_ = false;
  int which = 1 - synced_;
  last_was_synced_ = sync;
  if (sync) synced_ = which;
  return Image{file_of(settings_, which), std::move(bytes), sync};
}

Result<> Checkpoints::write(io::Fs& fs, const Image& image) {
  // A new file under the old name: whoever is killed here leaves the one or the other.
  std::string fresh = image.path + ".new";
  {
    WEIR_ASSIGN(auto file, fs.open(fresh, io::OpenMode::replace));
    std::string_view piece = image.bytes;
    WEIR_TRY(file->append({&piece, 1}));
    if (image.sync) WEIR_TRY(file->sync());
  }
  WEIR_TRY(fs.rename(fresh, image.path));
  if (image.sync) WEIR_TRY(fs.sync_directory(image.path.substr(0, image.path.rfind('/'))));
  return {};
}

void Checkpoints::write_failed() {
  // The next image goes over the file that may be damaged now, not over the whole one.
  if (generation_ > 0) --generation_;
  if (last_was_synced_) synced_ = 1 - synced_;
  last_was_synced_ = false;
  dirty_ = true;
}

Result<> Checkpoints::save(bool sync) {
  WEIR_ASSIGN(Image made, image(sync));
  auto written = write(*fs_, made);
  if (!written) write_failed();
  return written;
}

std::string checkpoint_name(std::string_view kind, std::string_view type, std::string_view name) {
  std::string out;
  auto add = [&](std::string_view text) {
    for (char c : text) {
      bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
      out += plain ? std::string(1, c) : fmt::format("~{:02X}", static_cast<unsigned char>(c));
    }
  };
  add(kind), add("_"), add(type), add("_"), add(name);
  return out;
}

}  // namespace weir::storage
