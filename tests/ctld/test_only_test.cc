// What would become of a job, by a whole controller: an answer, and nothing else is left of it.
#include "controller_fixture.h"

namespace reeve::ctld {
namespace {

class TestOnlyTest : public ControllerFixture {
 protected:
  void SetUp() override {
    REEVE_NEEDS_ROOT();
    Start();
    ASSERT_TRUE(Register(kRoot, "n1").ok());
  }

  static pb::SubmitJobRequest Question() {
    pb::SubmitJobRequest request;
    request.set_request_id("0123456789abcdef0123456789abcdef");
    request.mutable_spec()->set_name("job");
    request.mutable_spec()->set_batch(true);
    request.mutable_spec()->set_work_dir("/tmp");
    request.mutable_spec()->set_num_tasks(3);
    request.set_test_only(true);
    return request;
  }
};

TEST_F(TestOnlyTest, LeavesNothingBehind) {
  const pb::SubmitJobRequest question = Question();
  const absl::Time before = absl::Now();
  const auto answer = Call<pb::SubmitJobResponse>(kOwner, "Controller/SubmitJob", question);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const pb::ExpectedStart& start = answer->expected();
  EXPECT_GE(start.time(), absl::ToUnixSeconds(before));
  EXPECT_LE(start.time(), absl::ToUnixSeconds(absl::Now()));
  EXPECT_EQ(start.cpus(), 3u);
  EXPECT_EQ(start.nodes(), "n1");
  EXPECT_EQ(start.partition(), "debug");
  EXPECT_EQ(Find(answer->job_id()).job_id(), 0u) << "there is no such job";
  // The id was not taken, and the request not remembered.
  const uint32_t job = Submit(kOwner, [&](pb::SubmitJobRequest* request) {
    request->set_request_id(question.request_id());
  });
  EXPECT_EQ(job, answer->job_id());
  EXPECT_EQ(Find(job).job_id(), job);
}

TEST_F(TestOnlyTest, IsAskedOfOneJobAtATime) {
  pb::SubmitJobsRequest many;
  *many.add_jobs() = Question();
  const auto refused = Call<pb::SubmitJobsResponse>(kOwner, "Controller/SubmitJobs", many);
  EXPECT_EQ(Message(refused.status()),
            "test_only in a request of several jobs\nRequested feature is not supported");
}

}  // namespace
}  // namespace reeve::ctld
