// What a controller keeps from plain users (PrivateData), what it does not take from anybody
// (sizes), and DisableRootJobs.
#include <gmock/gmock.h>

#include "controller_fixture.h"
#include "ctld/request_limits.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;

constexpr char kTooLong[] = "Pathname of a file, directory or other parameter too long";

class PrivateDataTest : public ControllerFixture {
 protected:
  void SetUp() override { REEVE_NEEDS_ROOT(); }

  std::vector<uint32_t> Listed(uid_t uid, const pb::QueryJobsRequest& request = {}) {
    auto answer = Call<pb::QueryJobsResponse>(uid, "Controller/QueryJobs", request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<uint32_t> ids;
    if (answer.ok()) {
      for (const pb::Job& job : answer->jobs()) ids.push_back(job.job_id());
    }
    return ids;
  }
  pb::QueryClusterResponse Cluster(uid_t uid) {
    auto answer =
        Call<pb::QueryClusterResponse>(uid, "Controller/QueryCluster", pb::QueryClusterRequest());
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(pb::QueryClusterResponse());
  }
  absl::StatusOr<pb::ExplainJobsResponse> Explain(uid_t uid, uint32_t job) {
    pb::ExplainJobsRequest request;
    request.add_jobs()->set_job_id(job);
    return Call<pb::ExplainJobsResponse>(uid, "Controller/ExplainJobs", request);
  }
  absl::Status TrySubmit(uid_t uid, const std::function<void(pb::SubmitJobRequest*)>& change) {
    pb::SubmitJobRequest request;
    request.mutable_spec()->set_batch(true);
    request.mutable_spec()->set_work_dir("/tmp");
    request.set_script("#!/bin/sh\n");
    change(&request);
    return Call<pb::SubmitJobResponse>(uid, "Controller/SubmitJob", request).status();
  }
  absl::Status Reconfigure(const std::string& extra) {
    WriteConfig(extra);
    return Call<pb::ReconfigureResponse>(kRoot, "Controller/Reconfigure", pb::ReconfigureRequest())
        .status();
  }
};

TEST_F(PrivateDataTest, JobsAreOnesOwn) {
  Start("PrivateData=jobs");
  const uint32_t mine = Submit(kOwner), other = Submit(kStranger);
  EXPECT_THAT(Listed(kOwner), ElementsAre(mine));
  EXPECT_THAT(Listed(kStranger), ElementsAre(other));
  EXPECT_THAT(Listed(2000), IsEmpty());
  for (uid_t uid : {kOperator, kAdministrator, kRoot}) {
    EXPECT_THAT(Listed(uid), ElementsAre(mine, other)) << uid;
  }
  pb::QueryJobsRequest asked;
  asked.add_uids(kOwner);
  asked.set_with_finished(true);
  EXPECT_THAT(Listed(kStranger, asked), IsEmpty());
  asked.add_jobs()->set_job_id(mine);
  asked.add_jobs()->set_job_id(other);
  asked.clear_uids();
  EXPECT_THAT(Listed(kStranger, asked), ElementsAre(other));
  // By its id it is as if it did not exist.
  EXPECT_EQ(Find(mine, kStranger).job_id(), 0u);
  EXPECT_EQ(Find(mine, kOwner).job_id(), mine);
  EXPECT_EQ(Find(mine, kOperator).job_id(), mine);
}

// No node is up: the second waits for the first as well.
TEST_F(PrivateDataTest, ExplanationsAreAsPrivateAsTheQueue) {
  Start();
  const uint32_t first = Submit(kOwner), second = Submit(kStranger);
  const auto refusal = [&](uid_t uid, uint32_t job) {
    return std::string(Explain(uid, job).status().message());
  };
  auto open = Explain(kStranger, first);
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ(open->jobs(0).job_id(), first);
  EXPECT_THAT(open->jobs(0).prospects(0).obstacle_text(), EndsWith(": n[1-2]"));
  ASSERT_TRUE(Reconfigure("PrivateData=jobs,nodes").ok());
  EXPECT_THAT(refusal(kStranger, first), EndsWith("Invalid job id specified"));
  EXPECT_THAT(refusal(kOwner, second), EndsWith("Invalid job id specified"));
  auto mine = Explain(kStranger, second);
  ASSERT_TRUE(mine.ok()) << mine.status();
  EXPECT_EQ(mine->jobs(0).prospects(0).obstacle(), "ReqNodeNotAvail");
  EXPECT_THAT(mine->jobs(0).prospects(0).obstacle_text(), EndsWith("down or drained"));
  for (const auto& requirement : mine->jobs(0).prospects(0).requirements()) {
    EXPECT_EQ(requirement.lacking(), "");
  }
  for (uid_t uid : {kOperator, kAdministrator, kRoot}) {
    auto all = Explain(uid, first);
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_THAT(all->jobs(0).prospects(0).obstacle_text(), EndsWith(": n[1-2]"));
  }
}

TEST_F(PrivateDataTest, WhoIsInTheWayIsNotNamed) {
  Start("PrivateData=jobs");
  ASSERT_TRUE(Register(kRoot, "n1").ok());
  const auto whole = [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_exclusive(true); };
  const uint32_t running = Submit(kOwner, whole);
  ASSERT_TRUE(WaitFor(running, pb::JOB_STATE_RUNNING));
  const uint32_t ahead = Submit(kOwner, whole), mine = Submit(kStranger, whole);
  auto plain = Explain(kStranger, mine), all = Explain(kOperator, mine);
  ASSERT_TRUE(plain.ok() && all.ok());
  EXPECT_EQ(plain->jobs(0).prospects(0).ahead().jobs(), 1u);
  EXPECT_EQ(plain->jobs(0).prospects(0).ahead().first(), 0u);
  EXPECT_EQ(all->jobs(0).prospects(0).ahead().first(), ahead);
  ASSERT_EQ(plain->jobs(0).busy_size(), 2);
  EXPECT_EQ(plain->jobs(0).busy(0).job_id() + plain->jobs(0).busy(1).job_id(), 0u);
  std::vector<uint32_t> named;
  for (const auto& busy : all->jobs(0).busy()) named.push_back(busy.job_id());
  EXPECT_THAT(named, ::testing::UnorderedElementsAre(running, ahead));
}

TEST_F(PrivateDataTest, NodesAndPartitionsAreTheOperators) {
  Start("PrivateData=nodes,partitions");
  const uint32_t job = Submit(kOwner);
  EXPECT_THAT(Listed(kStranger), ElementsAre(job)) << "jobs were not said to be private";
  const pb::QueryClusterResponse plain = Cluster(kOwner);
  EXPECT_EQ(plain.nodes_size() + plain.partitions_size(), 0);
  EXPECT_EQ(plain.nodes_error(), "Access/permission denied");
  EXPECT_EQ(plain.partitions_error(), "Access/permission denied");
  const pb::QueryClusterResponse all = Cluster(kOperator);
  EXPECT_EQ(all.nodes_size(), 2);
  EXPECT_EQ(all.partitions_size(), 1);
  EXPECT_EQ(all.nodes_error() + all.partitions_error(), "");
}

TEST_F(PrivateDataTest, TakesEffectWithTheNextReconfiguration) {
  Start();
  const uint32_t mine = Submit(kOwner), other = Submit(kStranger);
  EXPECT_THAT(Listed(kOwner), ElementsAre(mine, other));
  EXPECT_EQ(Cluster(kOwner).nodes_size(), 2);
  ASSERT_TRUE(Reconfigure("PrivateData=jobs,nodes").ok());
  EXPECT_THAT(Listed(kOwner), ElementsAre(mine));
  EXPECT_EQ(Cluster(kOwner).nodes_size(), 0);
  EXPECT_EQ(Cluster(kOwner).partitions_size(), 1);
  ASSERT_TRUE(Reconfigure("PrivateData=none").ok());
  EXPECT_THAT(Listed(kOwner), ElementsAre(mine, other));
}

// ---- selection ----------------------------------------------------------------------------------

TEST_F(PrivateDataTest, AskingForIdsGivesThoseAndTheirTasks) {
  Start();
  const uint32_t job = Submit(kOwner);
  const uint32_t array = Submit(kOwner, [](pb::SubmitJobRequest* r) {
    r->mutable_spec()->set_array("0-9");
    r->mutable_spec()->set_hold(true);
  });
  pb::QueryJobsRequest asked;
  asked.add_jobs()->set_job_id(array);
  EXPECT_THAT(Listed(kOwner, asked), ElementsAre(array));
  asked.mutable_jobs(0)->set_array_tasks("3-4");
  EXPECT_THAT(Listed(kOwner, asked), ElementsAre(array));
  asked.mutable_jobs(0)->set_array_tasks("11");
  asked.add_jobs()->set_job_id(job);
  EXPECT_THAT(Listed(kOwner, asked), ElementsAre(job));
  pb::QueryJobsRequest zero;
  zero.add_jobs()->set_job_id(0);
  zero.add_jobs()->set_job_id(job);
  EXPECT_THAT(Listed(kOwner, zero), ElementsAre(job)) << "0 is no array of all plain jobs";
}

// ---- DisableRootJobs ----------------------------------------------------------------------------

TEST_F(PrivateDataTest, RootJobsAreRefusedInSlurmsWords) {
  Start("DisableRootJobs=YES");
  for (bool batch : {true, false}) {
    const auto change = [batch](pb::SubmitJobRequest* r) { r->mutable_spec()->set_batch(batch); };
    EXPECT_THAT(std::string(TrySubmit(kRoot, change).message()), EndsWith("Invalid user id"));
    EXPECT_TRUE(TrySubmit(kOwner, change).ok());
  }
  ASSERT_TRUE(Reconfigure("DisableRootJobs=NO").ok());
  EXPECT_TRUE(TrySubmit(kRoot, [](auto*) {}).ok());
}

TEST_F(PrivateDataTest, RootJobsAreRefusedInAPartition) {
  Start("PartitionName=users Nodes=n1 DisableRootJobs=YES");
  const auto change = [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_partition("users"); };
  EXPECT_THAT(std::string(TrySubmit(kRoot, change).message()), EndsWith("Invalid user id"));
  EXPECT_TRUE(TrySubmit(kOwner, change).ok());
  EXPECT_TRUE(TrySubmit(kRoot, [](auto*) {}).ok()) << "the other partition";
}

// ---- sizes --------------------------------------------------------------------------------------

TEST_F(PrivateDataTest, AScriptMayBeAsLongAsConfigured) {
  Start("SchedulerParameters=max_script_size=1000");
  const auto script = [](size_t size) {
    return [size](pb::SubmitJobRequest* r) {
      r->set_script("#!/bin/sh\n" + std::string(size - 10, '#'));
    };
  };
  EXPECT_TRUE(TrySubmit(kOwner, script(1000)).ok());
  EXPECT_THAT(std::string(TrySubmit(kOwner, script(1001)).message()), EndsWith(kTooLong));
}

TEST_F(PrivateDataTest, AScriptMayBeFourMebibytesByDefault) {
  Start();
  const auto script = [](size_t size) {
    return [size](pb::SubmitJobRequest* r) {
      r->set_script("#!/bin/sh\n" + std::string(size - 10, '#'));
    };
  };
  EXPECT_TRUE(TrySubmit(kOwner, script(4 << 20)).ok());
  EXPECT_THAT(std::string(TrySubmit(kOwner, script((4 << 20) + 1)).message()), EndsWith(kTooLong));
  // Far beyond, the message is not even read to its end; the controller goes on.
  EXPECT_FALSE(TrySubmit(kOwner, script(64 << 20)).ok());
  EXPECT_TRUE(TrySubmit(kOwner, script(1000)).ok());
}

TEST_F(PrivateDataTest, WhatAJobIsMadeOfIsBounded) {
  Start();
  const std::vector<std::function<void(pb::SubmitJobRequest*)>> changes = {
      [](pb::SubmitJobRequest* r) { r->add_environment("A=" + std::string(5 << 20, 'x')); },
      [](pb::SubmitJobRequest* r) { r->set_request_id(std::string(1000, 'x')); },
      [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_name(std::string(2000, 'x')); },
      [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_comment(std::string(100000, 'x')); },
      [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_std_out(std::string(5000, 'x')); },
      [](pb::SubmitJobRequest* r) {
        for (int i = 0; i < 3; ++i) r->mutable_spec()->add_script_args(std::string(500000, 'x'));
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    EXPECT_THAT(std::string(TrySubmit(kOwner, changes[i]).message()), EndsWith(kTooLong)) << i;
  }
}

TEST_F(PrivateDataTest, ManyJobsInOneRequestAreBoundedAsEachIs) {
  Start("SchedulerParameters=max_script_size=1000");
  const auto submit = [this](const pb::SubmitJobsRequest& request) {
    return Call<pb::SubmitJobsResponse>(kOwner, "Controller/SubmitJobs", request);
  };
  pb::SubmitJobsRequest good;
  good.set_script("#!/bin/sh\n");
  for (int i = 0; i < kMaxSubmissions; ++i) {
    pb::JobSpec* spec = good.add_jobs()->mutable_spec();
    spec->set_batch(true);
    spec->set_hold(true);
    spec->set_work_dir("/tmp");
  }
  const std::vector<std::function<void(pb::SubmitJobsRequest*)>> changes = {
      [](pb::SubmitJobsRequest* r) { *r->add_jobs() = r->jobs(0); },
      [](pb::SubmitJobsRequest* r) { r->set_script("#!/bin/sh\n" + std::string(1000, '#')); },
      [](pb::SubmitJobsRequest* r) { r->add_environment("A=" + std::string(5 << 20, 'x')); },
      [](pb::SubmitJobsRequest* r) { r->mutable_jobs(7)->set_script(std::string(1001, '#')); },
      [](pb::SubmitJobsRequest* r) {
        r->mutable_jobs(7)->mutable_spec()->set_name(std::string(2000, 'x'));
      },
      [](pb::SubmitJobsRequest* r) { r->mutable_jobs(7)->set_request_id(std::string(1000, 'x')); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    pb::SubmitJobsRequest bad = good;
    changes[i](&bad);
    EXPECT_THAT(std::string(submit(bad).status().message()), EndsWith(kTooLong)) << i;
  }
  // Nothing of all that has left a job behind.
  auto answer = submit(good);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->results_size(), kMaxSubmissions);
  EXPECT_EQ(answer->results(0).submitted().job_id(), 1u);
  EXPECT_EQ(answer->results(kMaxSubmissions - 1).submitted().job_id(), uint32_t{kMaxSubmissions});
}

TEST_F(PrivateDataTest, OtherRequestsAreBoundedToo) {
  Start();
  const uint32_t job = Submit(kOwner);
  const auto words = [](const absl::Status& status) { return std::string(status.message()); };
  pb::UpdateJobRequest update;
  update.mutable_job()->set_job_id(job);
  update.add_changes()->set_key("Comment");
  update.mutable_changes(0)->set_value(std::string(100000, 'x'));
  EXPECT_THAT(words(Call<pb::UpdateJobResponse>(kOwner, "Controller/UpdateJob", update).status()),
              EndsWith(kTooLong));
  pb::CancelJobsRequest cancel;
  for (int i = 0; i < 20000; ++i) cancel.add_jobs()->set_job_id(100000 + i);
  EXPECT_THAT(words(Call<pb::CancelJobsResponse>(kOwner, "Controller/CancelJobs", cancel).status()),
              EndsWith(kTooLong));
  pb::ControlJobsRequest control;
  *control.mutable_jobs() = cancel.jobs();
  EXPECT_THAT(
      words(Call<pb::ControlJobsResponse>(kOwner, "Controller/ControlJobs", control).status()),
      EndsWith(kTooLong));
  pb::ExplainJobsRequest explain;
  for (int i = 0; i < 21; ++i) explain.add_jobs()->set_job_id(job);
  EXPECT_THAT(
      words(Call<pb::ExplainJobsResponse>(kOwner, "Controller/ExplainJobs", explain).status()),
      EndsWith(kTooLong));
  pb::CreateStepRequest step;
  step.set_job_id(job);
  step.set_name(std::string(2000, 'x'));
  EXPECT_THAT(words(Call<pb::CreateStepResponse>(kOwner, "Controller/CreateStep", step).status()),
              EndsWith(kTooLong));
  pb::UpdateNodeRequest node;
  node.set_nodes("n1");
  node.set_reason(std::string(100000, 'x'));
  EXPECT_THAT(words(Call<pb::UpdateNodeResponse>(kRoot, "Controller/UpdateNode", node).status()),
              EndsWith(kTooLong));
  pb::UpdatePartitionRequest partition;
  partition.set_name("debug");
  for (int i = 0; i < 2000; ++i) partition.add_changes()->set_key("State");
  EXPECT_THAT(
      words(Call<pb::UpdatePartitionResponse>(kRoot, "Controller/UpdatePartition", partition)
                .status()),
      EndsWith(kTooLong));
}

TEST_F(PrivateDataTest, AnArrayIsNoLargerThanConfigured) {
  Start("MaxArraySize=6");
  const auto array = [](const char* text) {
    return [text](pb::SubmitJobRequest* r) {
      r->mutable_spec()->set_array(text);
      r->mutable_spec()->set_hold(true);
    };
  };
  EXPECT_TRUE(TrySubmit(kOwner, array("0-5")).ok());
  for (const char* text : {"0-6", "6", "1,3,100", "0-4294967294", "0-99999999999999999999"}) {
    EXPECT_THAT(std::string(TrySubmit(kOwner, array(text)).message()),
                EndsWith("Invalid job array specification"))
        << text;
  }
}

TEST_F(PrivateDataTest, RequestsOfAUserAreLimitedAsConfigured) {
  Start("SlurmctldParameters=rl_enable,rl_bucket_size=2,rl_refill_rate=1,rl_refill_period=100000");
  const auto ping = [&](uid_t uid) {
    absl::Status status;
    testing::AsUser(uid, [&] {
      // Its own patience is minutes: the attempt that would wait is seen by its not coming back.
      status = rpc::Channel("unix:" + (dir_ / "ctld.sock"), munged_->munge())
                   .Call<pb::PingResponse>("Controller/Ping", pb::PingRequest())
                   .status();
    });
    return status;
  };
  EXPECT_TRUE(ping(kOwner).ok());
  EXPECT_TRUE(ping(kOwner).ok());
  std::atomic<bool> answered = false;
  std::thread third([&] { answered = ping(kOwner).ok(); });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ping(kRoot).ok());
  EXPECT_TRUE(ping(kStranger).ok());
  EXPECT_FALSE(answered);
  ASSERT_TRUE(Reconfigure("").ok());  // no limit any more
  third.join();
  EXPECT_TRUE(answered);
}

}  // namespace
}  // namespace reeve::ctld
