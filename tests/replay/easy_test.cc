// `--policy easy` against a plain EASY, and `--policy fifo` against a plain queue, on random
// traces.
#include <algorithm>

#include "gtest/gtest.h"
#include "replay/random.h"
#include "replay/replay.h"
#include "tests/replay/easy_reference.h"
#include "tests/replay/traces.h"

namespace reeve::replay {
namespace {

// Busy: most jobs wait. Times are small, so that many events fall together.
std::vector<reference::Job> RandomJobs(uint64_t seed, size_t count, int64_t cores) {
  Random random(seed);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random.Next() % n); };
  std::vector<reference::Job> jobs;
  int64_t now = 0;
  for (size_t i = 0; i < count; ++i) {
    now += below(8);
    const int64_t run = 1 + below(30);
    const int64_t limit = run + (below(3) == 0 ? 0 : below(60));
    const int64_t size = below(4) == 0 ? 1 + below(cores) : 1 + below((cores + 3) / 4);
    jobs.push_back({now, run, limit, size});
  }
  return jobs;
}

Trace TraceOf(const std::vector<reference::Job>& jobs) {
  std::vector<Asked> asked;
  for (const reference::Job& job : jobs) {
    asked.push_back({static_cast<int>(job.submit), static_cast<int>(job.run),
                     static_cast<uint32_t>(job.cores), static_cast<int>(job.limit)});
  }
  return MakeTrace(asked);
}

TEST(EasyTest, AgreesWithAPlainEasyOnOneNode) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const int64_t cores = 1 + static_cast<int64_t>(seed % 17);
    const std::vector<reference::Job> jobs = RandomJobs(seed, 120, cores);
    EXPECT_EQ(StartsOf(Replay(TraceOf(jobs), OneNode(static_cast<uint32_t>(cores), Policy::kEasy))),
              reference::EasyStarts(jobs, cores))
        << "seed " << seed;
  }
}

std::vector<int64_t> FifoStarts(const std::vector<reference::Job>& jobs, int64_t cores) {
  std::vector<int64_t> starts;
  std::vector<int64_t> free_at(static_cast<size_t>(cores), 0);  // each core
  int64_t last = 0;
  for (const reference::Job& job : jobs) {
    std::sort(free_at.begin(), free_at.end());
    const auto needed = static_cast<size_t>(job.cores);
    last = std::max({last, job.submit, free_at[needed - 1]});
    std::fill_n(free_at.begin(), needed, last + job.run);
    starts.push_back(last);
  }
  return starts;
}

TEST(EasyTest, FifoAgreesWithAPlainQueue) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const int64_t cores = 1 + static_cast<int64_t>(seed % 17);
    const std::vector<reference::Job> jobs = RandomJobs(seed, 120, cores);
    Cluster cluster = seed % 2 == 0 ? UniformCluster(static_cast<uint32_t>(cores), 1)
                                    : UniformCluster(1, static_cast<uint32_t>(cores));
    SetPolicy(Policy::kFifo, &cluster.settings);
    EXPECT_EQ(StartsOf(Replay(TraceOf(jobs), cluster)), FifoStarts(jobs, cores)) << "seed " << seed;
  }
}

// The job whose start is the first in time to differ; jobs.size() when none does.
size_t FirstToDiffer(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  size_t first = a.size();
  int64_t when = INT64_MAX;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || std::min(a[i], b[i]) >= when) continue;
    first = i;
    when = std::min(a[i], b[i]);
  }
  return first;
}

// Over several nodes the two part: the plain one keeps a number of cores for the first job, the
// controller certain nodes, which it names when it plans. A job that runs past the plan may then
// find the spare cores on nodes that are not free yet. So where they part, it is the controller
// that waits.
TEST(EasyTest, OverManyNodesKeepsNodesRatherThanCores) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const int64_t cores = 1 + static_cast<int64_t>(seed % 17);
    const std::vector<reference::Job> jobs = RandomJobs(seed, 60, cores);
    Cluster cluster = UniformCluster(static_cast<uint32_t>(cores), 1);
    SetPolicy(Policy::kEasy, &cluster.settings);
    const std::vector<int64_t> starts = StartsOf(Replay(TraceOf(jobs), cluster));
    const std::vector<int64_t> plain = reference::EasyStarts(jobs, cores);
    const size_t job = FirstToDiffer(starts, plain);
    if (job == jobs.size()) continue;
    EXPECT_GT(starts[job], plain[job]) << "seed " << seed << ", job " << job;
  }
}

}  // namespace
}  // namespace reeve::replay
