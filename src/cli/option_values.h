// Values of options: from text into a JobRequest, with Slurm's words when they are wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/job_options.h"

namespace reeve::cli {

using Fault = std::optional<OptionFault>;
inline constexpr std::nullopt_t kFine = std::nullopt;

// "Invalid --time specification", exit code 255.
OptionFault InvalidSpecification(const OptionRow& row);

inline constexpr std::string_view kInvalidGres = "Invalid generic resource (gres) specification";

// A count of at least `least`; else `Invalid numeric value "0" for --ntasks.` and exit code 1.
Fault ParseCount(const OptionRow& row, std::string_view value, uint32_t least, uint32_t* out);

Fault SetNodes(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetTime(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetTimeMin(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetSwitches(JobRequest& request, const OptionRow& row, std::string_view value);
// What stands behind the @ of --switches, alone.
Fault SetSwitchWait(JobRequest& request, std::string_view value);
// [{R|B|RB}:]SIG[@SECONDS]; R is refused.
Fault SetSignal(JobRequest& request, const OptionRow& row, std::string_view value);
// The same for commands without a batch script: B is refused too.
Fault SetSignalOfSteps(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetDeadline(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetBegin(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetMem(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetMemPerCpu(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetMemPerGpu(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetGres(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetGpuBind(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetGresFlags(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetNtasksPerGpu(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetTmp(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetNice(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetPriority(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetMailType(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetExclusive(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetOpenMode(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetKillOnInvalidDep(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetChdir(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetTresPerTask(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetPropagate(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetImmediate(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetJobId(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetHetGroup(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetKillOnBadExit(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetWaitSeconds(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetMpi(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetCpuBind(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetNoKill(JobRequest& request, const OptionRow& row, std::string_view value);

}  // namespace reeve::cli
