// JSON as commands print it: indented by two blanks, members in the order in which they are added.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.h"

namespace reeve {

class JsonWriter {
 public:
  // `name` names a member of an object; elements of arrays and the whole have none.
  void BeginObject(std::string_view name = "");
  void EndObject() { End('}'); }
  void BeginArray(std::string_view name = "");
  void EndArray() { End(']'); }
  // Bytes that are not UTF-8 become U+FFFD.
  void String(std::string_view name, std::string_view value);
  template <std::integral Whole>
  void Number(std::string_view name, Whole value) {
    Name(name);
    StrAppend(&text_, value);
  }
  // Six significant digits; what is not finite is null.
  void Number(std::string_view name, double value);
  void Numbers(std::string_view name, const std::vector<double>& values);  // an array in one line
  void Bool(std::string_view name, bool value);
  void Null(std::string_view name);

  // Once everything that was begun has been ended; ends with '\n'.
  std::string Take();

 private:
  void Begin(std::string_view name, char bracket);
  void End(char bracket);
  void Name(std::string_view name);  // what comes before a value
  void NewLine();

  std::string text_;
  size_t depth_ = 0;
  bool empty_ = true;  // nothing stands in what was begun last
};

// The text in quotes.
std::string JsonString(std::string_view text);

}  // namespace reeve
