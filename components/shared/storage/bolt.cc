#include "components/shared/storage/bolt.h"

#include <cstring>
#include <optional>

namespace weir::storage {
namespace {

// A file is pages of equal size; a tree begins at a page that a bucket names. All numbers are little-endian.
//   page: id 8, flags 2, count 2, overflow 4, then `count` elements
//   element of a branch: key's place (from the element) 4, key's size 4, page 8
//   element of a leaf: flags 4, key's place 4, key's size 4, value's size 4; the value stands behind the key
//   bucket: page 8 (0: the page follows right here), sequence 8
//   pages 0 and 1: after a page's head magic 4, version 4, page size 4, flags 4, the root bucket 16, free list 8, end 8, transaction 8, sum 8
constexpr std::uint32_t magic = 0xED0CDAED, version = 2, bucket_flag = 1;
constexpr std::uint16_t branch_page = 1, leaf_page = 2;
constexpr std::size_t page_head = 16, element_size = 16, bucket_head = 16, summed_bytes = 56;
constexpr int most_levels = 32;
constexpr std::size_t most_elements = 1'000'000;

template <class T>
std::optional<T> number(std::string_view bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return {};
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}
std::optional<std::string_view> part(std::string_view bytes, std::uint64_t at, std::uint64_t size) {
  if (at > bytes.size() || bytes.size() - at < size) return {};
  return bytes.substr(at, size);
}

std::uint64_t fnv64a(std::string_view bytes) {
  std::uint64_t out = 0xcbf29ce484222325;
  for (char c : bytes) out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return out;
}

struct Meta {
  std::uint64_t page_size = 0, root = 0, transaction = 0;
};

std::optional<Meta> read_meta(std::string_view page) {
  auto fields = part(page, page_head, summed_bytes + 8);
  if (!fields || *number<std::uint32_t>(*fields, 0) != magic || *number<std::uint32_t>(*fields, 4) != version) return {};
  if (*number<std::uint64_t>(*fields, summed_bytes) != fnv64a(fields->substr(0, summed_bytes))) return {};
  return Meta{*number<std::uint32_t>(*fields, 8), *number<std::uint64_t>(*fields, 16), *number<std::uint64_t>(*fields, 48)};
}

// The newer one of the two that is whole.
std::optional<Meta> newest_meta(std::string_view file) {
  auto first = read_meta(file);
  std::optional<Meta> second;
  // Where the second one is depends on the page size, which the first one has if it is whole.
  for (std::size_t size = 1024; size <= 64 * 1024 && !second; size *= 2)
    if (file.size() > size) second = read_meta(file.substr(size));
  if (!first || (second && second->transaction > first->transaction)) return second;
  return first;
}

class Walk {
 public:
  Walk(std::string_view file, std::uint64_t page_size) : file_(file), page_size_(page_size) {}

  // Calls each(flags, key, value) for the elements of the leaves. False when something does not fit.
  template <class Each>
  bool page_at(std::uint64_t id, Each& each, int depth = 0) {
    if (id > file_.size() / page_size_) return false;
    return page(file_.substr(std::min<std::uint64_t>(id * page_size_, file_.size())), each, depth);
  }
  template <class Each>
  bool page(std::string_view bytes, Each& each, int depth) {
    auto flags = number<std::uint16_t>(bytes, 8), count = number<std::uint16_t>(bytes, 10);
    if (!flags || !count || depth > most_levels || (*flags != branch_page && *flags != leaf_page)) return false;
    for (std::size_t i = 0; i < *count; ++i) {
      if (++elements_ > most_elements) return false;
      auto element = part(bytes, page_head + i * element_size, element_size);
      if (!element) return false;
      if (*flags == branch_page) {
        if (!page_at(*number<std::uint64_t>(*element, 8), each, depth + 1)) return false;
        continue;
      }
      std::uint64_t place = page_head + i * element_size + *number<std::uint32_t>(*element, 4), key_size = *number<std::uint32_t>(*element, 8);
      auto key = part(bytes, place, key_size), value = part(bytes, place + key_size, *number<std::uint32_t>(*element, 12));
      if (!key || !value) return false;
      each(*number<std::uint32_t>(*element, 0), *key, *value);
    }
    return true;
  }

 private:
  std::string_view file_;
  std::uint64_t page_size_;
  std::size_t elements_ = 0;
};

}  // namespace

Result<std::map<std::string, std::string, std::less<>>> read_bolt(std::string_view file, std::string_view bucket) {
  auto meta = newest_meta(file);
  if (!meta || meta->page_size < 512) return fail(Errc::corrupt, "no bbolt file, or its head is damaged");
  Walk walk(file, meta->page_size);
  std::optional<std::string_view> found;
  auto look = [&](std::uint32_t flags, std::string_view key, std::string_view value) {
    if (key == bucket && flags == bucket_flag) found = value;
  };
  std::map<std::string, std::string, std::less<>> out;
  auto take = [&](std::uint32_t flags, std::string_view key, std::string_view value) {
    if (flags == 0) out.emplace(key, value);
  };
  if (!walk.page_at(meta->root, look)) return fail(Errc::corrupt, "a page of the bbolt file is damaged");
  if (!found) return out;
  auto root = number<std::uint64_t>(*found, 0);
  bool whole = root && found->size() >= bucket_head && (*root == 0 ? walk.page(found->substr(bucket_head), take, 0) : walk.page_at(*root, take));
  if (!whole) return fail(Errc::corrupt, "a page of the bucket {} is damaged", bucket);
  return out;
}

}  // namespace weir::storage
