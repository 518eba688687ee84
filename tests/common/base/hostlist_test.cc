#include "common/base/hostlist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Expand(std::string_view text) {
  absl::StatusOr<std::vector<std::string>> hosts = ExpandHostlist(text);
  EXPECT_TRUE(hosts.ok()) << text << ": " << hosts.status();
  return hosts.value_or(std::vector<std::string>{});
}

std::string Compress(std::vector<std::string> hosts) {
  return CompressHostlist(hosts);
}

TEST(ExpandHostlist, Forms) {
  EXPECT_THAT(Expand(""), ElementsAre());
  EXPECT_THAT(Expand("gpu"), ElementsAre("gpu"));
  EXPECT_THAT(Expand("n[1-3,7],gpu"), ElementsAre("n1", "n2", "n3", "n7", "gpu"));
  EXPECT_THAT(Expand("n[08-10]"), ElementsAre("n08", "n09", "n10"));
  EXPECT_THAT(Expand("n[9-10]"), ElementsAre("n9", "n10"));
  EXPECT_THAT(Expand("r[0-1]_b[2-3]"), ElementsAre("r0_b2", "r0_b3", "r1_b2", "r1_b3"));
  EXPECT_THAT(Expand("n[1-2]-ib"), ElementsAre("n1-ib", "n2-ib"));
  EXPECT_THAT(Expand("n1 n2,,n1\n"), ElementsAre("n1", "n2", "n1"));
  EXPECT_EQ(Expand("rack[0-63]_blade[0-41]").size(), 64u * 42);
}

TEST(ExpandHostlist, Refuses) {
  for (std::string_view bad :
       {"n[1-3", "n1-3]", "n[]", "n[3-1]", "n[1-]", "n[-1]", "n[a-b]", "n[[1]]", "n[1]]", "n[1,]",
        "n[1-2-3]", "n(1)", "a/b", "n[1-99999999999999999999]", "n[0-65536]", "a[0-999]b[0-999]",
        "\x01", "[", "]"}) {
    EXPECT_FALSE(ExpandHostlist(bad).ok()) << bad;
  }
}

TEST(ExpandHostlist, IsBounded) {
  EXPECT_EQ(Expand("n[0-65535]").size(), kMaxHosts);
  EXPECT_FALSE(ExpandHostlist("n[0-65535],x").ok());
  EXPECT_FALSE(ExpandHostlist(std::string(300, 'a')).ok());
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "[0-9]";
  EXPECT_FALSE(ExpandHostlist(many).ok());
  EXPECT_FALSE(ExpandHostlist(std::string(1 << 20, '[')).ok());
}

TEST(CompressHostlist, Forms) {
  EXPECT_EQ(Compress({}), "");
  EXPECT_EQ(Compress({"n7"}), "n7");
  EXPECT_EQ(Compress({"n3", "n1", "gpu", "n2"}), "n[1-3],gpu");
  EXPECT_EQ(Compress({"n1", "n1", "n3"}), "n[1,3]");
  EXPECT_EQ(Compress({"n9", "n10", "n11"}), "n[9-11]");
  EXPECT_EQ(Compress({"n10", "n09", "n08"}), "n[08-10]");
  EXPECT_EQ(Compress({"n1", "n01"}), "n[1,01]");
  EXPECT_EQ(Compress({"n", "n1", "n2"}), "n,n[1-2]");
  EXPECT_EQ(Compress({"r0_b1", "r0_b2", "r1_b1"}), "r0_b[1-2],r1_b1");
  EXPECT_EQ(Compress({"n99", "n100"}), "n[99-100]");
  EXPECT_EQ(Compress({"n12345678901234567890"}), "n12345678901234567890");
}

TEST(CompressHostlist, KeepsOrderWhenAsked) {
  EXPECT_EQ(CompressHostlistInOrder(std::vector<std::string>{"n3", "n1", "n2", "gpu", "n4"}),
            "n[3,1-2],gpu,n4");
  EXPECT_EQ(CompressHostlistInOrder(std::vector<std::string>{"a1", "b1", "b2", "b2"}),
            "a1,b[1-2,2]");
}

// Every set of names from a small family comes back from its compressed form.
TEST(CompressHostlist, RoundTripsExhaustively) {
  const std::vector<std::string> family = {"n8", "n9", "n10", "n08", "n09", "n010",
                                           "n",  "m1", "1",   "n11", "a0b1"};
  for (unsigned bits = 0; bits < (1u << family.size()); ++bits) {
    std::vector<std::string> hosts;
    for (size_t i = 0; i < family.size(); ++i) {
      if ((bits >> i & 1) != 0) hosts.push_back(family[i]);
    }
    const std::string text = CompressHostlist(hosts);
    absl::StatusOr<std::vector<std::string>> back = ExpandHostlist(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(std::set(back->begin(), back->end()), std::set(hosts.begin(), hosts.end())) << text;
    EXPECT_EQ(back->size(), hosts.size()) << text;
    absl::StatusOr<std::vector<std::string>> same = ExpandHostlist(CompressHostlistInOrder(hosts));
    ASSERT_TRUE(same.ok());
    EXPECT_EQ(*same, hosts) << CompressHostlistInOrder(hosts);
  }
}

TEST(HostLess, ComparesNumbers) {
  EXPECT_TRUE(HostLess("n2", "n10"));
  EXPECT_FALSE(HostLess("n10", "n2"));
  EXPECT_TRUE(HostLess("a", "b"));
  EXPECT_TRUE(HostLess("n", "n1"));
  EXPECT_TRUE(HostLess("r1_b10", "r2_b1"));
  EXPECT_FALSE(HostLess("n1", "n1"));
  EXPECT_NE(HostLess("n01", "n1"), HostLess("n1", "n01"));
}

}  // namespace
}  // namespace reeve
