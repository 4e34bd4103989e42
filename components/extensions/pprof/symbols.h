#pragma once
// Names of functions, from the symbol tables of the files that are mapped into this process.
#include <map>
#include <span>
#include <string>
#include <vector>

namespace weir::extensions::pprof {

// An executable part of a mapped file.
struct Mapping {
  std::uintptr_t start = 0, limit = 0;
  std::uint64_t offset = 0;  // in the file
  std::string file;
};

// Of this process, in order of address.
std::vector<Mapping> executable_mappings();

// Demangled names of those addresses that a symbol table knows. `addresses` sorted. Reads files; not for a hot path.
std::map<std::uintptr_t, std::string> function_names(std::span<const Mapping> mappings, std::span<const std::uintptr_t> addresses);

}  // namespace weir::extensions::pprof
