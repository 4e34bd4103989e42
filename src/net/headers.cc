#include "net/headers.h"

namespace weir::net {

void HeaderList::add(std::string_view name, std::string_view value) {
  auto at = static_cast<std::uint32_t>(text_.size());
  text_ += name;
  for (std::size_t i = at; i < text_.size(); ++i)
    if (text_[i] >= 'A' && text_[i] <= 'Z') text_[i] = static_cast<char>(text_[i] + 32);
  text_ += value;
  auto name_size = static_cast<std::uint32_t>(name.size());
  entries_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

void HeaderList::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

// The text stays behind; lists are short-lived.
void HeaderList::remove(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& e) { return std::string_view(text_).substr(e.name, e.name_size) == name; });
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
  for (Field field : *this)
    if (field.name == name) return field.value;
  return std::nullopt;
}

std::vector<std::string_view> HeaderList::values(std::string_view name) const {
  std::vector<std::string_view> out;
  for (Field field : *this)
    if (field.name == name) out.push_back(field.value);
  return out;
}

}  // namespace weir::net
