#include "common/rpc/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Trust> TrustIn(const std::string& text) {
  absl::StatusOr<Config> config = ParseConfig("ClusterName=c\nSlurmctldHost=h\n" + text, "conf");
  if (!config.ok()) return config.status();
  return TrustOf(*config);
}

TEST(TrustOf, NamesAndNumbers) {
  absl::StatusOr<Trust> trust = TrustIn(
      "SlurmUser=64030\nSlurmdUser=root\nReeveOperators=1000,daemon\nReeveAdministrators=2000\n");
  ASSERT_TRUE(trust.ok()) << trust.status();
  EXPECT_EQ(trust->slurm_user, 64030u);
  EXPECT_EQ(trust->slurmd_user, 0u);
  EXPECT_THAT(trust->operators, ElementsAre(1000, 1));
  EXPECT_THAT(trust->administrators, ElementsAre(2000));
}

TEST(TrustOf, NobodyIsAnOperatorUnlessNamed) {
  absl::StatusOr<Trust> trust = TrustIn("");
  ASSERT_TRUE(trust.ok());
  EXPECT_TRUE(trust->operators.empty());
  EXPECT_TRUE(trust->administrators.empty());
}

TEST(TrustOf, AnUnknownUserIsNamedWithItsKey) {
  for (const char* key : {"SlurmUser", "SlurmdUser", "ReeveOperators", "ReeveAdministrators"}) {
    absl::StatusOr<Trust> trust = TrustIn(std::string(key) + "=no-such-user\n");
    EXPECT_TRUE(absl::IsNotFound(trust.status())) << key;
    EXPECT_THAT(std::string(trust.status().message()), HasSubstr(key));
    EXPECT_THAT(std::string(trust.status().message()), HasSubstr("no-such-user"));
  }
}

TEST(FindUid, AnOverlongNumberIsNoUser) {
  EXPECT_FALSE(FindUid("4294967296000").ok());
  EXPECT_FALSE(FindUid("").ok());
  EXPECT_FALSE(FindUid("-1").ok());
}

}  // namespace
}  // namespace reeve::rpc
