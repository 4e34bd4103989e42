#pragma once
// Lines that container runtimes write, taken apart.
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::stanza {

// A line of the container runtime interface: "2024-05-06T07:08:09.1Z stdout F text".
struct CriLine {
  std::string_view time, stream, tag, text;
};
enum class CriKind : std::uint8_t { crio, containerd };  // by how they write the zone: +02:00 or Z
// False when it is no such line. It holds no line end.
bool read_cri(std::string_view line, CriKind kind, CriLine& out);

// "2024-05-06T07:08:09.123456789Z" or with an offset, as nanoseconds since 1970. Only for years 1970 to 2261.
std::optional<std::int64_t> read_rfc3339(std::string_view text);

}  // namespace weir::stanza
