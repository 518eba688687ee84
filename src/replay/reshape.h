// Makes other traces from one: a busier one, a longer one, one of a larger machine. The same seed
// makes the same trace.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "replay/trace.h"

namespace reeve::replay {

struct Reshaping {
  // Jobs come this many times as fast: the times between submissions are divided by it.
  double arrivals = 1;
  // So many jobs: copies of the trace, laid over each other. A copy has users of its own; it begins
  // some whole days into the trace and takes what is before that after the end, so that
  // nights stay nights; and its jobs come up to half an hour earlier or later and run
  // between 4/5 and 5/4 as long.
  std::optional<uint64_t> jobs;
  // Of a machine of so many CPUs: jobs' sizes grow so that, together with the number of jobs, the
  // machine is as busy as the trace's own was. A size grows by a power of two, the one below or
  // above the factor in question, at random.
  std::optional<uint32_t> cpus;
  // Jobs without a requested time get one: the run time times a factor drawn from 1 to this,
  // rounded up to what people ask for (5, 10, 15, 30 minutes, 1, 2, 3, ... hours, days).
  std::optional<double> estimates;
  uint64_t seed = 1;
};

// A note of the trace says what was done.
// FailedPrecondition: the trace does not say how large its machine was, and `cpus` is wanted.
absl::Status Reshape(const Reshaping& reshaping, Trace* trace);

}  // namespace reeve::replay
