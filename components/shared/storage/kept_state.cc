#include "components/shared/storage/kept_state.h"

#include "base/log.h"
#include "base/pack.h"
#include "components/shared/storage/log_access.h"
#include "engine/life.h"
#include "io/fs.h"
#include "io/workers.h"
#include "storage/crc32c.h"

namespace weir::storage {
namespace {

// magic, CRC-32C of the rest, fingerprint, count, parts
constexpr std::string_view magic = "weirkst1";
constexpr std::size_t head_bytes = magic.size() + sizeof(std::uint32_t);
constexpr std::size_t max_bytes = 256u << 20;

std::string encode(std::string_view fingerprint, const std::vector<std::optional<std::string>>& parts) {
  Packer body;
  body.text(fingerprint);
  body.number(static_cast<std::uint32_t>(parts.size()));
  for (auto& part : parts) body.text(*part);
  std::string rest = body.finish();
  Packer head;
  head.number(crc32c(rest));
  return std::string(magic) + head.finish() + rest;
}

struct Decoded {
  std::string fingerprint;
  std::vector<std::string> parts;
};

Result<Decoded> decode(std::string_view all) {
  if (all.size() < head_bytes || !all.starts_with(magic)) return fail(Errc::corrupt, "it is of no version that is known here");
  std::uint32_t stored = Unpacker(all.substr(magic.size())).number<std::uint32_t>(), computed = crc32c(all.substr(head_bytes));
  if (stored != computed) return fail(Errc::corrupt, "crc {:08x}, computed {:08x}", stored, computed);
  Unpacker in(all.substr(head_bytes));
  Decoded out{std::string(in.text()), {}};
  for (auto left = in.number<std::uint32_t>(); in.ok() && left > 0; --left) out.parts.emplace_back(in.text());
  if (!in.ok() || !in.done()) return fail(Errc::corrupt, "lengths do not add up");
  return out;
}

}  // namespace

Result<> check_kept_state(std::string_view bytes) {
  WEIR_TRY(decode(bytes));
  return {};
}

std::shared_ptr<KeptState> KeptState::of(const engine::StageContext& context, std::string_view fingerprint) {
  if (context.host.data_directory().empty()) return nullptr;
  std::string key = fmt::format("{} kept state {}", engine::current_life(), context.id.to_string());
  auto file = engine::shared_state<Path>(context.host, "kept state " + context.id.to_string());
  return std::static_pointer_cast<KeptState>(context.host.shared(key, [&]() -> std::shared_ptr<void> {
    std::shared_ptr<KeptState> made(new KeptState(context, fingerprint, std::move(file)));
    made->read();
    return made;
  }));
}

KeptState::KeptState(const engine::StageContext& context, std::string_view fingerprint, std::shared_ptr<Path> file)
    : host_(context.host),
      id_(context.id.to_string()),
      directory_(context.host.data_directory() + "/state"),
      path_(directory_ + "/" + file_name_of(std::string(to_string(engine::Kind::connector)) + "-" + id_)),
      fingerprint_(fingerprint),
      damaged_(context.host.metrics().counter("weir_kept_state_damaged", "States from before a restart that could not be read.", {{"component", id_}})),
      failed_(context.host.metrics().counter("weir_kept_state_failures", "States that could not be written at the end.", {{"component", id_}})),
      file_(std::move(file)),
      parts_(context.shards),
      charge_(context.host.budget().empty_charge()) {}

void KeptState::read() {
  std::lock_guard lock(file_->mutex);
  life_ = ++file_->newest;
  auto parts = read_file();
  if (!parts) {
    damaged_.add();
    log::error("What a component kept from before cannot be used; it begins anew", {{"component", id_}, {"file", path_}, {"error", parts.error().what}});
    return;
  }
  read_ = std::move(*parts);
  for (auto& part : read_) charge_.grow_unchecked(part.size());
}

// It goes whatever is in it: numbers that others have counted on since must not come back.
Result<std::vector<std::string>> KeptState::read_file() {
  io::Fs& fs = host_.fs();
  WEIR_ASSIGN(auto info, fs.info(path_));
  if (!info) return std::vector<std::string>();
  std::string bytes;
  Result<> got;
  if (info->size <= std::min<std::uint64_t>(max_bytes, host_.budget().limit() / 2)) {
    auto file = fs.open(path_, io::OpenMode::read);
    bytes.resize(file ? info->size : 0);
    auto size = file ? (*file)->read_at(0, bytes) : Result<std::size_t>(std::unexpected(file.error()));
    if (size) bytes.resize(*size);
    else got = fail(size.error());
  } else {
    got = fail(Errc::corrupt, "it has {} bytes", info->size);
  }
  WEIR_TRY(fs.remove(path_));
  WEIR_TRY(fs.sync_directory(directory_));
  WEIR_TRY(std::move(got));
  WEIR_ASSIGN(Decoded decoded, decode(bytes));
  if (decoded.fingerprint == fingerprint_) return std::move(decoded.parts);
  log::info("The settings are others than those that a component's state is from; it begins anew", {{"component", id_}});
  return std::vector<std::string>();
}

std::vector<std::string> KeptState::take_parts() {
  std::lock_guard lock(mutex_);
  charge_.release();
  return std::exchange(read_, {});
}

void KeptState::save(std::uint16_t core, std::string part, io::Executor& home, io::Task done) {
  {
    std::lock_guard lock(mutex_);
    charge_.grow_unchecked(part.size());
    parts_.at(core) = std::move(part);
    if (std::ranges::any_of(parts_, [](auto& one) { return !one; })) return done();
  }
  auto self = shared_from_this();  // the worker may be the last to have it
  auto finished = std::make_shared<io::Task>(std::move(done));  // for the worker, or for here
  auto taken = host_.workers().submit(io::Workers::Priority::normal, home, [self] { self->write(); }, [finished] { (*finished)(); });
  if (taken) return;
  write();  // the process ends: a short wait is better than to lose it
  (*finished)();
}

void KeptState::write() {
  std::string bytes;
  {
    std::lock_guard lock(mutex_);
    bytes = encode(fingerprint_, parts_);
  }
  std::lock_guard lock(file_->mutex);
  if (life_ != file_->newest) return;  // another one counts on
  io::Fs& fs = host_.fs();
  auto written = [&]() -> Result<> {
    if (bytes.size() > max_bytes) return fail(Errc::permanent, "it would have {} bytes, more than {}", bytes.size(), max_bytes);
    WEIR_TRY(fs.make_directory(directory_, 0750));
    {
      WEIR_ASSIGN(auto file, fs.open(path_ + ".new", io::OpenMode::replace, 0640));
      std::string_view piece = bytes;
      WEIR_TRY(file->append({&piece, 1}));
      WEIR_TRY(file->sync());
    }
    WEIR_TRY(fs.rename(path_ + ".new", path_));
    return fs.sync_directory(directory_);
  }();
  if (written) return;
  (void)fs.remove(path_);  // an earlier one is too old by now
  failed_.add();
  log::error("What a component counted cannot be kept; after the restart it begins anew", {{"component", id_}, {"file", path_}, {"error", written.error().what}});
}

}  // namespace weir::storage
