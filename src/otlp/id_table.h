#pragma once
// Where ids stand, by their hash.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/pages.h"
#include "base/prefetch.h"
#include "base/result.h"

namespace weir::otlp {

// A table of places, each of something that begins with, or leads to, its id. It keeps no ids: a word of a place has room for
// sixteen bits of the hash beside it, so seven places and what a look-up needs else are one cache line, and one line is
// all that a look-up of an unknown id reads. The caller knows the hash of an id (otlp::IdHash, whose seed clients do not know).
// The sixteen bits are those by which the next growths choose buckets, so that growing reads no ids, which are far apart.
//
// Invariants: (1) a place is in the first bucket on its way (home, home + step, home + 2 step, ...) that had room when it
// came; (2) `passed` of a bucket is at least the number of places whose way led past it (255: or more), so a search ends at
// a zero; (3) while the table grows, places are in `old_` until their bucket's turn comes, one with each insert(): nobody waits for
// a whole table to move, and old_ is empty again long before the next growth.
// One core. Memory is for the owner to charge: bytes().
class IdTable {
 public:
  // An address, of something aligned to four, and two bits that say of what.
  class Place {
   public:
    Place() = default;
    Place(const void* at, unsigned kind) : word_(reinterpret_cast<std::uintptr_t>(at) | kind) {
      WEIR_CHECK(word_ >> place_bits == 0, "an address of more than {} bits: {:x}", place_bits, word_);
    }
    explicit operator bool() const { return word_ != 0; }
    bool operator==(const Place&) const = default;
    unsigned kind() const { return word_ & 3; }
    template <class T>
    T& as() const {
      return *reinterpret_cast<T*>(word_ & ~std::uintptr_t{3});
    }
    void prefetch() const { weir::prefetch(reinterpret_cast<const void*>(word_)); }

   private:
    friend class IdTable;
    explicit Place(std::uint64_t word) : word_(word) {}
    std::uint64_t word_ = 0;
  };

  // Brings near what find() will read first.
  void prefetch(std::uint64_t hash) const {
    if (now_.buckets) weir::prefetch(&now_.home(hash));
    if (old_.buckets) weir::prefetch(&old_.home(hash));
  }
  // A place that find() will most likely look at, none when the id is most likely unknown. For prefetching it.
  Place guess(std::uint64_t hash) const {
    std::uint64_t* found = now_.buckets ? now_.home(hash).find(hash, [](Place) { return true; }) : nullptr;
    return found ? place_of(*found) : Place{};
  }
  // The place that has this hash and is the `same(place)`.
  template <class Same>
  Place find(std::uint64_t hash, Same same) const {
    std::uint64_t* found = now_.find(hash, same);
    if (found == nullptr && old_.buckets) found = old_.find(hash, same);
    return found ? place_of(*found) : Place{};
  }
  // One that is not in it. hash_of(place) is asked of others when the table grows.
  template <class HashOf>
  void insert(std::uint64_t hash, Place place, HashOf hash_of) {
    if (old_.buckets)
      move_some(hash_of);
    else if (size_ >= now_.room())
      grow();
    now_.insert(hash & now_.mask, word(hash, place), mark_of(hash));
    ++size_;
  }
  // The id of `from`, which is in it, stands at `to` from now on.
  void replace(std::uint64_t hash, Place from, Place to) {
    std::uint64_t& word = word_of(hash, from);
    word = (word & ~place_mask) | to.word_;
  }
  // `place` is in it.
  void erase(std::uint64_t hash, Place place) {
    if (!now_.erase(hash, place)) {
      bool was_old = old_.erase(hash, place);
      WEIR_CHECK(was_old, "a place that is not in the table");
    }
    --size_;
  }
  template <class F>
  void each(F f) const {  // f(place)
    for (const Buckets* part : {&now_, &old_})
      for (std::size_t i = 0; i < part->count(); ++i)
        for (std::uint64_t word : part->buckets[i].words)
          if (word) f(place_of(word));
  }

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return now_.memory.bytes() + old_.memory.bytes(); }

 private:
  static constexpr unsigned place_bits = 47;  // of an address that a process can have
  static constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
  static constexpr std::uint64_t away = std::uint64_t{1} << place_bits;  // stands behind its home
  static constexpr unsigned tag_shift = place_bits + 1, tag_bits = 16;
  static constexpr unsigned first_bits = 6;
  static constexpr std::size_t first_buckets = std::size_t{1} << first_bits;  // a page
  // Of seven: more save memory, but then a tenth of all places and more stand behind full buckets.
  static constexpr std::size_t mean_places = 5;

  // Eight more bits of the hash of each place stand together, so that one step tells which places can be the one.
  struct Bucket {
    std::uint64_t marks;                 // byte n: of word n, 0 when that is free; the last byte: passed
    std::array<std::uint64_t, 7> words;  // tag, away, place

    static constexpr std::uint64_t each = 0x0001'0101'0101'0101, all_passed = 0xFF;
    std::uint64_t passed() const { return marks >> 56; }
    // Once too many to count it stays so: searches go on past it.
    void count_passed(int change) {
      if (passed() != all_passed) marks += static_cast<std::uint64_t>(change) << 56;
    }
    // The highest bit of each byte that equals `mark`.
    std::uint64_t equal(std::uint64_t mark) const {
      std::uint64_t differ = marks ^ each * mark, low = each * 0x7F;
      return ~(((differ & low) + low) | differ) & each << 7;
    }
    std::uint64_t mark(std::size_t n) const { return marks >> 8 * n & 0xFF; }
    void set(std::size_t n, std::uint64_t word, std::uint64_t mark) {
      words[n] = word;
      marks = (marks & ~(std::uint64_t{0xFF} << 8 * n)) | mark << 8 * n;
    }
    template <class Same>
    std::uint64_t* find(std::uint64_t hash, Same same) {
      for (std::uint64_t left = equal(mark_of(hash)); left != 0; left &= left - 1) {
        std::uint64_t& word = words[static_cast<std::size_t>(std::countr_zero(left)) / 8];
        if (word >> tag_shift == tag_of(hash) && same(place_of(word))) return &word;
      }
      return nullptr;
    }
  };
  static_assert(sizeof(Bucket) == 64);

  static std::uint64_t mark_of(std::uint64_t hash) { return std::max<std::uint64_t>(1, hash >> 40 & 0xFF); }
  // The bits of the hash that follow those which choose one of the first buckets.
  static std::uint64_t tag_of(std::uint64_t hash) { return hash >> first_bits & ((std::uint64_t{1} << tag_bits) - 1); }
  static std::uint64_t word(std::uint64_t hash, Place place) { return tag_of(hash) << tag_shift | place.word_; }
  static Place place_of(std::uint64_t word) { return Place(word & place_mask); }

  struct Buckets {
    Pages memory;
    Bucket* buckets = nullptr;
    std::size_t mask = 0;

    Buckets() = default;
    explicit Buckets(std::size_t n) : memory(n * sizeof(Bucket)), buckets(reinterpret_cast<Bucket*>(memory.data())), mask(n - 1) {}
    Buckets(Buckets&& o) noexcept : memory(std::move(o.memory)), buckets(std::exchange(o.buckets, nullptr)), mask(o.mask) {}
    Buckets& operator=(Buckets&& o) noexcept {
      memory = Pages(std::move(o.memory));
      buckets = std::exchange(o.buckets, nullptr);
      mask = o.mask;
      return *this;
    }

    std::size_t count() const { return buckets ? mask + 1 : 0; }
    std::size_t room() const { return count() * mean_places; }
    Bucket& home(std::uint64_t hash) const { return buckets[hash & mask]; }
    // Odd steps lead past all buckets.
    std::size_t next(std::size_t i, std::uint64_t mark) const { return (i + (mark | 1)) & mask; }

    template <class Same>
    std::uint64_t* find(std::uint64_t hash, Same same) const {
      for (std::size_t i = hash & mask, tries = count(); tries-- > 0; i = next(i, mark_of(hash))) {
        if (std::uint64_t* found = buckets[i].find(hash, same)) return found;
        if (buckets[i].passed() == 0) break;
      }
      return nullptr;
    }
    void insert(std::size_t home, std::uint64_t word, std::uint64_t mark) {
      for (std::size_t i = home;; i = next(i, mark)) {
        if (std::uint64_t free = buckets[i].equal(0)) return buckets[i].set(static_cast<std::size_t>(std::countr_zero(free)) / 8, word, mark);
        buckets[i].count_passed(1);
        word |= away;
      }
    }
    bool erase(std::uint64_t hash, Place place) {
      std::uint64_t* found = find(hash, [&](Place at) { return at == place; });
      if (found == nullptr) return false;
      std::size_t i = hash & mask;
      for (; found < buckets[i].words.data() || found > &buckets[i].words.back(); i = next(i, mark_of(hash))) buckets[i].count_passed(-1);
      buckets[i].set(static_cast<std::size_t>(found - buckets[i].words.data()), 0, 0);
      return true;
    }
  };

  std::uint64_t& word_of(std::uint64_t hash, Place place) {
    auto same = [&](Place at) { return at == place; };
    std::uint64_t* found = now_.find(hash, same);
    if (found == nullptr) found = old_.find(hash, same);
    WEIR_CHECK(found != nullptr, "a place that is not in the table");
    return *found;
  }

  void grow() {
    old_ = std::move(now_);
    now_ = Buckets(old_.buckets ? old_.count() * 2 : first_buckets);
    moved_ = 0;
  }

  // `passed` stays as it is in old_: it may be too high.
  template <class HashOf>
  void move_some(HashOf hash_of) {
    constexpr std::size_t ahead = 8;
    if (moved_ + ahead < old_.count()) weir::prefetch(&old_.buckets[moved_ + ahead]);
    for (std::size_t home : {moved_ + ahead / 2, moved_ + ahead / 2 + old_.count()}) weir::prefetch(&now_.buckets[home & now_.mask]);
    unsigned tag_bit = static_cast<unsigned>(std::countr_zero(old_.count())) - first_bits;
    Bucket& bucket = old_.buckets[moved_];
    for (std::size_t n = 0; n < bucket.words.size(); ++n) {
      std::uint64_t word = bucket.words[n];
      if (word == 0) continue;
      bool told = !(word & away) && tag_bit < tag_bits;
      std::size_t home = told ? moved_ + (word >> (tag_shift + tag_bit) & 1) * old_.count() : hash_of(place_of(word)) & now_.mask;
      now_.insert(home, word & ~away, bucket.mark(n));
      bucket.set(n, 0, 0);
    }
    if (++moved_ == old_.count()) old_ = {};
  }

  Buckets now_, old_;
  std::size_t size_ = 0;
  std::size_t moved_ = 0;  // buckets of old_ that are empty
};

}  // namespace weir::otlp
