// Host lists in Slurm's notation: names separated by commas or blanks, each with any number of
// bracket groups of numbers and ranges, "n[1-3,07],gpu,rack[0-3]_blade[0-41]".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

inline constexpr size_t kMaxHosts = 65536;  // an expansion may not yield more

// All names in the order written; duplicates are kept, leading zeros fix the width ("n[08-10]" is
// n08 n09 n10). Of several groups the last one varies fastest. An empty text is an empty list.
// Empty elements ("a,,b") are skipped. InvalidArgument for unbalanced or nested brackets, empty or
// descending ranges, characters that no host name has, and lists of more than kMaxHosts names.
absl::StatusOr<std::vector<std::string>> ExpandHostlist(std::string_view text);

// A short list of the same set of names: names that differ only in their trailing number share
// brackets, prefixes in the order of their first appearance, numbers ascending, duplicates
// dropped: {n3, n1, gpu, n2} is "n[1-3],gpu". With a number alone
// there are no brackets ("n7").
std::string CompressHostlist(std::span<const std::string> hosts);

// As CompressHostlist, but keeps order and duplicates, folding only neighbours ({n3, n1, n2, gpu,
// n4} is "n[3,1-2],gpu,n4"): for when the order of nodes matters.
std::string CompressHostlistInOrder(std::span<const std::string> hosts);

// Less-than that orders names as administrators expect: by text with each run of digits compared
// as a number ("n2" < "n10").
bool HostLess(std::string_view a, std::string_view b);

// Letters, digits, '-', '_' and '.', at most 253 bytes, not empty.
bool IsHostName(std::string_view name);

}  // namespace reeve
