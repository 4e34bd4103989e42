#include "components/extensions/pprof/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace weir::extensions::pprof {
namespace {

// A whole file, read-only in memory.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat s;
    if (::fstat(fd, &s) == 0 && s.st_size > 0) {
      void* at = ::mmap(nullptr, static_cast<std::size_t>(s.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
      if (at != MAP_FAILED) bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(s.st_size)};
    }
    ::close(fd);
  }
  MappedFile(const MappedFile&) = delete;
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
  // Null when it is not all there.
  template <class T>
  const T* at(std::uint64_t offset, std::uint64_t count = 1) const {
    if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T)) return nullptr;
    return reinterpret_cast<const T*>(bytes_.data() + offset);
  }
  std::string text(std::uint64_t offset) const {
    if (offset >= bytes_.size()) return {};
    return std::string(bytes_.substr(offset, bytes_.find('\0', offset) - offset));
  }

 private:
  std::string_view bytes_;
};

std::string demangled(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string out = text && status == 0 ? text : name;
  std::free(text);
  return out;
}

// What to add to an address of the file's own counting to get one of this process.
std::optional<std::uintptr_t> bias_of(const MappedFile& file, const Elf64_Ehdr& head, const Mapping& mapping) {
  auto* programs = file.at<Elf64_Phdr>(head.e_phoff, head.e_phnum);
  if (programs == nullptr) return {};
  for (int i = 0; i < head.e_phnum; ++i) {
    auto& p = programs[i];
    if (p.p_type != PT_LOAD || !(p.p_flags & PF_X)) continue;
    if (mapping.offset >= (p.p_offset & ~0xFFFULL) && mapping.offset < p.p_offset + p.p_filesz)
      return mapping.start - mapping.offset - (p.p_vaddr - p.p_offset);
  }
  return {};
}

// The full table, or that of what is exported.
const Elf64_Shdr* symbol_table(const MappedFile& file, const Elf64_Ehdr& head) {
  auto* sections = file.at<Elf64_Shdr>(head.e_shoff, head.e_shnum);
  if (sections == nullptr) return nullptr;
  for (unsigned wanted : {SHT_SYMTAB, SHT_DYNSYM})
    for (int i = 0; i < head.e_shnum; ++i)
      if (sections[i].sh_type == wanted && sections[i].sh_link < head.e_shnum) return &sections[i];
  return nullptr;
}

void name_in_file(const Mapping& mapping, std::span<const std::uintptr_t> addresses, std::map<std::uintptr_t, std::string>& out) {
  MappedFile file(mapping.file);
  auto* head = file.at<Elf64_Ehdr>(0);
  if (head == nullptr || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64) return;
  auto bias = bias_of(file, *head, mapping);
  auto* table = symbol_table(file, *head);
  if (!bias || table == nullptr) return;
  auto* strings = file.at<Elf64_Shdr>(head->e_shoff, head->e_shnum) + table->sh_link;
  std::uint64_t count = table->sh_size / sizeof(Elf64_Sym);
  auto* symbols = file.at<Elf64_Sym>(table->sh_offset, count);
  for (std::uint64_t i = 0; symbols && i < count; ++i) {
    auto& s = symbols[i];
    if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || s.st_value == 0) continue;
    std::uintptr_t start = s.st_value + *bias;
    auto at = std::lower_bound(addresses.begin(), addresses.end(), start);
    for (; at != addresses.end() && *at < start + s.st_size; ++at)
      if (!out.contains(*at)) out[*at] = demangled(file.text(strings->sh_offset + s.st_name));
  }
}

}  // namespace

std::vector<Mapping> executable_mappings() {
  std::vector<Mapping> out;
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line);) {
    Mapping m;
    std::string permissions, device, inode;
    char dash = 0;
    std::istringstream words(line);
    words >> std::hex >> m.start >> dash >> m.limit >> permissions >> m.offset >> device >> inode >> std::ws;
    std::getline(words, m.file);
    if (permissions.size() >= 3 && permissions[2] == 'x' && m.file.starts_with('/')) out.push_back(std::move(m));
  }
  return out;
}

std::map<std::uintptr_t, std::string> function_names(std::span<const Mapping> mappings, std::span<const std::uintptr_t> addresses) {
  std::map<std::uintptr_t, std::string> out;
  for (auto& mapping : mappings) {
    auto first = std::lower_bound(addresses.begin(), addresses.end(), mapping.start);
    auto last = std::lower_bound(first, addresses.end(), mapping.limit);
    if (first != last) name_in_file(mapping, std::span(first, last), out);
  }
  return out;
}

}  // namespace weir::extensions::pprof
