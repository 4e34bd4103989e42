#include "components/receivers/filelog/known_files.h"

#include "base/arena.h"
#include "base/text.h"
#include "components/shared/storage/bolt.h"
#include "otlp/wire.h"
#include "ottl/text/json.h"

namespace weir::receivers::filelog {
namespace {

constexpr std::uint64_t largest_file = 256u << 20;

// Metadata 1: fingerprint 1 (first bytes 1), offset 2, record number 3, header is done 5.
std::optional<KnownFile> from_message(std::string_view message) {
  KnownFile out;
  otlp::Reader fields(message);
  while (fields.next()) {
    if (fields.field() == 1 && fields.is(otlp::WireType::bytes)) {
      otlp::Reader fingerprint(fields.bytes());
      while (fingerprint.next()) {
        if (fingerprint.field() == 1 && fingerprint.is(otlp::WireType::bytes))
          out.first_bytes = fingerprint.bytes();
        else
          fingerprint.skip();
      }
      if (!fingerprint.ok()) return {};
    } else if (fields.field() == 2 && fields.is(otlp::WireType::varint)) {
      out.offset = fields.varint();
    } else if (fields.field() == 3 && fields.is(otlp::WireType::varint)) {
      out.record = fields.varint();
    } else if (fields.field() == 5 && fields.is(otlp::WireType::varint)) {
      out.header_done = fields.varint() != 0;
    } else {
      fields.skip();
    }
  }
  if (!fields.ok()) return {};
  return out;
}

Result<std::vector<KnownFile>> from_protobuf(std::string_view value) {
  std::vector<KnownFile> out;
  otlp::Reader fields(value);
  while (fields.next()) {
    if (fields.field() != 1 || !fields.is(otlp::WireType::bytes)) return fail(Errc::corrupt, "no list of files");
    auto file = from_message(fields.bytes());
    if (!file) return fail(Errc::corrupt, "a file is damaged");
    out.push_back(std::move(*file));
  }
  if (!fields.ok()) return fail(Errc::corrupt, "the list of files is damaged");
  return out;
}

std::uint64_t number_in(const otlp::Attributes& object, std::string_view key) {
  const otlp::Value* value = object.find(key);
  return value && value->is(otlp::ValueType::integer) && value->integer > 0 ? static_cast<std::uint64_t>(value->integer) : 0;
}

// A number of files, then an object for each, a line each.
Result<std::vector<KnownFile>> from_json(std::string_view value) {
  std::vector<KnownFile> out;
  auto lines = split(value, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    Arena arena;
    WEIR_ASSIGN(auto parsed, ottl::parse_json(lines[i], arena, ottl::JsonNumbers::whole_or_real));
    if (!parsed.is(otlp::ValueType::map)) return fail(Errc::corrupt, "a file is no JSON object");
    otlp::Attributes& object = parsed.map(arena);
    otlp::Value* fingerprint = object.find("Fingerprint");
    if (fingerprint == nullptr || !fingerprint->is(otlp::ValueType::map)) continue;
    otlp::Attributes& of_fingerprint = fingerprint->map(arena);
    const otlp::Value* first = of_fingerprint.find("first_bytes");
    if (first == nullptr) first = of_fingerprint.find("FirstBytes");
    KnownFile file{.offset = number_in(object, "Offset"), .record = number_in(object, "RecordNum")};
    if (first == nullptr || !first->is(otlp::ValueType::string) || !decode_base64(first->text, file.first_bytes)) continue;
    const otlp::Value* header = object.find("HeaderFinalized");
    file.header_done = header && header->is(otlp::ValueType::boolean) && header->boolean;
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace

Result<std::vector<KnownFile>> decode_known_files(std::string_view value) {
  bool json = !value.empty() && value[0] >= '0' && value[0] <= '9';
  return json ? from_json(value) : from_protobuf(value);
}

Result<std::vector<KnownFile>> read_known_files(io::Fs& fs, const std::string& path) {
  WEIR_ASSIGN(auto info, fs.info(path));
  if (!info || info->is_directory) return std::vector<KnownFile>();
  if (info->size > largest_file) return fail(Errc::permanent, "{} has {} bytes, more than {} are not read", path, info->size, largest_file);
  WEIR_ASSIGN(auto file, fs.open(path, io::OpenMode::read));
  std::string bytes(info->size, '\0');
  WEIR_ASSIGN(std::size_t got, file->read_at(0, bytes));
  bytes.resize(got);
  WEIR_ASSIGN(auto entries, storage::read_bolt(bytes, "default"));
  for (auto& [key, value] : entries)
    if (key == "knownFiles" || key.ends_with(".knownFiles")) return decode_known_files(value);
  return std::vector<KnownFile>();
}

}  // namespace weir::receivers::filelog
