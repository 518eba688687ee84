#include "common/base/job_state.h"

#include <array>

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve {
namespace {

struct StateNames {
  std::string_view name;
  std::string_view compact;
};

constexpr std::array<StateNames, kJobStateCount> kStates = {{
    {"PENDING", "PD"},
    {"RUNNING", "R"},
    {"SUSPENDED", "S"},
    {"COMPLETED", "CD"},
    {"CANCELLED", "CA"},
    {"FAILED", "F"},
    {"TIMEOUT", "TO"},
    {"NODE_FAIL", "NF"},
    {"PREEMPTED", "PR"},
    {"BOOT_FAIL", "BF"},
    {"DEADLINE", "DL"},
    {"OUT_OF_MEMORY", "OOM"},
}};

struct FlagNames {
  JobFlag flag;
  std::string_view name;
  std::string_view compact;
};

// In the order in which one hides the other.
constexpr FlagNames kFlags[] = {
    {kJobFlagCompleting, "COMPLETING", "CG"},    {kJobFlagConfiguring, "CONFIGURING", "CF"},
    {kJobFlagSpecialExit, "SPECIAL_EXIT", "SE"}, {kJobFlagRequeueHold, "REQUEUE_HOLD", "RH"},
    {kJobFlagRequeued, "REQUEUED", "RQ"},
};

// A daemon of another version may send a state that is not known here.
const StateNames& NamesOf(JobState state) {
  static constexpr StateNames kUnknown = {"?", "?"};
  const size_t index = static_cast<size_t>(state);
  return index < kStates.size() ? kStates[index] : kUnknown;
}

const FlagNames* TopFlag(uint32_t flags) {
  for (const FlagNames& flag : kFlags) {
    if ((flags & flag.flag) != 0) return &flag;
  }
  return nullptr;
}

}  // namespace

std::string_view LongName(JobState state) {
  return NamesOf(state).name;
}
std::string_view CompactName(JobState state) {
  return NamesOf(state).compact;
}

std::string_view DisplayName(JobState state, uint32_t flags) {
  const FlagNames* flag = TopFlag(flags);
  return flag != nullptr ? flag->name : LongName(state);
}

std::string_view DisplayCompactName(JobState state, uint32_t flags) {
  const FlagNames* flag = TopFlag(flags);
  return flag != nullptr ? flag->compact : CompactName(state);
}

bool IsFinished(JobState state) {
  return state >= JobState::kCompleted;
}
bool IsActive(JobState state) {
  return state == JobState::kRunning || state == JobState::kSuspended;
}

absl::StatusOr<StateFilter> ParseStateName(std::string_view name) {
  for (size_t i = 0; i < kStates.size(); ++i) {
    if (EqualsIgnoreCase(name, kStates[i].name) || EqualsIgnoreCase(name, kStates[i].compact)) {
      return StateFilter{static_cast<JobState>(i), 0};
    }
  }
  for (const FlagNames& flag : kFlags) {
    if (EqualsIgnoreCase(name, flag.name) || EqualsIgnoreCase(name, flag.compact)) {
      return StateFilter{std::nullopt, flag.flag};
    }
  }
  return absl::InvalidArgumentError(StrCat("Invalid job state specified: ", name.substr(0, 100)));
}

absl::StatusOr<std::vector<StateFilter>> ParseStateList(std::string_view text) {
  std::vector<StateFilter> filters;
  for (std::string_view element : Split(text, ",")) {
    if (EqualsIgnoreCase(element, "all")) {
      for (int i = 0; i < kJobStateCount; ++i) filters.push_back({static_cast<JobState>(i), 0});
      continue;
    }
    absl::StatusOr<StateFilter> filter = ParseStateName(element);
    if (!filter.ok()) return filter.status();
    filters.push_back(*filter);
  }
  return filters;
}

bool Matches(const std::vector<StateFilter>& filters, JobState state, uint32_t flags) {
  for (const StateFilter& filter : filters) {
    if (filter.state.has_value() ? *filter.state == state : (flags & filter.flag) != 0) return true;
  }
  return false;
}

}  // namespace reeve
