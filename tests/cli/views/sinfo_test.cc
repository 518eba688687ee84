// sinfo's listings as text.
#include <gtest/gtest.h>

#include "cli/sinfo_options.h"
#include "cli/sinfo_rows.h"
#include "tests/cli/views/builders.h"
#include "tests/cli/views/golden.h"

namespace reeve::cli {
namespace {

std::string List(const pb::QueryClusterResponse& cluster, std::vector<std::string> words) {
  words.insert(words.begin(), "sinfo");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  SinfoOptions options;
  EXPECT_FALSE(ReadSinfoOptions(static_cast<int>(words.size()), argv.data(), &options).has_value());
  const FormatSpec spec = options.format_of_all ? FormatOfAll(NodeFields()) : options.format;
  const Layout<NodeRow> layout(spec, NodeFields(), options.naming);
  auto rows = GroupNodes(cluster, options, layout.fields());
  if (!rows.ok()) return std::string(Message(rows.status()));
  Table::TextOptions text;
  text.header = options.header;
  return layout.Fill(*rows).Text(text);
}

TEST(Sinfo, Default) {
  ExpectGolden("sinfo.txt", List(SampleCluster(), {}));
}
TEST(Sinfo, Summary) {
  ExpectGolden("sinfo-s.txt", List(SampleCluster(), {"-s"}));
}
TEST(Sinfo, Long) {
  ExpectGolden("sinfo-l.txt", List(SampleCluster(), {"-l"}));
}
TEST(Sinfo, Nodes) {
  ExpectGolden("sinfo-N.txt", List(SampleCluster(), {"-N"}));
}
TEST(Sinfo, NodesLong) {
  ExpectGolden("sinfo-N-l.txt", List(SampleCluster(), {"-N", "-l"}));
}
TEST(Sinfo, ManyFields) {
  ExpectGolden("sinfo-o.txt", List(SampleCluster(), {"-o", "%n %c %C %e %m %O %t %T %G %E"}));
}
TEST(Sinfo, Drained) {
  ExpectGolden("sinfo-drain.txt", List(DrainedCluster(), {}));
}
TEST(Sinfo, DrainedNodesLong) {
  ExpectGolden("sinfo-N-l-drain.txt", List(DrainedCluster(), {"-N", "-l"}));
}
TEST(Sinfo, Reasons) {
  ExpectGolden("sinfo-R.txt", List(DrainedCluster(), {"-R"}));
}
TEST(Sinfo, AllFields) {
  ExpectGolden("sinfo-all.txt", List(DrainedCluster(), {"-o", "%all"}));
}

TEST(Sinfo, EveryLongFieldHasATitleAndACell) {
  std::string text;
  for (const ViewField<NodeRow>& field : NodeFields()) {
    for (std::string_view name : SplitSkipEmpty(field.long_names, " ")) {
      StrAppend(&text, name, " => ",
                ReplaceAll(List(DrainedCluster(), {"-O", StrCat(name, ":|")}), "\n", " "), "\n");
    }
  }
  ExpectGolden("sinfo-long-fields.txt", text);
}

TEST(Sinfo, AnUnknownPartitionHasOnlyAHeader) {
  EXPECT_EQ(List(SampleCluster(), {"-p", "nope"}),
            "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n");
}

TEST(Sinfo, APartitionWithoutMatchingNodesKeepsItsLine) {
  EXPECT_EQ(List(SampleCluster(), {"-n", "nope"}),
            "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n"
            "debug*       up   infinite      0    n/a \n");
  EXPECT_EQ(List(SampleCluster(), {"-R"}),
            "REASON               USER      TIMESTAMP           NODELIST\n");
}

TEST(Sinfo, GroupsByWhatIsShown) {
  EXPECT_EQ(List(SampleCluster(), {"-h", "-o", "%D|%A|%F|%C"}), "4|4/0|4/0/0/4|200/56/0/256\n");
  EXPECT_EQ(List(SampleCluster(), {"-h", "-o", "%N"}), "n[1-4]\n");
  EXPECT_EQ(List(SampleCluster(), {"-h", "-N", "-o", "%N|%C"}),
            "n1|64/0/0/64\nn2|64/0/0/64\nn3|64/0/0/64\nn4|8/56/0/64\n");
}

TEST(Sinfo, ShowsUnequalNodesAsRangesUnlessExact) {
  pb::QueryClusterResponse cluster = SampleCluster();
  cluster.mutable_nodes(0)->set_cpus(32);
  EXPECT_EQ(List(cluster, {"-h", "-o", "%c %e %N"}), "32+ 22497-22498 n[1-4]\n");
  EXPECT_EQ(List(cluster, {"-h", "-e", "-S", "N", "-o", "%c %N"}), "32 n1\n64 n[2-4]\n");
}

TEST(Sinfo, CountsANodeOfTwoPartitionsOnce) {
  pb::QueryClusterResponse cluster = SampleCluster();
  pb::Partition* other = cluster.add_partitions();
  *other = SamplePartition();
  other->set_name("all");
  other->set_is_default(false);
  EXPECT_EQ(List(cluster, {"-h", "-o", "%D"}), "4\n");
  EXPECT_EQ(List(cluster, {"-h", "-o", "%R %D"}), "debug 4\nall 4\n");
  EXPECT_EQ(List(cluster, {"-h", "-S", "P", "-o", "%R %D"}), "all 4\ndebug 4\n");
  EXPECT_EQ(List(cluster, {"-h", "-N", "-p", "all", "-o", "%N %P"}),
            "n1 all\nn2 all\nn3 all\nn4 all\n");
}

TEST(Sinfo, FiltersByState) {
  pb::QueryClusterResponse cluster = DrainedCluster();
  cluster.mutable_nodes(0)->set_state(pb::NODE_STATE_DOWN);
  cluster.mutable_nodes(0)->set_responding(false);
  cluster.mutable_nodes(0)->set_alloc_cpus(0);
  EXPECT_EQ(List(cluster, {"-h", "-N", "-o", "%N %t"}), "n1 down*\nn2 alloc\nn3 alloc\nn4 drng\n");
  EXPECT_EQ(List(cluster, {"-h", "-N", "-o", "%N", "-t", "alloc,down"}), "n1\nn2\nn3\n");
  EXPECT_EQ(List(cluster, {"-h", "-N", "-o", "%N", "-t", "drain"}), "n4\n");
  EXPECT_EQ(List(cluster, {"-h", "-N", "-o", "%N", "-t", "down&no_respond"}), "n1\n");
  EXPECT_EQ(List(cluster, {"-h", "-N", "-o", "%N", "-d"}), "n1\n");
  EXPECT_EQ(List(cluster, {"-h", "-N", "-o", "%N", "-r"}), "n2\nn3\nn4\n");
  EXPECT_EQ(List(cluster, {"-h", "-o", "%C %F %A"}), "136/0/120/256 2/0/2/4 2/0\n");
}

}  // namespace
}  // namespace reeve::cli
