// What a replay says about a cluster and a policy, in figures.
//
//   wait              from submission to start
//   bounded slowdown  max(1, (wait + run) / max(run, 10 s)): how much longer than its run the job
//                     took, jobs of some seconds counted as of ten
//   utilisation       CPU time given to jobs / (CPUs that are up x makespan)
//   makespan          from the first submission to the last end
//   backfilled        share of the jobs that started while an earlier one, which ran in the same
//                     partition, still waited
//   fairness          Jain's index of the users' mean bounded slowdowns, (sum x)^2 / (n sum x^2): 1
//                     when all users fare alike, 1/n when one of n bears it all
//   p95               the smallest value that 95 of 100 jobs do not exceed
//   queue             jobs that wait; its mean is over the makespan
//
// Jobs that were refused are counted and have no part in the rest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "replay/replay.h"
#include "replay/trace.h"

namespace reeve::replay {

struct Spread {
  double mean = 0;
  double median = 0;
  double p95 = 0;
  double max = 0;
};
// Of no values all are 0. The median of an even number is the mean of the two in the middle.
Spread SpreadOf(std::vector<double> values);

double BoundedSlowdown(absl::Duration wait, absl::Duration run);
double JainIndex(const std::vector<double>& values);

struct UserFigures {
  std::string name;
  uint64_t jobs = 0;
  double slowdown = 0;  // means
  double wait_s = 0;
};

struct Refusals {
  std::string why;
  uint64_t jobs = 0;
  std::vector<std::string> first;  // "trace.swf:12: job 57", up to five
};

// A stretch of the queue's life.
struct QueueSample {
  absl::Time from;
  double mean = 0;
  uint32_t max = 0;
};

struct Figures {
  uint64_t jobs = 0;  // of the trace
  uint64_t ran = 0;
  uint64_t cut = 0;  // at their limit
  std::vector<Refusals> refused;

  absl::Time begin;  // the first submission
  absl::Duration makespan;
  double jobs_per_hour = 0;
  double utilisation = 0;
  double backfilled = 0;
  Spread wait_s;
  Spread slowdown;

  uint64_t users = 0;
  double fairness = 1;
  std::vector<UserFigures> worst;  // by mean slowdown, up to five

  double queue_mean = 0;
  uint32_t queue_max = 0;
  absl::Duration queue_step;
  std::vector<QueueSample> queue;  // stretches of queue_step

  uint64_t refused_jobs() const { return jobs - ran; }
};

Figures Measure(const Trace& trace, const Result& result);

}  // namespace reeve::replay
