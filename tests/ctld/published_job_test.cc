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

TEST(PublishedJob, OfTheSpecOnlyWhatAListingNeeds) {
  pb::Job job = Running();
  job.mutable_spec()->set_partition("debug,long");
  job.mutable_spec()->set_nice(5);
  job.mutable_spec()->set_begin_time(77);
  job.mutable_spec()->set_mem_per_cpu_mb(0);
  const pb::Job brief = job;
  job.mutable_spec()->set_work_dir("/home/ann");
  job.mutable_spec()->add_script_args("one");
  const auto published = PublishedJob::Make(job);
  EXPECT_EQ(published->Read({.whole_spec = false}).SerializeAsString(), brief.SerializeAsString());
  EXPECT_EQ(published->Read().SerializeAsString(), job.SerializeAsString());
}

TEST(SpecBytes, AreMadeOnceForAllWhoShareTheSpec) {
  SpecBytesCache cache;
  auto spec = std::make_shared<const JobSpec>(JobSpec{.name = "train"});
  auto other = std::make_shared<const JobSpec>(JobSpec{.name = "test"});
  const auto bytes = cache.Of(spec);
  EXPECT_EQ(cache.Of(spec), bytes);
  EXPECT_NE(cache.Of(other)->all(), bytes->all());
  // Whatever stands where it stood: nothing that ceased to be is taken for it.
  for (int i = 0; i < 5000; ++i) {
    auto one = std::make_shared<const JobSpec>(JobSpec{.name = std::to_string(i)});
    pb::Job read;
    ASSERT_TRUE(read.ParseFromString(std::string(cache.Of(one)->all())));
    ASSERT_EQ(read.spec().name(), std::to_string(i));
  }
}

TEST(SpecBytes, ResourceLimitsAreStoredAlone) {
  pb::JobSpec spec;
  spec.set_name("train");
  spec.add_rlimits()->set_name("NOFILE");
  const auto bytes = SpecBytes::Make(spec);
  pb::Job all, shown;
  ASSERT_TRUE(all.ParseFromString(std::string(bytes->all())));
  ASSERT_TRUE(shown.ParseFromString(std::string(bytes->shown())));
  EXPECT_EQ(all.spec().SerializeAsString(), spec.SerializeAsString());
  EXPECT_EQ(shown.spec().rlimits_size(), 0);
  EXPECT_EQ(shown.spec().name(), "train");
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
  const pb::Job read = published->Read({.steps = false});
  pb::Job without = Running();
  without.clear_steps();
  EXPECT_EQ(read.SerializeAsString(), without.SerializeAsString());
}

TEST(PublishedJob, WhatFollowsItsBytesCounts) {
  pb::Job now;
  now.set_priority(9);
  std::string bytes;
  PublishedJob::Make(Running())->AppendTo({}, &bytes);
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
