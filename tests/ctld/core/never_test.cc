// Who submits what can never run is told so at once, and nobody else is.
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Of the latest submission.
std::vector<std::string> NotesOf(const Cluster& c) {
  const absl::StatusOr<Answer> answer = c.AnswerTo({c.calls});
  return answer.ok() ? std::get<SubmitAnswer>(*answer).notes : std::vector<std::string>{"refused"};
}

Settings TwoPartitions() {
  Settings settings = MakeTestSettings(3, 4);
  for (Node& node : settings.nodes) node.features = {"x"};
  settings.nodes[0].features.push_back("gpu");
  reeve::ctld::Partition small = settings.partitions[0];
  small.name = "small";
  small.is_default = false;
  small.nodes = {"n1"};
  small.max_time = absl::Minutes(30);
  settings.partitions.push_back(small);
  return settings;
}

TEST(Never, TheAnswerSaysWhy) {
  Cluster c(TwoPartitions());
  const JobId wide = c.Submit(Spec().Nodes(4));
  EXPECT_EQ(c.Why(wide), "PartitionConfig") << "accepted, as Slurm does";
  EXPECT_THAT(NotesOf(c), ElementsAre("note: job 1 can never run as the cluster stands: "
                                      "partition debug has 3 nodes, 4 needed"));
  c.Submit(Spec().Tasks(13));
  EXPECT_THAT(NotesOf(c),
              ElementsAre(HasSubstr("the nodes of debug cannot take 13 tasks together")));
  c.Submit(Spec().Nodes(2).Features("gpu"));
  EXPECT_THAT(NotesOf(c),
              ElementsAre(HasSubstr("only 1 of the nodes of debug have the features gpu, "
                                    "2 needed")));
  c.Submit(Spec().Partition("small").Minutes(31));
  EXPECT_THAT(NotesOf(c),
              ElementsAre(HasSubstr("asks for 00:31:00, partition small allows 00:30:00 "
                                    "(MaxTime)")));
  c.Submit(Spec().Partition("small,debug").Nodes(4).Array("1-3"));
  EXPECT_THAT(NotesOf(c),
              ElementsAre("note: job 5_[1-3] can never run as the cluster stands: partition small "
                          "has 1 nodes, 4 needed; partition debug has 3 nodes, 4 needed"));
}

TEST(Never, HeldJobsAndLaterOnesAreNoExceptions) {
  Cluster c(TwoPartitions());
  c.Submit(Spec().Hold().Nodes(4));
  EXPECT_THAT(NotesOf(c), ElementsAre(HasSubstr("can never run")));
  c.Submit(Spec().Begin(c.now + absl::Hours(1)).Nodes(4));
  EXPECT_THAT(NotesOf(c), ElementsAre(HasSubstr("can never run")));
  c.Submit(Spec().Begin(c.now + absl::Hours(1)).Nodes(3));
  EXPECT_THAT(NotesOf(c), IsEmpty());
}

TEST(Never, WhatCouldRunOnceNodesReturnIsNotNever) {
  Cluster c(TwoPartitions(), /*up=*/false);
  const JobId job = c.Submit(Spec().Nodes(3));
  EXPECT_THAT(NotesOf(c), IsEmpty());
  EXPECT_EQ(c.Why(job), "ReqNodeNotAvail");
  c.Submit(Spec().Partition("small,debug").Nodes(3));
  EXPECT_THAT(NotesOf(c), IsEmpty()) << "one partition is enough";
  UpdatePartition down{c.NextCall(), Root(), "debug", {{"State", "DOWN"}}};
  c.Do(down);
  c.Submit(Spec());
  EXPECT_THAT(NotesOf(c), IsEmpty());
}

TEST(Never, ARepeatedRequestGetsTheSameAnswer) {
  Cluster c(TwoPartitions());
  ASSERT_TRUE(c.TrySubmit(Spec().Nodes(4), User(1000), "request").ok());
  const std::vector<std::string> first = NotesOf(c);
  ASSERT_EQ(first.size(), 1u);
  c.Restart();
  ASSERT_TRUE(c.TrySubmit(Spec().Nodes(4), User(1000), "request").ok());
  EXPECT_EQ(NotesOf(c), first);
}

// A job that is noted does not start on the whole cluster, empty and up; one that is not does.
TEST(Never, IsSaidOfThoseThatDoNotStartOnAnEmptyClusterAndOfNoOthers) {
  int noted = 0;
  int fine = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    Settings settings = MakeTestSettings(1 + random(4), 4);
    settings.enforce_part_limits = EnforcePartLimits::kNo;
    for (Node& node : settings.nodes) {
      node.cpus = 1 + random(4);
      if (random(2)) node.features.push_back("a");
    }
    settings.nodes[0].features = {"a"};
    if (random(3) == 0) settings.partitions[0].max_nodes = 1 + random(3);
    if (random(3) == 0) settings.partitions[0].max_time = absl::Minutes(10);
    Spec spec;
    spec.Minutes(1 + random(12)).Mem(100 * (1 + random(4)));
    if (random(2)) spec.Nodes(1 + random(5));
    if (random(2)) spec.Tasks(1 + random(10));
    if (random(3) == 0) spec.Features("a");
    if (random(4) == 0) spec.Exclusive();
    Cluster empty(settings);
    const absl::StatusOr<JobId> alone = empty.TrySubmit(spec);
    if (!alone.ok()) continue;  // refused
    // The same, where nothing is up or nothing is free.
    const bool up = random(2) == 0;
    Cluster full(settings, up);
    for (uint32_t i = 0; up && i < settings.nodes.size(); ++i) {
      full.Submit(Spec().Exclusive().Minutes(5));
    }
    (void)full.TrySubmit(spec);
    EXPECT_EQ(NotesOf(full).empty(), empty.Running(*alone)) << "seed " << seed;
    EXPECT_EQ(NotesOf(empty).empty(), empty.Running(*alone)) << "seed " << seed;
    (empty.Running(*alone) ? fine : noted)++;
  }
  EXPECT_GT(noted, 40);
  EXPECT_GT(fine, 40);
}

}  // namespace
}  // namespace reeve::ctld
