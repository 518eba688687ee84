#include "ctld/core/topology.h"

#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/ctld/core/tree.h"

namespace reeve::ctld {
namespace {

constexpr char kThreeLevels[] =
    "SwitchName=top Switches=right,left\n"
    "SwitchName=s0 Nodes=n0,n5\n"
    "SwitchName=s1 Nodes=n1\n"
    "SwitchName=s2 Nodes=n[2-4]\n"
    "SwitchName=left Switches=s[0-1]\n"
    "SwitchName=right Switches=s2\n";
const std::vector<std::string> kNodes = {"n0", "n1", "n2", "n3", "n4", "n5"};

TEST(Topology, KnowsTheLeafOfEachNode) {
  const auto tree = MakeTree(kNodes, kThreeLevels);
  EXPECT_EQ(tree->leaves(), 3u);
  EXPECT_EQ(tree->nodes(), 6u);
  const auto leaf = [&](NodeIndex node) { return tree->LeafName(tree->LeafOf(node)); };
  EXPECT_EQ(leaf(0), "s0");
  EXPECT_EQ(leaf(1), "s1");
  EXPECT_EQ(leaf(2), "s2");
  EXPECT_EQ(leaf(4), "s2");
  EXPECT_EQ(leaf(5), "s0");
}

TEST(Topology, LeavesBelowASwitchFollowOneAnother) {
  const auto tree = MakeTree(kNodes, kThreeLevels);
  std::map<std::string, std::set<std::string>> below;
  std::vector<std::string> order;
  for (const Topology::Switch& each : tree->switches()) {
    order.push_back(each.name);
    for (LeafIndex i = each.first; i < each.end; ++i) below[each.name].insert(tree->LeafName(i));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"s0", "s1", "s2", "left", "right", "top"}));
  EXPECT_EQ(below["s1"], (std::set<std::string>{"s1"}));
  EXPECT_EQ(below["left"], (std::set<std::string>{"s0", "s1"}));
  EXPECT_EQ(below["right"], (std::set<std::string>{"s2"}));
  EXPECT_EQ(below["top"], (std::set<std::string>{"s0", "s1", "s2"}));
}

TEST(Topology, TellsTreesApart) {
  const auto one = MakeTree(kNodes, kThreeLevels);
  EXPECT_FALSE(one->IsSplit());
  EXPECT_EQ(one->RootOf(0), one->RootOf(2));
  const auto two = MakeTree({"n0", "n1"}, "SwitchName=s0 Nodes=n0\nSwitchName=s1 Nodes=n1\n");
  EXPECT_TRUE(two->IsSplit());
  EXPECT_NE(two->RootOf(two->LeafOf(0)), two->RootOf(two->LeafOf(1)));
}

TEST(Topology, HasAnAddressForTheTasksOfANode) {
  const auto tree = MakeTree(kNodes, kThreeLevels);
  EXPECT_EQ(tree->AddressOf(5, "n5"),
            std::pair(std::string("top.left.s0.n5"), std::string("switch.switch.switch.node")));
  const auto flat = MakeTree({"n0"}, "SwitchName=only Nodes=n0\n");
  EXPECT_EQ(flat->AddressOf(0, "n0"),
            std::pair(std::string("only.n0"), std::string("switch.node")));
}

}  // namespace
}  // namespace reeve::ctld
