// Lists of licences as slurm.conf's Licenses and --licenses have them: "foo:4,bar" or "foo:4;bar";
// a count that is not given is 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

struct License {
  std::string name;
  uint32_t count = 1;

  friend bool operator==(const License&, const License&) = default;
};

inline constexpr uint32_t kMostLicenses = 1'000'000;  // of one name
inline constexpr size_t kMostLicenseNames = 100;      // of a cluster

// In the order of their names, each once: counts of one name are added. InvalidArgument for
// anything else, licences of a server (NAME@SERVER) and alternatives (A|B) among them.
absl::StatusOr<std::vector<License>> ParseLicenses(std::string_view text);
std::string FormatLicenses(const std::vector<License>& licenses);  // "bar:1,foo:4"

}  // namespace reeve
