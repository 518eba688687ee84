#include "common/base/job_state.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(JobState, NamesReadBack) {
  for (int i = 0; i < kJobStateCount; ++i) {
    const auto state = static_cast<JobState>(i);
    EXPECT_EQ(ParseStateName(LongName(state))->state, state);
    EXPECT_EQ(ParseStateName(CompactName(state))->state, state);
  }
  EXPECT_EQ(ParseStateName("running")->state, JobState::kRunning);
  EXPECT_EQ(ParseStateName("cg")->flag, kJobFlagCompleting);
  EXPECT_FALSE(ParseStateName("").ok());
  EXPECT_FALSE(ParseStateName("RUN").ok());
}

TEST(JobState, FlagsHideStates) {
  EXPECT_EQ(DisplayCompactName(JobState::kRunning, kJobFlagNone), "R");
  EXPECT_EQ(DisplayName(JobState::kCancelled, kJobFlagCompleting), "COMPLETING");
  EXPECT_EQ(DisplayName(JobState::kRunning, kJobFlagConfiguring), "CONFIGURING");
  EXPECT_EQ(DisplayCompactName(JobState::kPending, kJobFlagRequeueHold), "RH");
}

TEST(JobState, Lists) {
  absl::StatusOr<std::vector<StateFilter>> some = ParseStateList("PD,completing");
  ASSERT_TRUE(some.ok());
  EXPECT_TRUE(Matches(*some, JobState::kPending, 0));
  EXPECT_TRUE(Matches(*some, JobState::kFailed, kJobFlagCompleting));
  EXPECT_FALSE(Matches(*some, JobState::kRunning, 0));
  EXPECT_EQ(ParseStateList("all")->size(), static_cast<size_t>(kJobStateCount));
  EXPECT_FALSE(ParseStateList("PD,,R").ok());
  EXPECT_FALSE(ParseStateList("").ok());
}

TEST(JobState, Kinds) {
  EXPECT_FALSE(IsFinished(JobState::kPending));
  EXPECT_FALSE(IsFinished(JobState::kSuspended));
  EXPECT_TRUE(IsFinished(JobState::kOutOfMemory));
  EXPECT_TRUE(IsActive(JobState::kSuspended));
  EXPECT_FALSE(IsActive(JobState::kCompleted));
}

}  // namespace
}  // namespace reeve
