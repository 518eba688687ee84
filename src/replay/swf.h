// The Standard Workload Format, version 2.2: a line a job of 18 numbers, -1 for what is not known,
// and comment lines that start with ';', some of which describe the machine ("; MaxProcs: 128").
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "replay/trace.h"

namespace reeve::replay {

// How it is understood:
//  - a job's processors are the requested ones, the allocated ones where no request is recorded;
//  - a job without run time or processors, one cancelled before it ran, and the lines of a job's
//    single bursts (status 2, 3 and 4) cannot be replayed: they are left out, and notes say so;
//  - preceding jobs and think times are not acted on: jobs come when the trace says;
//  - requested memory counts, where the cluster gives out memory.
// InvalidArgument with a line for each fault.
absl::StatusOr<Trace> ParseSwf(std::string_view text, std::string_view name);

// The same format again. Users and partitions become numbers.
std::string FormatSwf(const Trace& trace);

}  // namespace reeve::replay
