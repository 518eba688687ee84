#include "common/base/gres.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve {
namespace {

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

bool IsWord(std::string_view text) {
  return !text.empty() && !IsDigit(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
  });
}

// A type may begin with a digit ("1g.10gb", "3090"), yet what is all digits is a count.
bool IsType(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
  });
}

absl::Status Wrong(std::string_view element, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("'", element.substr(0, 60), "' ", why));
}

bool IsCount(std::string_view text) {
  if (text.empty() || !IsDigit(text[0])) return false;
  const std::string_view last = text.substr(text.size() - 1);
  if (last.find_first_of("kKmM") != last.npos) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), IsDigit);
}

absl::StatusOr<uint32_t> ParseCount(std::string_view element, std::string_view text) {
  uint64_t count = 0;
  for (char c : text) {
    if (!IsDigit(c)) {
      count *= c == 'k' || c == 'K' ? 1024 : 1024 * 1024;
    } else {
      count = count * 10 + static_cast<uint64_t>(c - '0');
    }
    if (count > kMaxGresCount) {
      return Wrong(element, StrCat("counts more than ", kMaxGresCount, ", which is not supported"));
    }
  }
  return static_cast<uint32_t>(count);
}

absl::StatusOr<Gres> ParseElement(std::string_view element) {
  std::string_view rest = element;
  for (std::string_view prefix : {"gres/", "gres:"}) {
    if (StartsWithIgnoreCase(rest, prefix)) rest.remove_prefix(prefix.size());
  }
  const std::vector<std::string_view> parts = Split(rest, ":=");
  Gres gres{std::string(parts[0]), "", 1};
  if (!IsWord(parts[0])) return Wrong(element, "does not begin with the name of a resource");
  size_t next = 1;
  if (next < parts.size() && !IsCount(parts[next])) {
    if (!IsType(parts[next])) return Wrong(element, "has a type that is none");
    if (EqualsIgnoreCase(parts[next], "no_consume")) {
      return Wrong(element, "is not supported: every resource is used up");
    }
    gres.type = std::string(parts[next++]);
  }
  if (next < parts.size() && IsCount(parts[next])) {
    absl::StatusOr<uint32_t> count = ParseCount(element, parts[next++]);
    if (!count.ok()) return count.status();
    gres.count = *count;
  }
  if (next < parts.size()) return Wrong(element, "is not NAME[:TYPE][:COUNT]");
  return gres;
}

}  // namespace

absl::StatusOr<std::vector<Gres>> ParseGres(std::string_view text) {
  std::vector<Gres> list;
  text = Strip(text);
  if (text.empty() || EqualsIgnoreCase(text, "none")) return list;
  for (std::string_view element : Split(text, ",")) {
    absl::StatusOr<Gres> gres = ParseElement(Strip(element));
    if (!gres.ok()) return gres.status();
    for (const Gres& other : list) {
      if (other.name == gres->name && other.type == gres->type) {
        return Wrong(element, "is named twice");
      }
    }
    list.push_back(*std::move(gres));
  }
  return list;
}

absl::StatusOr<Gres> ParseGpus(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, ":=");
  if (parts.size() > 2 || !IsCount(parts.back()) || (parts.size() == 2 && !IsType(parts[0]))) {
    return Wrong(text, "is not [TYPE:]COUNT");
  }
  absl::StatusOr<uint32_t> count = ParseCount(text, parts.back());
  if (!count.ok()) return count.status();
  return Gres{std::string(kGpu), parts.size() == 2 ? std::string(parts[0]) : "", *count};
}

std::string FormatGres(std::span<const Gres> list, std::string_view prefix) {
  std::string text;
  for (const Gres& gres : list) {
    StrAppend(&text, text.empty() ? "" : ",", prefix, gres.name, gres.type.empty() ? "" : ":",
              gres.type, ":", gres.count);
  }
  return text;
}

std::string WithoutBrackets(std::string_view text) {
  std::string out;
  int depth = 0;
  for (char c : text) {
    depth += c == '(';
    if (depth == 0) out += c;
    depth -= c == ')' && depth > 0;
  }
  return out;
}

}  // namespace reeve
