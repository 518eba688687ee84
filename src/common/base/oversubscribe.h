// OverSubscribe of a partition: how many jobs may have a CPU of a node at a time. As in
// slurm.conf(5); a partition that says nothing has NO.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

enum class OverSubscribe { kNo, kExclusive, kYes, kForce };

struct OverSubscribeRule {
  OverSubscribe kind = OverSubscribe::kNo;
  uint32_t jobs = 4;  // on a CPU; of kYes and kForce
};

// "NO", "EXCLUSIVE", "YES", "YES:2", "FORCE", "FORCE:1", in any case; without a number it is 4.
absl::StatusOr<OverSubscribeRule> ParseOverSubscribe(std::string_view text);
std::string OverSubscribeText(const OverSubscribeRule& rule);  // "YES:4"

}  // namespace reeve
