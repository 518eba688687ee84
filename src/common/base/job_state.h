// The states of a job (and of a step) and their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

enum class JobState : uint8_t {  // the values of reeve.v1.JobState
  kPending = 0,
  kRunning = 1,
  kSuspended = 2,
  kCompleted = 3,
  kCancelled = 4,
  kFailed = 5,
  kTimeout = 6,
  kNodeFail = 7,
  kPreempted = 8,
  kBootFail = 9,
  kDeadline = 10,
  kOutOfMemory = 11,
};
inline constexpr int kJobStateCount = 12;

enum JobFlag : uint32_t {  // bits beside the state; the values of reeve.v1.JobFlag
  kJobFlagNone = 0,
  kJobFlagCompleting = 1,
  kJobFlagConfiguring = 2,
  kJobFlagRequeued = 4,
  kJobFlagRequeueHold = 8,
  kJobFlagSpecialExit = 16,
};

std::string_view LongName(JobState state);     // "RUNNING"
std::string_view CompactName(JobState state);  // "R"

// What squeue shows: a flag (COMPLETING, CONFIGURING, ...) hides the state below it.
std::string_view DisplayName(JobState state, uint32_t flags);
std::string_view DisplayCompactName(JobState state, uint32_t flags);

bool IsFinished(JobState state);  // neither pending, running nor suspended
bool IsActive(JobState state);    // holds resources: running or suspended

// One name as users write it for -t: long or compact, any case. A flag's name (COMPLETING, CG, ...)
// yields the flag. InvalidArgument for other words.
struct StateFilter {
  std::optional<JobState> state;
  uint32_t flag = 0;  // of JobFlag; set when `state` is not
};
absl::StatusOr<StateFilter> ParseStateName(std::string_view name);

// "PD,R,completing"; "all" yields every state. A comma list, no empty elements.
absl::StatusOr<std::vector<StateFilter>> ParseStateList(std::string_view text);
bool Matches(const std::vector<StateFilter>& filters, JobState state, uint32_t flags);

}  // namespace reeve
