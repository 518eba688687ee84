// The keys of slurm.conf that say which running jobs make room for others (PreemptType and what
// goes with it). Part of ConfigValues().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace reeve {

// What becomes of a job that makes room. kRequeue: where it may be requeued, else it is cancelled.
// kSuspend: it stands still until those that took its CPUs have ended.
enum class PreemptMode : uint8_t { kOff, kCancel, kRequeue, kSuspend };

std::string_view PreemptModeName(PreemptMode mode);  // "OFF", "GANG,SUSPEND" as Slurm shows it
// In any case; GANG goes with SUSPEND, in any order. InvalidArgument for others, which names those
// of Slurm that are not supported.
absl::StatusOr<PreemptMode> ParsePreemptMode(std::string_view text);

constexpr absl::Duration kLongestGrace = absl::Hours(24 * 365);
// GraceTime: a number of seconds.
absl::StatusOr<absl::Duration> ParseGraceTime(std::string_view text);

struct PreemptConfig {
  bool by_tier = false;                               // PreemptType=preempt/partition_prio
  PreemptMode mode = PreemptMode::kOff;               // of partitions that do not say
  absl::Duration exempt_time = absl::ZeroDuration();  // who has run for less is left alone
};

struct Config;
struct ValueBinding;

std::vector<ValueBinding> PreemptBindings();

// What no single key shows: an error's words, empty when there is none.
std::string PreemptProblem(const PreemptConfig& config);
// What is said and has no effect, for the administrator to know.
std::vector<std::string> PreemptNotes(const Config& config);

}  // namespace reeve
