// What is answered from the snapshot or the configuration, on the RPC's own thread.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/hostlist.h"
#include "common/base/licenses.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/rpc/trust.h"
#include "ctld/convert.h"
#include "ctld/core/errors.h"
#include "ctld/service.h"
#include "ctld/spec_bytes.h"
#include "reeve_version.h"

namespace reeve::ctld {
namespace {

constexpr size_t kPartBytes = 128 << 10;  // from then on a part of an answer is written
// Of one answer, while its client is slow to read.
constexpr size_t kMostQueued = 4 << 20;
constexpr size_t kGoOnBelow = 1 << 20;

std::string HostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

// Which jobs a request means: for each id asked for, the job itself or, of an array, the tasks
// named; of a heterogeneous job all components or the one named.
class Selectors {
 public:
  explicit Selectors(const pb::QueryJobsRequest& request) {
    for (const pb::JobSelector& selector : request.jobs()) {
      absl::StatusOr<IdRanges> tasks = IdRanges::Parse(selector.array_tasks());
      if (selector.has_het_offset()) {
        components_.insert({selector.job_id(), selector.job_id() + selector.het_offset()});
      } else if (selector.array_tasks().empty()) {
        whole_.insert(selector.job_id());
      } else if (tasks.ok()) {
        parts_[selector.job_id()].push_back(*std::move(tasks));
      }
    }
  }

  bool Match(const PublishedJob& job) const {
    if (components_.contains({job.array_job_id(), job.id()})) return true;
    return MatchId(job, job.id()) || (job.array_job_id() != 0 && MatchId(job, job.array_job_id()));
  }

 private:
  bool MatchId(const PublishedJob& job, uint32_t id) const {
    if (whole_.contains(id)) return true;
    const auto found = parts_.find(id);
    return found != parts_.end() && HasTaskOf(job.Read(), found->second);
  }
  static bool HasTaskOf(const pb::Job& job, const std::vector<IdRanges>& parts) {
    absl::StatusOr<IdRanges> pending = IdRanges::Parse(job.array_tasks());
    return std::any_of(parts.begin(), parts.end(), [&](const IdRanges& wanted) {
      if (job.has_array_task_id()) return wanted.Contains(job.array_task_id());
      return pending.ok() && pending->Intersects(wanted);
    });
  }

  absl::flat_hash_set<uint32_t> whole_;
  absl::flat_hash_set<std::pair<uint32_t, uint32_t>> components_;  // the first one's id, its own
  absl::flat_hash_map<uint32_t, std::vector<IdRanges>> parts_;
};

// One answer to QueryJobs, written in parts as fast as its client reads: no thread waits for it.
// All but the first part is made behind everything else, a part of each answer in turn: whoever
// submits meanwhile is not to wait for ten who list.
class JobListing : public std::enable_shared_from_this<JobListing> {
 public:
  // `only_of`: jobs of others do not exist for this caller.
  JobListing(std::shared_ptr<rpc::Call> call, pb::QueryJobsRequest request,
             std::shared_ptr<const PublishedState> state, std::optional<uint32_t> only_of,
             std::shared_ptr<os::Background> background)
      : call_(std::move(call)),
        background_(std::move(background)),
        request_(std::move(request)),
        state_(std::move(state)),
        only_of_(only_of),
        selectors_(request_),
        uids_(request_.uids().begin(), request_.uids().end()),
        partitions_(request_.partitions().begin(), request_.partitions().end()) {
    pb::QueryJobsResponse head;
    head.set_time(absl::ToUnixSeconds(now_));
    head_ = part_ = head.SerializeAsString();
  }

  void Begin() {
    // One plain job needs no walk through the queue.
    std::shared_ptr<const PublishedJob> single;
    if (request_.jobs_size() == 1) single = state_->FindJob(request_.jobs(0).job_id());
    if (single == nullptr || single->array_job_id() != 0) return WritePart();
    Put(*single);
    End();
  }

 private:
  void Queue() {
    background_->Post([self = shared_from_this()] { self->WritePart(); });
  }

  void WritePart() {
    while (!call_->cancelled()) {
      const PublishedJob* job = state_->NextJob(&cursor_);
      if (job == nullptr) return End();
      Put(*job);
      if (part_.size() < kPartBytes) continue;
      call_->WriteBytes(std::exchange(part_, head_));
      if (call_->queued_bytes() <= kMostQueued) return Queue();
      return call_->OnRoom(kGoOnBelow, [self = shared_from_this()] { self->Queue(); });
    }
    call_->Finish(absl::CancelledError("the client has gone"));
  }

  void End() {
    if (found_ == 0 && request_.jobs_size() == 1) {
      return call_->Finish(Refuse(kInvalidJobId));
    }
    call_->WriteBytes(std::move(part_));
    call_->Finish(absl::OkStatus());
  }

  // Appends the job to the response as protobuf would write it: the field's tag, the length, the
  // bytes. What is worked out for the moment follows as more fields of the same job.
  void Put(const PublishedJob& job) {
    if (!Matches(job)) return;
    ++found_;
    const PublishedJob::Parts parts = {.whole_spec = !request_.brief(),
                                       .steps = request_.with_steps()};
    const std::string more = Priorities(job);
    AppendFieldHead(pb::QueryJobsResponse::kJobsFieldNumber, job.size(parts) + more.size(), &part_);
    job.AppendTo(parts, &part_);
    part_.append(more);
  }

  // Those of its fields that are others than when it was published, as bytes.
  std::string Priorities(const PublishedJob& job) const {
    const PriorityBook* book = state_->priorities();
    if (book == nullptr || !book->config.multifactor || !job.pending()) return "";
    pb::Job now, asked = job.Read({.whole_spec = false, .steps = false});
    ShowPriorities(*book, now_, request_.with_priorities(), &asked);
    now.set_priority(asked.priority());
    now.mutable_priorities()->Swap(asked.mutable_priorities());
    return now.SerializeAsString();
  }

  bool Matches(const PublishedJob& job) const {
    if (only_of_.has_value() && job.uid() != *only_of_) return false;
    if (!request_.with_finished() && request_.jobs().empty() && job.over()) return false;
    if (!uids_.empty() && !uids_.contains(job.uid())) return false;
    if (!partitions_.empty() && !partitions_.contains(std::string(job.partition()))) return false;
    return request_.jobs().empty() || selectors_.Match(job);
  }

  const std::shared_ptr<rpc::Call> call_;
  const std::shared_ptr<os::Background> background_;
  const pb::QueryJobsRequest request_;
  const std::shared_ptr<const PublishedState> state_;
  const std::optional<uint32_t> only_of_;
  const Selectors selectors_;
  const absl::flat_hash_set<uint32_t> uids_;
  const absl::flat_hash_set<std::string> partitions_;
  const absl::Time now_ = absl::Now();
  PublishedState::Cursor cursor_;
  std::string head_;  // of each part: a serialized QueryJobsResponse without jobs
  std::string part_;
  size_t found_ = 0;
};

}  // namespace

PrivateData Service::HiddenFrom(const rpc::Call& call) const {
  return call.role() >= rpc::Role::kOperator ? PrivateData() : parts_.config->Get()->private_data;
}

void Service::Ping(const CallPtr& call) {
  pb::PingResponse out;
  out.set_host(HostName());
  out.set_version(REEVE_VERSION);
  out.set_time(absl::ToUnixSeconds(absl::Now()));
  out.set_cluster(parts_.config->Get()->cluster_name);
  call->Reply(out);
}

void Service::GetConfig(const CallPtr& call) {
  pb::GetConfigResponse out;
  out.set_text(parts_.config->Get()->text);
  call->Reply(out);
}

void Service::ShowConfig(const CallPtr& call) {
  std::shared_ptr<const Config> config = parts_.config->Get();
  std::vector<std::pair<std::string, std::string>> entries = config->entries;
  auto set = [&entries](std::string_view key, std::string value) {
    auto found = std::find_if(entries.begin(), entries.end(), [key](const auto& entry) {
      return EqualsIgnoreCase(entry.first, key);
    });
    if (found != entries.end()) {
      found->second = std::move(value);
      return;
    }
    auto place = std::find_if(entries.begin(), entries.end(), [key](const auto& entry) {
      return ToLower(entry.first) > ToLower(key);
    });
    entries.insert(place, {std::string(key), std::move(value)});
  };
  set("BOOT_TIME", FormatTimestamp(parts_.boot_time));
  set("NEXT_JOB_ID", StrCat(parts_.next_job_id()));
  set("SLURM_CONF", config->path);
  set("SLURM_VERSION", REEVE_SLURM_VERSION);
  for (auto [key, user] : {std::pair{"SlurmUser", &config->slurm_user},
                           std::pair{"SlurmdUser", &config->slurmd_user}}) {
    absl::StatusOr<uid_t> uid = rpc::FindUid(*user);
    if (uid.ok()) set(key, StrCat(UserName(*uid), "(", *uid, ")"));
  }
  pb::ShowConfigResponse out;
  for (const auto& [key, value] : entries) {
    pb::ConfigEntry* entry = out.add_entries();
    entry->set_key(key);
    entry->set_value(value);
  }
  call->Reply(out);
}

void Service::Reconfigure(const CallPtr& call) {
  std::shared_ptr<const Config> before = parts_.config->Get();
  absl::StatusOr<Config> after = LoadWholeConfig(before->path);
  if (!after.ok()) return call->Finish(after.status());
  absl::StatusOr<rpc::Trust> trust = rpc::TrustOf(*after);
  if (!trust.ok()) return call->Finish(trust.status());
  ConfigChanges changes = ConfigDiff(*before, *after);
  pb::ReconfigureResponse out;
  for (const std::string& line : changes.after_restart) out.add_needs_restart(line);
  parts_.config->Set(*after);
  parts_.trust(*std::move(trust));
  parts_.loop->Post([this, call, config = *std::move(after), out] {
    parts_.reconfigure(config);
    call->Reply(out);
  });
}

void Service::QueryJobs(const CallPtr& call) {
  pb::QueryJobsRequest request;
  if (!call->Parse(&request)) return;
  std::optional<uint32_t> only_of;
  if (HiddenFrom(*call).jobs) only_of = call->identity().uid;
  std::make_shared<JobListing>(call, std::move(request), parts_.publisher->Take(), only_of,
                               listings_)
      ->Begin();
}

namespace {

// By the reservations of that time.
uint32_t ReservedAt(const PublishedState& snapshot, const std::string& license, int64_t now) {
  uint32_t count = 0;
  for (const auto& reservation : snapshot.reservations()) {
    const bool over = reservation->end() >= 0 && reservation->end() <= now;
    if (reservation->licenses().empty() || reservation->start() > now || over) continue;
    const absl::StatusOr<std::vector<License>> kept = ParseLicenses(reservation->licenses());
    if (!kept.ok()) continue;  // the controller wrote it
    for (const License& each : *kept) count += each.name == license ? each.count : 0;
  }
  return count;
}

}  // namespace

void Service::QueryCluster(const CallPtr& call) {
  const PrivateData hidden = HiddenFrom(*call);
  std::shared_ptr<const PublishedState> snapshot = parts_.publisher->Take();
  pb::QueryClusterResponse out;
  if (hidden.nodes) {
    out.set_nodes_error(std::string(kAccessDenied));
  } else {
    for (const auto& node : snapshot->nodes()) *out.add_nodes() = *node;
  }
  if (hidden.partitions) {
    out.set_partitions_error(std::string(kAccessDenied));
  } else {
    for (const auto& partition : snapshot->partitions()) *out.add_partitions() = *partition;
  }
  for (const auto& reservation : snapshot->reservations()) {
    *out.add_reservations() = *reservation;
    if (hidden.nodes) out.mutable_reservations()->rbegin()->clear_nodes();
  }
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  for (const pb::License& license : snapshot->licenses()) {
    pb::License* added = out.add_licenses();
    *added = license;
    added->set_reserved(ReservedAt(*snapshot, license.name(), now));
  }
  for (const SwitchConfig& each : parts_.config->Get()->switches) {
    pb::Switch* entry = out.add_switches();
    entry->set_name(each.name);
    entry->set_level(each.level);
    entry->set_link_speed(each.link_speed);
    if (!hidden.nodes) entry->set_nodes(each.all_nodes);
    entry->set_switches(CompressHostlist(each.switches));
  }
  out.set_time(absl::ToUnixSeconds(absl::Now()));
  call->Reply(out);
}

void Service::GetJobScript(const CallPtr& call) {
  pb::GetJobScriptRequest request;
  if (!call->Parse(&request)) return;
  std::shared_ptr<const PublishedJob> job = parts_.publisher->Take()->FindJob(request.job_id());
  if (job == nullptr) return call->Finish(Refuse(kInvalidJobId));
  if (job->uid() != call->identity().uid && call->role() < rpc::Role::kOperator) {
    return call->Finish(Refuse(kAccessDenied));
  }
  const std::string hash = job->script_hash();
  if (hash.empty()) {
    return call->Finish(absl::NotFoundError("job script retrieval failed: the job has none"));
  }
  absl::StatusOr<std::string> script = parts_.blobs->Get(hash);
  if (!script.ok()) return call->Finish(script.status());
  pb::GetJobScriptResponse out;
  out.set_script(*std::move(script));
  call->Reply(out);
}

}  // namespace reeve::ctld
