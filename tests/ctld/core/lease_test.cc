// When the jobs of a silent node move: docs/decisions/0004-leases.md.
#include "ctld/core/lease.h"

#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

// Nodes that send heartbeats and hear their acknowledgements, or only one of the two.
class LeaseTest : public ::testing::Test {
 protected:
  explicit LeaseTest(uint32_t nodes = 3) : c(nodes, 2) {
    for (uint32_t i = 1; i <= nodes; ++i) alive.push_back("n" + std::to_string(i));
    terms = c.settings.lease;
  }
  void Cut(const std::string& name, bool notice = true) {
    std::erase(alive, name);
    if (notice) c.Do(NodeLost{name});
  }
  // Heartbeats of those alive, one an interval.
  void Run(absl::Duration time) {
    for (const absl::Time end = c.now + time; c.now < end;) {
      c.Advance(terms.heartbeat());
      for (const std::string& name : alive) {
        uint64_t& last = sequence[name];
        c.Do(NodeHeartbeat{name, 0, 0, last + 1, deaf.contains(name) ? 0 : last});
        ++last;
      }
    }
  }
  JobId Start(const Spec& spec) {
    const JobId id = c.Submit(spec);
    c.Started(id);
    return id;
  }
  absl::Duration Whole() const { return terms.length + terms.margin(); }

  Cluster c;
  LeaseTerms terms;
  std::vector<std::string> alive;
  std::set<std::string> deaf;  // acknowledgements do not reach these
  std::map<std::string, uint64_t> sequence;
};
class LeaseOfTwo : public LeaseTest {
 protected:
  LeaseOfTwo() : LeaseTest(2) {}
};

TEST_F(LeaseTest, ASilentNodesJobMovesWhenTheLeaseIsOver) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  const JobId fixed = Start(Spec().On("n1").NoRequeue());
  EXPECT_TRUE(c.Get(id).leased);
  EXPECT_FALSE(c.Get(fixed).leased);
  Cut("n1");
  Run(terms.length);
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.State(fixed), "NODE_FAIL");
  Run(terms.margin() + terms.heartbeat());
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_EQ(c.State(id), "PENDING");  // it wants n1
  EXPECT_EQ(c.Get(fixed).restarts, 0u);
}

TEST_F(LeaseTest, ItRunsElsewhere) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec());
  const std::string first = c.NodesOf(id).front();
  Cut(first);
  Run(Whole() + terms.heartbeat());
  ASSERT_TRUE(c.Running(id));
  EXPECT_NE(c.NodesOf(id).front(), first);
}

TEST_F(LeaseTest, NothingMovesWhileTheControllerHearsNobody) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  Cut("n1");
  Cut("n2");
  Cut("n3");
  Run(Whole() * 5);
  EXPECT_EQ(c.State(id), "COMPLETING");
  // The others come back: only now does the time of n1's lease begin, as it may have been renewed
  // by them a moment ago.
  c.Register("n2");
  c.Register("n3");
  sequence.clear();
  alive = {"n2", "n3"};
  Run(Whole() - terms.heartbeat());
  EXPECT_EQ(c.State(id), "COMPLETING");
  Run(terms.heartbeat() * 4);
  EXPECT_EQ(c.State(id), "PENDING");
}

TEST_F(LeaseTest, NodesThatHearNothingAreNoWitnesses) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  deaf = {"n2", "n3"};
  Cut("n1");
  Run(Whole() * 3);
  EXPECT_EQ(c.State(id), "COMPLETING");
}

TEST_F(LeaseTest, AGapInTheWitnessesStartsTheTimeAgain) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  Cut("n1");
  Run(terms.length / 2);
  deaf = {"n2", "n3"};
  Run(terms.covered() + terms.heartbeat());
  deaf.clear();
  Run(Whole() - terms.heartbeat());
  EXPECT_EQ(c.State(id), "COMPLETING");
  Run(terms.heartbeat() * 4);
  EXPECT_EQ(c.State(id), "PENDING");
}

TEST_F(LeaseTest, ARestartOfTheControllerStartsTheTimeAgain) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  Cut("n1");
  Run(terms.length / 2);
  c.Restart();
  c.Register("n2");
  c.Register("n3");
  sequence.clear();
  Run(Whole() - terms.heartbeat());
  EXPECT_NE(c.State(id), "PENDING");
  Run(terms.heartbeat() * 4);
  EXPECT_EQ(c.State(id), "PENDING");
}

TEST_F(LeaseOfTwo, OneIsHalf) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  Cut("n1");
  Run(Whole() + terms.heartbeat());
  EXPECT_EQ(c.State(id), "PENDING");
}

TEST_F(LeaseTest, WhatWasNotLeasedWaitsForProof) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1").NoRequeue());
  EXPECT_EQ(c.Update(id, "Requeue", "1"), "");
  Cut("n1");
  Run(Whole() * 2);
  EXPECT_EQ(c.State(id), "COMPLETING");
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_EQ(c.State(id), "PENDING");  // it wants n1, which has rebooted unexpectedly
}

TEST_F(LeaseTest, WithoutSlurmdTimeoutThereIsNone) {
  Settings settings = MakeTestSettings(2, 2);
  settings.slurmd_timeout = absl::ZeroDuration();
  settings.lease = LeaseTerms::For(settings.slurmd_timeout);
  Cluster d(settings);
  const JobId id = d.Submit(Spec());
  EXPECT_FALSE(d.Get(id).leased);
  d.Do(NodeLost{d.NodesOf(id).front()});
  d.Advance(absl::Hours(1000));
  EXPECT_TRUE(d.Running(id));
}

TEST_F(LeaseTest, AStoppedNodeIsHungUpOn) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  Cut("n1", /*notice=*/false);
  Run(terms.length + terms.heartbeat());
  EXPECT_EQ(c.Commands<HangUp>().size(), 1u);
  EXPECT_FALSE(c.GetNode("n1").connected);
  // A heartbeat that was under way renews nothing.
  const size_t before = c.commands.size();
  c.Do(NodeHeartbeat{"n1", 0, 0, 99, 98});
  EXPECT_TRUE(c.Commands<HeartbeatAck>(before).empty());
  Run(Whole());
  EXPECT_EQ(c.Get(id).restarts, 1u);
}

TEST_F(LeaseTest, TheNodesWordThatItsLeaseRanOut) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  c.Do(StepReported{.node = "n1",
                    .report_id = 7,
                    .job = id,
                    .step = kBatchStep,
                    .kind = StepReportKind::kExited,
                    .tasks = {{0, 9}},
                    .lease_lost = true});
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_TRUE(c.Running(id));
}

TEST_F(LeaseTest, ALongerLeaseToldBeforeBindsUntilTheNextRegistration) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().On("n1"));
  c.settings.slurmd_timeout = absl::Seconds(20);
  c.settings.lease = LeaseTerms::For(absl::Seconds(20));
  c.Do(Reconfigured{c.settings});
  Cut("n1");
  const absl::Duration before = Whole();
  terms = c.settings.lease;
  Run(Whole() + terms.heartbeat());
  EXPECT_EQ(c.State(id), "COMPLETING");
  Run(before);
  EXPECT_EQ(c.State(id), "PENDING");
}

TEST_F(LeaseTest, NothingIsPlacedBeforeStrangersAreGone) {
  c.Do(NodeLost{"n1"});
  c.Register("n1", {{JobId{77}, kBatchStep, 2}});
  const JobId id = c.Submit(Spec().On("n1"));
  EXPECT_FALSE(c.Running(id));
  c.Do(JobGone{"n1", 1, JobId{77}, 2});
  EXPECT_TRUE(c.Running(id));
}

TEST(Witnesses, AnOddNumberSpreadOverTheNodes) {
  const auto chosen = [](uint32_t count) {
    std::vector<std::unique_ptr<Node>> nodes;
    for (const Node& node : MakeTestSettings(count, 1).nodes) {
      nodes.push_back(std::make_unique<Node>(node));
    }
    return ChooseWitnesses(nodes);
  };
  EXPECT_THAT(chosen(1), testing::ElementsAre("n1"));
  EXPECT_EQ(chosen(2).size(), 2u);
  EXPECT_EQ(chosen(4).size(), 3u);
  EXPECT_EQ(chosen(100).size(), 7u);
  EXPECT_EQ(chosen(100).back(), "n86");
}

// ---- a clock that is set
// --------------------------------------------------------------------------

TEST_F(LeaseTest, AClockSetForwardMakesNobodySilentAndEndsNothing) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().Minutes(10));
  c.now += absl::Hours(5);
  c.Do(ClockJumped{absl::Hours(5)});
  EXPECT_TRUE(c.Running(id));
  for (const char* name : {"n1", "n2", "n3"}) EXPECT_TRUE(c.GetNode(name).Usable()) << name;
  Run(absl::Minutes(9));
  EXPECT_TRUE(c.Running(id));
  Run(absl::Minutes(2));
  EXPECT_FALSE(c.Running(id));
}

TEST_F(LeaseTest, AClockSetBackKeepsLimitsAndTimeouts) {
  Run(terms.heartbeat() * 3);
  const JobId id = Start(Spec().Minutes(10));
  const JobId other = Start(Spec().On("n2").NoRequeue());
  c.now -= absl::Hours(5);
  c.Do(ClockJumped{-absl::Hours(5)});
  Cut("n2");
  Run(terms.length + terms.heartbeat());
  EXPECT_EQ(c.State(other), "NODE_FAIL");
  Run(absl::Minutes(11));
  EXPECT_FALSE(c.Running(id));
}

}  // namespace
}  // namespace reeve::ctld
