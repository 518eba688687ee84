// Which nodes, CPUs and tasks of its job's allocation a step gets.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "ctld/core/cpu_layout.h"
#include "ctld/core/events.h"
#include "ctld/core/job.h"

namespace reeve::ctld {

struct StepPlacement {
  std::vector<NodeShare> shares;
  std::vector<std::vector<uint32_t>> task_ids;
  uint32_t num_tasks = 0;
  std::string distribution;
};

// How the CPUs of a node are divided.
using NodeCpusOf = std::function<NodeCpus(const std::string& node)>;

// kNodesBusy (FailedPrecondition) when it fits as soon as other steps are over; other errors are
// final. Nothing of the job is changed.
absl::StatusOr<StepPlacement> SelectStep(const Job& job, const CreateStep& request,
                                         uint32_t max_tasks_per_node, const NodeCpusOf& cpus_of);

}  // namespace reeve::ctld
