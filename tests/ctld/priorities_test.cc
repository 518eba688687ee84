// Priorities as queries show them, by a whole controller.
#include <gmock/gmock.h>

#include "controller_fixture.h"

namespace reeve::ctld {
namespace {

class PrioritiesTest : public ControllerFixture {
 protected:
  void SetUp() override { REEVE_NEEDS_ROOT(); }

  pb::Job Asked(uint32_t job, bool with_priorities) {
    pb::QueryJobsRequest request;
    request.add_jobs()->set_job_id(job);
    request.set_with_priorities(with_priorities);
    auto answer = Call<pb::QueryJobsResponse>(kRoot, "Controller/QueryJobs", request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() && answer->jobs_size() == 1 ? answer->jobs(0) : pb::Job();
  }
  void Update(uint32_t job, const std::string& key, const std::string& value) {
    pb::UpdateJobRequest request;
    request.mutable_job()->set_job_id(job);
    pb::ConfigEntry* change = request.add_changes();
    change->set_key(key);
    change->set_value(value);
    auto answer = Call<pb::UpdateJobResponse>(kRoot, "Controller/UpdateJob", request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->results(0).error(), "");
  }
};

TEST_F(PrioritiesTest, AreTakenApartOnDemand) {
  Start("PriorityWeightJobSize=1000\nPriorityWeightFairShare=100\nPriorityWeightTRES=CPU=64");
  const uint32_t id = Submit(kOwner, [](pb::SubmitJobRequest* request) {
    request->mutable_spec()->set_min_nodes(1);
    request->mutable_spec()->set_num_tasks(32);
    request->mutable_spec()->set_nice(5);
  });
  // Half of the nodes, a quarter of the CPUs, which is 16 of 64 points too.
  EXPECT_EQ(Asked(id, false).priority(), 375u + 100 + 16 - 5);
  EXPECT_EQ(Asked(id, false).priorities_size(), 0);
  pb::Job job = Asked(id, true);
  ASSERT_EQ(job.priorities_size(), 1);
  const pb::JobPriority& parts = job.priorities(0);
  EXPECT_EQ(parts.partition(), "debug");
  EXPECT_EQ(parts.priority(), job.priority());
  EXPECT_DOUBLE_EQ(parts.job_size(), 0.375);
  EXPECT_DOUBLE_EQ(parts.fair_share(), 1);
  EXPECT_DOUBLE_EQ(parts.tres_cpu(), 0.25);
  EXPECT_EQ(parts.nice(), 5);

  Update(id, "Priority", "77");
  EXPECT_EQ(Asked(id, true).priority(), 77u);
  Update(id, "Priority", "0");
  EXPECT_EQ(Asked(id, true).priority(), 0u);
}

TEST_F(PrioritiesTest, AreNumbersInTheOrderOfArrivalWithPriorityBasic) {
  Start("PriorityType=priority/basic\nPriorityWeightJobSize=1000");
  const uint32_t first = Submit(kOwner), second = Submit(kOwner);
  EXPECT_EQ(Asked(first, true).priority(), Asked(second, true).priority() + 1);
  EXPECT_EQ(Asked(first, true).priorities_size(), 0);
}

}  // namespace
}  // namespace reeve::ctld
