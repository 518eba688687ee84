// Options about sockets, cores and threads: from text into a JobRequest.
#pragma once

#include "cli/option_values.h"

namespace reeve::cli {

Fault SetHint(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetExtraNodeInfo(JobRequest& request, const OptionRow& row, std::string_view value);
Fault SetDistribution(JobRequest& request, const OptionRow& row, std::string_view value);

// A count of at least one: SetCpuWish<&pb::CpuWishes::set_cores_per_socket>.
template <auto kField>
Fault SetCpuWish(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint32_t count = 0;
  if (Fault fault = ParseCount(row, value, 1, &count)) return fault;
  (request.spec.mutable_cpus()->*kField)(count);
  return kFine;
}

// A hint comes to counts, unless some were given that are as strong or stronger; and the counts of
// --extra-node-info to a number of tasks where none was given.
void SettleCpuWishes(JobRequest* request);

}  // namespace reeve::cli
