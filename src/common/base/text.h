// Text helpers on std::string_view. Debian builds Abseil with a string_view of its own, which
// converts neither from nor to the standard's, so absl::StrCat and its kin refuse what the rest of
// the code (and protobuf's users) hand around. These accept both; absl::StrFormat does already.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace reeve {

inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view ToStd(absl::string_view text) {
  return {text.data(), text.size()};
}

namespace internal {
inline absl::string_view Piece(std::string_view text) {
  return ToAbsl(text);
}
template <class T>
const T& Piece(const T& value) {
  return value;
}
}  // namespace internal

template <class... T>
std::string StrCat(const T&... values) {
  return absl::StrCat(internal::Piece(values)...);
}
template <class... T>
void StrAppend(std::string* out, const T&... values) {
  absl::StrAppend(out, internal::Piece(values)...);
}

// What a status says, as a view that lives as long as it.
inline std::string_view Message(const absl::Status& status) {
  return ToStd(status.message());
}
// The same status with "what: " before its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view what);

// Pieces between any of `separators`; an empty text is one empty piece. Split drops nothing,
// SplitSkipEmpty drops empty pieces. The pieces are views of `text`: a temporary string, which a
// loop over them would outlive, is none.
std::vector<std::string_view> Split(std::string_view text, std::string_view separators);
std::vector<std::string_view> SplitSkipEmpty(std::string_view text, std::string_view separators);
template <std::same_as<std::string> Temporary>
std::vector<std::string_view> Split(Temporary&&, std::string_view) = delete;
template <std::same_as<std::string> Temporary>
std::vector<std::string_view> SplitSkipEmpty(Temporary&&, std::string_view) = delete;

// The names of a comma list, without empty ones.
std::vector<std::string> SplitNames(std::string_view text);
bool Contains(const std::vector<std::string>& list, std::string_view item);

std::string_view Strip(std::string_view text);  // without blanks at both ends
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix);
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

template <class Range>
std::string Join(const Range& range, std::string_view separator) {
  std::string out;
  bool first = true;
  for (const auto& element : range) {
    if (!first) out += separator;
    first = false;
    StrAppend(&out, element);
  }
  return out;
}

}  // namespace reeve
