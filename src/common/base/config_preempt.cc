#include "common/base/config_preempt.h"

#include <iterator>
#include <utility>

#include "common/base/config_values.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

constexpr std::pair<std::string_view, PreemptMode> kModes[] = {
    {"OFF", PreemptMode::kOff},
    {"CANCEL", PreemptMode::kCancel},
    {"REQUEUE", PreemptMode::kRequeue},
    // Resuming belongs to it, which in Slurm is GANG's part.
    {"GANG,SUSPEND", PreemptMode::kSuspend},
    {"SUSPEND,GANG", PreemptMode::kSuspend},
    {"SUSPEND", PreemptMode::kSuspend},
};
// GANG without SUSPEND is time slicing.
constexpr std::string_view kModesOfSlurm[] = {"GANG", "WITHIN", "PRIORITY"};

absl::Status SetType(Config& config, std::string_view value) {
  std::string_view word = value;
  if (StartsWithIgnoreCase(word, "preempt/")) word.remove_prefix(8);
  config.preempt.by_tier = EqualsIgnoreCase(word, "partition_prio");
  if (config.preempt.by_tier || EqualsIgnoreCase(word, "none") || value == "(null)") {
    return absl::OkStatus();
  }
  return Refused(value, "is not supported; use preempt/none or preempt/partition_prio");
}

std::string ShowType(const Config& config) {
  return config.preempt.by_tier ? "preempt/partition_prio" : "(null)";
}

absl::Status SetMode(Config& config, std::string_view value) {
  absl::StatusOr<PreemptMode> mode = ParsePreemptMode(value);
  if (mode.ok()) config.preempt.mode = *mode;
  return mode.status();
}

absl::Status SetExemptTime(Config& config, std::string_view value) {
  config.preempt.exempt_time = absl::ZeroDuration();
  if (value == "-1") return absl::OkStatus();
  absl::StatusOr<absl::Duration> time = ParseDuration(value);
  if (!time.ok()) return time.status();
  if (*time == absl::InfiniteDuration()) return Refused(value, "is not a time");
  config.preempt.exempt_time = *time;
  return absl::OkStatus();
}

}  // namespace

std::string_view PreemptModeName(PreemptMode mode) {
  for (const auto& [name, known] : kModes) {
    if (known == mode) return name;
  }
  return "OFF";
}

absl::StatusOr<PreemptMode> ParsePreemptMode(std::string_view text) {
  for (const auto& [name, mode] : kModes) {
    if (EqualsIgnoreCase(text, name)) return mode;
  }
  for (std::string_view word : SplitSkipEmpty(text, ",")) {
    for (std::string_view other : kModesOfSlurm) {
      if (!EqualsIgnoreCase(Strip(word), other)) continue;
      return absl::InvalidArgumentError(
          StrCat(other, " is not supported yet; OFF, CANCEL, REQUEUE and SUSPEND,GANG are"));
    }
  }
  return Refused(text, "is none of OFF, CANCEL, REQUEUE, SUSPEND,GANG");
}

absl::StatusOr<absl::Duration> ParseGraceTime(std::string_view text) {
  absl::StatusOr<uint64_t> seconds =
      ParseUint(text, "number of seconds", absl::ToInt64Seconds(kLongestGrace));
  if (!seconds.ok()) return seconds.status();
  return absl::Seconds(static_cast<int64_t>(*seconds));
}

std::vector<ValueBinding> PreemptBindings() {
  return {
      {"PreemptExemptTime", SetExemptTime,
       [](const Config& config) { return FormatDuration(config.preempt.exempt_time); }},
      {"PreemptMode", SetMode,
       [](const Config& config) { return std::string(PreemptModeName(config.preempt.mode)); }},
      {"PreemptType", SetType, ShowType},
  };
}

std::string PreemptProblem(const PreemptConfig& config) {
  if (config.by_tier && config.mode == PreemptMode::kOff) {
    return "PreemptType=preempt/partition_prio needs a PreemptMode: CANCEL, REQUEUE or "
           "SUSPEND,GANG (a "
           "partition whose jobs are to be left alone takes PreemptMode=OFF)";
  }
  if (!config.by_tier && config.mode != PreemptMode::kOff) {
    return StrCat("PreemptMode=", PreemptModeName(config.mode),
                  " needs PreemptType=preempt/partition_prio");
  }
  return "";
}

std::vector<std::string> PreemptNotes(const Config& config) {
  std::vector<std::string> notes;
  if (config.preempt.by_tier) return notes;
  for (const PartitionConfig& partition : config.partitions) {
    const bool on = partition.preempt_mode.value_or(PreemptMode::kOff) != PreemptMode::kOff;
    if (!on && partition.grace_time == absl::ZeroDuration()) continue;
    notes.push_back(StrCat("partition ", partition.name, ": ", on ? "PreemptMode" : "GraceTime",
                           " has no effect without PreemptType=preempt/partition_prio"));
  }
  return notes;
}

}  // namespace reeve
