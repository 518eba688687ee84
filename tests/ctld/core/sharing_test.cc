// OverSubscribe: jobs that have CPUs together.
#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/share_invariants.h"
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

// One partition "debug" whose CPUs are shared like that, and "apart" over the same nodes that
// shares nothing.
Settings Shared(uint32_t nodes, uint32_t cpus, OverSubscribeRule rule) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.slurmd_timeout = absl::ZeroDuration();
  settings.select.memory = true;
  settings.partitions.push_back(settings.partitions[0]);
  settings.partitions[1].name = "apart";
  settings.partitions[1].is_default = false;
  SetOverSubscribe(settings.partitions[0], rule);
  return settings;
}
constexpr OverSubscribeRule Force(uint32_t jobs) {
  return {OverSubscribe::kForce, jobs};
}
constexpr OverSubscribeRule Yes(uint32_t jobs) {
  return {OverSubscribe::kYes, jobs};
}
Spec Small(uint32_t cpus = 1) {
  return Spec().Tasks(cpus).Mem(10).Minutes(60);
}
Spec Friendly(uint32_t cpus = 1) {
  Spec spec = Small(cpus);
  spec.raw().oversubscribe = true;
  return spec;
}
CpuSet CoresOf(const Cluster& c, JobId id) {
  return c.Get(id).shares[0].cores;
}
std::string Set(Cluster& c, std::string key, std::string value) {
  UpdatePartition event{c.NextCall(), Root(), "debug", {{std::move(key), std::move(value)}}};
  c.Do(event);
  const absl::StatusOr<Answer> answer = c.AnswerTo(event.call);
  return answer.ok() ? "" : std::string(answer.status().message());
}

TEST(OverSubscribe, ForceGivesACpuToSoManyJobs) {
  Cluster c(Shared(1, 2, Force(3)));
  std::vector<JobId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(c.Submit(Small(2)));
  const JobId fourth = c.Submit(Small(2));
  for (JobId id : ids) {
    EXPECT_TRUE(c.Running(id));
    EXPECT_EQ(CoresOf(c, id).ToText(), "0-1") << "the same cores";
    EXPECT_EQ(c.Get(id).num_cpus, 2u);
  }
  EXPECT_FALSE(c.Running(fourth));
  EXPECT_EQ(c.Why(fourth), "Resources");
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 2u) << "each counts once";
  EXPECT_EQ(c.GetNode("n1").alloc_mem_mb, 30u);
  c.Exit(ids[1]);
  c.Gone(ids[1]);
  EXPECT_TRUE(c.Running(fourth));
  c.Exit(ids[0]);
  c.Gone(ids[0]);
  EXPECT_EQ(c.GetNode("n1").busy.ToText(), "0-1") << "others have them still";
  for (JobId id : {ids[2], fourth}) {
    c.Exit(id);
    c.Gone(id);
  }
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 0u);
}

TEST(OverSubscribe, YesIsForThoseWhoAskForIt) {
  Cluster c(Shared(1, 1, Yes(2)));
  const JobId first = c.Submit(Friendly());
  const JobId proud = c.Submit(Small());
  const JobId second = c.Submit(Friendly());
  EXPECT_TRUE(c.Running(first));
  EXPECT_FALSE(c.Running(proud));
  EXPECT_TRUE(c.Running(second)) << "it delays nobody: both end at the same time";
  c.Cancel(first);
  c.Gone(first);
  EXPECT_FALSE(c.Running(proud)) << "it shares with nobody";
  c.Cancel(second);
  c.Gone(second);
  EXPECT_TRUE(c.Running(proud));
  EXPECT_FALSE(c.Running(c.Submit(Friendly()))) << "nobody shares with it";
}

TEST(OverSubscribe, AWaitingJobMayBeMadeToAskForIt) {
  Cluster c(Shared(1, 1, Yes(2)));
  c.Submit(Friendly());
  const JobId waits = c.Submit(Small());
  EXPECT_FALSE(c.Running(waits));
  EXPECT_EQ(c.Update(waits, "OverSubscribe", "YES"), "");
  EXPECT_TRUE(c.Running(waits));
}

TEST(OverSubscribe, NoAndForceOfOneShareNothing) {
  for (const OverSubscribeRule& rule : {OverSubscribeRule{}, Force(1)}) {
    Cluster c(Shared(1, 1, rule));
    EXPECT_TRUE(c.Running(c.Submit(Friendly())));
    EXPECT_FALSE(c.Running(c.Submit(Friendly())));
  }
}

TEST(OverSubscribe, NeverSharesMemory) {
  Cluster c(Shared(1, 1, Force(4)));
  EXPECT_TRUE(c.Running(c.Submit(Small().Mem(600))));
  EXPECT_FALSE(c.Running(c.Submit(Small().Mem(600))));
  EXPECT_TRUE(c.Running(c.Submit(Small().Mem(400).Minutes(10))));
}

TEST(OverSubscribe, OtherPartitionsAndWholeNodesStayApart) {
  Cluster c(Shared(1, 2, Force(4)));
  const JobId apart = c.Submit(Small().Partition("apart"));
  const JobId a = c.Submit(Small());
  const JobId b = c.Submit(Small());
  EXPECT_FALSE(CoresOf(c, a).Intersects(CoresOf(c, apart)));
  EXPECT_EQ(CoresOf(c, a), CoresOf(c, b));
  EXPECT_FALSE(c.Running(c.Submit(Small(2)))) << "one of its CPUs is another partition's";
  EXPECT_FALSE(c.Running(c.Submit(Small().Partition("apart"))));
  EXPECT_FALSE(c.Running(c.Submit(Small().Exclusive())));
}

TEST(OverSubscribe, RatherIdleCpusAndThenThoseThatTheFewestHave) {
  Cluster c(Shared(2, 2, Force(4)));
  std::map<std::string, int> jobs;
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      const JobId id = c.Submit(Small());
      ASSERT_TRUE(c.Running(id));
      jobs[c.NodesOf(id)[0] + "/" + CoresOf(c, id).ToText()]++;
    }
    ASSERT_EQ(jobs.size(), 4u);
    for (const auto& [cpu, count] : jobs) EXPECT_EQ(count, round) << cpu;
  }
}

TEST(OverSubscribe, ThePlanCountsOnWhatIsShared) {
  Cluster c(Shared(1, 2, Force(2)));
  c.Submit(Small(2).Minutes(10));
  c.Submit(Small(2).Minutes(30));
  const absl::Time begin = c.now;
  const JobId next = c.Submit(Small(2));
  EXPECT_EQ(c.Get(next).planned_start, begin + absl::Minutes(10)) << "when the first ends";
  const JobId apart = c.Submit(Small(2).Partition("apart").Minutes(5));
  EXPECT_EQ(c.Get(apart).planned_start, begin + absl::Minutes(70)) << "when nobody is there";
  const JobId third = c.Submit(Small(1).Minutes(5));
  EXPECT_EQ(c.Get(third).planned_start, begin + absl::Minutes(30)) << "beside the second";
}

TEST(OverSubscribe, NobodyIsDelayedByWhoShares) {
  Cluster c(Shared(1, 2, Force(2)));
  const JobId here = c.Submit(Small(1).Minutes(10));
  const JobId apart = c.Submit(Small(2).Partition("apart"));
  const absl::Time planned = c.Get(apart).planned_start;
  const JobId shorter = c.Submit(Small(1).Minutes(10));
  const JobId longer = c.Submit(Small(1).Minutes(20));
  EXPECT_TRUE(c.Running(shorter));
  EXPECT_FALSE(c.Running(longer)) << "it would be in the way then";
  EXPECT_EQ(c.Get(apart).planned_start, planned);
  c.Cancel(here);
  c.Gone(here);
}

TEST(OverSubscribe, IsSetForAPartitionAtRunTime) {
  Cluster c(Shared(1, 1, {}));
  c.Submit(Small());
  const JobId second = c.Submit(Small());
  EXPECT_FALSE(c.Running(second));
  EXPECT_EQ(Set(c, "OverSubscribe", "FORCE:0"), "Invalid partition update value");
  EXPECT_EQ(Set(c, "OverSubscribe", "MAYBE"), "Invalid partition update value");
  EXPECT_EQ(Set(c, "OverSubscribe", "FORCE:2"), "");
  EXPECT_EQ(c.controller->state().partitions[0].facts.oversubscribe, "FORCE:2");
  EXPECT_FALSE(c.Running(second)) << "the first was started alone";
  const JobId first = JobsIn(c, [](const Job& job) { return job.Running(); })[0];
  c.Cancel(first);
  c.Gone(first);
  EXPECT_TRUE(c.Running(second));
  const JobId third = c.Submit(Small());
  EXPECT_TRUE(c.Running(third));
  EXPECT_EQ(Set(c, "OverSubscribe", "NO"), "");
  EXPECT_FALSE(c.Running(c.Submit(Small())));
  c.Restart();
  EXPECT_TRUE(c.Running(second) && c.Running(third)) << "who shares goes on sharing";
}

TEST(OverSubscribe, SurvivesARestart) {
  Cluster c(Shared(1, 1, Force(2)));
  const JobId a = c.Submit(Small());
  const JobId b = c.Submit(Small());
  c.Started(a);
  c.Started(b);
  c.Restart();
  c.Register("n1", {{a, kBatchStep, 0}, {b, kBatchStep, 0}});
  EXPECT_TRUE(c.Running(a) && c.Running(b));
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 1u);
  EXPECT_FALSE(c.Running(c.Submit(Small())));
}

TEST(OverSubscribe, ASuspendedOneComesBackBesideOthers) {
  Cluster c(Shared(1, 1, Force(2)));
  const JobId a = c.Submit(Small());
  EXPECT_EQ(c.Control(JobAction::kSuspend, a, Root()), "");
  const JobId b = c.Submit(Small());
  EXPECT_EQ(c.Control(JobAction::kResume, a, Root()), "");
  EXPECT_EQ(c.Control(JobAction::kSuspend, a, Root()), "");
  EXPECT_TRUE(c.Running(c.Submit(Small())));
  EXPECT_THAT(c.Control(JobAction::kResume, a, Root()), HasSubstr("Requested nodes are busy"));
  c.Cancel(b);
  c.Gone(b);
  EXPECT_EQ(c.Control(JobAction::kResume, a, Root()), "");
}

TEST(OverSubscribe, ExplainSaysWhatIsFreeBySharing) {
  Cluster c(Shared(1, 4, Force(2)));
  c.Submit(Small(3));
  const JobId apart = c.Submit(Small(1).Partition("apart"));
  const JobId waits = c.Submit(Small(4));
  ASSERT_TRUE(c.Running(apart));
  const auto free = [&](JobId id) {
    const Explanation why = ExplainOne(c, id);
    for (const Requirement& requirement : why.prospects.at(0).requirements) {
      if (requirement.need == Need::kFreeNow) return requirement;
    }
    return Requirement();
  };
  EXPECT_EQ(free(waits).asked, "3 CPUs by sharing");
  EXPECT_EQ(free(waits).tasks, 3u);
  EXPECT_EQ(free(c.Submit(Small(4).Partition("apart"))).asked, "");
}

// ---- against counting ---------------------------------------------------------------------------

constexpr int kLength = 30;

ReadyKey Rank(uint32_t job) {
  return {1, 1000.0 - job, JobId{job}, 0};
}

// Uses and holds of two groups and of none.
class SharedTrack {
 public:
  explicit SharedTrack(uint32_t seed) : random_(seed) {
    node_.cpus = 2 + random_(4);
    for (uint32_t job = 0; job < random_(5); ++job) AddUse();
    Build();
  }

  // As a real node has them: who does not share has CPUs of its own, and no more share one than
  // may.
  void AddUse() {
    Track::Use use;
    use.sharing = DrawSharing();
    CpuSet cores;
    for (uint32_t cpu = 0; cpu < node_.cpus; ++cpu) {
      if (random_(2) || !MayTake(cpu, use.sharing)) continue;
      cores.Add(cpu);
    }
    if (cores.Empty()) return;
    use.room = {static_cast<int32_t>(cores.Count()), static_cast<int32_t>(random_(3)), {}};
    use.until = 1 + random_(kLength);
    if (use.sharing.Shares()) use.cores = cores;
    taken_.emplace_back(cores, use.sharing);
    uses_.push_back(use);
  }
  void Build() { (void)track_.Build({static_cast<int32_t>(node_.cpus), 12}, uses_); }

  void AddHold(uint32_t job) {
    Track::Hold hold;
    hold.from = random_(kLength);
    hold.until = hold.from + 1 + random_(10);
    hold.room = {
        static_cast<int32_t>(1 + random_(node_.cpus)), static_cast<int32_t>(random_(3)), {}};
    hold.rank = Rank(job);
    hold.sharing = DrawSharing();
    // It must fit over the higher ones.
    Track::Scratch scratch;
    const Profile seen =
        track_.SeenBy(hold.rank, Track::View::kHigherAndOwn, kNever, scratch, 0, hold.sharing);
    if (!LeastFree(seen, hold.from, hold.until).Holds(hold.room)) return;
    const std::vector<Track::Hold> before = track_.holds();
    const std::vector<Track::Hold> lost = track_.Add(hold);
    for (const Track::Hold& each : lost) EXPECT_TRUE(hold.rank < each.rank);
    lost_ += lost.size();
    stacked_ += hold.sharing.Shares() && before.size() > 1;
  }
  void RemoveHold() {
    const std::vector<Track::Hold> holds = track_.holds();
    if (holds.empty()) return;
    const Track::Hold& hold = holds[random_(static_cast<uint32_t>(holds.size()))];
    EXPECT_TRUE(track_.Remove(hold.rank, hold.from).has_value());
  }

  void Compare() {
    Track::Scratch scratch;
    for (Instant at = 0; at < kLength + 12; ++at) {
      EXPECT_GE(CpusLeftAt(node_, track_, at, nullptr, {}), 0) << "more than there is at " << at;
      for (uint32_t job : {1u, 5u, 9u, 13u}) {
        for (const Sharing& viewer : {Sharing{}, Sharing{1, 2}, Sharing{2, 3}}) {
          const ReadyKey rank = Rank(job);
          const Profile seen =
              track_.SeenBy(rank, Track::View::kHigher, kNever, scratch, 0, viewer);
          const int32_t cpus = LeastFree(seen, at, at + 1).cpus;
          ASSERT_EQ(std::min<int32_t>(cpus, node_.cpus),
                    CpusLeftAt(node_, track_, at, &rank, viewer))
              << "at " << at << " for job " << job << " of group " << viewer.group;
        }
      }
    }
  }
  size_t lost() const { return lost_; }
  size_t stacked() const { return stacked_; }

 private:
  Sharing DrawSharing() {
    const uint32_t group = random_(3);
    return group == 0 ? Sharing() : Sharing{group, group + 1};
  }
  bool MayTake(uint32_t cpu, const Sharing& sharing) const {
    uint32_t load = 0;
    for (const auto& [cores, other] : taken_) {
      if (!cores.Contains(cpu)) continue;
      if (!sharing.Shares() || !(other == sharing)) return false;
      load++;
    }
    return load < sharing.most;
  }

  Random random_;
  Node node_;
  std::vector<std::pair<CpuSet, Sharing>> taken_;
  std::vector<Track::Use> uses_;
  Track track_;
  size_t lost_ = 0;
  size_t stacked_ = 0;
};

TEST(OverSubscribe, ARaisedLimitIsUsedOnFullNodes) {
  Cluster c(Shared(1, 2, Force(2)));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(c.Running(c.Submit(Small(2))));
  const JobId third = c.Submit(Small(2));
  EXPECT_FALSE(c.Running(third));
  EXPECT_EQ(Set(c, "OverSubscribe", "FORCE:3"), "");
  EXPECT_TRUE(c.Running(third));
}

TEST(OverSubscribe, WhoeverPicksNoCpusSharesThem) {
  Cluster c(Shared(1, 2, Force(2)));
  const auto with = [](Spec spec, std::string distribution, uint32_t threads) {
    RareWishes wishes = spec.raw().wishes();
    wishes.cpus.distribution = std::move(distribution);
    wishes.cpus.threads_per_core = threads;
    spec.raw().rare = std::make_shared<const RareWishes>(std::move(wishes));
    return spec;
  };
  EXPECT_TRUE(c.Running(c.Submit(Small(2))));
  EXPECT_TRUE(c.Running(c.Submit(with(Small(2), "cyclic", 0))));
  Cluster d(Shared(1, 2, Force(2)));
  EXPECT_TRUE(d.Running(d.Submit(Small(2))));
  EXPECT_FALSE(d.Running(d.Submit(with(Small(2), "", 1))));
}

TEST(OverSubscribe, ATrackAgreesWithCounting) {
  size_t lost = 0, stacked = 0;
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    SharedTrack track(seed);
    Random random(seed + 1000);
    for (uint32_t step = 0; step < 14; ++step) {
      if (random(4) == 0) {
        track.RemoveHold();
      } else {
        track.AddHold(1 + random(13));
      }
      if (random(5) == 0) track.Build();
    }
    track.Compare();
    if (::testing::Test::HasFailure()) return;
    lost += track.lost();
    stacked += track.stacked();
  }
  EXPECT_GT(lost, 50u);
  EXPECT_GT(stacked, 100u);
}

// ---- whole lives --------------------------------------------------------------------------------

Spec RandomSpec(Random& random) {
  Spec spec;
  spec.Minutes(1 + random(20)).Tasks(1 + random(5));
  if (random(4) == 0) spec.Nodes(1 + random(2));
  if (random(3) == 0) spec.Mem(100 * (1 + random(5)));
  if (random(3) == 0) spec.Partition("apart");
  if (random(12) == 0) spec.Exclusive();
  if (random(8) == 0) spec.Array("1-3");
  spec.raw().oversubscribe = random(3) != 0;
  return spec;
}

// The harness looks at the invariants and the plan after every event.
TEST(OverSubscribe, InvariantsHoldInRandomLives) {
  size_t shared = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = Shared(3, 4, seed % 2 == 0 ? Force(1 + seed % 4) : Yes(2 + seed % 3));
    settings.select.core = seed % 3 == 0;
    for (Node& node : settings.nodes) node.threads_per_core = seed % 3 == 0 ? 2 : 1;
    settings.backfill = seed % 7 != 0;
    Cluster c(settings);
    for (int i = 0; i < 120; ++i) {
      const std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      const std::vector<JobId> gone = JobsIn(c, [](const Job& job) { return job.Completing(); });
      const auto any = [&](const std::vector<JobId>& ids) {
        return ids[random(static_cast<uint32_t>(ids.size()))];
      };
      const uint32_t what = random(10);
      if (what < 4) (void)c.TrySubmit(RandomSpec(random));
      if (what == 4 && !running.empty()) c.Exit(any(running));
      if (what == 5 && !running.empty()) c.Cancel(any(running));
      if (what == 6 && !gone.empty()) c.Gone(any(gone));
      if (what == 7) c.Advance(absl::Seconds(random(500)));
      if (what == 8 && !running.empty()) c.Control(JobAction::kSuspend, any(running), Root());
      if (what == 9) {
        const auto still = JobsIn(c, [](const Job& job) { return job.Suspended(); });
        if (!still.empty()) c.Control(JobAction::kResume, any(still), Root());
        if (random(10) == 0) Set(c, "OverSubscribe", random(2) ? "FORCE:2" : "YES:3");
        if (random(10) == 0) c.Restart();
        for (const Node& node : settings.nodes) {
          if (!c.GetNode(node.name).connected) c.Register(node.name, {}, "boot1");
        }
      }
      for (const Node& node : settings.nodes) {
        uint32_t cpus = 0;
        for (const auto& [id, use] : c.GetNode(node.name).jobs) cpus += use.cpus.Count();
        shared += cpus > c.GetNode(node.name).alloc_cpus;
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(shared, 400u) << "jobs do share";
}

}  // namespace
}  // namespace reeve::ctld
