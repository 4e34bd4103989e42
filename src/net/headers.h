#pragma once
// Header fields of one message: names in lower case, in the order in which they came, all text in one buffer.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::net {

class HeaderList {
 public:
  struct Field {
    std::string_view name, value;
  };

  HeaderList() = default;
  HeaderList(std::initializer_list<Field> fields) {
    for (const Field& f : fields) add(f.name, f.value);
  }

  // Upper-case letters of `name` are lowered. Neither text may be of this list.
  void add(std::string_view name, std::string_view value);
  // Replaces all fields of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear() {
    text_.clear();
    entries_.clear();
  }

  // The first one. `name` in lower case.
  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view{}); }
  // All values of one name.
  std::vector<std::string_view> values(std::string_view name) const;

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // What limits count: the text and 32 bytes for each field, as in HTTP/2.
  std::size_t bytes() const { return text_.size() + 32 * entries_.size(); }
  Field operator[](std::size_t i) const {
    const Entry& e = entries_[i];
    return {{text_.data() + e.name, e.name_size}, {text_.data() + e.value, e.value_size}};
  }

  class Iterator {
   public:
    Iterator(const HeaderList* list, std::size_t i) : list_(list), i_(i) {}
    Field operator*() const { return (*list_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const HeaderList* list_;
    std::size_t i_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, entries_.size()}; }

 private:
  struct Entry {
    std::uint32_t name, name_size, value, value_size;
  };
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace weir::net
