// Writes JSON, two blanks an indent, members in the order in which they come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::replay {

class JsonWriter {
 public:
  // Each opens with the member's name, or without one in an array and at the top.
  void BeginObject(std::string_view name = {}) { Begin(name, '{'); }
  void EndObject() { End('}'); }
  void BeginArray(std::string_view name = {}) { Begin(name, '['); }
  void EndArray() { End(']'); }

  void Text(std::string_view name, std::string_view value);
  void Number(std::string_view name, uint64_t value);
  // Six significant digits; what is not finite is null.
  void Number(std::string_view name, double value);

  // An array in one line.
  void Numbers(std::string_view name, const std::vector<double>& values);

  std::string Take();  // the document, with a line break at its end

 private:
  void Begin(std::string_view name, char bracket);
  void End(char bracket);
  void StartValue(std::string_view name);

  std::string out_;
  int depth_ = 0;
  bool first_ = true;  // of what is open
};

}  // namespace reeve::replay
