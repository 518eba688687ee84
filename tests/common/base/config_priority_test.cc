// The keys of slurm.conf that say how priorities are worked out.
#include "common/base/config_priority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/config.h"
#include "common/base/text.h"
#include "tests/common/base/config_text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Entry(const Config& config, std::string_view key) {
  for (const auto& [name, value] : config.entries) {
    if (name == key) return value;
  }
  return "absent";
}

// outputs-26.05/scontrol-show-config.txt.
TEST(PriorityKeys, PrintAsSlurmPrintsThem) {
  const Config config =
      Good("PriorityWeightAge=1000\nPriorityWeightFairshare=1000\npriorityweightjobsize=1000\n");
  EXPECT_EQ(Entry(config, "PriorityDecayHalfLife"), "7-00:00:00");
  EXPECT_EQ(Entry(config, "PriorityCalcPeriod"), "00:05:00");
  EXPECT_EQ(Entry(config, "PriorityFavorSmall"), "no");
  EXPECT_EQ(Entry(config, "PriorityFlags"), "");
  EXPECT_EQ(Entry(config, "PriorityMaxAge"), "7-00:00:00");
  EXPECT_EQ(Entry(config, "PriorityType"), "priority/multifactor");
  EXPECT_EQ(Entry(config, "PriorityUsageResetPeriod"), "NONE");
  EXPECT_EQ(Entry(config, "PriorityWeightAge"), "1000");
  EXPECT_EQ(Entry(config, "PriorityWeightAssoc"), "0");
  EXPECT_EQ(Entry(config, "PriorityWeightFairShare"), "1000");
  EXPECT_EQ(Entry(config, "PriorityWeightJobSize"), "1000");
  EXPECT_EQ(Entry(config, "PriorityWeightTRES"), "(null)");
}

TEST(PriorityKeys, AreRead) {
  const PriorityConfig priority =
      Good(
          "PriorityType=basic\nPriorityMaxAge=1-12\nPriorityDecayHalfLife=0\n"
          "PriorityCalcPeriod=10\nPriorityUsageResetPeriod=monthly\nPriorityFavorSmall=YES\n"
          "PriorityFlags=ACCRUE_ALWAYS,no_fair_tree\nPriorityWeightTRES=cpu=10,Mem=-5\n"
          "PriorityWeightPartition=4294967295\nFairShareDampeningFactor=3\n")
          .priority;
  EXPECT_FALSE(priority.multifactor);
  EXPECT_EQ(priority.max_age, absl::Hours(36));
  EXPECT_EQ(priority.decay_half_life, absl::ZeroDuration());
  EXPECT_EQ(priority.calc_period, absl::Minutes(10));
  EXPECT_EQ(priority.usage_reset, UsageReset::kMonthly);
  EXPECT_TRUE(priority.favor_small && priority.accrue_always && priority.no_fair_tree);
  EXPECT_FALSE(priority.small_relative_to_time);
  EXPECT_EQ(priority.weight_cpu, 10);
  EXPECT_EQ(priority.weight_mem, -5);
  EXPECT_EQ(priority.weight_tres, "cpu=10,Mem=-5");
  EXPECT_EQ(priority.weight_partition, 4294967295u);
  EXPECT_EQ(priority.dampening, 3u);
}

TEST(PriorityKeys, WhatDoesNothingIsRefused) {
  EXPECT_THAT(Problem("PriorityFlags=ACCRUE_ALWAYS,CALCULATE_RUNNING\n"),
              HasSubstr("'CALCULATE_RUNNING' is not supported"));
  EXPECT_THAT(Problem("PriorityFlags=NO_NORMAL_QOS\n"), HasSubstr("not supported"));
  EXPECT_THAT(Problem("PriorityWeightTRES=CPU=1,GRES/gpu=5\n"), HasSubstr("GRES/gpu=5"));
  EXPECT_THAT(Problem("PriorityWeightTRES=CPU\n"), HasSubstr("no number"));
  EXPECT_THAT(Problem("PriorityWeightAge=-1\n"), HasSubstr("PriorityWeightAge"));
  EXPECT_THAT(Problem("PriorityMaxAge=0\n"), HasSubstr("a minute or more"));
  EXPECT_THAT(Problem("PriorityMaxAge=UNLIMITED\n"), HasSubstr("PriorityMaxAge"));
  EXPECT_THAT(Problem("PriorityUsageResetPeriod=HOURLY\n"), HasSubstr("NONE, NOW, DAILY"));
  EXPECT_THAT(Problem("PriorityDecayHalfLife=0\n"), HasSubstr("needs a PriorityUsageResetPeriod"));
  EXPECT_THAT(Problem("PriorityType=priority/site\n"), HasSubstr("not supported"));
  EXPECT_THAT(Problem("PrioritySiteFactorPlugin=site_factor/x\n"),
              HasSubstr("PrioritySiteFactorPlugin"));
  EXPECT_THAT(Problem("FairShareDampeningFactor=0\n"), HasSubstr("FairShareDampeningFactor"));
}

TEST(PriorityKeys, WhatHasNoFactorYetIsSaid) {
  const PriorityConfig both = {.weight_assoc = 1, .weight_qos = 1};
  EXPECT_THAT(PriorityNotes(both),
              ElementsAre(HasSubstr("PriorityWeightAssoc"), HasSubstr("PriorityWeightQOS")));
  EXPECT_THAT(PriorityNotes({}), IsEmpty());
}

}  // namespace
}  // namespace reeve
