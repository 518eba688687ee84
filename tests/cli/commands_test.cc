// sbatch, srun and salloc as their users run them, against a cluster that answers as told.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/time_text.h"
#include "common/base/text.h"
#include "tests/cli/fake_cluster.h"

// A command leaves its open streams and blocked calls to the end of the process (srun.cc,
// background.h), which here goes on: LeakSanitizer would report them.
extern "C" int __lsan_is_turned_off() {
  return 1;
}

namespace reeve::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

struct Outcome {
  int exit_code;
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
  sigset_t
      before;  // srun and salloc keep their signals blocked: a process of theirs ends with them
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  outcome.exit_code = command(static_cast<int>(words.size()), argv.data());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  fflush(stdout);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

// A node that sends all of `messages` as soon as srun is attached.
auto Sends(std::vector<pb::StepIoResponse> messages) {
  return [messages](int, std::shared_ptr<rpc::ServerStream> stream) {
    stream->Send(Attached());
    for (const pb::StepIoResponse& message : messages) stream->Send(message);
    return rpc::ServerStream::Events{[](std::string) {}, [] {}};
  };
}

class Commands : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access("/usr/sbin/munged", X_OK) != 0) GTEST_SKIP() << "no munged here";
    cluster_ = std::make_unique<FakeCluster>();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    close(null);
  }
  void Start() { ASSERT_TRUE(cluster_->Start().ok()); }
  std::unique_ptr<FakeCluster> cluster_;
};

TEST_F(Commands, SbatchSendsTheJobAndSaysItsNumberOnly) {
  Start();
  Outcome outcome = Execute(Sbatch, {"sbatch", "-N2", "--wrap", "hostname"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "Submitted batch job 7\n");
  EXPECT_EQ(outcome.err, "");
  ASSERT_EQ(cluster_->submitted.size(), 1u);
  const pb::SubmitJobRequest& request = cluster_->submitted[0];
  EXPECT_EQ(request.request_id().size(), 32u);
  EXPECT_TRUE(request.spec().batch());
  EXPECT_EQ(request.spec().name(), "wrap");
  EXPECT_EQ(request.spec().command(), "");
  EXPECT_EQ(request.spec().submit_line(), "sbatch -N2 --wrap hostname");
  EXPECT_EQ(request.spec().work_dir(), request.spec().submit_dir());
  EXPECT_GT(request.spec().rlimits_size(), 0);
  EXPECT_THAT(request.environment(), Contains(HasSubstr("SLURM_SUBMIT_DIR=/")));
}

TEST_F(Commands, SbatchPrintsNotesAndSlurmsWords) {
  cluster_->on_submit = [](auto call, const auto&) {
    call->Finish(absl::InvalidArgumentError(
        "invalid partition specified: nope\nInvalid partition name specified"));
  };
  Start();
  Outcome outcome = Execute(Sbatch, {"sbatch", "-p", "nope", "--wrap", "hostname"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "sbatch: error: invalid partition specified: nope\n"
            "sbatch: error: Batch job submission failed: Invalid partition name specified\n");
}

TEST_F(Commands, SbatchRepeatsWithTheSameRequestId) {
  std::atomic<int> calls = 0;
  cluster_->on_submit = [&](auto call, const auto&) {
    if (++calls < 3) return call->Finish(absl::UnavailableError("starting"));
    pb::SubmitJobResponse answer;
    answer.set_job_id(9);
    call->Reply(answer);
  };
  Start();
  Outcome outcome = Execute(Sbatch, {"sbatch", "--parsable", "--wrap", "hostname"});
  EXPECT_EQ(outcome.out, "9\n");
  EXPECT_THAT(outcome.err, HasSubstr("Unable to contact slurm controller (connect failure) at "));
  ASSERT_EQ(cluster_->submitted.size(), 3u);
  EXPECT_EQ(cluster_->submitted[0].request_id(), cluster_->submitted[2].request_id());
}

TEST_F(Commands, AGivenRequestIdIsUsed) {
  setenv("REEVE_REQUEST_ID", "abc", 1);
  Start();
  Execute(Sbatch, {"sbatch", "--wrap", "hostname"});
  EXPECT_EQ(cluster_->submitted.at(0).request_id(), "abc");
}

constexpr int64_t kStart = 1'795'500'000;

// The answer to --test-only.
void TellStart(const std::shared_ptr<rpc::Call>& call) {
  pb::SubmitJobResponse answer;
  answer.set_job_id(12);
  answer.add_notes("note: it may start later");
  answer.mutable_expected()->set_time(kStart);
  answer.mutable_expected()->set_cpus(4);
  answer.mutable_expected()->set_nodes("n[1-2]");
  answer.mutable_expected()->set_partition("debug");
  call->Reply(answer);
}

std::string StartLine(std::string_view command) {
  return StrCat(command, ": note: it may start later\n", command, ": Job 12 to start at ",
                TimeText(kStart, ""), " using 4 processors on nodes n[1-2] in partition debug\n");
}

TEST_F(Commands, SbatchTellsWhenAJobWouldStart) {
  cluster_->on_submit = [](auto call, const auto&) { TellStart(call); };
  Start();
  Outcome outcome =
      Execute(Sbatch, {"sbatch", "--test-only", "--parsable", "-n4", "--wrap", "hostname"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, StartLine("sbatch"));
  ASSERT_EQ(cluster_->submitted.size(), 1u);
  const pb::SubmitJobRequest& request = cluster_->submitted[0];
  EXPECT_TRUE(request.test_only());
  EXPECT_EQ(request.spec().num_tasks(), 4u);
  EXPECT_EQ(request.script(), "");
  EXPECT_EQ(request.environment_size(), 0);
  EXPECT_EQ(Execute(Sbatch, {"sbatch", "-Q", "--test-only", "--wrap", "hostname"}).err, "");
}

TEST_F(Commands, SrunTellsWhenAJobWouldStart) {
  cluster_->on_submit = [](auto call, const auto&) { TellStart(call); };
  Start();
  for (std::vector<std::string> words :
       {std::vector<std::string>{"srun", "--test-only", "-n4"},
        std::vector<std::string>{"srun", "--test-only", "-n4", "hostname"}}) {
    Outcome outcome = Execute(Srun, std::move(words));
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, StartLine("srun"));
  }
  ASSERT_EQ(cluster_->submitted.size(), 2u);
  EXPECT_TRUE(cluster_->submitted[0].test_only());
  EXPECT_FALSE(cluster_->submitted[0].spec().batch());
  EXPECT_TRUE(cluster_->waited.empty());
  EXPECT_TRUE(cluster_->steps.empty());
}

TEST_F(Commands, ATestSaysWhyAJobWouldNotBeAccepted) {
  cluster_->on_submit = [](auto call, const auto&) {
    call->Finish(
        absl::InvalidArgumentError("partition debug has 2 nodes, 3 needed\n"
                                   "Requested node configuration is not available"));
  };
  Start();
  for (const auto& [command, name] : {std::pair<Main, std::string>{Sbatch, "sbatch"},
                                      std::pair<Main, std::string>{Srun, "srun"}}) {
    const std::string wrap = name == "sbatch" ? "--wrap=hostname" : "hostname";
    Outcome outcome = Execute(command, {name, "--test-only", "-N3", wrap});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              name +
                  ": error: partition debug has 2 nodes, 3 needed\n"
                  "allocation failure: Requested node configuration is not available\n");
  }
}

TEST_F(Commands, ATestThatWasTakenForASubmissionIsAnError) {
  Start();
  Outcome outcome = Execute(Sbatch, {"sbatch", "--test-only", "--wrap", "hostname"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "sbatch: error: the controller is older than --test-only: it has submitted job 7\n");
}

TEST_F(Commands, SrunRelaysOutputAndTheHighestExitCode) {
  cluster_->on_step_io = Sends({Output(0, 1, 0, "zero\n"), Output(1, 1, 0, "one\n"),
                                Output(1, 2, 0, "bad\n"), Exit(0, 0), Exit(1, 7 << 8), Ended()});
  Start();
  Outcome outcome = Execute(Srun, {"srun", "-l", "-n2", "prog", "-x"});
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(outcome.out, "0: zero\n1: one\n");
  EXPECT_EQ(outcome.err, "1: bad\nsrun: error: n1: task 1: Exited with exit code 7\n");
  ASSERT_EQ(cluster_->steps.size(), 1u);
  EXPECT_EQ(cluster_->steps[0].job_id(), 7u);
  EXPECT_EQ(cluster_->steps[0].name(), "prog");
  EXPECT_THAT(cluster_->steps[0].argv(), ElementsAre("prog", "-x"));
  EXPECT_FALSE(cluster_->submitted.at(0).spec().batch());
  ASSERT_EQ(cluster_->completed.size(), 1u);
  EXPECT_EQ(cluster_->completed[0].exit_status(), 7 << 8);
}

TEST_F(Commands, SrunInsideAJobMakesOnlyAStep) {
  setenv("SLURM_JOB_ID", "7", 1);
  cluster_->on_step_io = Sends({Exit(0, 9), Ended()});
  Start();
  Outcome outcome = Execute(Srun, {"srun", "prog"});
  EXPECT_EQ(outcome.exit_code, 137);
  EXPECT_EQ(outcome.err, "srun: error: n1: task 0: Killed\n");
  EXPECT_TRUE(cluster_->submitted.empty());
  EXPECT_TRUE(cluster_->completed.empty());
}

TEST_F(Commands, SrunGoesOnWhereABrokenStreamStopped) {
  setenv("SLURM_JOB_ID", "7", 1);
  std::vector<uint64_t> offsets;
  cluster_->on_step_io = [&](int attempt, std::shared_ptr<rpc::ServerStream> stream) {
    rpc::ServerStream::Events events{[](std::string) {}, [] {}};
    pb::StepIoRequest first;
    first.ParseFromString(stream->first_message());
    EXPECT_EQ(first.attach().io_secret(), "secret");
    stream->Send(Attached());
    if (attempt == 1) {
      stream->Send(Output(0, 1, 0, "abc"));
      // Not before srun has it: its acknowledgement says so.
      events.on_message = [stream](std::string bytes) {
        pb::StepIoRequest message;
        message.ParseFromString(bytes);
        if (message.has_ack()) stream->Finish(absl::UnavailableError("restarting"));
      };
      return events;
    }
    for (const pb::StepIoAck& have : first.attach().have()) offsets.push_back(have.offset());
    stream->Send(Output(0, 1, 2, "cdef\n"));  // a byte too many
    stream->Send(Exit(0, 0));
    stream->Send(Ended());
    return events;
  };
  Start();
  Outcome outcome = Execute(Srun, {"srun", "prog"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "abcdef\n");
  EXPECT_THAT(offsets, ElementsAre(3u));
}

TEST_F(Commands, SrunForwardsItsInput) {
  setenv("SLURM_JOB_ID", "7", 1);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "typed\n", 6), 6);
  close(ends[1]);
  dup2(ends[0], STDIN_FILENO);
  cluster_->on_step_io = [](int, std::shared_ptr<rpc::ServerStream> stream) {
    stream->Send(Attached());
    auto input = std::make_shared<std::string>();
    return rpc::ServerStream::Events{[stream, input](std::string bytes) {
                                       pb::StepIoRequest message;
                                       message.ParseFromString(bytes);
                                       if (!message.has_stdin()) return;
                                       *input += message.stdin().data();
                                       if (!message.stdin().eof()) return;
                                       stream->Send(Output(0, 1, 0, *input));
                                       stream->Send(Exit(0, 0));
                                       stream->Send(Ended());
                                     },
                                     [] {}};
  };
  Start();
  EXPECT_EQ(Execute(Srun, {"srun", "cat"}).out, "typed\n");
}

TEST_F(Commands, SrunKillsTheStepOnABadExit) {
  setenv("SLURM_JOB_ID", "7", 1);
  std::shared_ptr<rpc::ServerStream> node;
  cluster_->on_step_io = [&](int, std::shared_ptr<rpc::ServerStream> stream) {
    node = stream;
    stream->Send(Attached());
    stream->Send(Exit(0, 1 << 8));
    return rpc::ServerStream::Events{[](std::string) {}, [] {}};
  };
  cluster_->on_cancel = [&](auto call, const auto&) {
    call->Reply(pb::CancelJobsResponse());
    node->Send(Exit(1, 15));
    node->Send(Ended());
  };
  Start();
  Outcome outcome = Execute(Srun, {"srun", "-n2", "-K", "prog"});
  EXPECT_EQ(outcome.exit_code, 143);
  EXPECT_EQ(outcome.err,
            "srun: error: n1: task 0: Exited with exit code 1\n"
            "srun: Terminating StepId=7.0\n"
            "srun: error: n1: task 1: Terminated\n");
  ASSERT_EQ(cluster_->cancelled.size(), 1u);
  EXPECT_EQ(cluster_->cancelled[0].jobs(0).job_id(), 7u);
  EXPECT_EQ(cluster_->cancelled[0].jobs(0).step_id(), 0);
}

TEST_F(Commands, SrunNamesAJobThatIsGone) {
  setenv("SLURM_JOB_ID", "99", 1);
  cluster_->on_create_step = [](auto call, const auto&) {
    call->Finish(absl::NotFoundError("Invalid job id specified"));
  };
  Start();
  Outcome outcome = Execute(Srun, {"srun", "prog"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "srun: error: Unable to confirm allocation for job 99: Invalid job id specified\n"
            "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job 99\n");
}

TEST_F(Commands, SrunSaysThatItWaits) {
  std::atomic<int> polls = 0;
  auto granted = cluster_->on_wait;
  cluster_->on_wait = [&](auto call, const pb::WaitJobRequest& request) {
    if (++polls > 1) return granted(call, request);
    pb::WaitJobResponse answer;
    answer.mutable_job()->set_job_id(7);
    answer.mutable_job()->set_reason("Resources");
    call->Reply(answer);
  };
  cluster_->on_step_io = Sends({Exit(0, 0), Ended()});
  Start();
  Outcome outcome = Execute(Srun, {"srun", "prog"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err,
            "srun: job 7 queued and waiting for resources\n"
            "srun: job 7 has been allocated resources\n");
}

TEST_F(Commands, SallocRunsItsCommandInTheAllocation) {
  Start();
  Outcome outcome = Execute(Salloc, {"salloc", "-N1", "sh", "-c", "echo in $SLURM_JOB_ID; exit 5"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.out, "in 7\n");
  EXPECT_EQ(outcome.err,
            "salloc: Granted job allocation 7\n"
            "salloc: Nodes n1 are ready for job\n"
            "salloc: Relinquishing job allocation 7\n");
  EXPECT_EQ(cluster_->completed.at(0).exit_status(), 5 << 8);
  EXPECT_EQ(cluster_->submitted.at(0).spec().name(), "interactive");
}

TEST_F(Commands, SallocEndsItsCommandWhenTheJobEnds) {
  auto granted = cluster_->on_wait;
  cluster_->on_wait = [&](auto call, const pb::WaitJobRequest& request) {
    if (request.until() == pb::WaitJobRequest::UNTIL_ALLOCATED) return granted(call, request);
    pb::WaitJobResponse answer;
    answer.mutable_job()->set_state(pb::JOB_STATE_TIMEOUT);
    answer.set_reached(true);
    call->Reply(answer);
  };
  Start();
  Outcome outcome = Execute(Salloc, {"salloc", "sleep", "1000"});
  EXPECT_EQ(outcome.exit_code, 128 + SIGTERM);
  EXPECT_THAT(outcome.err, HasSubstr("salloc: Job allocation 7 has been revoked.\n"));
  EXPECT_TRUE(cluster_->completed.empty());
}

}  // namespace
}  // namespace reeve::cli

// Leaves as `reeve` does: a thread that a command left behind would use what exit() takes down.
int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  const int result = RUN_ALL_TESTS();
  fflush(nullptr);
  _exit(result);
}
