// The options of `reeve bench`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::cli {

enum class BenchLoad {
  kSubmit,  // jobs
  kSqueue,  // all jobs, as squeue asks for them
  kSinfo,   // nodes and partitions, as sinfo does
  kJob,     // one job, as `squeue -j`
};

struct BenchOptions {
  BenchLoad load = BenchLoad::kSubmit;
  uint32_t channels = 4;  // connections to the controller
  uint32_t pipeline = 2;  // requests that are on the way at once, on each
  bool json = false;
  bool help = false;
  // kSubmit
  uint32_t jobs = 10000;
  uint32_t batch = 100;  // jobs in a request; 1: the requests that sbatch makes
  bool keep = false;     // do not cancel them at the end
  bool hold = false;
  std::vector<std::string> sbatch_words;  // what follows "--": options of sbatch
  // The others.
  uint32_t seconds = 5;
  uint32_t job_id = 0;  // kJob; 0: the first one of the queue
};

extern const char kBenchUsage[];

// InvalidArgument says what is wrong with the words. argv[0] is not looked at.
absl::StatusOr<BenchOptions> ParseBenchOptions(int argc, char** argv);

}  // namespace reeve::cli
