// squeue, sinfo, scontrol and scancel against a controller that answers as told.
#include <gtest/gtest.h>
#include <unistd.h>

#include <mutex>

#include "cli/command.h"
#include "common/rpc/server.h"
#include "tests/cli/views/builders.h"
#include "tests/support/private_munged.h"

namespace reeve::cli {
namespace {

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome Execute(Main command, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = command(static_cast<int>(words.size()), argv.data());
  fflush(stdout);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

class ViewCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access("/usr/sbin/munged", X_OK) != 0) GTEST_SKIP() << "no munged here";
    munged_ = std::make_unique<::reeve::testing::PrivateMunged>();
    const std::string& dir = munged_->dir().path();
    const std::string uid = std::to_string(getuid());
    ASSERT_TRUE(os::WriteFile(dir + "/slurm.conf",
                              "ClusterName=fake\nSlurmctldHost=elsewhere\nMessageTimeout=1\n"
                              "ReeveSocketDir=" +
                                  dir + "\nAuthInfo=socket=" + dir + "/socket\n" +
                                  "SlurmUser=" + uid + "\nSlurmdUser=" + uid +
                                  "\nNodeName=n[1-4] CPUs=64 RealMemory=20000\n"
                                  "PartitionName=debug Nodes=ALL Default=YES\n")
                    .ok());
    setenv("SLURM_CONF", (dir + "/slurm.conf").c_str(), 1);
    unsetenv("SLURMD_NODENAME");
    server_ = std::make_unique<rpc::Server>(
        rpc::Server::Options{.listen = {"unix:" + dir + "/ctld.sock"},
                             .munge = munged_->munge(),
                             .trust = {.slurm_user = getuid(), .slurmd_user = getuid()}});
  }

  // Answers `method` with `answer`, or its status, and keeps the last request.
  template <class Request, class Response>
  void Answer(std::string_view method, absl::StatusOr<Response> answer, Request* last) {
    server_->Handle(method, [answer, last](std::shared_ptr<rpc::Call> call) {
      if (!call->Parse(last)) return;
      if (!answer.ok()) return call->Finish(answer.status());
      call->Reply(*answer);
    });
  }
  void AnswerJobs(absl::StatusOr<std::vector<pb::Job>> jobs) {
    absl::StatusOr<pb::QueryJobsResponse> answer = pb::QueryJobsResponse();
    answer->set_time(kNow);
    if (jobs.ok()) {
      for (const pb::Job& job : *jobs) *answer->add_jobs() = job;
    } else {
      answer = jobs.status();
    }
    Answer("Controller/QueryJobs", answer, &query_);
  }
  void Start() { ASSERT_TRUE(server_->Start().ok()); }

  std::unique_ptr<::reeve::testing::PrivateMunged> munged_;
  std::unique_ptr<rpc::Server> server_;
  pb::QueryJobsRequest query_;
};

TEST_F(ViewCommands, SqueueListsTheQueue) {
  AnswerJobs(SampleQueue());
  Start();
  const Outcome outcome = Execute(Squeue, {"squeue", "-h", "-o", "%i %t", "-t", "R"});
  EXPECT_EQ(outcome.out, "37 R\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_FALSE(query_.with_finished());
}

TEST_F(ViewCommands, SprioTakesTheControllersWeights) {
  pb::Job job;
  job.set_job_id(30);
  job.set_priority(254);
  pb::JobPriority* priority = job.add_priorities();
  priority->set_partition("debug");
  priority->set_priority(254);
  priority->set_job_size(0.25390625);
  AnswerJobs({{job}});
  pb::ShowConfigResponse config;
  pb::ShowConfigRequest asked;
  for (const auto& [key, value] :
       {std::pair{"PriorityFlags", " "}, std::pair{"PriorityType", "priority/multifactor"},
        std::pair{"PriorityWeightJobSize", "1000"}}) {
    pb::ConfigEntry* entry = config.add_entries();
    entry->set_key(key);
    entry->set_value(value);
  }
  Answer("Controller/ShowConfig", absl::StatusOr<pb::ShowConfigResponse>(config), &asked);
  Start();
  Outcome outcome = Execute(Sprio, {"sprio", "-h"});
  EXPECT_EQ(outcome.out, "             30 debug            254          0        254\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(query_.with_priorities());
  EXPECT_EQ(Execute(Sprio, {"sprio", "-h", "-w"}).out,
            "        Weights                               1       1000\n");
  outcome = Execute(Sprio, {"sprio", "-p", "other", "-j30"});
  EXPECT_EQ(outcome.out, "Unable to find jobs matching user/id(s) specified\n");
  EXPECT_EQ(Execute(Sprio, {"sprio", "-S", "z"}).err,
            "sprio: error: Invalid sort specification: z\n");
  EXPECT_EQ(Execute(Sprio, {"sprio", "-j", "x"}).err, "sprio: error: Invalid job id: x\n");
  EXPECT_EQ(Execute(Sprio, {"sprio", "-M", "c"}).code, 1);
}

TEST_F(ViewCommands, SprioOfFirstComeFirstServed) {
  pb::ShowConfigResponse config;
  pb::ShowConfigRequest asked;
  config.add_entries()->set_key("PriorityType");
  config.mutable_entries(0)->set_value("priority/basic");
  Answer("Controller/ShowConfig", absl::StatusOr<pb::ShowConfigResponse>(config), &asked);
  Start();
  const Outcome outcome = Execute(Sprio, {"sprio"});
  EXPECT_EQ(outcome.err,
            "sprio: error: PriorityType is priority/basic here: first come, "
            "first served\n");
  EXPECT_EQ(outcome.code, 1);
}

TEST_F(ViewCommands, SqueueOfAnUnknownId) {
  AnswerJobs(absl::NotFoundError("Invalid job id specified"));
  Start();
  const Outcome outcome = Execute(Squeue, {"squeue", "-j", "99999"});
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "slurm_load_jobs error: Invalid job id specified\n");
  EXPECT_EQ(outcome.code, 1);
}

TEST_F(ViewCommands, SqueueOfAnUnknownUserOrNode) {
  AnswerJobs(SampleQueue());
  Start();
  const Outcome user = Execute(Squeue, {"squeue", "-h", "-u", "nosuchuser"});
  EXPECT_EQ(user.err, "squeue: error: Invalid user: nosuchuser\n\n");
  EXPECT_EQ(user.out, "");
  EXPECT_EQ(user.code, 0);
  const Outcome node = Execute(Squeue, {"squeue", "-w", "nope"});
  EXPECT_EQ(node.err, "squeue: error: Invalid node name nope\n");
  EXPECT_EQ(node.code, 1);
}

TEST_F(ViewCommands, SinfoListsTheCluster) {
  pb::QueryClusterRequest request;
  Answer<pb::QueryClusterRequest, pb::QueryClusterResponse>("Controller/QueryCluster",
                                                            SampleCluster(), &request);
  Start();
  EXPECT_EQ(Execute(Sinfo, {"sinfo", "-h", "-o", "%P %D %N"}).out, "debug* 4 n[1-4]\n");
  const Outcome unknown = Execute(Scontrol, {"scontrol", "show", "node", "nope"});
  EXPECT_EQ(unknown.out, "Node nope not found\n");
  EXPECT_EQ(unknown.code, 1);
}

TEST_F(ViewCommands, ExplainAsksForEachJob) {
  pb::ExplainJobsRequest request;
  pb::ExplainJobsResponse answer;
  answer.set_time(kNow);
  pb::Explanation* job = answer.add_jobs();
  job->set_label("12_3");
  job->set_job_id(15);
  job->set_state(pb::JOB_STATE_RUNNING);
  job->set_end_time(-1);
  answer.set_omitted(2);
  Answer<pb::ExplainJobsRequest, pb::ExplainJobsResponse>("Controller/ExplainJobs", answer,
                                                          &request);
  Start();
  Outcome outcome = Execute(Explain, {"explain", "11,12_[3,5]", "12_3"});
  EXPECT_EQ(outcome.code, 0);
  const std::string line = outcome.out.substr(0, outcome.out.find('\n') + 1);
  EXPECT_EQ(outcome.out, line + line + line);
  EXPECT_EQ(line.substr(0, 18), "Job 12_3: RUNNING ");
  EXPECT_EQ(outcome.err, "reeve explain: 6 more jobs are not shown: name them to see them\n");
  ASSERT_EQ(request.jobs_size(), 1);
  EXPECT_EQ(request.jobs(0).job_id(), 12u);
  EXPECT_EQ(request.jobs(0).array_tasks(), "3");
  outcome = Execute(Explain, {"explain", "--json", "15"});
  EXPECT_NE(outcome.out.find("\"job_id\": 15"), std::string::npos);
  EXPECT_NE(outcome.out.find("\"omitted\": 2"), std::string::npos);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ViewCommands, ExplainOfWhatIsNoJob) {
  pb::ExplainJobsRequest request;
  Answer<pb::ExplainJobsRequest, pb::ExplainJobsResponse>(
      "Controller/ExplainJobs", absl::NotFoundError("Invalid job id specified"), &request);
  Start();
  Outcome outcome = Execute(Explain, {"explain", "99"});
  EXPECT_EQ(outcome.err, "reeve explain: error: 99: Invalid job id specified\n");
  EXPECT_EQ(outcome.code, 1);
  for (const std::string word : {"abc", "0", "1_x"}) {
    outcome = Execute(Explain, {"explain", word});
    EXPECT_EQ(outcome.code, 1) << word;
    EXPECT_EQ(outcome.out, "") << word;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(Execute(Explain, {"explain"}).code, 1);
  EXPECT_EQ(Execute(Explain, {"explain", "--nope", "1"}).code, 1);
  EXPECT_EQ(Execute(Explain, {"explain", "--help"}).code, 0);
}

TEST_F(ViewCommands, NobodyThere) {
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "ping"}).out,
            "Slurmctld(primary) at elsewhere is DOWN\n");
  const Outcome outcome = Execute(Sinfo, {"sinfo"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(outcome.err.ends_with(
      "slurm_load_partitions: Unable to contact slurm controller (connect failure)\n"));
}

TEST_F(ViewCommands, ShowJobOfAnArrayStartsWithItsRecord) {
  AnswerJobs(std::vector<pb::Job>{JobBuilder(2, "arr").Array(2, "3-6", 2),
                                  JobBuilder(3, "arr").Task(2, 1),
                                  JobBuilder(4, "arr").Task(2, 2)});
  Start();
  auto ids = [](const std::string& text) {
    std::string ids;
    for (std::string_view line : SplitSkipEmpty(text, "\n")) {
      StrAppend(&ids, line.substr(0, line.find(' ')), " ");
    }
    return ids;
  };
  EXPECT_EQ(ids(Execute(Scontrol, {"scontrol", "-o", "show", "job", "2"}).out),
            "JobId=2 JobId=4 JobId=3 ");
  EXPECT_EQ(ids(Execute(Scontrol, {"scontrol", "-o", "show", "job", "2_1"}).out), "JobId=3 ");
  EXPECT_EQ(ids(Execute(Scontrol, {"scontrol", "-o", "show", "job", "2_5"}).out), "JobId=2 ");
  const Outcome unknown = Execute(Scontrol, {"scontrol", "show", "job", "2_9"});
  EXPECT_EQ(unknown.out, "Job 2_9 not found\n");
  EXPECT_EQ(unknown.code, 1);
}

TEST_F(ViewCommands, HoldOfAnUnknownId) {
  pb::ControlJobsResponse answer;
  answer.add_results()->set_label("99999");
  answer.mutable_results(0)->set_error("Invalid job id specified");
  pb::ControlJobsRequest request;
  Answer<pb::ControlJobsRequest, pb::ControlJobsResponse>("Controller/ControlJobs", answer,
                                                          &request);
  Start();
  const Outcome outcome = Execute(Scontrol, {"scontrol", "hold", "99999"});
  EXPECT_EQ(
      outcome.err,
      "Invalid job id specified for job 99999\nslurm_suspend error:Invalid job id specified\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "requeue", "99999"}).err,
            "Invalid job id specified for job 99999\n");
  EXPECT_EQ(request.action(), pb::ControlJobsRequest::ACTION_REQUEUE);
}

TEST_F(ViewCommands, SuspendAndResume) {
  pb::ControlJobsResponse answer;
  answer.add_results()->set_label("30");
  answer.mutable_results(0)->set_error("Job is pending execution");
  pb::ControlJobsRequest request;
  Answer<pb::ControlJobsRequest, pb::ControlJobsResponse>("Controller/ControlJobs", answer,
                                                          &request);
  Start();
  const Outcome outcome = Execute(Scontrol, {"scontrol", "suspend", "30,31_[1-3]", "32"});
  EXPECT_EQ(outcome.err, "Job is pending execution for job 30\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(request.action(), pb::ControlJobsRequest::ACTION_SUSPEND);
  ASSERT_EQ(request.jobs_size(), 3);
  EXPECT_EQ(request.jobs(1).array_tasks(), "1-3");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "resume", "30"}).err,
            "Job is pending execution for job 30\n");
  EXPECT_EQ(request.action(), pb::ControlJobsRequest::ACTION_RESUME);
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "suspend"}).err,
            "too few arguments for keyword:suspend\n");
}

TEST_F(ViewCommands, UpdateOfAJob) {
  pb::UpdateJobRequest request;
  Answer<pb::UpdateJobRequest, pb::UpdateJobResponse>(
      "Controller/UpdateJob",
      absl::InvalidArgumentError("Update of this parameter is not supported: nope=1"), &request);
  Start();
  const Outcome outcome =
      Execute(Scontrol, {"scontrol", "update", "jobid=30_2", "nope=1", "nice+=5"});
  EXPECT_EQ(outcome.err, "Update of this parameter is not supported: nope=1\nRequest aborted\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(request.job().job_id(), 30u);
  EXPECT_EQ(request.job().array_tasks(), "2");
  ASSERT_EQ(request.changes_size(), 2);
  EXPECT_EQ(request.changes(1).key(), "nice");
  EXPECT_EQ(request.changes(1).value(), "+5");
}

class ScancelOfOne : public ViewCommands {
 protected:
  Outcome Cancel(const std::string& error, std::vector<std::string> words) {
    pb::CancelJobsResponse answer;
    answer.add_results()->set_label("99999");
    answer.mutable_results(0)->set_error(error);
    Answer<pb::CancelJobsRequest, pb::CancelJobsResponse>("Controller/CancelJobs", answer,
                                                          &request_);
    Start();
    return Execute(Scancel, std::move(words));
  }
  pb::CancelJobsRequest request_;
};

TEST_F(ScancelOfOne, UnknownIsSilent) {
  const Outcome outcome = Cancel("Invalid job id specified", {"scancel", "99999"});
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.code, 0);
}

TEST_F(ScancelOfOne, UnknownWithVerbose) {
  const Outcome outcome = Cancel("Invalid job id specified", {"scancel", "-v", "99999"});
  EXPECT_EQ(outcome.err,
            "scancel: Terminating job 99999\n"
            "scancel: error: Kill job error on job id 99999: Invalid job id specified\n");
  EXPECT_EQ(outcome.code, 0);
}

TEST_F(ScancelOfOne, DeniedIsAnError) {
  const Outcome outcome = Cancel("Access/permission denied", {"scancel", "99999"});
  EXPECT_EQ(outcome.err,
            "scancel: error: Kill job error on job id 99999: Access/permission denied\n");
  EXPECT_EQ(outcome.code, 1);
}

TEST_F(ScancelOfOne, SendsTasksStepsAndFilters) {
  Cancel("", {"scancel", "-s", "USR1", "-b", "-p", "debug", "-t", "R", "32_[8-9]", "12.0", "7_3"});
  EXPECT_EQ(request_.signal(), 10);
  EXPECT_TRUE(request_.batch_only());
  EXPECT_EQ(request_.partition(), "debug");
  EXPECT_EQ(request_.state(), pb::JOB_STATE_RUNNING);
  ASSERT_EQ(request_.jobs_size(), 3);
  EXPECT_EQ(request_.jobs(0).array_tasks(), "8-9");
  EXPECT_EQ(request_.jobs(1).step_id(), 0);
  EXPECT_EQ(request_.jobs(2).array_tasks(), "3");
}

}  // namespace
}  // namespace reeve::cli
