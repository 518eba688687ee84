#include "cli/sacct_option_values.h"

#include <grp.h>
#include <pwd.h>

#include <cctype>
#include <vector>

#include "cli/sacct_time.h"
#include "common/base/array_spec.h"
#include "common/base/ids.h"
#include "common/base/job_state.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli::sacct {
namespace {

namespace pb = reeve::v1;

constexpr uint64_t kMaxArrayTasks = 10000;  // named one by one in a query

std::optional<uint32_t> FindId(std::string_view text, bool group) {
  const absl::StatusOr<uint64_t> number = ParseUint(text, "id", UINT32_MAX - 1);
  if (number.ok()) return static_cast<uint32_t>(*number);
  const std::string name(text);
  if (group) {
    const struct group* found = getgrnam(name.c_str());
    if (found != nullptr) return found->gr_gid;
  } else if (const struct passwd* found = getpwnam(name.c_str())) {
    return found->pw_uid;
  }
  return std::nullopt;
}

template <class Ids>
Fault AddIds(std::string_view text, bool group, Ids* ids) {
  for (std::string_view name : SplitSkipEmpty(text, ",")) {
    const std::optional<uint32_t> id = FindId(name, group);
    if (!id) return Error(StrCat(group ? "Invalid group id: " : "Invalid user id: ", name));
    ids->Add(*id);
  }
  return kFine;
}

// Commas inside of "12_[1,3-5]" separate nothing.
std::vector<std::string_view> SplitJobs(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '[') ++depth;
    if (i < text.size() && text[i] == ']') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    if (i > begin) parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

}  // namespace

Fault Error(std::string_view message) {
  return SacctFault{{StrCat("sacct: error: ", message)}};
}
Fault Fatal(std::string_view message) {
  return SacctFault{{StrCat("sacct: fatal: ", message)}};
}

Fault AddUsers(std::string_view text, pb::QueryAccountingRequest* request) {
  return AddIds(text, /*group=*/false, request->mutable_uids());
}
Fault AddGroups(std::string_view text, pb::QueryAccountingRequest* request) {
  return AddIds(text, /*group=*/true, request->mutable_gids());
}

Fault AddJobs(std::string_view text, pb::QueryAccountingRequest* request) {
  for (std::string_view part : SplitJobs(text)) {
    const absl::StatusOr<JobSelector> job = ParseJobSelector(part);
    if (!job.ok()) return Fatal(StrCat("Bad job/step specified: ", part));
    pb::JobSelectorText selector;
    // The ids of a heterogeneous job's components follow each other.
    selector.set_job_id(job->job.value + job->het_offset.value_or(0));
    if (job->het_offset) selector.set_het_offset(*job->het_offset);
    if (job->array_task) selector.set_array_task_id(*job->array_task);
    if (job->step) selector.set_step_id(job->step->value);
    if (job->array_tasks.empty()) {
      *request->add_jobs() = selector;
      continue;
    }
    const absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job->array_tasks);
    if (!tasks.ok() || tasks->count() > kMaxArrayTasks) {
      return Fatal(StrCat("Bad job/step specified: ", part));
    }
    tasks->ForEach([&](uint32_t task) {
      selector.set_array_task_id(task);
      *request->add_jobs() = selector;
    });
  }
  return kFine;
}

Fault AddStates(std::string_view text, pb::QueryAccountingRequest* request) {
  for (std::string_view name : SplitSkipEmpty(text, ",")) {
    const absl::StatusOr<StateFilter> state = ParseStateName(name);
    if (!state.ok()) return Fatal(StrCat("unrecognized job state value '", name, "'"));
    *request->add_states() = state->state ? std::string(LongName(*state->state)) : ToUpper(name);
  }
  return kFine;
}

Fault SetTime(std::string_view text, absl::Time now, std::optional<int64_t>* seconds) {
  const absl::StatusOr<absl::Time> time = ParsePastTime(text, now);
  if (!time.ok()) return SacctFault{{std::string(Message(time.status()))}};
  *seconds = absl::ToUnixSeconds(*time);
  return kFine;
}

Fault SetRange(std::string_view text, std::string_view option, std::optional<NumberRange>* range) {
  const size_t dash = text.find('-');
  NumberRange parsed;
  absl::StatusOr<uint64_t> number = ParseUint(text.substr(0, dash), option, UINT32_MAX);
  if (number.ok()) {
    parsed.min = parsed.max = *number;
    if (dash != std::string_view::npos) {
      parsed.max = UINT64_MAX;
      if (dash + 1 < text.size()) number = ParseUint(text.substr(dash + 1), option, UINT32_MAX);
      if (number.ok() && dash + 1 < text.size()) parsed.max = *number;
    }
  }
  if (!number.ok() || parsed.max < parsed.min) {
    return Error(StrCat("--", option, " wants MIN[-MAX], not ", text));
  }
  *range = parsed;
  return kFine;
}

Fault SetLimit(std::string_view text, std::optional<uint64_t>* minutes) {
  const absl::StatusOr<absl::Duration> limit = ParseTimeLimit(text);
  if (!limit.ok()) return Fatal(StrCat("Invalid time limit specified: ", text));
  *minutes = *limit == absl::InfiniteDuration()
                 ? UINT64_MAX
                 : static_cast<uint64_t>(absl::ToInt64Minutes(*limit));
  return kFine;
}

Fault SetUnit(std::string_view text, UnitOptions* units) {
  const char letter = text.empty() ? ' ' : static_cast<char>(toupper(text[0]));
  if (text.size() != 1 || std::string_view("KMGTP").find(letter) == std::string_view::npos) {
    return SacctFault{
        {StrCat("sacct: error: Invalid unit type '", text, "'. Possible options are 'KMGTP'"),
         "sacct: fatal: Invalid unit type"}};
  }
  units->unit = letter;
  return kFine;
}

}  // namespace reeve::cli::sacct
