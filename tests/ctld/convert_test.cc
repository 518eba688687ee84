// A job that goes to the store and back is the same job.
#include "ctld/convert.h"

#include <gtest/gtest.h>

#include <random>

#include "ctld/record_check.h"

namespace reeve::ctld {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Gives every field of a message a value that is not its default, so that a field which a
// conversion forgets shows as a difference.
void FillAll(Message* message, uint32_t* next) {
  const auto* descriptor = message->GetDescriptor();
  const auto* reflection = message->GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const uint32_t value = ++*next;
    if (field->is_repeated()) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        FillAll(reflection->AddMessage(message, field), next);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        reflection->AddString(message, field, "text" + std::to_string(value));
      } else {
        reflection->AddUInt32(message, field, 2);
      }
      continue;
    }
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        reflection->SetString(message, field, "text" + std::to_string(value));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection->SetBool(message, field, true);
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        reflection->SetUInt32(message, field, value);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        reflection->SetInt32(message, field, static_cast<int>(value));
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        reflection->SetUInt64(message, field, value);
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        reflection->SetInt64(message, field, value);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection->SetDouble(message, field, value);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        reflection->SetEnumValue(message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        FillAll(reflection->MutableMessage(message, field), next);
        break;
      default:
        FAIL() << field->full_name();
    }
  }
}

TEST(Convert, NoFieldOfASpecIsLost) {
  pb::JobSpec spec;
  uint32_t next = 0;
  FillAll(&spec, &next);
  EXPECT_EQ(ToProto(FromProto(spec)).DebugString(), spec.DebugString());
}

// Environments, folders and names are bytes to Unix.
TEST(Convert, TextNeedNotBeUtf8) {
  pb::SubmitJobRequest request;
  request.mutable_spec()->set_name("caf\xe9");
  request.add_environment("BAD=\xff\xfe");
  pb::SubmitJobRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(request.SerializeAsString()));
  EXPECT_EQ(FromProto(parsed.spec()).name, "caf\xe9");
  EXPECT_EQ(parsed.environment(0), "BAD=\xff\xfe");
}

TEST(Convert, AbsentIsNotZero) {
  pb::JobSpec spec;
  EXPECT_FALSE(FromProto(spec).num_tasks.has_value());
  spec.set_num_tasks(0);
  spec.set_time_limit(-1);
  EXPECT_EQ(FromProto(spec).num_tasks, 0u);
  EXPECT_EQ(FromProto(spec).gres, nullptr);
  EXPECT_EQ(*FromProto(spec).time_limit, absl::InfiniteDuration());
  EXPECT_EQ(ToProto(FromProto(spec)).DebugString(), spec.DebugString());
}

TEST(Convert, NoFieldOfAJobIsLost) {
  pb::Job job;
  uint32_t next = 0;
  FillAll(&job, &next);
  // Texts with a grammar of their own.
  job.set_array_tasks("3-6,9");
  job.set_reason("Resources");
  const auto name_ids = [](pb::NodeShare& share, const char* cores) {
    share.set_cores(cores);
    for (pb::GresShare& gres : *share.mutable_gres()) gres.set_ids("0,2");
  };
  for (pb::NodeShare& share : *job.mutable_shares()) name_ids(share, "0-3");
  for (pb::Step& step : *job.mutable_steps()) {
    for (pb::NodeShare& share : *step.mutable_shares()) name_ids(share, "1,3");
    step.clear_pending_nodes();  // made from the parts
    step.clear_submit_line();
    step.set_submit_line("srun x");
  }
  job.set_batch_host(job.shares(0).node());
  job.clear_request_uid_id();
  job.clear_features_used();
  job.clear_priorities();  // worked out for an answer
  auto parsed = FromProto(job);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(ToProto(*parsed, job.cluster()).DebugString(), job.DebugString());
}

TEST(Convert, NoFieldOfAStepThatWaitsForItsLaunchIsLost) {
  pb::StoredStepSpec step;
  uint32_t next = 0;
  FillAll(&step, &next);
  EXPECT_EQ(ToProto(FromProto(step)).DebugString(), step.DebugString());
}

TEST(Convert, RubbishIsDataLossNotACrash) {
  pb::Job job;
  job.add_steps()->add_parts(7);
  EXPECT_FALSE(FromProto(job).ok());
  job.clear_steps();
  job.set_array_tasks("9-");
  EXPECT_FALSE(FromProto(job).ok());
  job.clear_array_tasks();
  job.add_shares()->set_cores("x");
  EXPECT_FALSE(FromProto(job).ok());
  job.mutable_shares(0)->set_cores("1");
  EXPECT_TRUE(FromProto(job).ok());
  job.mutable_shares(0)->add_gres()->set_ids("x");
  EXPECT_FALSE(FromProto(job).ok());
}

TEST(Convert, ARecordThatContradictsItselfIsNotBelieved) {
  Job job;
  job.id = JobId{7};
  EXPECT_TRUE(CheckRecord(job).ok()) << CheckRecord(job);
  job.rare.Edit().preempt_time = absl::FromUnixSeconds(1000);
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job))) << "it waits, and makes room for another";
}

TEST(Convert, AWarningIsForWhatRuns) {
  Job job;
  job.id = JobId{7};
  job.rare.Edit().warned = true;
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job))) << "it waits";
  job.state = JobState::kRunning;
  job.shares = std::vector<NodeShare>{{"n1", 1, 0, 100, 1, *CpuSet::Parse("0"), {}}};
  Step step;
  step.step_id = StepId{0};
  step.shares = {job.shares.front()};
  step.parts = {PartState::kStarted};
  step.unwarned.push_back(0);
  job.steps.push_back(step);
  EXPECT_TRUE(CheckRecord(job).ok()) << CheckRecord(job);
  job.rare.Edit().warned = false;
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job))) << "its job was not warned";
  job.rare.Edit().warned = true;
  job.steps[0].unwarned.push_back(0);
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job))) << "one part twice";
  job.steps[0].unwarned.clear();
  job.steps[0].unwarned.push_back(1);
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job))) << "a part that it does not have";
}

TEST(Convert, ASuspensionFitsItsState) {
  Job job;
  job.id = JobId{7};
  job.state = JobState::kSuspended;
  job.shares = std::vector<NodeShare>{{"n1", 1, 0, 100, 1, *CpuSet::Parse("0"), {}}};
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job))) << "it has its CPUs";
  job.suspension = Suspension{absl::FromUnixSeconds(1000), absl::Seconds(5), true};
  EXPECT_TRUE(CheckRecord(job).ok()) << CheckRecord(job);
  Job other = job;
  other.id = JobId{8};
  other.state = JobState::kRunning;
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(other))) << "it runs without";
  other.suspension.Edit().cpus_given_up = false;
  EXPECT_TRUE(CheckRecord(other).ok()) << CheckRecord(other);
  EXPECT_TRUE(CheckTogether({job, other}).ok()) << "the other may have them";
  job.suspension.Edit().for_others = true;
  EXPECT_TRUE(CheckRecord(job).ok()) << CheckRecord(job);
  other.suspension.Edit().for_others = true;
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(other))) << "it stands still and runs";
  job.suspension.Edit().total = -absl::Seconds(1);
  EXPECT_TRUE(absl::IsDataLoss(CheckRecord(job)));
}

TEST(Convert, OnlyThoseWhoMayShareCpus) {
  std::vector<Job> jobs;
  for (uint32_t id = 7; id <= 9; ++id) {
    Job& job = jobs.emplace_back();
    job.id = JobId{id};
    job.state = JobState::kRunning;
    job.partition = "debug";
    job.share_limit = 2;
    job.shares = std::vector<NodeShare>{{"n1", 2, 0, 100, 1, *CpuSet::Parse("0-1"), {}}};
  }
  EXPECT_TRUE(absl::IsDataLoss(CheckTogether(jobs))) << "three, and two may";
  jobs[2].shares[0].cores = *CpuSet::Parse("2-3");
  EXPECT_TRUE(CheckTogether(jobs).ok()) << CheckTogether(jobs);
  jobs[1].partition = "other";
  EXPECT_TRUE(absl::IsDataLoss(CheckTogether(jobs)));
  jobs[1].partition = "debug";
  jobs[1].share_limit = 0;
  EXPECT_TRUE(absl::IsDataLoss(CheckTogether(jobs)));
}

TEST(Convert, RequestsComeBack) {
  RequestResult request;
  request.key = {1000, "abc"};
  request.job = JobId{5};
  request.step = StepId{3};
  request.notes = {"note"};
  request.io_secret = std::string("\0\1", 2);
  request.time = absl::FromUnixSeconds(12345);
  RequestResult back = FromProto(ToProto(request));
  EXPECT_EQ(back.key, request.key);
  EXPECT_EQ(back.step, request.step);
  EXPECT_EQ(back.io_secret, request.io_secret);
  EXPECT_EQ(back.time, request.time);
}

TEST(Convert, AnExpectedStartSaysWhenAndWhere) {
  const pb::ExpectedStart start =
      ToProto(ExpectedStart{absl::FromUnixSeconds(12345), 4, "n[1-2]", "debug"});
  EXPECT_EQ(start.time(), 12345);
  EXPECT_EQ(start.cpus(), 4u);
  EXPECT_EQ(start.nodes(), "n[1-2]");
  EXPECT_EQ(start.partition(), "debug");
}

}  // namespace
}  // namespace reeve::ctld
