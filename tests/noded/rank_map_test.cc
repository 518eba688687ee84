#include "noded/core/rank_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::noded {
namespace {

using testing::ElementsAre;
using testing::Optional;

const std::vector<NodePart> kBlock = {
    {"n1", 2, {0, 1}}, {"n2", 2, {2, 3}}, {"n3", 2, {4, 5}}, {"n7", 1, {6}}};
const std::vector<NodePart> kCyclic = {{"a", 2, {0, 2, 4}}, {"b", 2, {1, 3}}};

TEST(RankMap, SaysWhatPmixAsksFor) {
  const RankMap map(kBlock);
  EXPECT_EQ(map.size(), 7u);
  EXPECT_EQ(map.Hosts(), "n1,n2,n3,n7");
  EXPECT_EQ(map.Ranks(), "0,1;2,3;4,5;6");
  EXPECT_EQ(RankMap(kCyclic).Ranks(), "0,2,4;1,3");
}

TEST(RankMap, WritesTheVectorOfPmi1) {
  EXPECT_EQ(RankMap(kBlock).Vector(), "(vector,(0,3,2),(3,1,1))");
  EXPECT_EQ(RankMap(kCyclic).Vector(), "(vector,(0,2,1),(0,2,1),(0,1,1))");
  EXPECT_EQ(RankMap({}).Vector(), "(vector)");
}

TEST(RankMap, FindsNodes) {
  const RankMap map(kCyclic);
  EXPECT_THAT(map.NodeOf(4), Optional(0u));
  EXPECT_THAT(map.NodeOf(3), Optional(1u));
  EXPECT_EQ(map.NodeOf(5), std::nullopt);
  EXPECT_THAT(map.NodesOf(std::vector<uint32_t>{3, 1, 3}), Optional(ElementsAre(1u)));
  EXPECT_THAT(map.NodesOf(std::vector<uint32_t>{1, 0}), Optional(ElementsAre(0u, 1u)));
  EXPECT_EQ(map.NodesOf(std::vector<uint32_t>{0, 5}), std::nullopt);
}

TEST(RankMap, LivesWithNonsense) {
  const RankMap map(std::vector<NodePart>{{"n1", 1, {7}}, {"n2", 1, {0}}});
  EXPECT_EQ(map.NodeOf(7), std::nullopt);
  EXPECT_EQ(map.NodeOf(1), std::nullopt);
  EXPECT_THAT(map.NodeOf(0), Optional(1u));
}

TEST(RanksText, IsOneTextForOneSet) {
  EXPECT_EQ(RanksText({3, 1, 2, 7, 2, 0}), "0-3,7");
  EXPECT_EQ(RanksText({5}), "5");
  EXPECT_EQ(RanksText({}), "");
}

}  // namespace
}  // namespace reeve::noded
