// What sacct prints of the past, as a trace:
//
//   sacct -a -X -P -S 2026-01-01 -o
//   JobID,User,Partition,Submit,Start,End,ReqCPUS,ReqNodes,Timelimit
//
// The first line names the columns, in any order and case; others may be among them.
//
//   JobID or JobIDRaw                 a line whose id has a '.' is a step's and plays no part
//   Submit, Start, End                as sacct prints them, or seconds since 1970
//   ReqCPUS (else NCPUS, AllocCPUS)
//   ReqNodes                          may be missing; more than 1 is taken as -N of that number
//   Timelimit or TimelimitRaw         may be missing
//   User, Partition, ReqMem           may be missing
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "replay/trace.h"

namespace reeve::replay {

// `zone` is that of the times. Jobs that have not started or not ended are left out, and notes say
// so. InvalidArgument with a line for each fault.
absl::StatusOr<Trace> ParseAccounting(std::string_view text, std::string_view name,
                                      absl::TimeZone zone);

}  // namespace reeve::replay
