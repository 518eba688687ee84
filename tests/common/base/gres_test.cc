#include "common/base/gres.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Said(std::string_view text) {
  return std::string(ParseGres(text).status().message());
}

TEST(Gres, IsANameATypeAndACount) {
  EXPECT_THAT(*ParseGres("gpu:a100:4,nic:2,gpu:1"),
              ElementsAre(Gres{"gpu", "a100", 4}, Gres{"nic", "", 2}, Gres{"gpu", "", 1}));
  EXPECT_THAT(*ParseGres("gpu"), ElementsAre(Gres{"gpu", "", 1}));
  EXPECT_THAT(*ParseGres("gpu:a100"), ElementsAre(Gres{"gpu", "a100", 1}));
  EXPECT_THAT(*ParseGres("gres/gpu:1, gres:nic=2K"),
              ElementsAre(Gres{"gpu", "", 1}, Gres{"nic", "", 2048}));
  EXPECT_THAT(*ParseGres("gpu:1g.10gb:7"), ElementsAre(Gres{"gpu", "1g.10gb", 7}));
  EXPECT_THAT(*ParseGres("gpu:0"), ElementsAre(Gres{"gpu", "", 0}));
  EXPECT_THAT(*ParseGres("none"), IsEmpty());
  EXPECT_THAT(*ParseGres(""), IsEmpty());
}

TEST(Gres, SaysWhatIsWrong) {
  EXPECT_THAT(Said("gpu:1,gpu:2"), HasSubstr("named twice"));
  EXPECT_THAT(Said("gpu:a:b:1"), HasSubstr("NAME[:TYPE][:COUNT]"));
  EXPECT_THAT(Said("gpu:2:1"), HasSubstr("NAME[:TYPE][:COUNT]"));
  EXPECT_THAT(Said("2"), HasSubstr("name of a resource"));
  EXPECT_THAT(Said("gpu:1,,nic"), HasSubstr("name of a resource"));
  EXPECT_THAT(Said("gpu:16384"), HasSubstr("more than 16383"));
  EXPECT_THAT(Said("gpu:99999999999999999999"), HasSubstr("more than 16383"));
  EXPECT_THAT(Said("lustre:no_consume:4"), HasSubstr("not supported"));
}

TEST(Gres, OfGpusIsACountAndPerhapsAType) {
  EXPECT_EQ(*ParseGpus("2"), (Gres{"gpu", "", 2}));
  EXPECT_EQ(*ParseGpus("a100:2"), (Gres{"gpu", "a100", 2}));
  for (std::string_view text : {"", "a100", "a:b:2", "-1", "2,1", "a100:"}) {
    EXPECT_FALSE(ParseGpus(text).ok()) << text;
  }
}

TEST(Gres, IsWrittenAsItIsRead) {
  EXPECT_EQ(FormatGres(*ParseGres("gpu:a100,nic=3"), "gres/"), "gres/gpu:a100:1,gres/nic:3");
  EXPECT_EQ(WithoutBrackets("gpu:a100:2(IDX:0-1),nic:0(IDX:N/A)"), "gpu:a100:2,nic:0");
}

}  // namespace
}  // namespace reeve
