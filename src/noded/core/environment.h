// A process's environment: NAME=value entries, each name once.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::noded {

class Environment {
 public:
  Environment() = default;
  // Of several entries of one name the last wins. Entries without '=' or with an empty name
  // are dropped.
  explicit Environment(std::span<const std::string> entries);

  void Set(std::string_view name, std::string_view value);
  void SetDefault(std::string_view name, std::string_view value);  // unless it is there
  void Unset(std::string_view name);
  std::optional<std::string> Get(std::string_view name) const;

  std::vector<std::string> Entries() const;  // sorted by name

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace reeve::noded
