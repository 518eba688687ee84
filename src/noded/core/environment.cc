#include "noded/core/environment.h"

namespace reeve::noded {

Environment::Environment(std::span<const std::string> entries) {
  for (const std::string& entry : entries) {
    size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    if (entry.find('\0') != std::string::npos) continue;
    std::string_view text = entry;
    Set(text.substr(0, equals), text.substr(equals + 1));
  }
}

void Environment::Set(std::string_view name, std::string_view value) {
  // As exec would take it: a NUL ends the text.
  values_.insert_or_assign(std::string(name), std::string(value.substr(0, value.find('\0'))));
}

void Environment::SetDefault(std::string_view name, std::string_view value) {
  if (!values_.contains(name)) Set(name, value);
}

void Environment::Unset(std::string_view name) {
  auto found = values_.find(name);
  if (found != values_.end()) values_.erase(found);
}

std::optional<std::string> Environment::Get(std::string_view name) const {
  auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Environment::Entries() const {
  std::vector<std::string> entries;
  entries.reserve(values_.size());
  for (const auto& [name, value] : values_) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace reeve::noded
