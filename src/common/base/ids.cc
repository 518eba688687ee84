#include "common/base/ids.h"

#include "common/base/array_spec.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

constexpr uint32_t kHighestId = UINT32_MAX - 1;  // UINT32_MAX says "none" in Slurm's world

absl::Status Invalid(std::string_view text) {
  return absl::InvalidArgumentError(StrCat("Invalid job id ", text.substr(0, 100)));
}

absl::Status ParseArrayPart(std::string_view part, JobSelector& selector) {
  if (part == "*" || part == "[*]") {
    selector.whole_array = true;
    return absl::OkStatus();
  }
  if (part.size() > 2 && part.front() == '[' && part.back() == ']') {
    absl::StatusOr<ArraySpec> spec =
        ParseArraySpec(part.substr(1, part.size() - 2), kHighestTask + 1);
    if (!spec.ok()) return spec.status();
    selector.array_tasks = spec->tasks.ToString();
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> task = ParseUint(part, "array task id", kHighestId);
  if (!task.ok()) return task.status();
  selector.array_task = static_cast<uint32_t>(*task);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<JobSelector> ParseJobSelector(std::string_view text) {
  JobSelector selector;
  std::string_view rest = text;
  const size_t dot = rest.find('.');
  if (dot != rest.npos) {
    absl::StatusOr<StepId> step = ParseStepId(rest.substr(dot + 1));
    if (!step.ok()) return Invalid(text);
    selector.step = *step;
    rest = rest.substr(0, dot);
  }
  const size_t plus = rest.find('+');
  if (plus != rest.npos) {
    absl::StatusOr<uint64_t> offset = ParseUint(rest.substr(plus + 1), "offset", UINT16_MAX);
    if (!offset.ok()) return Invalid(text);
    selector.het_offset = static_cast<uint32_t>(*offset);
    rest = rest.substr(0, plus);
    if (rest.find('_') != rest.npos) return Invalid(text);
  }
  const size_t underscore = rest.find('_');
  if (underscore != rest.npos) {
    if (!ParseArrayPart(rest.substr(underscore + 1), selector).ok()) return Invalid(text);
    rest = rest.substr(0, underscore);
  }
  absl::StatusOr<JobId> job = ParseJobId(rest);
  if (!job.ok()) return Invalid(text);
  selector.job = *job;
  return selector;
}

std::string ToString(JobId id) {
  return StrCat(id.value);
}

std::string ToString(StepId id) {
  if (id == kBatchStep) return "batch";
  if (id == kExternStep) return "extern";
  if (id == kInteractiveStep) return "interactive";
  return StrCat(id.value);
}

std::string ToString(JobId job, StepId step) {
  return StrCat(ToString(job), ".", ToString(step));
}

absl::StatusOr<JobId> ParseJobId(std::string_view text) {
  absl::StatusOr<uint64_t> value = ParseUint(text, "job id", kHighestId);
  if (!value.ok() || *value == 0) return Invalid(text);
  return JobId{static_cast<uint32_t>(*value)};
}

absl::StatusOr<StepId> ParseStepId(std::string_view text) {
  if (EqualsIgnoreCase(text, "batch")) return kBatchStep;
  if (EqualsIgnoreCase(text, "extern")) return kExternStep;
  if (EqualsIgnoreCase(text, "interactive")) return kInteractiveStep;
  absl::StatusOr<uint64_t> value = ParseUint(text, "step id", INT32_MAX);
  if (!value.ok()) return value.status();
  return StepId{static_cast<int32_t>(*value)};
}

std::string DisplayJobId(JobId job, JobId array_job, std::optional<uint32_t> array_task) {
  if (array_task.has_value()) return StrCat(array_job.value, "_", *array_task);
  return ToString(job);
}

}  // namespace reeve
