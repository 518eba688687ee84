#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Lifecycle, ExitCodes) {
  Cluster c(1, 4);
  const JobId ok = c.Submit(Spec());
  const JobId bad = c.Submit(Spec());
  const JobId sig = c.Submit(Spec());
  c.Exit(ok, 0);
  c.Exit(bad, 3 << 8);
  c.Exit(sig, 9);
  EXPECT_EQ(c.State(ok), "COMPLETED");
  EXPECT_EQ(c.State(bad), "FAILED");
  EXPECT_EQ(c.Why(bad), "NonZeroExitCode");
  EXPECT_EQ(c.State(sig), "FAILED");
  EXPECT_EQ(c.Why(sig), "RaisedSignal:9(Killed)");
  EXPECT_EQ(c.Get(sig).steps[0].state, JobState::kCancelled);
  EXPECT_TRUE(c.GetNode("n1").Idle());
  EXPECT_TRUE(c.Commands<TerminateJob>().empty());
  // submitted, started, ended
  EXPECT_EQ(c.accounting.size(), 1u + 3 * 3);
}

TEST(Lifecycle, StepsMakeItComplete) {
  Cluster c(2, 4);
  const JobId id = c.Submit(Spec().Nodes(2));
  ASSERT_TRUE(c.StepIn(id).ok());
  c.Exit(id, 1 << 8, StepId{0});
  c.Exit(id, 0);
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_THAT(c.Get(id).pending_nodes, ElementsAre("n1", "n2"));
  EXPECT_EQ(c.Commands<TerminateJob>().size(), 2u);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "COMPLETED");
  EXPECT_EQ(c.Get(id).derived_exit_status, 1 << 8);
}

TEST(Lifecycle, CancelRunning) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Cancel(id, User(2)), "Access/permission denied");
  EXPECT_EQ(c.Cancel(id, User(1000)), "");
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.Cancel(id), "Job/step already completing or completed");
  c.Exit(id, 15);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "CANCELLED");
  EXPECT_EQ(c.Get(id).rare->kill_uid, 1000u);
  EXPECT_EQ(c.Get(id).exit_status, 0);
  EXPECT_EQ(c.Get(id).steps[0].exit_status, 15);
  EXPECT_EQ(c.Cancel(JobId{99999}), "Invalid job id specified");
}

TEST(Lifecycle, CancelPending) {
  Cluster c(1, 1);
  c.Submit(Spec());
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Cancel(id, User(1000), "", 10), "Job is pending execution");
  EXPECT_EQ(c.Cancel(id), "");
  EXPECT_EQ(c.State(id), "CANCELLED");
  EXPECT_TRUE(c.Get(id).shares.empty());
}

TEST(Lifecycle, SignalsGoToStepsOrTheScript) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(2));
  ASSERT_TRUE(c.StepIn(id).ok());
  c.Cancel(id, User(1000), "", 10);
  ASSERT_EQ(c.Commands<SignalStep>().size(), 1u);
  EXPECT_EQ(c.Commands<SignalStep>()[0].second.step, StepId{0});
  CancelJobs batch;
  batch.call = c.NextCall();
  batch.caller = User(1000);
  batch.jobs = {{id, "", std::nullopt}};
  batch.signal = 12;
  batch.batch_only = true;
  c.Do(batch);
  ASSERT_EQ(c.Commands<SignalStep>().size(), 2u);
  EXPECT_TRUE(c.Commands<SignalStep>()[1].second.leader_only);
  EXPECT_TRUE(c.Running(id));
}

TEST(Lifecycle, CancelByFilter) {
  Cluster c(1, 2);
  const JobId a = c.Submit(Spec().Name("a"), User(1));
  const JobId b = c.Submit(Spec().Name("b"), User(1));
  const JobId other = c.Submit(Spec().Name("a"), User(2));
  CancelJobs event;
  event.call = c.NextCall();
  event.caller = User(1);
  event.name = "a";
  c.Do(event);
  EXPECT_EQ(c.Get(a).state, JobState::kCancelled);
  EXPECT_TRUE(c.Running(b));
  EXPECT_EQ(c.State(other), "PENDING");
}

TEST(Lifecycle, TimeLimit) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Minutes(10));
  EXPECT_EQ(c.Get(id).end_time, c.now + absl::Minutes(10));
  for (int i = 0; i < 3; ++i) {
    c.Advance(absl::Minutes(3));
    c.Heartbeats();
  }
  EXPECT_TRUE(c.Running(id));
  c.Advance(absl::Minutes(1));
  EXPECT_EQ(c.State(id), "COMPLETING");
  c.Exit(id, 15);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "TIMEOUT");
  EXPECT_EQ(c.Why(id), "TimeLimit");
}

TEST(Lifecycle, LaunchFailure) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  const size_t sent = c.commands.size();
  StepReported failed{.node = "n1",
                      .report_id = 1,
                      .job = id,
                      .step = kBatchStep,
                      .kind = StepReportKind::kLaunchFailed,
                      .error = "no",
                      .launch_again = true};
  c.Do(failed);
  EXPECT_EQ(c.Commands<StepLaunch>(sent).size(), 1u);
  failed.launch_again = false;
  c.Do(failed);
  EXPECT_EQ(c.State(id), "REQUEUE_HOLD");
  EXPECT_EQ(c.Get(id).state, JobState::kPending);
  EXPECT_EQ(c.Why(id), "JobHeldUser");
  EXPECT_EQ(c.Get(id).reason_detail, "launch failed requeued held");
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_EQ(c.Control(JobAction::kRelease, id), "");
  EXPECT_TRUE(c.Running(id));
  c.Do(failed);  // of the first attempt: acknowledged, else nothing
  EXPECT_TRUE(c.Running(id));
}

// An output file in a folder that is not there: no node would do better, so nobody waits for a
// release.
TEST(Lifecycle, AJobThatCannotBeLaunchedByItsOwnFaultFails) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  c.Do(StepReported{.node = "n1",
                    .report_id = 1,
                    .job = id,
                    .step = kBatchStep,
                    .kind = StepReportKind::kLaunchFailed,
                    .error = "Could not open stdout file",
                    .job_fault = true});
  EXPECT_EQ(c.Get(id).state, JobState::kFailed);
  EXPECT_EQ(c.Get(id).reason_detail, "Could not open stdout file");
  EXPECT_EQ(c.Get(id).restarts, 0u);
}

TEST(Lifecycle, AJobWhoseStepDaemonDiedWasKilled) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  StepReported report{.node = "n1",
                      .report_id = 1,
                      .job = id,
                      .step = kBatchStep,
                      .kind = StepReportKind::kStarted};
  c.Do(report);
  report.report_id = 2;
  report.kind = StepReportKind::kLaunchFailed;
  report.error = "the step daemon died";
  c.Do(report);
  EXPECT_EQ(c.Get(id).state, JobState::kFailed);
  EXPECT_EQ(c.Get(id).exit_status, 9);
  EXPECT_EQ(c.Get(id).restarts, 0u);  // it ran: it does not run twice
}

TEST(Lifecycle, Requeue) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  c.Started(id);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.Control(JobAction::kRequeue, c.Submit(Spec().Hold())), "Job is pending execution");
  c.Exit(id, 15);
  c.Gone(id);
  EXPECT_TRUE(c.Running(id));  // there is room
  EXPECT_EQ(c.Get(id).restarts, 1u);
  const JobId never = c.Submit(Spec().NoRequeue());
  EXPECT_EQ(c.Control(JobAction::kRequeue, never), "Requested operation is presently disabled");
}

TEST(Lifecycle, RequeueHeldThenCancelledWhileCompleting) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  c.Control(JobAction::kRequeueHold, id);
  EXPECT_EQ(c.Cancel(id), "");
  c.Gone(id);
  EXPECT_EQ(c.State(id), "CANCELLED");
}

TEST(Lifecycle, HoldAndRelease) {
  Cluster c(1, 1);
  c.Submit(Spec());
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Control(JobAction::kHold, id, Root()), "");
  EXPECT_EQ(c.Why(id), "JobHeldAdmin");
  EXPECT_EQ(c.Get(id).priority, 0u);
  EXPECT_EQ(c.Control(JobAction::kRelease, id), "Access/permission denied");
  EXPECT_EQ(c.Control(JobAction::kRelease, id, Root()), "");
  EXPECT_EQ(c.Control(JobAction::kHold, id), "");
  EXPECT_EQ(c.Why(id), "JobHeldUser");
  EXPECT_EQ(c.Why(c.Submit(Spec().Hold(), Root())), "JobHeldUser");
}

TEST(Lifecycle, InteractiveAllocation) {
  Cluster c(1, 4);
  const JobId first = c.Submit(Spec().Tasks(4));
  const JobId id = c.Submit(Spec().Interactive().Tasks(2));
  const CallToken call = c.NextCall();
  c.Do(WaitJob{call, User(1000), id, false, c.now + absl::Minutes(1)});
  EXPECT_FALSE(c.replies.contains(call.value));
  c.Exit(first);
  ASSERT_TRUE(c.replies.contains(call.value));
  const WaitAnswer answer = std::get<WaitAnswer>(*c.AnswerTo(call));
  EXPECT_TRUE(answer.reached);
  EXPECT_THAT(answer.environment, testing::Contains("SLURM_JOB_NODELIST=n1"));
  EXPECT_EQ(c.Commands<StepLaunch>().size(), 1u);  // only the batch job's
  const CallToken done = c.NextCall();
  c.Do(CompleteAllocation{done, User(1000), id, 0});
  EXPECT_EQ(c.State(id), "COMPLETED");
}

TEST(Lifecycle, WaitTimesOut) {
  Cluster c(1, 1);
  c.Submit(Spec());
  const JobId id = c.Submit(Spec().Interactive());
  const CallToken call = c.NextCall();
  c.Do(WaitJob{call, User(1000), id, false, c.now + absl::Seconds(20)});
  c.Advance(absl::Seconds(20));
  EXPECT_FALSE(std::get<WaitAnswer>(*c.AnswerTo(call)).reached);
}

TEST(Update, KeysAndRights) {
  Cluster c(2, 2);
  const JobId running = c.Submit(Spec().Tasks(2).Nodes(2).PerNode(1).Minutes(10));
  const JobId id = c.Submit(Spec().Nodes(2).Exclusive());
  EXPECT_EQ(c.Update(id, "nope", "1"), "Update of this parameter is not supported: nope=1");
  EXPECT_EQ(c.Update(id, "TimeLimit", "40"), "");
  EXPECT_EQ(c.Get(id).time_limit, absl::Minutes(40));
  EXPECT_EQ(c.Update(id, "timelimit", "+20"), "");
  EXPECT_EQ(c.Get(id).time_limit, absl::Hours(1));
  EXPECT_EQ(c.Update(running, "TimeLimit", "40"), "Access/permission denied");
  EXPECT_EQ(c.Update(running, "TimeLimit", "40", Root()), "");
  EXPECT_EQ(c.Get(running).end_time, c.now + absl::Minutes(40));
  EXPECT_EQ(c.Update(id, "JobName", "other"), "");
  EXPECT_EQ(c.Get(id).spec->name, "other");
  EXPECT_EQ(c.Update(id, "Partition", "nope"),
            "invalid partition specified: nope\nInvalid partition name specified");
  EXPECT_EQ(c.Update(running, "Features", "big"), "Job is no longer pending execution");
  EXPECT_EQ(c.Update(id, "Priority", "5"), "Access/permission denied");
  EXPECT_EQ(c.Update(id, "Priority", "5", Root()), "");
  EXPECT_EQ(c.Get(id).priority, 5u);
  EXPECT_EQ(c.Update(id, "StartTime", "now+60"), "");
  EXPECT_EQ(c.Why(id), "BeginTime");
}

TEST(Environment, AsMeasured) {
  Settings settings = MakeTestSettings(4, 64);
  Cluster c(settings);
  Spec spec = Spec().Nodes(2).Tasks(4).CpusPerTask(2).Mem(100).Minutes(10);
  spec.raw().submit_dir = "/cluster";
  c.Submit(spec);
  const std::vector<std::string> env = c.Commands<StepLaunch>()[0].second.environment;
  for (const char* line :
       {"SLURM_JOB_CPUS_PER_NODE=6,2", "SLURM_TASKS_PER_NODE=3,1", "SLURM_JOB_NODELIST=n[1-2]",
        "SLURM_NTASKS=4", "SLURM_CPUS_PER_TASK=2", "SLURM_MEM_PER_NODE=100", "SLURM_NNODES=2",
        "SLURM_JOB_EXCLUSIVE=NO", "SLURM_STEP_ID=-5", "SLURM_SUBMIT_DIR=/cluster", "SLURM_JOBID=1",
        "SLURM_TRES_PER_TASK=cpu=2"}) {
    EXPECT_THAT(env, testing::Contains(line));
  }
  Cluster other(settings);
  other.Submit(Spec().Exclusive());
  const std::vector<std::string> whole = other.Commands<StepLaunch>()[0].second.environment;
  EXPECT_THAT(whole, testing::Contains("SLURM_TASKS_PER_NODE=64"));
  EXPECT_THAT(whole, testing::Contains("SLURM_JOB_EXCLUSIVE=NODE"));
  EXPECT_THAT(whole, testing::Not(testing::Contains(HasSubstr("SLURM_NTASKS"))));
}

}  // namespace
}  // namespace reeve::ctld
