// The keys of slurm.conf that say how priorities are worked out (PriorityType and what goes with
// it). Part of ConfigValues().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace reeve {

enum class UsageReset { kNone, kNow, kDaily, kWeekly, kMonthly, kQuarterly, kYearly };

struct PriorityConfig {
  bool multifactor = true;  // else first come, first served: PriorityType=priority/basic
  uint32_t weight_age = 0;
  uint32_t weight_assoc = 0;  // there are no associations yet: their factor is 0
  uint32_t weight_fair_share = 0;
  uint32_t weight_job_size = 0;
  uint32_t weight_partition = 0;
  uint32_t weight_qos = 0;  // likewise
  double weight_cpu = 0;    // of PriorityWeightTRES, which may be negative
  double weight_mem = 0;
  std::string weight_tres;  // as given
  absl::Duration max_age = absl::Hours(24 * 7);
  absl::Duration decay_half_life = absl::Hours(24 * 7);  // 0: usage does not fade
  absl::Duration calc_period = absl::Minutes(5);
  UsageReset usage_reset = UsageReset::kNone;
  uint32_t dampening = 1;  // FairShareDampeningFactor, with NO_FAIR_TREE
  bool favor_small = false;
  // PriorityFlags.
  bool accrue_always = false;
  bool small_relative_to_time = false;
  bool no_fair_tree = false;
  bool no_normal_partition = false;
  bool no_normal_tres = false;
};

struct ValueBinding;

std::vector<ValueBinding> PriorityBindings();

// What no single key shows: an error's words, empty when there is none.
std::string PriorityProblem(const PriorityConfig& config);
// What is honoured and does nothing yet, for the administrator to know.
std::vector<std::string> PriorityNotes(const PriorityConfig& config);

}  // namespace reeve
