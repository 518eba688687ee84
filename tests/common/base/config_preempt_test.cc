#include "common/base/config_preempt.h"

#include "common/base/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Config> Parse(const std::string& lines) {
  return ParseConfig("ClusterName=c\nSlurmctldHost=h\nNodeName=n1\n" + lines, "slurm.conf");
}
Config Read(const std::string& lines) {
  absl::StatusOr<Config> config = Parse(lines);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *std::move(config) : Config();
}
std::string Problem(const std::string& lines) {
  return std::string(Parse(lines).status().message());
}
std::string Entry(const Config& config, std::string_view key) {
  for (const auto& [name, value] : config.entries) {
    if (name == key) return value;
  }
  return "no entry";
}

constexpr char kOn[] = "PreemptType=preempt/partition_prio\nPreemptMode=requeue\n";

TEST(ConfigPreempt, IsOffByDefault) {
  const Config config = Read("PartitionName=p Nodes=n1\n");
  EXPECT_FALSE(config.preempt.by_tier);
  EXPECT_EQ(Entry(config, "PreemptType"), "(null)");
  EXPECT_EQ(Entry(config, "PreemptMode"), "OFF");
  EXPECT_EQ(Entry(config, "PreemptExemptTime"), "00:00:00");
  EXPECT_FALSE(Read("PreemptType=preempt/none\nPreemptMode=OFF\n").preempt.by_tier);
}

TEST(ConfigPreempt, ReadsAllKeys) {
  const Config config =
      Read(std::string(kOn) + "PreemptExemptTime=1:30\n" +
           "PartitionName=a Nodes=n1 GraceTime=120 PreemptMode=CANCEL\nPartitionName=b Nodes=n1\n");
  EXPECT_TRUE(config.preempt.by_tier);
  EXPECT_EQ(config.preempt.mode, PreemptMode::kRequeue);
  EXPECT_EQ(config.preempt.exempt_time, absl::Seconds(90));
  EXPECT_EQ(Entry(config, "PreemptType"), "preempt/partition_prio");
  EXPECT_EQ(Entry(config, "PreemptMode"), "REQUEUE");
  EXPECT_EQ(Entry(config, "PreemptExemptTime"), "00:01:30");
  EXPECT_EQ(config.partitions[0].preempt_mode, PreemptMode::kCancel);
  EXPECT_EQ(config.partitions[0].grace_time, absl::Minutes(2));
  EXPECT_EQ(config.partitions[1].preempt_mode, std::nullopt);
  EXPECT_EQ(Read(std::string(kOn) + "PreemptExemptTime=-1\n").preempt.exempt_time,
            absl::ZeroDuration());
}

TEST(ConfigPreempt, SuspendIsGangsToo) {
  for (const char* mode : {"SUSPEND", "SUSPEND,GANG", "gang,suspend"}) {
    const Config config =
        Read("PreemptType=preempt/partition_prio\nPreemptMode=" + std::string(mode) + "\n" +
             "PartitionName=p Nodes=n1 PreemptMode=SUSPEND\n");
    EXPECT_EQ(config.preempt.mode, PreemptMode::kSuspend);
    EXPECT_EQ(Entry(config, "PreemptMode"), "GANG,SUSPEND");
    EXPECT_EQ(config.partitions[0].preempt_mode, PreemptMode::kSuspend);
  }
}

TEST(ConfigPreempt, RefusesByName) {
  EXPECT_THAT(Problem("PreemptType=preempt/qos\n"), HasSubstr("'preempt/qos' is not supported"));
  for (const char* mode : {"GANG", "WITHIN", "PRIORITY"}) {
    const std::string line = "PreemptType=partition_prio\nPreemptMode=CANCEL," + std::string(mode);
    EXPECT_THAT(Problem(line + "\n"), HasSubstr(std::string(mode) + " is not supported yet"));
  }
  EXPECT_THAT(Problem("PreemptMode=x\n"), HasSubstr("'x' is none of OFF, CANCEL, REQUEUE"));
  EXPECT_THAT(Problem("PartitionName=p Nodes=n1 PreemptMode=GANG\n"),
              HasSubstr("GANG is not supported yet"));
  EXPECT_THAT(Problem("PartitionName=p Nodes=n1 GraceTime=soon\n"), HasSubstr("GraceTime"));
}

TEST(ConfigPreempt, TypeAndModeNeedEachOther) {
  EXPECT_THAT(Problem("PreemptType=preempt/partition_prio\n"),
              HasSubstr("needs a PreemptMode: CANCEL, REQUEUE or SUSPEND,GANG"));
  EXPECT_THAT(Problem("PreemptMode=CANCEL\n"),
              HasSubstr("PreemptMode=CANCEL needs PreemptType=preempt/partition_prio"));
  const Config config = Read("PartitionName=p Nodes=n1 GraceTime=5 Default=YES\n");
  EXPECT_THAT(config.notes, ::testing::Contains(HasSubstr("GraceTime has no effect without")));
}

TEST(ConfigPreempt, ChangesAreNamed) {
  const ConfigChanges changes =
      ConfigDiff(Read("PartitionName=p Nodes=n1\n"),
                 Read(std::string(kOn) + "PartitionName=p Nodes=n1 GraceTime=9 PreemptMode=OFF\n"));
  EXPECT_THAT(changes.after_restart, ElementsAre());
  EXPECT_THAT(changes.at_run_time,
              ::testing::IsSupersetOf({"PreemptMode: OFF -> REQUEUE",
                                       "PreemptType: (null) -> preempt/partition_prio",
                                       "PartitionName p: PreemptMode: (none) -> OFF, "
                                       "GraceTime: 0 -> 9"}));
}

}  // namespace
}  // namespace reeve
