#include "ctld/published_job.h"

#include <gtest/gtest.h>

#include <utility>

namespace reeve::ctld {
namespace {

pb::Job Running() {
  pb::Job job;
  job.set_job_id(12);
  job.set_array_job_id(10);
  job.set_uid(1000);
  job.set_state(pb::JOB_STATE_RUNNING);
  job.set_partition("debug");
  job.mutable_spec()->set_name("train");
  job.set_num_cpus(4);
  job.add_steps()->set_name("batch");
  job.add_steps()->set_name("hostname");
  job.set_priority(7);
  return job;
}

TEST(PublishedJob, ReadsAsTheJobThatItWasMadeOf) {
  const pb::Job job = Running();
  EXPECT_EQ(PublishedJob::Make(job)->Read().SerializeAsString(), job.SerializeAsString());
}

TEST(PublishedJob, KnowsWhatQueriesSelectBy) {
  const auto published = PublishedJob::Make(Running());
  EXPECT_EQ(published->id(), 12u);
  EXPECT_EQ(published->array_job_id(), 10u);
  EXPECT_EQ(published->uid(), 1000u);
  EXPECT_EQ(published->partition(), "debug");
  EXPECT_FALSE(published->pending());
  EXPECT_FALSE(published->over());
  EXPECT_EQ(PublishedJob::Make(pb::Job())->partition(), "");
}

TEST(PublishedJob, IsOverWhenNothingOfItIsLeft) {
  pb::Job job = Running();
  job.set_state(pb::JOB_STATE_COMPLETED);
  job.set_flags(pb::JOB_FLAG_COMPLETING);
  EXPECT_FALSE(PublishedJob::Make(job)->over());
  job.set_flags(0);
  EXPECT_TRUE(PublishedJob::Make(job)->over());
}

TEST(PublishedJob, StepsAreLeftOutWhenNobodyAsks) {
  const auto published = PublishedJob::Make(Running());
  pb::Job read;
  ASSERT_TRUE(read.ParseFromString(std::string(published->bytes(/*with_steps=*/false))));
  pb::Job without = Running();
  without.clear_steps();
  EXPECT_EQ(read.SerializeAsString(), without.SerializeAsString());
}

TEST(PublishedJob, WhatFollowsItsBytesCounts) {
  pb::Job now;
  now.set_priority(9);
  std::string bytes(PublishedJob::Make(Running())->bytes(/*with_steps=*/true));
  now.AppendToString(&bytes);
  pb::Job read, expected = Running();
  ASSERT_TRUE(read.ParseFromString(bytes));
  expected.set_priority(9);
  EXPECT_EQ(read.SerializeAsString(), expected.SerializeAsString());
}

TEST(PublishedJob, ResourceLimitsAreNotShown) {
  pb::Job job = Running();
  job.mutable_spec()->add_rlimits()->set_name("NOFILE");
  EXPECT_EQ(PublishedJob::Make(job)->Read().spec().rlimits_size(), 0);
}

}  // namespace
}  // namespace reeve::ctld
