#include "cli/option_values.h"

#include <unistd.h>

#include <array>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "cli/signal_name.h"
#include "cli/srun_request.h"
#include "cli/text_match.h"
#include "common/base/array_spec.h"
#include "common/base/gpu_bind.h"
#include "common/base/gres.h"
#include "common/base/switches.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

constexpr int64_t kNiceLimit = 2147483645;  // Slurm's NICE_OFFSET - 3
constexpr uint64_t kUsualWarning = 60;      // seconds, of --signal
constexpr uint64_t kLongestWarning = 65535;

OptionFault ValueNotSupported(const OptionRow& row, std::string_view value) {
  return NotSupported(StrCat("--", row.name, "=", value));
}

// "4", "2k", "1m": numbers of nodes.
bool ParseNodeCount(std::string_view text, uint32_t* out) {
  uint64_t factor = 1;
  if (text.ends_with('k') || text.ends_with('K')) factor = 1024;
  if (text.ends_with('m') || text.ends_with('M')) factor = 1024 * 1024;
  if (factor != 1) text.remove_suffix(1);
  uint64_t count = 0;
  if (!absl::SimpleAtoi(ToAbsl(text), &count)) return false;
  if (count > std::numeric_limits<int32_t>::max() / factor) return false;
  *out = static_cast<uint32_t>(count * factor);
  return true;
}

bool IsMailType(std::string_view type) {
  static constexpr std::array<std::string_view, 11> kTypes = {
      "BEGIN",      "END",           "FAIL",          "REQUEUE",       "ALL",        "STAGE_OUT",
      "TIME_LIMIT", "TIME_LIMIT_90", "TIME_LIMIT_80", "TIME_LIMIT_50", "ARRAY_TASKS"};
  if (EqualsIgnoreCase(type, "INVALID_DEPEND")) return true;
  for (std::string_view known : kTypes) {
    if (EqualsIgnoreCase(type, known)) return true;
  }
  return false;
}

Fault ParseMemory(const OptionRow& row, std::string_view value, uint64_t* out) {
  absl::StatusOr<uint64_t> mb = ParseMemoryMb(value);
  if (!mb.ok()) return InvalidSpecification(row);
  *out = *mb;
  return kFine;
}

}  // namespace

OptionFault InvalidSpecification(const OptionRow& row) {
  return {StrCat("Invalid --", row.name, " specification")};
}

Fault ParseCount(const OptionRow& row, std::string_view value, uint32_t least, uint32_t* out) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(ToAbsl(value), &number) || number < least ||
      number > std::numeric_limits<int32_t>::max()) {
    return OptionFault{StrCat("Invalid numeric value \"", value, "\" for --", row.name, "."), 1};
  }
  *out = static_cast<uint32_t>(number);
  return kFine;
}

// "2,4-8:2": one of these numbers.
Fault SetNodeCounts(JobRequest& request, std::string_view value) {
  const absl::StatusOr<IdRanges> counts = ParseNodeCounts(value);
  if (!counts.ok()) return OptionFault{StrCat("\"", value, "\" is not a valid node count")};
  request.spec.set_min_nodes(*counts->min());
  request.spec.set_max_nodes(*counts->max());
  request.spec.set_node_counts(std::string(value));
  return kFine;
}

Fault SetNodes(JobRequest& request, const OptionRow&, std::string_view value) {
  request.spec.clear_node_counts();
  if (value.find_first_of(",:") != value.npos) return SetNodeCounts(request, value);
  const size_t dash = value.find('-');
  const bool is_range = dash != std::string_view::npos;
  uint32_t least = 0;
  uint32_t most = 0;
  if (!ParseNodeCount(value.substr(0, dash), &least) ||
      (is_range && !ParseNodeCount(value.substr(dash + 1), &most))) {
    return OptionFault{StrCat("\"", value, "\" is not a valid node count")};
  }
  if (!is_range) most = least;  // one number is both ends
  if (most < least) {
    return OptionFault{
        StrCat("Maximum node count ", most, " is less than minimum node count ", least)};
  }
  request.spec.set_min_nodes(least);
  request.spec.set_max_nodes(most);
  return kFine;
}

Fault SetTime(JobRequest& request, const OptionRow& row, std::string_view value) {
  absl::StatusOr<absl::Duration> limit = ParseTimeLimit(value);
  if (!limit.ok()) return InvalidSpecification(row);
  bool unlimited = *limit == absl::InfiniteDuration() || *limit == absl::ZeroDuration();
  request.spec.set_time_limit(unlimited ? -1 : absl::ToInt64Seconds(*limit));
  return kFine;
}

Fault SetTimeMin(JobRequest& request, const OptionRow& row, std::string_view value) {
  absl::StatusOr<absl::Duration> least = ParseTimeLimit(value);
  if (!least.ok() || *least == absl::InfiniteDuration()) return InvalidSpecification(row);
  request.spec.clear_time_min();
  if (*least > absl::ZeroDuration()) request.spec.set_time_min(absl::ToInt64Seconds(*least));
  return kFine;
}

Fault SetSwitches(JobRequest& request, const OptionRow& row, std::string_view value) {
  const absl::StatusOr<SwitchWish> wish = ParseSwitches(value);
  if (!wish.ok() || wish->count == 0) return InvalidSpecification(row);
  request.spec.set_switches(wish->count);
  // Without a time that of the environment stays.
  if (wish->wait) request.spec.set_switches_wait(absl::ToInt64Seconds(*wish->wait));
  return kFine;
}

Fault SetSwitchWait(JobRequest& request, std::string_view value) {
  const absl::StatusOr<absl::Duration> wait = ParseDuration(value);
  if (!wait.ok()) return OptionFault{StrCat("Invalid time to wait for switches: ", value)};
  request.spec.set_switches_wait(absl::ToInt64Seconds(*wait));
  return kFine;
}

Fault SetSignal(JobRequest& request, const OptionRow& row, std::string_view value) {
  std::string_view wish = value;
  bool batch_only = false;
  if (const size_t colon = value.find(':'); colon != value.npos) {
    const std::string letters = ToUpper(value.substr(0, colon));
    if (letters != "B" && letters != "R" && letters != "RB" && letters != "BR") {
      return InvalidSpecification(row);
    }
    if (letters != "B") {
      OptionFault fault = ValueNotSupported(row, value);
      StrAppend(&fault.message, ": R lets a job start that would run into a reservation of others");
      return fault;
    }
    batch_only = true;
    wish = value.substr(colon + 1);
  }
  const size_t at = wish.find('@');
  const std::optional<int> signal = ParseSignal(wish.substr(0, at));
  absl::StatusOr<uint64_t> seconds = kUsualWarning;
  if (at != wish.npos) seconds = ParseUint(wish.substr(at + 1), "time", kLongestWarning);
  if (!signal.has_value() || !seconds.ok()) return InvalidSpecification(row);
  pb::EndWarning* warning = request.spec.mutable_warning();
  warning->set_signal(static_cast<uint32_t>(*signal));
  warning->set_before(static_cast<int64_t>(*seconds));
  warning->set_batch_only(batch_only);
  return kFine;
}

Fault SetSignalOfSteps(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (Fault fault = SetSignal(request, row, value)) return fault;
  if (!request.spec.warning().batch_only()) return kFine;
  return OptionFault{
      StrCat("--", row.name, "=", value, ": B is for the shell of a batch script, here is none")};
}

Fault SetDeadline(JobRequest& request, const OptionRow& row, std::string_view value) {
  absl::StatusOr<absl::Time> deadline = ParseBegin(value, absl::Now());
  if (!deadline.ok()) return InvalidSpecification(row);
  request.spec.set_deadline(absl::ToUnixSeconds(*deadline));
  return kFine;
}

Fault SetBegin(JobRequest& request, const OptionRow& row, std::string_view value) {
  absl::StatusOr<absl::Time> begin = ParseBegin(value, absl::Now());
  if (!begin.ok()) {
    OptionFault fault = InvalidSpecification(row);
    // Where the reading stopped is not known here: the first character is named.
    fault.bare = StrCat("Invalid time specification (pos=0): ", value);
    return fault;
  }
  request.spec.set_begin_time(absl::ToUnixSeconds(*begin));
  return kFine;
}

Fault SetMem(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint64_t mb = 0;
  if (Fault fault = ParseMemory(row, value, &mb)) return fault;
  request.spec.set_mem_per_node_mb(mb);
  return kFine;
}

Fault SetMemPerCpu(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint64_t mb = 0;
  if (Fault fault = ParseMemory(row, value, &mb)) return fault;
  request.spec.set_mem_per_cpu_mb(mb);
  return kFine;
}

Fault SetMemPerGpu(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint64_t mb = 0;
  if (Fault fault = ParseMemory(row, value, &mb)) return fault;
  request.spec.set_mem_per_gpu_mb(mb);
  return kFine;
}

Fault SetNtasksPerGpu(JobRequest& request, const OptionRow& row, std::string_view value) {
  return ParseCount(row, value, 1, &request.ntasks_per_gpu);
}

Fault SetGpuBind(JobRequest& request, const OptionRow& row, std::string_view value) {
  const absl::StatusOr<GpuBind> bind = ParseGpuBind(value);
  if (absl::IsUnimplemented(bind.status())) return ValueNotSupported(row, value);
  if (!bind.ok()) return OptionFault{StrCat("Invalid --gpu-bind argument: gpu:", value)};
  request.spec.set_gpu_bind(std::string(value));
  return kFine;
}

Fault SetGresFlags(JobRequest& request, const OptionRow& row, std::string_view value) {
  for (std::string_view flag : Split(value, ",")) {
    if (EqualsIgnoreCase(flag, "disable-binding")) {
      request.spec.mutable_cpus()->set_far_from_gpus(true);
    } else if (EqualsIgnoreCase(flag, "enforce-binding") ||
               EqualsIgnoreCase(flag, "allow-task-sharing") ||
               EqualsIgnoreCase(flag, "multiple-tasks-per-sharing") ||
               EqualsIgnoreCase(flag, "one-task-per-sharing")) {
      return ValueNotSupported(row, flag);
    } else {
      return InvalidSpecification(row);
    }
  }
  return kFine;
}

Fault SetTmp(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint64_t mb = 0;
  if (Fault fault = ParseMemory(row, value, &mb)) return fault;
  if (mb > std::numeric_limits<uint32_t>::max()) return InvalidSpecification(row);
  request.spec.set_tmp_disk_mb(static_cast<uint32_t>(mb));
  return kFine;
}

Fault SetNice(JobRequest& request, const OptionRow& row, std::string_view value) {
  int64_t nice = 100;
  if (!value.empty() &&
      (!absl::SimpleAtoi(ToAbsl(value), &nice) || nice > kNiceLimit || -nice > kNiceLimit)) {
    return InvalidSpecification(row);
  }
  request.spec.set_nice(static_cast<int32_t>(nice));
  return kFine;
}

Fault SetPriority(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (EqualsIgnoreCase(value, "TOP")) return ValueNotSupported(row, value);
  uint32_t priority = 0;
  if (!absl::SimpleAtoi(ToAbsl(value), &priority) ||
      priority >= std::numeric_limits<uint32_t>::max() - 1) {
    return InvalidSpecification(row);
  }
  request.spec.set_priority(priority);
  return kFine;
}

Fault SetMailType(JobRequest&, const OptionRow& row, std::string_view value) {
  std::string_view refused;
  for (std::string_view type : SplitSkipEmpty(value, ",")) {
    if (EqualsIgnoreCase(type, "NONE")) continue;
    if (!IsMailType(type)) return InvalidSpecification(row);
    refused = type;
  }
  if (!refused.empty()) return ValueNotSupported(row, refused);
  return kFine;
}

Fault SetExclusive(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (EqualsIgnoreCase(value, "mcs") || EqualsIgnoreCase(value, "topo")) {
    return ValueNotSupported(row, value);
  }
  request.exact = true;  // for a step inside of a job: CPUs of its own
  const bool user = EqualsIgnoreCase(value, "user");
  request.spec.set_exclusive_user(user);
  request.spec.set_exclusive(!user);
  if (user) return kFine;
  if (!value.empty() && !EqualsIgnoreCase(value, "exclusive")) {
    // SBATCH_EXCLUSIVE and the like hold anything that is not one of the words above.
    if (!EqualsIgnoreCase(value, "node") && value != "1" && !EqualsIgnoreCase(value, "yes") &&
        !EqualsIgnoreCase(value, "true")) {
      return InvalidSpecification(row);
    }
  }
  return kFine;
}

Fault SetOpenMode(JobRequest& request, const OptionRow& row, std::string_view value) {
  std::string mode = ToLower(value);
  if (mode != "append" && mode != "a" && mode != "truncate" && mode != "t") {
    return InvalidSpecification(row);
  }
  request.spec.set_append_output(mode[0] == 'a');
  return kFine;
}

Fault SetKillOnInvalidDep(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (!EqualsIgnoreCase(value, "yes") && !EqualsIgnoreCase(value, "no")) {
    return InvalidSpecification(row);
  }
  request.spec.set_kill_on_invalid_dep(EqualsIgnoreCase(value, "yes"));
  return kFine;
}

Fault SetChdir(JobRequest& request, const OptionRow&, std::string_view value) {
  if (value.starts_with("/")) {
    request.spec.set_work_dir(std::string(value));
    return kFine;
  }
  char here[4096];
  if (getcwd(here, sizeof here) == nullptr) {
    return OptionFault{
        StrCat("the current folder is gone; --chdir=", value, " needs an absolute path"), 1};
  }
  request.spec.set_work_dir(StrCat(here, "/", value));
  return kFine;
}

Fault SetGres(JobRequest& request, const OptionRow&, std::string_view value) {
  const absl::StatusOr<std::vector<Gres>> list = ParseGres(value);
  if (!list.ok()) return OptionFault{std::string(kInvalidGres), 1};
  request.spec.set_gres(list->empty() ? "none" : FormatGres(*list));
  return kFine;
}

Fault SetTresPerTask(JobRequest& request, const OptionRow& row, std::string_view value) {
  for (std::string_view element : Split(value, ",")) {
    std::string_view count = element;
    if (ConsumePrefix(&count, "cpu=") || ConsumePrefix(&count, "cpu:")) {
      uint32_t cpus = 0;
      if (!absl::SimpleAtoi(ToAbsl(count), &cpus) || cpus == 0) return InvalidSpecification(row);
      request.spec.set_cpus_per_task(cpus);
    } else if (ConsumePrefix(&count, "gres/gpu:") || ConsumePrefix(&count, "gres/gpu=")) {
      if (!ParseGpus(count).ok()) return InvalidSpecification(row);
      request.spec.set_gpus_per_task(ReplaceAll(count, "=", ":"));
    } else {
      return ValueNotSupported(row, element);
    }
  }
  return kFine;
}

Fault SetPropagate(JobRequest& request, const OptionRow& row, std::string_view value) {
  static constexpr std::array<std::string_view, 12> kNames = {"ALL",   "NONE",   "CPU",     "FSIZE",
                                                              "DATA",  "STACK",  "CORE",    "RSS",
                                                              "NPROC", "NOFILE", "MEMLOCK", "AS"};
  std::string upper = ToUpper(value.empty() ? "ALL" : value);
  for (std::string_view name : SplitSkipEmpty(upper, ",")) {
    ConsumePrefix(&name, "RLIMIT_");
    bool known = false;
    for (std::string_view candidate : kNames) known = known || candidate == name;
    if (!known) return InvalidSpecification(row);
  }
  request.propagate = upper;
  return kFine;
}

Fault SetImmediate(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint32_t seconds = 1;
  if (!value.empty()) {
    if (Fault fault = ParseCount(row, value, 0, &seconds)) return fault;
  }
  request.immediate_seconds = seconds;
  return kFine;
}

Fault SetJobId(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint32_t id = 0;
  if (Contains(value, "+")) {
    return NotSupported(StrCat("a part of a heterogeneous job (--", row.name, "=", value, ")"));
  }
  if (!absl::SimpleAtoi(ToAbsl(value), &id) || id == 0) {
    return OptionFault{StrCat("Invalid numeric value \"", value, "\" for --", row.name, "."), 1};
  }
  request.job_id = id;
  return kFine;
}

Fault SetHetGroup(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (value.find_first_of(",-") != std::string_view::npos) {
    return NotSupported(StrCat("a step over several components (--", row.name, "=", value, ")"));
  }
  uint32_t offset = 0;
  if (Fault fault = ParseCount(row, value, 0, &offset)) return fault;
  request.het_group = offset;
  return kFine;
}

Fault SetKillOnBadExit(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint32_t on = 1;
  if (!value.empty()) {
    if (Fault fault = ParseCount(row, value, 0, &on)) return fault;
  }
  request.kill_on_bad_exit = on != 0;
  return kFine;
}

Fault SetWaitSeconds(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint32_t seconds = 0;
  if (Fault fault = ParseCount(row, value, 0, &seconds)) return fault;
  request.wait_seconds = seconds;
  return kFine;
}

Fault SetMpi(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (value == "list") {
    request.action = Action::kListMpi;
    return kFine;
  }
  std::optional<std::string> type = MpiType(value);
  if (!type.has_value()) return ValueNotSupported(row, value);
  request.mpi = *std::move(type);
  return kFine;
}

Fault SetCpuBind(JobRequest&, const OptionRow& row, std::string_view value) {
  // Tasks are not bound within their step's cores, so there is nothing to report either.
  for (std::string_view part : SplitSkipEmpty(value, ",")) {
    if (part != "none" && part != "no" && part != "q" && part != "quiet") {
      return ValueNotSupported(row, value);
    }
  }
  return kFine;
}

Fault SetNoKill(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (!value.empty() && value != "off" && value != "1" && value != "yes") {
    return InvalidSpecification(row);
  }
  request.no_kill = value != "off";
  return kFine;
}

}  // namespace reeve::cli
