#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

TEST(Submit, StartsAtOnceWhenThereIsRoom) {
  Cluster c(2, 4);
  const JobId id = c.Submit(Spec().Tasks(2));
  EXPECT_TRUE(c.Running(id));
  EXPECT_THAT(c.NodesOf(id), ElementsAre("n1"));
  const auto launches = c.Commands<StepLaunch>();
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_EQ(launches[0].first, "n1");
  EXPECT_EQ(launches[0].second.step, kBatchStep);
  EXPECT_EQ(launches[0].second.script_hash, "script");
  EXPECT_EQ(c.Get(id).qos, "normal");
}

TEST(Submit, SameRequestIdSameAnswer) {
  Cluster c(1, 4);
  const absl::StatusOr<JobId> first = c.TrySubmit(Spec(), User(7), "r1");
  EXPECT_EQ(*c.TrySubmit(Spec(), User(7), "r1"), *first);
  EXPECT_NE(*c.TrySubmit(Spec(), User(8), "r1"), *first);
  c.Restart();
  EXPECT_EQ(*c.TrySubmit(Spec(), User(7), "r1"), *first);
  c.Advance(absl::Hours(2));
  EXPECT_TRUE(c.kept.empty());
}

TEST(Submit, RefusesInSlurmsWords) {
  Cluster c(4, 64);
  EXPECT_EQ(c.Refusal(Spec().Partition("nope")),
            "invalid partition specified: nope\nInvalid partition name specified");
  EXPECT_EQ(c.Refusal(Spec().Mem(1 << 20)),
            "Memory specification can not be satisfied\n"
            "Requested node configuration is not available");
  EXPECT_EQ(c.Refusal(Spec().CpusPerTask(65)),
            "CPU count per node can not be satisfied\n"
            "Requested node configuration is not available");
  EXPECT_EQ(c.Refusal(Spec().Nodes(0)), "Node count specification invalid");
  EXPECT_EQ(c.Refusal(Spec().Features("nope")), "Invalid feature specification");
  EXPECT_EQ(c.Refusal(Spec().On("nope")), "Invalid node name specified");
  EXPECT_EQ(c.Refusal(Spec().After("afterok:99999")), "Job dependency problem");
  EXPECT_EQ(c.Refusal(Spec().After("bogus")), "Job dependency problem");
  EXPECT_EQ(c.Refusal(Spec().Array("5-1")), "Invalid job array specification");
  EXPECT_EQ(c.Refusal(Spec().Array("0-2000000")), "Invalid job array specification");
  Spec gres;
  gres.raw().gres = std::make_shared<const GresSpec>(GresSpec{"gpu:1", "", "", "", {}, {}});
  EXPECT_EQ(c.Refusal(gres), "Invalid generic resource (gres) specification");
  EXPECT_EQ(c.controller->job_count(), 0u);
}

TEST(Submit, TooBigForThePartitionWaits) {
  Cluster c(4, 64);
  EXPECT_EQ(c.Why(c.Submit(Spec().Nodes(99))), "PartitionConfig");
  EXPECT_EQ(c.Why(c.Submit(Spec().Tasks(9999))), "PartitionConfig");
  EXPECT_TRUE(c.Running(c.Submit(Spec())));  // and is in nobody's way
}

TEST(Submit, PartitionLimits) {
  Settings settings = MakeTestSettings(4, 4);
  settings.partitions[0].max_time = absl::Minutes(60);
  settings.partitions[0].max_nodes = 2;
  Cluster c(settings);
  EXPECT_EQ(c.Why(c.Submit(Spec().Minutes(61))), "PartitionTimeLimit");
  EXPECT_EQ(c.Why(c.Submit(Spec().Nodes(3))), "PartitionNodeLimit");
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Get(id).time_limit, absl::Minutes(60));
  settings.enforce_part_limits = EnforcePartLimits::kAll;
  Cluster strict(settings);
  EXPECT_THAT(strict.Refusal(Spec().Minutes(61)), EndsWith("exceeds some limit)"));
}

TEST(Submit, WhoMayUseAPartition) {
  Settings settings = MakeTestSettings(1, 4);
  settings.partitions[0].allow_groups = {"chemists"};
  EXPECT_EQ(Cluster(settings).Refusal(Spec()), "User's group not permitted to use this partition");
  settings.partitions[0].allow_groups = {"users"};
  settings.partitions[0].allow_accounts = {"a"};
  EXPECT_EQ(Cluster(settings).Refusal(Spec().Account("b")),
            "Invalid account or account/partition combination specified");
  EXPECT_EQ(Cluster(settings).Refusal(Spec().Account("a")), "accepted");
  settings = MakeTestSettings(1, 4);
  settings.partitions[0].root_only = true;
  EXPECT_EQ(Cluster(settings).Refusal(Spec()), "Access/permission denied");
  settings = MakeTestSettings(1, 4);
  settings.disable_root_jobs = true;
  EXPECT_EQ(Cluster(settings).Refusal(Spec(), Root()), "Invalid user id");
  settings.partitions[0].state = PartitionState::kInactive;
  EXPECT_EQ(Cluster(settings).Refusal(Spec()),
            "Required partition not available (inactive or drain)");
  settings.partitions[0].state = PartitionState::kDown;
  Cluster down(settings);
  EXPECT_EQ(down.Why(down.Submit(Spec())), "PartitionDown");
}

TEST(Submit, MaxJobCount) {
  Settings settings = MakeTestSettings(1, 4);
  settings.max_job_count = 1;
  Cluster c(settings);
  c.Submit(Spec());
  EXPECT_EQ(c.TrySubmit(Spec()).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Submit, Immediate) {
  Cluster c(1, 4);
  EXPECT_TRUE(c.TrySubmit(Spec().Tasks(4), User(1000), "", true).ok());
  EXPECT_FALSE(c.TrySubmit(Spec(), User(1000), "", true).ok());
  EXPECT_EQ(c.controller->job_count(), 1u);
}

// Each of them is decided as if it had come alone; one answer says what became of all.
TEST(Submit, ManyInOneRequest) {
  Settings settings = MakeTestSettings(1, 4);
  settings.max_job_count = 3;
  Cluster c(settings);
  SubmitJobs event;
  event.call = c.NextCall();
  const auto add = [&](const Spec& spec, const std::string& request_id) {
    SubmitJob& job = event.jobs.emplace_back();
    job.key = {1000, request_id};
    job.caller = User(1000);
    job.spec = spec.Make();
  };
  add(Spec(), "a");
  add(Spec().Partition("nope"), "b");
  add(Spec(), "a");
  add(Spec().Array("0-3"), "");
  add(Spec().After("afterok:1"), "c");
  add(Spec(), "d");
  c.Do(event);
  const absl::StatusOr<Answer> answer = c.AnswerTo(event.call);
  ASSERT_TRUE(answer.ok());
  const auto& answers = std::get<SubmitAnswers>(*answer).answers;
  ASSERT_EQ(answers.size(), 6u);
  EXPECT_EQ(answers[0]->job, JobId{1});
  EXPECT_EQ(answers[1].status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answers[2]->job, JobId{1});
  EXPECT_EQ(answers[3]->job, JobId{2});
  EXPECT_EQ(answers[4]->job, JobId{3});
  EXPECT_EQ(answers[5].status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(c.Get(JobId{3}).dependency, "afterok:1(unfulfilled)");
}

TEST(Submit, AnyAccountAndQos) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Account("nope"));
  EXPECT_EQ(c.Get(id).account, "nope");
}

TEST(Submit, BlobsAreReleasedWithTheLastJob) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  c.Exit(id);
  const Effects effects = c.Advance(c.settings.min_job_age + absl::Seconds(1));
  EXPECT_EQ(c.controller->FindJob(id), nullptr);
  EXPECT_THAT(effects.jobs_removed, ElementsAre(id));
  EXPECT_THAT(effects.blobs_released, testing::UnorderedElementsAre("script", "env"));
}

// The last job that named a script is forgotten in the very event that brings the next one.
TEST(Submit, ABlobThatIsNeededAgainIsNotReleased) {
  Cluster cluster(1, 4);
  const JobId old = cluster.Submit(Spec());
  cluster.Exit(old);
  cluster.now += cluster.settings.min_job_age + absl::Seconds(1);
  SubmitJob event;
  event.call = cluster.NextCall();
  event.caller = User(1000);
  event.spec = Spec().Make();
  event.script_hash = "script";
  event.env_hash = "env";
  const Effects effects = cluster.controller->Handle(event, cluster.now);
  EXPECT_THAT(effects.jobs_removed, ::testing::ElementsAre(old));
  EXPECT_THAT(effects.blobs_released, ::testing::IsEmpty());
}

// Of two records of one revision accounting keeps the first.
TEST(Submit, EveryAccountedRecordHasARevisionOfItsOwn) {
  Cluster cluster(1, 4);
  cluster.SetNode("n1", "DRAIN", "nothing starts");
  const JobId pending = cluster.Submit(Spec());
  EXPECT_EQ(cluster.Cancel(pending), "");
  cluster.SetNode("n1", "RESUME");
  const JobId held = cluster.Submit(Spec().Hold());
  EXPECT_EQ(cluster.Cancel(held), "");
  const JobId array = cluster.Submit(Spec().Array("0-3%2"));
  EXPECT_EQ(cluster.Cancel(array), "");
  const JobId requeued = cluster.Submit(Spec());
  cluster.Started(requeued);
  EXPECT_EQ(cluster.Control(JobAction::kRequeue, requeued, Root()), "");
  cluster.Gone(requeued);
  cluster.Exit(requeued);
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> last;
  for (const AccountingRecord& record : cluster.accounting) {
    const auto* job = std::get_if<std::shared_ptr<const Job>>(&record);
    if (job == nullptr) continue;
    uint64_t& revision = last[{(*job)->id.value, (*job)->restarts}];
    EXPECT_GT((*job)->revision, revision) << "job " << (*job)->id.value;
    revision = (*job)->revision;
  }
  EXPECT_GT(last.size(), 4u);
}

// "Kept at least an hour", whatever becomes of the controller meanwhile.
TEST(Submit, AnswersAreKeptAnHourAlsoOverRestarts) {
  Cluster cluster(1, 4);
  const JobId first = *cluster.TrySubmit(Spec().Minutes(200), User(1000), "r1");
  CreateStep request;
  request.key = {1000, "r2"};
  const StepId step = cluster.StepIn(first, request)->step;
  for (int i = 0; i < 59; ++i) {
    cluster.Advance(absl::Minutes(1));
    cluster.Heartbeats();
    if (i % 20 == 10) cluster.Restart();
    EXPECT_EQ(cluster.kept.size(), 2u) << i;
  }
  EXPECT_EQ(*cluster.TrySubmit(Spec().Minutes(200), User(1000), "r1"), first);
  EXPECT_EQ(cluster.StepIn(first, request)->step, step);
  // Another user's request of the same name is another one.
  EXPECT_NE(*cluster.TrySubmit(Spec().Minutes(200), User(1001), "r1"), first);
  cluster.Restart();
  cluster.Advance(absl::Minutes(2));
  EXPECT_EQ(cluster.kept.size(), 1u);
  EXPECT_NE(*cluster.TrySubmit(Spec().Minutes(200), User(1000), "r1"), first);
  cluster.Advance(absl::Minutes(70));
  EXPECT_TRUE(cluster.kept.empty());
}

TEST(Submit, AJobThatEndedLongAgoIsKeptFromWhenThatIsKnown) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec().Minutes(1));
  c.Started(id);
  c.now += absl::Hours(2);  // the controller is away
  c.Restart();
  c.Register("n1");
  c.Gone(id);
  ASSERT_NE(c.controller->FindJob(id), nullptr);
  EXPECT_EQ(c.State(id), "TIMEOUT");
  c.Advance(c.settings.min_job_age + absl::Seconds(1));
  EXPECT_EQ(c.controller->FindJob(id), nullptr);
}

TEST(Submit, BlobsThatANewJobNamesInTheSameMomentStay) {
  Cluster c(1, 4);
  const JobId old = c.Submit(Spec());
  c.Exit(old);
  c.now += c.settings.min_job_age + absl::Seconds(1);  // the old job goes with the next event
  SubmitJob event;
  event.caller = User(1000);
  event.spec = Spec().Make();
  event.script_hash = "script";
  event.env_hash = "env";
  const Effects effects = c.controller->Handle(event, c.now);
  EXPECT_THAT(effects.jobs_removed, ElementsAre(old));
  EXPECT_THAT(effects.blobs_released, testing::IsEmpty());
}

}  // namespace
}  // namespace reeve::ctld
