#include "ctld/service.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/rpc/session.h"
#include "ctld/convert.h"
#include "ctld/request_limits.h"

namespace reeve::ctld {
namespace {

constexpr absl::Duration kLongestWait = absl::Minutes(1);  // clients ask again
constexpr size_t kSecretBytes = 16;
constexpr size_t kMaxSubmitLine = 1024;  // of a step, of which a job may have 40,000

JobPick FromProto(const pb::JobSelector& in) {
  JobPick pick{JobId{in.job_id()}, in.array_tasks(), std::nullopt};
  if (in.has_step_id()) pick.step = StepId{in.step_id()};
  if (in.has_het_offset()) pick.het_offset = in.het_offset();
  return pick;
}

template <class Entries>
KeyValues ToKeyValues(const Entries& entries) {
  KeyValues out;
  for (const pb::ConfigEntry& entry : entries) out.emplace_back(entry.key(), entry.value());
  return out;
}

// Parses and checks the request, or answers why not and returns false.
template <class Request>
bool Take(rpc::Call& call, Request* request) {
  if (!call.Parse(request)) return false;
  absl::Status status = CheckLimits(*request);
  if (!status.ok()) call.Finish(status);
  return status.ok();
}

template <class Request>
std::string JoinEnvironment(const Request& request) {
  std::string joined;
  for (const std::string& entry : request.environment()) {
    joined.append(entry);
    joined.push_back('\0');
  }
  return joined;
}

// What the controller alone knows is not the client's to say.
std::shared_ptr<const JobSpec> SpecOf(pb::JobSpec asked) {
  asked.clear_drawn_in();
  return std::make_shared<const JobSpec>(ctld::FromProto(asked));
}

ctld::SubmitJob Submission(const pb::SubmitJobRequest& request, const Caller& caller,
                           const UserFacts& facts) {
  ctld::SubmitJob event;
  event.caller = caller;
  event.key = {caller.uid, request.request_id()};
  event.group_name = facts.group_name;
  event.groups = facts.groups;
  event.spec = SpecOf(request.spec());
  event.immediate = request.immediate();
  event.test_only = request.test_only();
  for (const pb::JobSpec& spec : request.het_components()) {
    event.components.push_back(SpecOf(spec));
  }
  return event;
}

// The scripts and environments of one request, each kept once: for the launch that may follow at
// once, and to be stored with the jobs.
class FileKeeper {
 public:
  explicit FileKeeper(BlobCache* cache) : cache_(cache) {}
  std::string Keep(std::string bytes) {
    std::string hash = BlobCache::HashOf(bytes);
    const auto same = [&](const auto& blob) { return blob.first == hash; };
    if (std::none_of(blobs_.begin(), blobs_.end(), same)) {
      cache_->Put(hash, bytes);
      blobs_.emplace_back(hash, std::move(bytes));
    }
    return hash;
  }
  EffectRunner::Blobs Take() { return std::move(blobs_); }

 private:
  BlobCache* cache_;
  EffectRunner::Blobs blobs_;
};

template <class T>
std::optional<T> Optional(bool has, T value) {
  return has ? std::optional<T>(value) : std::nullopt;
}

}  // namespace

void Service::Register(rpc::Handlers* server) {
  auto add = [this, server](std::string_view method, void (Service::*handler)(const CallPtr&)) {
    server->Handle(StrCat("Controller/", method),
                   [this, handler](CallPtr call) { (this->*handler)(call); });
  };
  add("Ping", &Service::Ping);
  add("GetConfig", &Service::GetConfig);
  add("ShowConfig", &Service::ShowConfig);
  add("Reconfigure", &Service::Reconfigure);
  add("SubmitJob", &Service::SubmitJob);
  add("WaitJob", &Service::WaitJob);
  add("CancelJobs", &Service::CancelJobs);
  add("ControlJobs", &Service::ControlJobs);
  add("UpdateJob", &Service::UpdateJob);
  add("ExplainJobs", &Service::ExplainJobs);
  add("CompleteAllocation", &Service::CompleteAllocation);
  add("CreateStep", &Service::CreateStep);
  add("QueryJobs", &Service::QueryJobs);
  add("QueryCluster", &Service::QueryCluster);
  add("GetJobScript", &Service::GetJobScript);
  add("UpdateNode", &Service::UpdateNode);
  add("UpdatePartition", &Service::UpdatePartition);
  add("UpdateReservation", &Service::UpdateReservation);
  add("SubmitJobs", &Service::SubmitJobs);
}

template <class E>
void Service::PostEvent(CallPtr call, E event, EffectRunner::Blobs blobs) {
  parts_.loop->Post(
      [this, call = std::move(call), event = std::move(event), blobs = std::move(blobs)]() mutable {
        event.call = parts_.calls->Add(call);
        if constexpr (std::is_same_v<E, ctld::WaitJob> || std::is_same_v<E, ctld::CreateStep>) {
          // These may be held for a while: nothing may be granted to a client that has gone.
          call->OnGone([this, token = event.call] {
            parts_.loop->Post([this, token] { parts_.handle(CallAbandoned{token}, {}); });
          });
        }
        parts_.handle(std::move(event), std::move(blobs));
      });
}

Caller Service::CallerOf(const rpc::Call& call, UserFacts* facts) {
  const rpc::Identity& identity = call.identity();
  UserFacts found = users_.Lookup(identity.uid, identity.gid);
  Caller caller{identity.uid, identity.gid, found.user_name, call.role() >= rpc::Role::kOperator};
  if (facts != nullptr) *facts = std::move(found);
  return caller;
}

void Service::SubmitJob(const CallPtr& call) {
  pb::SubmitJobRequest request;
  if (!call->Parse(&request)) return;
  if (absl::Status status = CheckLimits(request, *parts_.config->Get()); !status.ok()) {
    return call->Finish(status);
  }
  UserFacts facts;
  const Caller caller = CallerOf(*call, &facts);
  ctld::SubmitJob event = Submission(request, caller, facts);
  FileKeeper files(parts_.blobs);
  if (request.spec().batch() && !request.test_only()) {
    event.script_hash = files.Keep(std::move(*request.mutable_script()));
    event.env_hash = files.Keep(JoinEnvironment(request));
  }
  PostEvent(call, std::move(event), files.Take());
}

void Service::SubmitJobs(const CallPtr& call) {
  pb::SubmitJobsRequest request;
  if (!call->Parse(&request)) return;
  if (absl::Status status = CheckLimits(request, *parts_.config->Get()); !status.ok()) {
    return call->Finish(status);
  }
  UserFacts facts;
  const Caller caller = CallerOf(*call, &facts);
  FileKeeper files(parts_.blobs);
  std::string shared_script, shared_environment;  // their hashes, once a job needs them
  ctld::SubmitJobs event;
  event.jobs.reserve(static_cast<size_t>(request.jobs_size()));
  for (pb::SubmitJobRequest& job : *request.mutable_jobs()) {
    ctld::SubmitJob one = Submission(job, caller, facts);
    if (job.spec().batch() && !job.script().empty()) {
      one.script_hash = files.Keep(std::move(*job.mutable_script()));
      one.env_hash = files.Keep(JoinEnvironment(job));
    } else if (job.spec().batch()) {
      if (shared_script.empty()) {
        shared_script = files.Keep(std::move(*request.mutable_script()));
        shared_environment = files.Keep(JoinEnvironment(request));
      }
      one.script_hash = shared_script;
      one.env_hash = shared_environment;
    }
    event.jobs.push_back(std::move(one));
  }
  PostEvent(call, std::move(event), files.Take());
}

void Service::WaitJob(const CallPtr& call) {
  pb::WaitJobRequest request;
  if (!call->Parse(&request)) return;
  ctld::WaitJob event;
  event.caller = CallerOf(*call);
  event.job = JobId{request.job_id()};
  event.until_ended = request.until() == pb::WaitJobRequest::UNTIL_ENDED;
  event.deadline = absl::Now() + std::min(absl::Seconds(request.timeout()), kLongestWait);
  PostEvent(call, std::move(event));
}

void Service::CancelJobs(const CallPtr& call) {
  pb::CancelJobsRequest request;
  if (!Take(*call, &request)) return;
  ctld::CancelJobs event;
  event.caller = CallerOf(*call);
  for (const pb::JobSelector& job : request.jobs()) event.jobs.push_back(FromProto(job));
  event.uid = Optional(request.has_uid(), request.uid());
  event.user = request.user();
  event.name = request.name();
  event.partition = request.partition();
  event.account = request.account();
  event.qos = request.qos();
  event.state = Optional(request.has_state(), static_cast<JobState>(request.state()));
  event.node_list = request.node_list();
  event.signal = request.signal();
  event.batch_only = request.batch_only();
  event.full = request.full();
  PostEvent(call, std::move(event));
}

void Service::ControlJobs(const CallPtr& call) {
  pb::ControlJobsRequest request;
  if (!Take(*call, &request)) return;
  ctld::ControlJobs event;
  event.caller = CallerOf(*call);
  switch (request.action()) {
    case pb::ControlJobsRequest::ACTION_HOLD:
      event.action = JobAction::kHold;
      break;
    case pb::ControlJobsRequest::ACTION_UHOLD:
      event.action = JobAction::kUhold;
      break;
    case pb::ControlJobsRequest::ACTION_RELEASE:
      event.action = JobAction::kRelease;
      break;
    case pb::ControlJobsRequest::ACTION_REQUEUE:
      event.action = JobAction::kRequeue;
      break;
    case pb::ControlJobsRequest::ACTION_REQUEUE_HOLD:
      event.action = JobAction::kRequeueHold;
      break;
    case pb::ControlJobsRequest::ACTION_TOP:
      event.action = JobAction::kTop;
      break;
    case pb::ControlJobsRequest::ACTION_SUSPEND:
      event.action = JobAction::kSuspend;
      break;
    case pb::ControlJobsRequest::ACTION_RESUME:
      event.action = JobAction::kResume;
      break;
    default:
      return call->Finish(absl::InvalidArgumentError("unknown action"));
  }
  for (const pb::JobSelector& job : request.jobs()) event.jobs.push_back(FromProto(job));
  PostEvent(call, std::move(event));
}

void Service::UpdateJob(const CallPtr& call) {
  pb::UpdateJobRequest request;
  if (!Take(*call, &request)) return;
  ctld::UpdateJob event;
  event.caller = CallerOf(*call);
  event.job = FromProto(request.job());
  event.changes = ToKeyValues(request.changes());
  PostEvent(call, std::move(event));
}

void Service::ExplainJobs(const CallPtr& call) {
  pb::ExplainJobsRequest request;
  if (!Take(*call, &request)) return;
  const PrivateData hidden = HiddenFrom(*call);
  ctld::ExplainJobs event;
  if (hidden.jobs) event.sight.jobs_of = call->identity().uid;
  event.sight.nodes = !hidden.nodes;
  event.sight.partitions = !hidden.partitions;
  for (const pb::JobSelector& job : request.jobs()) event.jobs.push_back(FromProto(job));
  PostEvent(call, std::move(event));
}

void Service::CompleteAllocation(const CallPtr& call) {
  pb::CompleteAllocationRequest request;
  if (!call->Parse(&request)) return;
  ctld::CompleteAllocation event;
  event.caller = CallerOf(*call);
  event.job = JobId{request.job_id()};
  event.exit_status = request.exit_status();
  PostEvent(call, std::move(event));
}

void Service::CreateStep(const CallPtr& call) {
  pb::CreateStepRequest request;
  if (!Take(*call, &request)) return;
  ctld::CreateStep event;
  event.caller = CallerOf(*call);
  event.key = {event.caller.uid, request.request_id()};
  event.job = JobId{request.job_id()};
  event.spec = ctld::FromProto(request);
  event.num_tasks = Optional(request.has_num_tasks(), request.num_tasks());
  event.min_nodes = Optional(request.has_min_nodes(), request.min_nodes());
  event.max_nodes = Optional(request.has_max_nodes(), request.max_nodes());
  event.cpus_per_task = Optional(request.has_cpus_per_task(), request.cpus_per_task());
  event.ntasks_per_node = Optional(request.has_ntasks_per_node(), request.ntasks_per_node());
  event.req_nodes = request.req_nodes();
  event.exc_nodes = request.exc_nodes();
  event.gres = GresOf(request);
  if (request.has_cpus()) event.cpus = FromProto(request.cpus());
  event.exact = request.exact();
  event.overlap = request.overlap();
  event.overcommit = request.overcommit();
  event.external_launcher = request.external_launcher();
  event.immediate = request.immediate();
  event.submit_host = request.submit_host();
  event.srun_pid = request.srun_pid();
  event.submit_line = request.submit_line().substr(0, kMaxSubmitLine);
  if (request.has_time_limit() && request.time_limit() >= 0) {
    event.time_limit = absl::Seconds(request.time_limit());
  }
  event.deadline = absl::Now() + std::min(absl::Seconds(request.wait_seconds()), kLongestWait);
  event.io_secret = rpc::RandomBytes(kSecretBytes);
  PostEvent(call, std::move(event));
}

void Service::UpdateNode(const CallPtr& call) {
  pb::UpdateNodeRequest request;
  if (!Take(*call, &request)) return;
  ctld::UpdateNode event;
  event.caller = CallerOf(*call);
  event.nodes = request.nodes();
  event.state = request.state();
  event.reason = request.reason();
  event.weight = Optional(request.has_weight(), request.weight());
  event.features = Optional(request.has_features(), request.features());
  event.comment = Optional(request.has_comment(), request.comment());
  PostEvent(call, std::move(event));
}

void Service::UpdatePartition(const CallPtr& call) {
  pb::UpdatePartitionRequest request;
  if (!Take(*call, &request)) return;
  ctld::UpdatePartition event;
  event.caller = CallerOf(*call);
  event.name = request.name();
  event.changes = ToKeyValues(request.changes());
  PostEvent(call, std::move(event));
}

void Service::UpdateReservation(const CallPtr& call) {
  pb::UpdateReservationRequest request;
  if (!Take(*call, &request)) return;
  SetReservation event;
  event.caller = CallerOf(*call);
  event.action = request.action() == pb::UpdateReservationRequest::ACTION_CREATE
                     ? ReservationAction::kCreate
                 : request.action() == pb::UpdateReservationRequest::ACTION_UPDATE
                     ? ReservationAction::kUpdate
                     : ReservationAction::kDelete;
  event.name = request.name();
  event.changes = ToKeyValues(request.changes());
  PostEvent(call, std::move(event));
}

}  // namespace reeve::ctld
