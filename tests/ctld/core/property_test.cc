// Random lives of small clusters: the invariants hold after every event, everything ends, and the
// plan is kept.
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

Spec RandomSpec(Random& random, bool with_deps, uint32_t known) {
  Spec spec;
  spec.Minutes(1 + random(20));
  if (random(2)) spec.Nodes(1 + random(3));
  if (random(2)) spec.Tasks(1 + random(6));
  if (random(4) == 0) spec.CpusPerTask(1 + random(3));
  if (random(4) == 0) spec.Exclusive();
  if (random(4) == 0) spec.Mem(100 * (1 + random(5)));
  if (random(6) == 0) spec.On("n" + std::to_string(1 + random(3)));
  if (with_deps && random(5) == 0) spec.Array("1-" + std::to_string(1 + random(5)));
  if (with_deps && random(5) == 0 && known > 0) {
    spec.After("afterany:" + std::to_string(1 + random(known)));
  }
  return spec;
}

std::vector<JobId> RunningIn(const Cluster& c) {
  return JobsIn(c, [](const Job& job) { return job.Running(); });
}
std::vector<JobId> CompletingIn(const Cluster& c) {
  return JobsIn(c, [](const Job& job) { return job.Completing(); });
}

void RandomStep(Cluster& c, Random& random) {
  const std::vector<JobId> running = RunningIn(c);
  const std::vector<JobId> completing = CompletingIn(c);
  const std::string node = "n" + std::to_string(1 + random(3));
  switch (random(12)) {
    case 0:
    case 1:
    case 2:
      (void)c.TrySubmit(RandomSpec(random, true, c.controller->counters().next_job_id - 1));
      return;
    case 3:
    case 4:
      if (running.empty()) return;
      return c.Exit(running[random(running.size())], random(3) == 0 ? 256 : 0);
    case 5:
      if (running.empty()) return;
      c.Cancel(running[random(running.size())]);
      return;
    case 6:
    case 7:
      if (!completing.empty()) c.Gone(completing[random(completing.size())]);
      return;
    case 8:
      c.Advance(absl::Seconds(random(400)));
      return;
    case 9:
      if (random(3) == 0) c.Do(NodeLost{node});
      return;
    case 10:
      return c.Register(node, {}, "boot" + std::to_string(random(2)));
    case 11:
      if (running.empty()) return;
      CreateStep step;
      step.num_tasks = 1 + random(4);
      step.exact = random(2) == 0;
      (void)c.StepIn(running[random(running.size())], step);
      return;
  }
}

// The calm after: nodes are back, jobs end.
void CalmDown(Cluster& c, const Settings& settings) {
  for (int round = 0; round < 400; ++round) {
    for (const Node& node : settings.nodes) {
      std::vector<KnownStep> known;
      for (JobId id : RunningIn(c)) {
        for (const Step& step : c.Get(id).steps) {
          for (const std::string& at : step.PendingNodes()) {
            if (at == node.name) known.push_back({id, step.step_id, c.Get(id).restarts});
          }
        }
      }
      c.Register(node.name, known, "calm");
      c.ClearStrangers(node.name);
    }
    for (JobId id : RunningIn(c)) {
      if (c.Running(id)) c.Exit(id);
    }
    for (JobId id : CompletingIn(c)) c.Gone(id);
    c.Advance(absl::Seconds(1));
    if (::testing::Test::HasFailure()) return;
    if (RunningIn(c).empty() && CompletingIn(c).empty()) break;
  }
  EXPECT_TRUE(RunningIn(c).empty());
  c.controller->ForEachJob([&](const Job& job) {
    if (!job.Pending()) return;
    const std::string why = ReasonText(job);
    EXPECT_TRUE(why == "PartitionConfig" || why == "BadConstraints" || why == "JobHeldUser" ||
                why == "DependencyNeverSatisfied" || why == "Dependency")
        << "job " << job.id.value << " still waits: " << why;
  });
}

TEST(Property, InvariantsHoldAndEverythingEnds) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = MakeTestSettings(3, 4);
    settings.select.memory = seed % 2 == 0;
    settings.select.core = seed % 3 == 0;
    for (Node& node : settings.nodes) node.threads_per_core = seed % 3 == 0 ? 2 : 1;
    settings.return_to_service = 2;
    Cluster c(settings);
    for (int i = 0; i < 150; ++i) {
      RandomStep(c, random);
      if (random(40) == 0) c.Restart();
      if (::testing::Test::HasFailure()) return;
    }
    CalmDown(c, settings);
    if (::testing::Test::HasFailure()) return;
  }
}

// Only those of the lowest tier make room, after PreemptExemptTime, and have their GraceTime.
void CheckPreempted(const Cluster& c, const Settings& settings) {
  c.controller->ForEachJob([&](const Job& job) {
    if (!IsSet(job.rare->preempt_time)) return;
    EXPECT_EQ(job.partition, "debug");
    EXPECT_GE(job.rare->preempt_time - job.start_time, settings.preempt.exempt_time);
    if (job.Running()) {
      EXPECT_GT(job.end_time, c.now);
      EXPECT_LE(job.end_time, job.rare->preempt_time + settings.partitions[0].grace_time);
    }
  });
}

// Two tiers, with and without grace time, backfill and requeueing.
Settings TieredSettings(uint32_t seed) {
  Settings settings = MakeTestSettings(3, 4);
  settings.select.memory = seed % 2 == 0;
  settings.return_to_service = 2;
  settings.backfill = seed % 7 != 0;
  if (seed % 5 == 0) settings.plan_depth = 1;
  settings.preempt.by_tier = true;
  settings.preempt.exempt_time = absl::Seconds(seed % 4 * 40);
  reeve::ctld::Partition& low = settings.partitions[0];
  low.preempt_mode = seed % 2 == 0 ? PreemptMode::kRequeue : PreemptMode::kCancel;
  low.grace_time = absl::Seconds(seed % 3 * 50);
  reeve::ctld::Partition high = low;
  high.name = "high";
  high.is_default = false;
  high.priority_tier = 2;
  settings.partitions.push_back(high);
  return settings;
}

TEST(Property, TiersMakeRoomAndEverythingEnds) {
  int preempted = 0;
  for (uint32_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Settings settings = TieredSettings(seed);
    Cluster c(settings);
    for (int i = 0; i < 150; ++i) {
      if (random(6) == 0) {
        const uint32_t known = c.controller->counters().next_job_id - 1;
        (void)c.TrySubmit(RandomSpec(random, true, known).Partition("high"));
      }
      RandomStep(c, random);
      if (random(40) == 0) c.Restart();
      CheckPreempted(c, settings);
      if (::testing::Test::HasFailure()) return;
    }
    for (const AccountingRecord& record : c.accounting) {
      const auto* job = std::get_if<std::shared_ptr<const Job>>(&record);
      preempted += job != nullptr && (*job)->state == JobState::kPreempted;
    }
    CalmDown(c, settings);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(preempted, 30);
}

// Brute force: could `wide` (a job that takes whole nodes) have started earlier without the jobs
// below it? The schedule is replayed with only the jobs up to it, everything running to its limit.
absl::Time StartAmong(const std::vector<Spec>& specs, size_t count, size_t which) {
  Cluster c(MakeTestSettings(2, 2));
  c.settings.slurmd_timeout = absl::ZeroDuration();
  c.Do(Reconfigured{c.settings});
  std::vector<JobId> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(c.Submit(specs[i]));
  for (int guard = 0; guard < 200 && c.Get(ids[which]).Pending(); ++guard) {
    // All that are due end at once, then the clock goes on to the next end.
    absl::Time next = absl::InfiniteFuture();
    for (JobId id : RunningIn(c)) next = std::min<absl::Time>(next, c.Get(id).end_time);
    if (next == absl::InfiniteFuture()) break;
    std::vector<JobId> due;
    for (JobId id : RunningIn(c)) {
      if (c.Get(id).end_time == next) due.push_back(id);
    }
    c.now = next - absl::Nanoseconds(1);
    Effects effects;
    for (JobId id : due) {
      c.controller->Handle(StepReported{.node = c.Get(id).shares[0].node,
                                        .report_id = 1,
                                        .job = id,
                                        .step = kBatchStep,
                                        .attempt = 0,
                                        .kind = StepReportKind::kExited,
                                        .tasks = {{0, 0}}},
                           c.now);
    }
    c.now = next;
    c.controller->Schedule(c.now);
  }
  return c.Get(ids[which]).start_time;
}

TEST(Property, NoLowerJobDelaysAHigherOne) {
  for (uint32_t seed = 1; seed <= 250; ++seed) {
    Random random(seed);
    std::vector<Spec> specs;
    for (int i = 0; i < 4; ++i) {
      Spec spec;
      spec.Minutes(1 + random(4));
      if (random(2)) {
        spec.Nodes(1 + random(2)).Exclusive();
      } else {
        spec.Tasks(1 + random(4));
      }
      specs.push_back(spec);
    }
    for (size_t job = 0; job < specs.size(); ++job) {
      const absl::Time alone = StartAmong(specs, job + 1, job);
      for (size_t below = job + 2; below <= specs.size(); ++below) {
        ASSERT_LE(StartAmong(specs, below, job), alone)
            << "seed " << seed << ": job " << job << " of " << below;
      }
    }
  }
}

}  // namespace
}  // namespace reeve::ctld
