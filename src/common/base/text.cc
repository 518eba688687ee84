#include "common/base/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace reeve {

absl::Status Annotate(const absl::Status& status, std::string_view what) {
  if (status.ok()) return status;
  return absl::Status(status.code(), StrCat(what, ": ", status.message()));
}

std::vector<std::string_view> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> pieces;
  while (true) {
    const size_t end = text.find_first_of(separators);
    pieces.push_back(text.substr(0, end));
    if (end == text.npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> SplitSkipEmpty(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> pieces = Split(text, separators);
  std::erase(pieces, std::string_view());
  return pieces;
}

std::vector<std::string> SplitNames(std::string_view text) {
  const std::vector<std::string_view> names = SplitSkipEmpty(text, ",");
  return {names.begin(), names.end()};
}

bool Contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string_view Strip(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(text.front())) text.remove_prefix(1);
  while (!text.empty() && absl::ascii_isspace(text.back())) text.remove_suffix(1);
  return text;
}

std::string ToLower(std::string_view text) {
  return absl::AsciiStrToLower(ToAbsl(text));
}
std::string ToUpper(std::string_view text) {
  return absl::AsciiStrToUpper(ToAbsl(text));
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return absl::ascii_tolower(x) == absl::ascii_tolower(y);
  });
}

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  while (!from.empty()) {
    const size_t at = text.find(from);
    if (at == text.npos) break;
    StrAppend(&out, text.substr(0, at), to);
    text.remove_prefix(at + from.size());
  }
  StrAppend(&out, text);
  return out;
}

}  // namespace reeve
