// topology.conf.
#include "common/base/config_topology.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/base/config_text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
  Config config;
  std::string problems;
};
Read ReadTree(std::string_view text) {
  Read read{Good("NodeName=n[0-3]\nTopologyPlugin=topology/tree\n"), ""};
  ConfigProblems problems;
  ApplyTopologyConf(read.config, text, "topology.conf", problems);
  read.problems = std::string(problems.ToStatus().message());
  return read;
}

TEST(ConfigTopology, IsATreeOfSwitches) {
  const Read read = ReadTree(
      "# the top comes first\n"
      "SwitchName=top Switches=s[0-1] LinkSpeed=100\n"
      "switchname=s0 nodes=n[0-1]\n"
      "SwitchName=s1 Nodes=n2,n3\n");
  EXPECT_EQ(read.problems, "");
  const std::vector<SwitchConfig>& switches = read.config.switches;
  ASSERT_EQ(switches.size(), 3u);
  EXPECT_EQ(switches[0].name, "top");
  EXPECT_EQ(switches[0].level, 1u);
  EXPECT_EQ(switches[0].link_speed, 100u);
  EXPECT_THAT(switches[0].switches, ElementsAre("s0", "s1"));
  EXPECT_EQ(switches[0].all_nodes, "n[0-3]");
  EXPECT_EQ(switches[1].level, 0u);
  EXPECT_EQ(switches[1].all_nodes, "n[0-1]");
  EXPECT_THAT(switches[1].nodes, ElementsAre("n0", "n1"));
  EXPECT_THAT(switches[2].nodes, ElementsAre("n2", "n3"));
}

TEST(ConfigTopology, HasLevelsAboveTheHighestBelow) {
  const Read read = ReadTree(
      "SwitchName=s0 Nodes=n0\nSwitchName=s1 Nodes=n1\nSwitchName=s2 Nodes=n[2-3]\n"
      "SwitchName=mid Switches=s[0-1]\nSwitchName=top Switches=mid,s2\n");
  EXPECT_EQ(read.problems, "");
  EXPECT_EQ(read.config.switches[3].level, 1u);
  EXPECT_EQ(read.config.switches[4].level, 2u);
}

TEST(ConfigTopology, ThatIsNoTreeIsAnErrorWithItsLine) {
  const auto said = [](std::string_view text) { return ReadTree(text).problems; };
  constexpr char kLeaves[] = "SwitchName=s0 Nodes=n[0-1]\nSwitchName=s1 Nodes=n[2-3]\n";
  const auto after = [&](std::string_view text) { return said(StrCat(kLeaves, text)); };
  EXPECT_EQ(after("SwitchName=a Switches=s0,b\nSwitchName=b Switches=a\n"),
            "topology.conf:3: switch a is in a circle of switches\n"
            "topology.conf:4: switch b is in a circle of switches");
  EXPECT_EQ(after("SwitchName=s2 Nodes=n9\n"), "topology.conf:3: switch s2: no node n9");
  EXPECT_EQ(after("SwitchName=s2 Nodes=n1\n"),
            "topology.conf:3: node n1 is on switch s0 already, in line 1");
  EXPECT_EQ(after("SwitchName=s2 Switches=s[1,7]\n"), "topology.conf:3: switch s2: no switch s7");
  EXPECT_EQ(after("SwitchName=a Switches=s0\nSwitchName=b Switches=s[0-1]\n"),
            "topology.conf:4: switch s0 is below switch a already, in line 3");
  EXPECT_EQ(after("SwitchName=s0 Switches=s1\n"),
            "topology.conf:3: switch s0 is defined already, in line 1");
  EXPECT_EQ(after("SwitchName=s2 Nodes=n1 Switches=s0\n"),
            "topology.conf:3: switch s2 has both Nodes and Switches: it may have one");
  EXPECT_EQ(after("SwitchName=s2\n"), "topology.conf:3: switch s2 has neither Nodes nor Switches");
  EXPECT_EQ(after("Nodes=n1\n"), "topology.conf:3: SwitchName is missing");
  EXPECT_THAT(after("SwitchName=s2 Switches=s0 LinkSped=3\n"),
              HasSubstr("topology.conf:3: unknown key 'LinkSped'; did you mean LinkSpeed?"));
  EXPECT_THAT(after("SwitchName=s2 Switches=s0 LinkSpeed=fast\n"), HasSubstr("topology.conf:3: "));
  EXPECT_THAT(after("SwitchName=s[2-3] Switches=s0\n"), HasSubstr("is no name for a switch"));
  EXPECT_THAT(after("SwitchName=s2 Switches=s[0\n"), HasSubstr("topology.conf:3: Switches: "));
  EXPECT_EQ(said("SwitchName=s0 Nodes=n[0-1]\nSwitchName=s1 Nodes=n3\n"),
            "f:2: no switch of topology.conf has node n2");
  EXPECT_THAT(said(""), HasSubstr("no switch is defined"));
}

// Several trees are none together, and no error.
TEST(ConfigTopology, MayFallIntoSeveralTrees) {
  EXPECT_EQ(ReadTree("SwitchName=s0 Nodes=n[0-1]\nSwitchName=s1 Nodes=n[2-3]\n").problems, "");
}

TEST(ConfigTopology, PluginIsTreeOrFlat) {
  EXPECT_TRUE(Good("TopologyPlugin=topology/tree").topology_tree);
  EXPECT_TRUE(Good("TopologyPlugin=tree").topology_tree);
  for (const char* flat : {"", "topology/flat", "topology/default", "topology/none", "none"}) {
    EXPECT_FALSE(Good(StrCat("TopologyPlugin=", flat)).topology_tree);
  }
  EXPECT_THAT(Problem("TopologyPlugin=topology/block"),
              HasSubstr("TopologyPlugin: 'topology/block' is not supported yet"));
}

TEST(ConfigTopology, SaysWhatHasChanged) {
  const Config before = ReadTree("SwitchName=s0 Nodes=n[0-1]\nSwitchName=s1 Nodes=n[2-3]\n").config;
  const Config after =
      ReadTree("SwitchName=s0 Nodes=n[0-2]\nSwitchName=s1 Nodes=n3\nSwitchName=t Switches=s[0-1]\n")
          .config;
  EXPECT_THAT(ConfigDiff(before, after).at_run_time,
              ElementsAre("SwitchName s0: Nodes changed", "SwitchName s1: Nodes changed",
                          "SwitchName t: added"));
}

// Where the files stand beside one another.
class ConfigFiles : public ::testing::Test {
 protected:
  ConfigFiles() {
    folder_ = std::filesystem::temp_directory_path() / StrCat("reeve-topology-", getpid());
    std::filesystem::create_directories(folder_);
  }
  ~ConfigFiles() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
  }
  absl::StatusOr<Config> Load() { return LoadWholeConfig((folder_ / "slurm.conf").string()); }

  std::filesystem::path folder_;
};

TEST_F(ConfigFiles, AreReadWhereTheNetworkIsATree) {
  Write("slurm.conf", "ClusterName=c\nSlurmctldHost=h\nNodeName=n1\nTopologyPlugin=tree\n");
  EXPECT_THAT(std::string(Load().status().message()),
              HasSubstr("topology.conf: TopologyPlugin=topology/tree: cannot read"));
  Write("topology.conf", "SwitchName=s0 Nodes=n1\n");
  ASSERT_TRUE(Load().ok()) << Load().status();
  EXPECT_EQ(Load()->switches.size(), 1u);
  // Only the controller needs it.
  EXPECT_TRUE(LoadConfig((folder_ / "slurm.conf").string())->switches.empty());

  Write("slurm.conf", "ClusterName=c\nSlurmctldHost=h\nNodeName=n1\n");
  EXPECT_TRUE(Load()->switches.empty());
  EXPECT_THAT(Load()->notes, ::testing::Contains(HasSubstr("TopologyPlugin is not topology/tree")));
}

TEST(SchedulerParameters, HaveTheLongestWaitForSwitches) {
  EXPECT_EQ(Good("").max_switch_wait, absl::Seconds(300));
  EXPECT_EQ(Good("SchedulerParameters=max_switch_wait=60,bf_continue").max_switch_wait,
            absl::Seconds(60));
  EXPECT_FALSE(Parse("SchedulerParameters=max_switch_wait=-1").ok());
}

}  // namespace
}  // namespace reeve
