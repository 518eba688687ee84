// On tiny clusters, against trying every set: who makes room is enough, without anybody who need
// not, and there is no cheaper set; with more jobs than can all be tried it is within the bound
// that victims.h states.
#include <bit>

#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kNodes = 3;
constexpr uint32_t kCpus = 4;
constexpr uint32_t kLicenses = 4;
constexpr absl::Duration kGrace = absl::Seconds(45);
constexpr absl::Duration kKillWait = absl::Seconds(30);

Settings MakeSettings() {
  Settings settings = MakeTestSettings(kNodes, kCpus);
  settings.licenses = {{"foo", kLicenses}};
  settings.preempt.by_tier = true;
  settings.preempt.exempt_time = absl::Minutes(2);
  settings.slurmd_timeout = absl::ZeroDuration();
  const auto add = [&](std::string name, uint32_t tier, PreemptMode mode) {
    reeve::ctld::Partition partition = settings.partitions[0];
    partition.name = std::move(name);
    partition.is_default = false;
    partition.priority_tier = tier;
    partition.preempt_mode = mode;
    settings.partitions.push_back(partition);
  };
  settings.partitions[0].preempt_mode = PreemptMode::kCancel;
  settings.partitions[0].grace_time = kGrace;
  add("middle", 2, PreemptMode::kRequeue);
  add("safe", 1, PreemptMode::kOff);
  add("high", 3, PreemptMode::kCancel);
  return settings;
}

struct Ask {  // so many nodes, each with so many CPUs
  uint32_t nodes;
  uint32_t cpus;
  uint32_t licenses = 0;
};

uint32_t LicensesOf(const Job& job) {
  return job.shape->licenses.empty() ? 0 : job.shape->licenses[0].count;
}

class World {
 public:
  explicit World(const Cluster& c) : c_(c) {
    begin_ = c.now + kGrace + kKillWait;
    c.controller->ForEachJob([&](const Job& job) {
      if (!job.HoldsResources()) return;
      const bool tier = job.partition == "debug" || job.partition == "middle";
      const bool may = tier && job.Running() && !IsSet(job.rare->preempt_time) &&
                       c.now - job.start_time >= absl::Minutes(2);
      (may ? may_go_ : stay_).push_back(job);
    });
  }

  size_t candidates() const { return may_go_.size(); }
  bool Suffices(uint32_t set, const Ask& ask) const {
    std::map<std::string, uint32_t> taken;
    for (const Job& job : stay_) Take(job, taken);
    for (size_t i = 0; i < may_go_.size(); ++i) {
      if ((set >> i & 1) == 0) Take(may_go_[i], taken);
    }
    uint32_t nodes = 0;
    if (ask.licenses > 0 && taken["licence"] + ask.licenses > kLicenses) return false;
    for (uint32_t i = 1; i <= kNodes; ++i) {
      nodes += taken["n" + std::to_string(i)] + ask.cpus <= kCpus;
    }
    return nodes >= ask.nodes;
  }
  // CPU seconds, then jobs.
  std::pair<int64_t, int> CostOf(uint32_t set) const {
    int64_t seconds = 0;
    for (size_t i = 0; i < may_go_.size(); ++i) {
      if ((set >> i & 1) == 0) continue;
      seconds += may_go_[i].num_cpus * absl::ToInt64Seconds(c_.now - may_go_[i].start_time);
    }
    return {seconds, std::popcount(set)};
  }
  // The cheapest that suffices; none: there is no such set, or nobody need go.
  std::optional<uint32_t> Best(const Ask& ask) const {
    if (Suffices(0, ask)) return std::nullopt;
    std::optional<uint32_t> best;
    for (uint32_t set = 1; set < 1u << may_go_.size(); ++set) {
      if (best.has_value() && !(CostOf(set) < CostOf(*best))) continue;
      if (Suffices(set, ask)) best = set;
    }
    return best;
  }
  uint32_t Chosen(const Cluster& c) const {
    uint32_t set = 0;
    for (size_t i = 0; i < may_go_.size(); ++i) {
      if (IsSet(c.Get(may_go_[i].id).rare->preempt_time)) set |= 1u << i;
    }
    return set;
  }

 private:
  void Take(const Job& job, std::map<std::string, uint32_t>& taken) const {
    if (job.end_time <= begin_) return;
    taken["licence"] += LicensesOf(job);
    for (const NodeShare& share : job.shares) taken[share.node] += share.cpus;
  }

  const Cluster& c_;
  absl::Time begin_;
  std::vector<Job> may_go_, stay_;
};

void Fill(Cluster& c, Random& random, uint32_t jobs, uint32_t widest, bool licensed) {
  static const std::vector<std::string> kPartitions = {"debug", "debug", "middle", "safe"};
  for (uint32_t i = 0; i < jobs; ++i) {
    Spec spec;
    spec.Nodes(1 + random(widest)).PerNode(1).CpusPerTask(1 + random(kCpus / 2 + widest - 1));
    spec.Minutes(random(4) == 0 ? 10 + random(20) : 1000).Partition(kPartitions[random(4)]);
    if (licensed && random(3) > 0) spec.Licenses("foo:" + std::to_string(1 + random(2)));
    c.Submit(spec);
    c.Advance(absl::Seconds(random(400)));
  }
  for (JobId id : JobsIn(c, [](const Job& job) { return job.Pending(); })) c.Cancel(id);
  for (JobId id : JobsIn(c, [](const Job& job) { return job.Completing(); })) c.Gone(id);
}

// What became of it; and once they are gone the job runs.
void ExpectRoomMade(Cluster& c, const World& world, const Ask& ask, JobId high, bool exact) {
  const uint32_t chosen = world.Chosen(c);
  const std::optional<uint32_t> best = world.Best(ask);
  if (!best.has_value()) {
    EXPECT_EQ(chosen, 0u) << "for nothing";
    return;
  }
  ASSERT_TRUE(world.Suffices(chosen, ask)) << "not enough: " << chosen << ", best " << *best;
  for (size_t i = 0; i < world.candidates(); ++i) {
    const uint32_t one = 1u << i;
    EXPECT_FALSE((chosen & one) != 0 && world.Suffices(chosen & ~one, ask)) << "too many";
  }
  const auto cost = world.CostOf(chosen), least = world.CostOf(*best);
  if (exact) {
    EXPECT_EQ(cost, least);
  } else {
    EXPECT_LE(cost.first, least.first * cost.second);
  }
  for (const absl::Duration wait : {kGrace, kKillWait}) {
    c.Advance(wait);
    for (JobId id : JobsIn(c, [](const Job& job) { return job.Completing(); })) c.Gone(id);
  }
  EXPECT_TRUE(c.Running(high)) << c.Why(high);
}

// How many of the rounds had somebody make room.
int Rounds(uint32_t seeds, uint32_t most_jobs, uint32_t widest, bool exact, bool licensed = false) {
  int made = 0;
  for (uint32_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster c(MakeSettings());
    Fill(c, random, 1 + random(most_jobs), widest, licensed);
    Ask ask{1 + random(kNodes), 1 + random(kCpus)};
    const World before(c);
    Spec spec;
    spec.Nodes(ask.nodes).PerNode(1).CpusPerTask(ask.cpus).Minutes(1 + random(100));
    spec.Partition("high");
    if (licensed) {
      ask.licenses = random(kLicenses + 1);
      spec.Licenses("foo:" + std::to_string(ask.licenses));
    }
    const JobId high = c.TrySubmit(spec).value_or(JobId{});
    if (!high || c.Running(high)) continue;
    made += before.Best(ask).has_value();
    ExpectRoomMade(c, before, ask, high, exact);
    if (::testing::Test::HasFailure()) return made;
  }
  return made;
}

TEST(Victims, OfUpToFiveJobsNoSetIsCheaper) {
  EXPECT_GT(Rounds(1500, 5, 3, /*exact=*/true), 200);
}

TEST(Victims, OfThoseWithLicensesNoSetIsCheaper) {
  EXPECT_GT(Rounds(1500, 5, 2, /*exact=*/true, /*licensed=*/true), 200);
}

TEST(Victims, OfMoreTheChosenOneIsWithinItsBound) {
  EXPECT_GT(Rounds(400, 14, 1, /*exact=*/false), 50);
}

}  // namespace
}  // namespace reeve::ctld
