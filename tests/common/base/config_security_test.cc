#include "common/base/config_security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Config> Parse(const std::string& line) {
  return ParseConfig("ClusterName=c\nSlurmctldHost=h\n" + line + "\n", "slurm.conf");
}
Config Read(const std::string& line) {
  absl::StatusOr<Config> config = Parse(line);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(Config());
}
std::string Problem(const std::string& line) {
  return std::string(Parse(line).status().message());
}
std::string Shown(const std::string& line, std::string_view key) {
  for (const auto& [name, value] : Read(line).entries) {
    if (name == key) return value;
  }
  return "no line";
}

TEST(ConfigSecurity, PrivateData) {
  EXPECT_FALSE(Read("").private_data.jobs);
  const PrivateData some = Read("PrivateData=Jobs,nodes").private_data;
  EXPECT_TRUE(some.jobs && some.nodes && !some.partitions);
  EXPECT_TRUE(Read("PrivateData=partitions").private_data.partitions);
  EXPECT_EQ(Shown("PrivateData=nodes,jobs", "PrivateData"), "jobs,nodes");
  EXPECT_EQ(Shown("", "PrivateData"), "none");
  for (const char* word : {"accounts", "events", "reservations", "usage", "users", "cloud"}) {
    EXPECT_THAT(Problem(StrCat("PrivateData=jobs,", word)),
                HasSubstr(StrCat("'", word, "' is not")));
  }
}

TEST(ConfigSecurity, Roles) {
  const Config config = Read("ReeveOperators=alice,1001\nReeveAdministrators=bob");
  EXPECT_THAT(config.operators, ElementsAre("alice", "1001"));
  EXPECT_THAT(config.administrators, ElementsAre("bob"));
  EXPECT_TRUE(Read("").check_node_address);
  EXPECT_FALSE(Read("ReeveCheckNodeAddress=no").check_node_address);
  EXPECT_THAT(Problem("ReeveCheckNodeAddress=perhaps"), HasSubstr("neither YES nor NO"));
}

TEST(ConfigSecurity, RateLimit) {
  EXPECT_FALSE(Read("SlurmctldParameters=enable_configless").rate_limit.enabled);
  const RateLimit usual = Read("SlurmctldParameters=rl_enable").rate_limit;
  EXPECT_TRUE(usual.enabled);
  EXPECT_EQ(usual.bucket_size, 30u);
  EXPECT_EQ(usual.refill_rate, 2u);
  const RateLimit own =
      Read(
          "SlurmctldParameters=rl_enable,enable_configless,rl_bucket_size=5,rl_refill_rate=3,"
          "rl_refill_period=2,rl_table_size=10,rl_log_freq=-1")
          .rate_limit;
  EXPECT_EQ(own.bucket_size, 5u);
  EXPECT_EQ(own.refill_rate, 3u);
  EXPECT_EQ(own.refill_period, absl::Seconds(2));
  EXPECT_EQ(own.table_size, 10u);
  EXPECT_EQ(own.log_every, absl::InfiniteDuration());
  for (const char* wrong : {"rl_bucket_size=0", "rl_refill_period=0", "rl_refill_rate=x",
                            "rl_table_size=-1", "rl_other=1", "cloud_dns"}) {
    EXPECT_FALSE(Parse(StrCat("SlurmctldParameters=", wrong)).ok()) << wrong;
  }
}

TEST(ConfigSecurity, ScriptSize) {
  EXPECT_EQ(Read("").max_script_size, 4u << 20);
  EXPECT_EQ(Read("SchedulerParameters=bf_interval=5,max_script_size=1000").max_script_size, 1000u);
  EXPECT_EQ(Shown("SchedulerParameters=bf_continue", "SchedulerParameters"), "bf_continue");
  EXPECT_EQ(Shown("", "SchedulerParameters"), "(null)");
  EXPECT_FALSE(Parse("SchedulerParameters=max_script_size=0").ok());
  EXPECT_FALSE(Parse("SchedulerParameters=max_script_size=999999999999").ok());
  EXPECT_THAT(Problem("SchedulerParameters=bf_interval=5,nohold_on_prolog_fail"),
              HasSubstr("nohold_on_prolog_fail"));
}

TEST(ConfigSecurity, Tls) {
  EXPECT_FALSE(Read("").tls.enabled);
  EXPECT_FALSE(Read("TLSType=tls/none").tls.enabled);
  EXPECT_TRUE(Read("TLSType=tls/s2n").tls.enabled);
  EXPECT_TRUE(Read("TLSType=openssl").tls.enabled);
  EXPECT_FALSE(Parse("TLSType=tls/other").ok());
  EXPECT_EQ(Shown("TLSType=tls/openssl", "TLSType"), "tls/s2n");
  const TlsConfig tls =
      Read("TLSParameters=ca_cert_file=/a,ctld_cert_file=/b,slurmd_cert_key_file=/c/%n.pem").tls;
  EXPECT_EQ(tls.ca_cert_file, "/a");
  EXPECT_EQ(tls.ctld_cert_file, "/b");
  EXPECT_EQ(tls.slurmd_cert_key_file, "/c/%n.pem");
  EXPECT_THAT(Problem("TLSParameters=ca_cert_file=a"), HasSubstr("absolute path"));
  EXPECT_THAT(Problem("TLSParameters=restd_cert_file=/a"), HasSubstr("is not supported"));
}

}  // namespace
}  // namespace reeve
