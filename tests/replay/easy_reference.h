// EASY backfilling on a cluster that is nothing but a number of cores, written down as plainly as
// possible and without any of the project's scheduling code: what `--policy easy` must agree with.
#pragma once

#include <cstdint>
#include <vector>

namespace reeve::replay::reference {

struct Job {
  int64_t submit = 0;
  int64_t run = 0;
  int64_t limit = 0;
  int64_t cores = 1;
};

// When each starts. Jobs are in order of submission, none is larger than the cluster, and none runs
// past its limit.
std::vector<int64_t> EasyStarts(const std::vector<Job>& jobs, int64_t cores);

}  // namespace reeve::replay::reference
