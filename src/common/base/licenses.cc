#include "common/base/licenses.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '+' || c == '/';
  });
}

}  // namespace

absl::StatusOr<std::vector<License>> ParseLicenses(std::string_view text) {
  std::map<std::string, uint64_t> counts;
  for (std::string_view part : SplitSkipEmpty(text, ",;")) {
    const size_t colon = part.find(':');
    const std::string_view name = part.substr(0, colon);
    if (!IsName(name)) {
      return absl::InvalidArgumentError(StrCat("'", part, "' is no licence: NAME[:COUNT]"));
    }
    uint64_t count = 1;
    if (colon != part.npos) {
      absl::StatusOr<uint64_t> number =
          ParseUint(part.substr(colon + 1), "count of licences", kMostLicenses);
      if (!number.ok()) return number.status();
      count = *number;
    }
    uint64_t& sum = counts[std::string(name)];
    sum += count;
    if (sum > kMostLicenses) {
      return absl::InvalidArgumentError(StrCat("more than ", kMostLicenses, " licences ", name));
    }
  }
  std::vector<License> licenses;
  for (const auto& [name, count] : counts) {
    licenses.push_back({name, static_cast<uint32_t>(count)});
  }
  return licenses;
}

std::string FormatLicenses(const std::vector<License>& licenses) {
  std::string text;
  for (const License& license : licenses) {
    StrAppend(&text, text.empty() ? "" : ",", license.name, ":", license.count);
  }
  return text;
}

}  // namespace reeve
