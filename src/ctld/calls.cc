#include "ctld/calls.h"

#include "absl/time/clock.h"
#include "ctld/convert.h"

namespace reeve::ctld {
namespace {

void PutNodes(const std::vector<std::string>& names, const Controller& core,
              google::protobuf::RepeatedPtrField<pb::Node>* out) {
  for (const std::string& name : names) {
    if (const Node* node = core.FindNode(name)) *out->Add() = ToProto(*node);
  }
}

std::vector<std::string> NamesOf(const std::vector<NodeShare>& shares) {
  std::vector<std::string> names;
  for (const NodeShare& share : shares) names.push_back(share.node);
  return names;
}

pb::SubmitJobResponse Accepted(const SubmitAnswer& answer) {
  pb::SubmitJobResponse out;
  out.set_job_id(answer.job.value);
  for (const std::string& note : answer.notes) out.add_notes(note);
  if (answer.expected.has_value()) *out.mutable_expected() = ToProto(*answer.expected);
  return out;
}

// One overload an answer.
struct Responder {
  rpc::Call& call;
  const Controller& core;
  const std::string& cluster;

  void operator()(const Done&) const { call.Reply(pb::CompleteAllocationResponse()); }

  void operator()(const SubmitAnswer& answer) const { call.Reply(Accepted(answer)); }

  void operator()(const SubmitAnswers& answers) const {
    pb::SubmitJobsResponse out;
    for (const absl::StatusOr<SubmitAnswer>& answer : answers.answers) {
      pb::SubmitJobsResponse::Result* result = out.add_results();
      if (answer.ok()) {
        *result->mutable_submitted() = Accepted(*answer);
      } else {
        result->set_error(std::string(answer.status().message()));
        result->set_code(static_cast<uint32_t>(answer.status().code()));
      }
    }
    call.Reply(out);
  }

  void operator()(const WaitAnswer& answer) const {
    pb::WaitJobResponse out;
    *out.mutable_job() = ToProto(*answer.job, cluster);
    out.set_reached(answer.reached);
    PutNodes(answer.nodes, core, out.mutable_nodes());
    for (const std::string& entry : answer.environment) out.add_environment(entry);
    call.Reply(out);
  }

  // Cancel, control and update answer with the same message shape.
  void operator()(const JobResults& answer) const {
    pb::CancelJobsResponse out;
    for (const JobResult& result : answer.results) {
      pb::JobResult* added = out.add_results();
      added->set_label(result.label);
      added->set_job_id(result.job.value);
      added->set_error(result.error);
    }
    call.Reply(out);
  }

  void operator()(const CreateStepAnswer& answer) const {
    pb::CreateStepResponse out;
    out.set_step_id(answer.step.value);
    for (const NodeShare& share : answer.shares) *out.add_shares() = ToProto(share);
    for (const auto& ids : answer.task_ids) {
      out.add_task_ids()->mutable_ids()->Assign(ids.begin(), ids.end());
    }
    PutNodes(NamesOf(answer.shares), core, out.mutable_nodes());
    out.set_io_secret(answer.io_secret);
    out.set_attempt(answer.attempt);
    call.Reply(out);
  }

  void operator()(const ReservationAnswer& answer) const {
    pb::UpdateReservationResponse out;
    out.set_name(answer.name);
    call.Reply(out);
  }

  void operator()(const ExplainAnswer& answer) const {
    pb::ExplainJobsResponse out;
    for (const Explanation& job : answer.jobs) *out.add_jobs() = ToProto(job);
    out.set_omitted(answer.omitted);
    out.set_time(absl::ToUnixSeconds(absl::Now()));
    call.Reply(out);
  }
};

}  // namespace

CallToken Calls::Add(std::shared_ptr<rpc::Call> call) {
  CallToken token{++last_};
  waiting_.emplace(token.value, std::move(call));
  return token;
}

void Calls::Answer(const Reply& reply, const Controller& core, const std::string& cluster) {
  auto found = waiting_.find(reply.call.value);
  if (found == waiting_.end()) return;
  std::shared_ptr<rpc::Call> call = std::move(found->second);
  waiting_.erase(found);
  if (!reply.answer.ok()) return call->Finish(reply.answer.status());
  std::visit(Responder{*call, core, cluster}, *reply.answer);
}

}  // namespace reeve::ctld
