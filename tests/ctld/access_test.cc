// What the controller's handlers refuse to callers whom the server lets in: other people's jobs. A
// line for every RPC of the controller.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "common/rpc/authorization.h"
#include "controller_fixture.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

constexpr char kDenied[] = "Access/permission denied";

std::string LastLine(const absl::Status& status) {
  const std::string text(status.message());
  return status.ok() ? "" : text.substr(text.rfind('\n') + 1);
}

class AccessTest : public ControllerFixture {
 protected:
  void SetUp() override {
    REEVE_NEEDS_ROOT();
    Start();
    ASSERT_TRUE(Register(kRoot, "n1").ok());
  }

  // Each returns Slurm's words of refusal, or "" when it was done.
  std::string Cancel(uid_t uid, uint32_t job, int signal = 0, std::optional<int> step = {}) {
    pb::CancelJobsRequest request;
    request.add_jobs()->set_job_id(job);
    if (step) request.mutable_jobs(0)->set_step_id(*step);
    request.set_signal(signal);
    auto answer = Call<pb::CancelJobsResponse>(uid, "Controller/CancelJobs", request);
    return answer.ok() ? answer->results(0).error() : LastLine(answer.status());
  }
  std::string Control(uid_t uid, uint32_t job, pb::ControlJobsRequest::Action action) {
    pb::ControlJobsRequest request;
    request.add_jobs()->set_job_id(job);
    request.set_action(action);
    auto answer = Call<pb::ControlJobsResponse>(uid, "Controller/ControlJobs", request);
    return answer.ok() ? answer->results(0).error() : LastLine(answer.status());
  }
  std::string Update(uid_t uid, uint32_t job, const std::string& key, const std::string& value) {
    pb::UpdateJobRequest request;
    request.mutable_job()->set_job_id(job);
    pb::ConfigEntry* change = request.add_changes();
    change->set_key(key);
    change->set_value(value);
    auto answer = Call<pb::UpdateJobResponse>(uid, "Controller/UpdateJob", request);
    return answer.ok() ? answer->results(0).error() : LastLine(answer.status());
  }
  std::string Wait(uid_t uid, uint32_t job) {
    pb::WaitJobRequest request;
    request.set_job_id(job);
    return LastLine(Call<pb::WaitJobResponse>(uid, "Controller/WaitJob", request).status());
  }
  std::string Complete(uid_t uid, uint32_t job) {
    pb::CompleteAllocationRequest request;
    request.set_job_id(job);
    return LastLine(
        Call<pb::CompleteAllocationResponse>(uid, "Controller/CompleteAllocation", request)
            .status());
  }
  std::string CreateStep(uid_t uid, uint32_t job) {
    pb::CreateStepRequest request;
    request.set_job_id(job);
    request.set_name("id");
    request.add_argv("id");
    request.set_overlap(true);
    auto answer = Call<pb::CreateStepResponse>(uid, "Controller/CreateStep", request);
    if (answer.ok()) {
      EXPECT_GE(answer->io_secret().size(), 16u);
    }
    return LastLine(answer.status());
  }
  std::string Script(uid_t uid, uint32_t job) {
    pb::GetJobScriptRequest request;
    request.set_job_id(job);
    auto answer = Call<pb::GetJobScriptResponse>(uid, "Controller/GetJobScript", request);
    if (answer.ok()) {
      EXPECT_THAT(answer->script(), HasSubstr("echo secret"));
    }
    return LastLine(answer.status());
  }

  uint32_t Held() {
    return Submit(kOwner, [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_hold(true); });
  }
  uint32_t Running() {
    const uint32_t job = Submit(kOwner);
    EXPECT_TRUE(WaitFor(job, pb::JOB_STATE_RUNNING));
    return job;
  }
  uint32_t Allocation() {
    const uint32_t job =
        Submit(kOwner, [](pb::SubmitJobRequest* r) { r->mutable_spec()->set_batch(false); });
    EXPECT_TRUE(WaitFor(job, pb::JOB_STATE_RUNNING));
    return job;
  }
};

// One thing that can be done to a job.
struct Deed {
  const char* what;
  std::function<uint32_t(AccessTest&)> make;  // a job of kOwner to do it to
  std::function<std::string(AccessTest&, uid_t, uint32_t)> act;
  bool operators_may = true;
};

class DeedTest : public AccessTest {
 public:
  using Action = pb::ControlJobsRequest;
  static std::vector<Deed> Deeds(const std::string& method) {
    using T = AccessTest;
    const auto held = [](T& t) { return static_cast<DeedTest&>(t).Held(); };
    const auto running = [](T& t) { return static_cast<DeedTest&>(t).Running(); };
    const auto allocation = [](T& t) { return static_cast<DeedTest&>(t).Allocation(); };
    const auto control = [](Action::Action action) {
      return [action](T& t, uid_t uid, uint32_t job) {
        return static_cast<DeedTest&>(t).Control(uid, job, action);
      };
    };
    const auto update = [](const char* key, const char* value) {
      return [=](T& t, uid_t uid, uint32_t job) {
        return static_cast<DeedTest&>(t).Update(uid, job, key, value);
      };
    };
    const auto self = [](T& t) -> DeedTest& { return static_cast<DeedTest&>(t); };
    const std::map<std::string, std::vector<Deed>> deeds = {
        {"Controller/CancelJobs",
         {{"cancel of a pending job", held,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Cancel(uid, job); }},
          {"cancel of a running job", running,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Cancel(uid, job); }},
          {"a signal", running,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Cancel(uid, job, SIGUSR1); }},
          {"a signal to the batch step", running,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Cancel(uid, job, SIGUSR1, -5); }},
          {"cancel of a step", running,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Cancel(uid, job, 0, -5); }}}},
        {"Controller/ControlJobs",
         {{"hold", held, control(Action::ACTION_HOLD)},
          {"uhold", held, control(Action::ACTION_UHOLD)},
          {"release", held, control(Action::ACTION_RELEASE)},
          {"requeue", running, control(Action::ACTION_REQUEUE)},
          {"requeuehold", running, control(Action::ACTION_REQUEUE_HOLD)}}},
        {"Controller/UpdateJob",
         {{"its time limit", held, update("TimeLimit", "5")},
          {"its comment, while it runs", running, update("Comment", "mine now")},
          {"its output file", held, update("StdOut", "/etc/passwd")},
          {"its name", held, update("JobName", "other")}}},
        {"Controller/WaitJob",
         {{"waiting for it", running,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Wait(uid, job); }}}},
        {"Controller/CompleteAllocation",
         {{"its end", allocation,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Complete(uid, job); }}}},
        {"Controller/CreateStep",
         {{"a step in it", running,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).CreateStep(uid, job); }, false}}},
        {"Controller/GetJobScript",
         {{"its script", held,
           [=](T& t, uid_t uid, uint32_t job) { return self(t).Script(uid, job); }}}},
    };
    const auto found = deeds.find(method);
    return found == deeds.end() ? std::vector<Deed>() : found->second;
  }
};

// The other RPCs of the controller, and where what they refuse is tested.
const std::map<std::string, const char*> kElsewhere = {
    {"Controller/ExplainJobs", "private_data_test.cc"},
    {"Controller/GetConfig", "AccessTest.TheConfigurationHoldsNoSecrets"},
    {"Controller/NodeStream", "AccessTest.ANodesNameIsNotForEverybody"},
    {"Controller/Ping", "open to all: common/rpc/access_test.cc"},
    {"Controller/QueryCluster", "private_data_test.cc"},
    {"Controller/QueryJobs", "private_data_test.cc"},
    {"Controller/Reconfigure", "AccessTest.AdministrationIsForAdministrators"},
    {"Controller/ShowConfig", "AccessTest.TheConfigurationHoldsNoSecrets"},
    {"Controller/SubmitJob", "AccessTest.AJobIsWhoseCredentialItCameWith"},
    {"Controller/SubmitJobs", "AccessTest.ManyJobsAreWhoseCredentialTheyCameWith"},
    {"Controller/UpdateNode", "AccessTest.AdministrationIsForAdministrators"},
    {"Controller/UpdatePartition", "AccessTest.AdministrationIsForAdministrators"},
    {"Controller/UpdateReservation", "AccessTest.AdministrationIsForAdministrators"},
};

TEST(Access, EveryRpcOfTheControllerHasRefusalTests) {
  for (const rpc::AccessRule& rule : rpc::AccessTable()) {
    const std::string method(rule.method);
    if (!method.starts_with("Controller/")) continue;
    const bool here = !DeedTest::Deeds(method).empty();
    EXPECT_NE(here, kElsewhere.contains(method)) << method;
    EXPECT_EQ(here, rule.access == rpc::Access::kOwner) << method;
  }
}

TEST_F(DeedTest, AStrangerIsRefusedAndTheJobStaysAsItWas) {
  for (const rpc::AccessRule& rule : rpc::AccessTable()) {
    for (const Deed& deed : Deeds(std::string(rule.method))) {
      const uint32_t job = deed.make(*this);
      const std::string before = Find(job).SerializeAsString();
      EXPECT_EQ(deed.act(*this, kStranger, job), kDenied) << rule.method << ": " << deed.what;
      EXPECT_EQ(Find(job).SerializeAsString(), before) << rule.method << ": " << deed.what;
    }
  }
}

TEST_F(DeedTest, TheOwnerMay) {
  for (const rpc::AccessRule& rule : rpc::AccessTable()) {
    for (const Deed& deed : Deeds(std::string(rule.method))) {
      EXPECT_EQ(deed.act(*this, kOwner, deed.make(*this)), "") << rule.method << ": " << deed.what;
    }
  }
}

TEST_F(DeedTest, OperatorsAndAdministratorsMay) {
  for (const rpc::AccessRule& rule : rpc::AccessTable()) {
    for (const Deed& deed : Deeds(std::string(rule.method))) {
      for (uid_t uid : {kOperator, kAdministrator}) {
        EXPECT_EQ(deed.act(*this, uid, deed.make(*this)), deed.operators_may ? "" : kDenied)
            << rule.method << ": " << deed.what << " by " << uid;
      }
      EXPECT_EQ(deed.act(*this, kRoot, deed.make(*this)), "") << rule.method << ": " << deed.what;
    }
  }
}

// ---- arrays and filters -------------------------------------------------------------------------

TEST_F(AccessTest, AStrangerDoesNotEvenSplitAnArray) {
  const uint32_t array = Submit(kOwner, [](pb::SubmitJobRequest* r) {
    r->mutable_spec()->set_array("0-9");
    r->mutable_spec()->set_hold(true);
  });
  const std::string before = Find(array).SerializeAsString();
  pb::CancelJobsRequest cancel;
  cancel.add_jobs()->set_job_id(array);
  cancel.mutable_jobs(0)->set_array_tasks("3");
  auto cancelled = Call<pb::CancelJobsResponse>(kStranger, "Controller/CancelJobs", cancel);
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->results(0).error(), kDenied);
  pb::ControlJobsRequest release;
  release.set_action(pb::ControlJobsRequest::ACTION_RELEASE);
  *release.add_jobs() = cancel.jobs(0);
  auto released = Call<pb::ControlJobsResponse>(kStranger, "Controller/ControlJobs", release);
  ASSERT_TRUE(released.ok());
  EXPECT_EQ(released->results(0).error(), kDenied);
  EXPECT_EQ(Find(array).SerializeAsString(), before);
}

TEST_F(AccessTest, FiltersReachOnesOwnJobsOnly) {
  const uint32_t job = Held();
  for (const auto& change : std::vector<std::function<void(pb::CancelJobsRequest*)>>{
           [](pb::CancelJobsRequest*) {}, [](pb::CancelJobsRequest* r) { r->set_uid(kOwner); },
           [](pb::CancelJobsRequest* r) { r->set_name("job"); },
           [](pb::CancelJobsRequest* r) { r->set_partition("debug"); },
           [](pb::CancelJobsRequest* r) { r->set_state(pb::JOB_STATE_PENDING); }}) {
    pb::CancelJobsRequest request;
    change(&request);
    auto answer = Call<pb::CancelJobsResponse>(kStranger, "Controller/CancelJobs", request);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->results_size(), 0);
    EXPECT_EQ(Find(job).state(), pb::JOB_STATE_PENDING);
  }
  pb::CancelJobsRequest request;
  request.set_uid(kOwner);
  auto answer = Call<pb::CancelJobsResponse>(kOperator, "Controller/CancelJobs", request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->results_size(), 1);
}

// ---- what operators alone may ask for -----------------------------------------------------------

TEST_F(AccessTest, AHoldByAnOperatorIsNotTheOwnersToRelease) {
  const uint32_t job = Held();
  EXPECT_EQ(Control(kOperator, job, pb::ControlJobsRequest::ACTION_HOLD), "");
  EXPECT_EQ(Control(kOwner, job, pb::ControlJobsRequest::ACTION_RELEASE), kDenied);
  EXPECT_EQ(Control(kOperator, job, pb::ControlJobsRequest::ACTION_RELEASE), "");
}

TEST_F(AccessTest, SuspendingAndResumingAreForOperators) {
  const uint32_t job = Running();
  EXPECT_EQ(Control(kOwner, job, pb::ControlJobsRequest::ACTION_SUSPEND), kDenied);
  EXPECT_EQ(Control(kOperator, job, pb::ControlJobsRequest::ACTION_SUSPEND), "");
  EXPECT_EQ(Find(job).state(), pb::JOB_STATE_SUSPENDED);
  EXPECT_EQ(Control(kOwner, job, pb::ControlJobsRequest::ACTION_RESUME), kDenied);
  EXPECT_EQ(Control(kOperator, job, pb::ControlJobsRequest::ACTION_RESUME), "");
  EXPECT_EQ(Find(job).state(), pb::JOB_STATE_RUNNING);
}

TEST_F(AccessTest, PriorityAndTimeAreGivenByOperators) {
  const uint32_t running = Running(), held = Held();
  for (const auto& [job, key, value] : {std::tuple{held, "Nice", "-5"},
                                        {held, "Priority", "1000"},
                                        {running, "TimeLimit", "UNLIMITED"}}) {
    if (job == running) {
      EXPECT_EQ(Update(kOwner, job, key, "5"), "");
    }
    EXPECT_EQ(Update(kOwner, job, key, value), kDenied) << key;
    EXPECT_EQ(Update(kOperator, job, key, value), "") << key;
  }
}

TEST_F(AccessTest, AJobIsWhoseCredentialItCameWith) {
  EXPECT_EQ(Find(Submit(kStranger)).uid(), kStranger);
  // Somebody else's request id gives somebody else's answer to nobody.
  const auto with_id = [](pb::SubmitJobRequest* r) { r->set_request_id("0123456789abcdef"); };
  const uint32_t first = Submit(kOwner, with_id);
  EXPECT_EQ(Submit(kOwner, with_id), first);
  EXPECT_NE(Submit(kStranger, with_id), first);
  pb::SubmitJobRequest request;
  request.mutable_spec()->set_batch(true);
  request.mutable_spec()->set_work_dir("/tmp");
  request.mutable_spec()->set_nice(-1);
  auto answer = Call<pb::SubmitJobResponse>(kOwner, "Controller/SubmitJob", request);
  EXPECT_EQ(LastLine(answer.status()), kDenied);
}

TEST_F(AccessTest, ManyJobsAreWhoseCredentialTheyCameWith) {
  pb::SubmitJobsRequest request;
  request.set_script("#!/bin/sh\necho secret\n");
  for (const char* id : {"0123456789abcdef", "fedcba9876543210", ""}) {
    pb::SubmitJobRequest* job = request.add_jobs();
    job->set_request_id(id);
    job->mutable_spec()->set_batch(true);
    job->mutable_spec()->set_work_dir("/tmp");
  }
  request.mutable_jobs(2)->mutable_spec()->set_nice(-1);
  const auto submit = [&](uid_t uid) {
    return *Call<pb::SubmitJobsResponse>(uid, "Controller/SubmitJobs", request);
  };
  const pb::SubmitJobsResponse first = submit(kOwner);
  ASSERT_EQ(first.results_size(), 3);
  for (int i : {0, 1}) {
    const uint32_t id = first.results(i).submitted().job_id();
    EXPECT_EQ(Find(id).uid(), kOwner);
    EXPECT_EQ(Script(kStranger, id), kDenied);
    EXPECT_EQ(Script(kOwner, id), "");
  }
  // What one of them may not do is refused, and to it alone.
  EXPECT_FALSE(first.results(2).has_submitted());
  const auto code = static_cast<absl::StatusCode>(first.results(2).code());
  EXPECT_EQ(LastLine(absl::Status(code, first.results(2).error())), kDenied);
  // Asked again: the same answer. Somebody else's request ids give that to nobody.
  EXPECT_EQ(submit(kOwner).SerializeAsString(), first.SerializeAsString());
  const pb::SubmitJobsResponse others = submit(kStranger);
  for (int i : {0, 1}) {
    const uint32_t id = others.results(i).submitted().job_id();
    EXPECT_NE(id, first.results(i).submitted().job_id());
    EXPECT_EQ(Find(id).uid(), kStranger);
  }
}

TEST_F(AccessTest, AdministrationIsForAdministrators) {
  pb::UpdateNodeRequest node;
  node.set_nodes("n1");
  node.set_comment("hello");
  pb::UpdatePartitionRequest partition;
  partition.set_name("debug");
  pb::ConfigEntry* change = partition.add_changes();
  change->set_key("State");
  change->set_value("UP");
  for (uid_t uid : {kOwner, kOperator, kAdministrator, kRoot}) {
    const bool may = uid == kAdministrator || uid == kRoot;
    pb::UpdateReservationRequest reservation;
    for (const auto& [key, value] :
         {std::pair("users", "root"), std::pair("nodes", "n1"), std::pair("flags", "overlap")}) {
      pb::ConfigEntry* entry = reservation.add_changes();
      entry->set_key(key);
      entry->set_value(value);
    }
    for (const absl::Status& status :
         {Call<pb::UpdateReservationResponse>(uid, "Controller/UpdateReservation", reservation)
              .status(),
          Call<pb::UpdateNodeResponse>(uid, "Controller/UpdateNode", node).status(),
          Call<pb::UpdatePartitionResponse>(uid, "Controller/UpdatePartition", partition).status(),
          Call<pb::ReconfigureResponse>(uid, "Controller/Reconfigure", pb::ReconfigureRequest())
              .status()}) {
      EXPECT_EQ(LastLine(status), may ? "" : "Invalid user id") << uid << ": " << status;
    }
  }
}

TEST_F(AccessTest, RolesChangeWithTheConfiguration) {
  const uint32_t job = Held();
  EXPECT_EQ(Cancel(kStranger, job), kDenied);
  WriteConfig(StrCat("ReeveOperators=", kStranger));
  ASSERT_TRUE(
      Call<pb::ReconfigureResponse>(kRoot, "Controller/Reconfigure", pb::ReconfigureRequest())
          .ok());
  EXPECT_EQ(Cancel(kStranger, job), "");
  WriteConfig("ReeveOperators=no-such-user");
  auto refused =
      Call<pb::ReconfigureResponse>(kRoot, "Controller/Reconfigure", pb::ReconfigureRequest());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("no-such-user"));
}

// ---- nodes --------------------------------------------------------------------------------------

TEST_F(AccessTest, ANodesNameIsNotForEverybody) {
  for (uid_t uid : {kOwner, kOperator, kAdministrator}) {
    EXPECT_TRUE(absl::IsPermissionDenied(Register(uid, "n1"))) << uid;
  }
  EXPECT_TRUE(absl::IsNotFound(Register(kRoot, "n99")));
  // n2 is at another address than this host's: its name is not for a daemon that runs here.
  const absl::Status claimed = Register(kRoot, "n2");
  EXPECT_TRUE(absl::IsPermissionDenied(claimed)) << claimed;
  EXPECT_THAT(std::string(claimed.message()), HasSubstr("NodeAddr=192.0.2.1"));
  EXPECT_TRUE(WaitFor(Submit(kOwner), pb::JOB_STATE_RUNNING)) << "n1 has noticed nothing";
}

class AnyAddressTest : public ControllerFixture {};

TEST_F(AnyAddressTest, TheCheckOfAddressesCanBeSwitchedOff) {
  REEVE_NEEDS_ROOT();
  Start("ReeveCheckNodeAddress=no");
  EXPECT_TRUE(Register(kRoot, "n2").ok());
}

// ---- secrets ------------------------------------------------------------------------------------

TEST_F(AccessTest, TheConfigurationHoldsNoSecrets) {
  auto shown =
      Call<pb::ShowConfigResponse>(kStranger, "Controller/ShowConfig", pb::ShowConfigRequest());
  ASSERT_TRUE(shown.ok()) << shown.status();
  for (const pb::ConfigEntry& entry : shown->entries()) {
    const std::string key = ToLower(entry.key());
    EXPECT_TRUE(key.find("pass") == key.npos || entry.value().empty() || entry.value() == "(null)")
        << entry.key();
  }
  // There is no key whose value would be one: passwords are refused where they are read.
  for (const char* line : {"AccountingStoragePass=hunter2", "JobCompPass=hunter2"}) {
    EXPECT_FALSE(Load(line).ok()) << line;
  }
}

TEST_F(AccessTest, AStepsSecretIsShownToNobodyElse) {
  const uint32_t job = Running();
  ASSERT_EQ(CreateStep(kOwner, job), "");
  for (uid_t uid : {kStranger, kOwner, kRoot}) {
    const std::string shown = Find(job, uid).SerializeAsString();
    EXPECT_GT(Find(job, uid).steps_size(), 1);
    // The secret has been answered to its creator; a job's record has no place for it.
    EXPECT_EQ(pb::Job::descriptor()->FindFieldByName("io_secret"), nullptr);
    EXPECT_EQ(Find(job, uid).steps(0).GetDescriptor()->FindFieldByName("io_secret"), nullptr);
  }
}

}  // namespace
}  // namespace reeve::ctld
