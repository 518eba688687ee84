#include "common/base/config_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/text.h"
#include "tests/common/base/config_text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Topology(std::string_view keys) {
  absl::StatusOr<Config> config = Parse(StrCat("NodeName=n ", keys));
  if (!config.ok()) return "error";
  const NodeConfig& n = config->nodes[0];
  return StrCat(n.cpus, "=", n.boards, ":", n.sockets, ":", n.cores_per_socket, ":",
                n.threads_per_core);
}

TEST(NodeLines, Topology) {
  EXPECT_EQ(Topology(""), "1=1:1:1:1");
  EXPECT_EQ(Topology("CPUs=16"), "16=1:16:1:1");
  EXPECT_EQ(Topology("Procs=16"), "16=1:16:1:1");
  EXPECT_EQ(Topology("Sockets=2 CoresPerSocket=4 ThreadsPerCore=2"), "16=1:2:4:2");
  EXPECT_EQ(Topology("CPUs=16 CoresPerSocket=4 ThreadsPerCore=2"), "16=1:2:4:2");
  EXPECT_EQ(Topology("CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2"), "8=1:2:4:2");
  EXPECT_EQ(Topology("Boards=2 SocketsPerBoard=2 CoresPerSocket=4"), "16=2:4:4:1");
  EXPECT_EQ(Topology("CPUs=5 Sockets=2"), "error");
  EXPECT_EQ(Topology("CPUs=5 CoresPerSocket=2"), "error");
  EXPECT_EQ(Topology("Sockets=2 SocketsPerBoard=2"), "error");
  EXPECT_EQ(Topology("CPUs=0"), "error");
  EXPECT_EQ(Topology("Sockets=60000 CoresPerSocket=60000 ThreadsPerCore=60000"), "error");
}

TEST(NodeLines, Fields) {
  const Config config = Good(
      "GresTypes=gpu\nNodeName=n1 RealMemory=2G TmpDisk=100 Features=a,b Gres=gpu:2 Weight=7 "
      "State=DRAIN "
      "Reason=\"bad disk\" Port=7000 NodeAddr=fe80::1 NodeHostname=h1\n");
  const NodeConfig& node = config.nodes[0];
  EXPECT_EQ(node.real_memory_mb, 2048u);
  EXPECT_EQ(node.tmp_disk_mb, 100u);
  EXPECT_THAT(node.features, ElementsAre("a", "b"));
  EXPECT_EQ(node.gres, "gpu:2");
  EXPECT_EQ(node.weight, 7u);
  EXPECT_EQ(node.state, ConfiguredNodeState::kDrain);
  EXPECT_EQ(node.reason, "bad disk");
  EXPECT_EQ(node.port, 7000);
  EXPECT_EQ(node.address, "fe80::1");
  EXPECT_EQ(node.hostname, "h1");
  EXPECT_EQ(node.source.line, 3);
}

TEST(NodeLines, ListsPairUp) {
  const Config config =
      Good("NodeName=n[1-3] NodeAddr=10.0.0.[11-13] NodeHostname=host Port=[7001-7003]\n");
  ASSERT_THAT(config.nodes, SizeIs(3));
  EXPECT_EQ(config.nodes[2].name, "n3");
  EXPECT_EQ(config.nodes[2].address, "10.0.0.13");
  EXPECT_EQ(config.nodes[2].hostname, "host");
  EXPECT_EQ(config.nodes[2].port, 7003);
  EXPECT_EQ(Good("NodeName=n\n").nodes[0].port, 6818);
  EXPECT_EQ(Good("NodeName=n\n").nodes[0].address, "n");
  EXPECT_THAT(Problem("NodeName=n[1-3] NodeAddr=a[1-2]"), HasSubstr("2 elements for 3 nodes"));
  EXPECT_THAT(Problem("NodeName=n[1-3] Port=7000-7001"), HasSubstr("2 elements for 3 nodes"));
}

TEST(NodeLines, Defaults) {
  const Config config = Good(
      "NodeName=DEFAULT CPUs=8 Feature=x\nNodeName=a\nNodeName=DEFAULT RealMemory=10\n"
      "NodeName=b CPUs=4\n");
  EXPECT_EQ(config.nodes[0].cpus, 8u);
  EXPECT_EQ(config.nodes[0].real_memory_mb, 1u);
  EXPECT_EQ(config.nodes[1].cpus, 4u);
  EXPECT_EQ(config.nodes[1].real_memory_mb, 10u);
  EXPECT_THAT(config.nodes[1].features, ElementsAre("x"));
}

TEST(NodeLines, Refuses) {
  EXPECT_THAT(Problem("NodeName=a\nNodeName=a"), HasSubstr("f:3: node a is defined twice"));
  EXPECT_THAT(Problem("NodeName=a RealMem=3"), HasSubstr("did you mean RealMemory?"));
  EXPECT_THAT(Problem("NodeName=a CoreSpecCount=1"), HasSubstr("not supported yet"));
  EXPECT_THAT(Problem("NodeName=a State=CLOUD"), HasSubstr("'CLOUD' is not supported"));
  EXPECT_THAT(Problem("NodeName="), HasSubstr("names no node"));
  EXPECT_THAT(Problem("NodeName=n[0-65535]\nNodeName=x"), HasSubstr("more than 65536 nodes"));
}

TEST(PartitionLines, Fields) {
  const Config config = Good(
      "NodeName=n[1-4]\n"
      "PartitionName=a Nodes=n[2-3] Default=YES MaxTime=1-0 DefaultTime=30 State=DRAIN "
      "PriorityTier=5 AllowGroups=x,y AllowAccounts=ALL DenyAccounts=z OverSubscribe=EXCLUSIVE "
      "MaxNodes=2 MinNodes=1 DefMemPerCPU=100 MaxMemPerNode=UNLIMITED Hidden=YES RootOnly=NO "
      "ExclusiveUser=YES LLN=YES\n"
      "PartitionName=b Nodes=ALL Shared=YES:2\nPartitionName=c\n");
  const PartitionConfig& a = *config.FindPartition("a");
  EXPECT_THAT(a.nodes, ElementsAre("n2", "n3"));
  EXPECT_EQ(config.DefaultPartition(), &a);
  EXPECT_EQ(a.max_time, absl::Hours(24));
  EXPECT_EQ(a.default_time, absl::Minutes(30));
  EXPECT_EQ(a.state, PartitionState::kDrain);
  EXPECT_EQ(a.priority_tier, 5u);
  EXPECT_THAT(a.allow_groups, ElementsAre("x", "y"));
  EXPECT_THAT(a.allow_accounts, IsEmpty());
  EXPECT_THAT(a.deny_accounts, ElementsAre("z"));
  EXPECT_EQ(a.oversubscribe.kind, OverSubscribe::kExclusive);
  EXPECT_EQ(a.max_nodes, 2u);
  EXPECT_EQ(a.min_nodes, 1u);
  EXPECT_EQ(a.def_mem_per_cpu_mb, 100u);
  EXPECT_FALSE(a.max_mem_per_node_mb.has_value());
  EXPECT_TRUE(a.hidden && a.exclusive_user && a.lln);
  const PartitionConfig& b = *config.FindPartition("b");
  EXPECT_TRUE(b.all_nodes);
  EXPECT_THAT(b.nodes, SizeIs(4));
  EXPECT_EQ(b.oversubscribe.jobs, 2u);
  EXPECT_THAT(config.FindPartition("c")->nodes, IsEmpty());
}

TEST(PartitionLines, NodesMayFollow) {
  EXPECT_THAT(Good("PartitionName=DEFAULT MaxTime=5\nPartitionName=p Nodes=n\nNodeName=n\n")
                  .FindPartition("p")
                  ->nodes,
              ElementsAre("n"));
}

TEST(PartitionLines, OverSubscribeReads) {
  for (const auto& [text, shown] :
       {std::pair("NO", "NO"), std::pair("exclusive", "EXCLUSIVE"), std::pair("YES", "YES:4"),
        std::pair("yes:2", "YES:2"), std::pair("FORCE", "FORCE:4"),
        std::pair("Force:1", "FORCE:1")}) {
    const Config config = Good("PartitionName=a OverSubscribe=" + std::string(text) + "\n");
    EXPECT_EQ(OverSubscribeText(config.FindPartition("a")->oversubscribe), shown);
  }
}

TEST(PartitionLines, Refuses) {
  EXPECT_THAT(Problem("PartitionName=a Nodes=zz"),
              HasSubstr("f:2: partition a: there is no node zz"));
  EXPECT_THAT(Problem("PartitionName=a QOS=x"), HasSubstr("QOS=x is not supported yet"));
  EXPECT_THAT(Problem("PartitionName=a OverSubscribe=SOME"),
              HasSubstr("is none of NO, EXCLUSIVE, YES[:jobs], FORCE[:jobs]"));
  EXPECT_THAT(Problem("PartitionName=a OverSubscribe=NO:2"), HasSubstr("is none of"));
  EXPECT_THAT(Problem("PartitionName=a OverSubscribe=FORCE:0"), HasSubstr("no number of jobs"));
  EXPECT_THAT(Problem("PartitionName=a Default=YES\nPartitionName=b Default=YES"),
              HasSubstr("f:3: partition b: Default=YES, and so has a"));
  EXPECT_THAT(Problem("PartitionName=a\nPartitionName=a"), HasSubstr("defined twice"));
  EXPECT_THAT(Problem("PartitionName=a DefMemPerCPU=1 DefMemPerNode=1"), HasSubstr("exclude"));
  EXPECT_THAT(Problem("PartitionName=a*"), HasSubstr("no name"));
  EXPECT_THAT(Problem("PartitionName=a MaxTime=x"), HasSubstr("MaxTime: invalid time 'x'"));
}

TEST(PartitionLines, MembershipsAreBounded) {
  std::string text = "NodeName=n[0-65535]\n";
  for (int i = 0; i < 100; ++i) StrAppend(&text, "PartitionName=p", i, " Nodes=ALL\n");
  EXPECT_THAT(Problem(text), HasSubstr("too many nodes"));
}

}  // namespace
}  // namespace reeve
