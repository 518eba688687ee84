#include "ctld/effect_runner.h"

#include "absl/container/flat_hash_set.h"
#include "common/os/log.h"
#include "ctld/convert.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::ctld {
namespace {

void WriteLog(const std::vector<LogLine>& lines) {
  for (const LogLine& line : lines) {
    switch (line.level) {
      case LogLevel::kDebug:
        os::LogDebug(line.text);
        break;
      case LogLevel::kInfo:
        os::LogInfo(line.text);
        break;
      case LogLevel::kWarning:
        os::LogWarn(line.text);
        break;
      case LogLevel::kError:
        os::LogError(line.text);
        break;
    }
  }
}

}  // namespace

EffectRunner::EffectRunner(Options options, Post post, const Controller* core, StateStore* store,
                           Publisher* publisher, Outlets outlets)
    : options_(std::move(options)),
      post_(std::move(post)),
      core_(core),
      store_(store),
      publisher_(publisher),
      outlets_(std::move(outlets)),
      sequence_(options_.last_sequence) {}

void EffectRunner::Run(Effects effects, Blobs blobs) {
  WriteLog(effects.log);
  auto release = std::make_shared<Release>();
  Batch batch = MakeBatch(effects, release.get());
  release->commands = std::move(effects.commands);
  release->replies = std::move(effects.replies);
  waiting_.push_back(release);
  if (batch.empty()) {
    // Nothing of its own to wait for, but it may rest on what is being written.
    release->committed = true;
    return LetGo();
  }
  batch.blobs = std::move(blobs);
  store_->Commit(std::move(batch), [this, release](absl::Status status) {
    post_([this, release, status] { OnCommitted(release, status); });
  });
}

Batch EffectRunner::MakeBatch(const Effects& effects, Release* release) {
  Batch batch;
  const absl::flat_hash_set<JobId> to_store(effects.jobs_to_store.begin(),
                                            effects.jobs_to_store.end());
  for (JobId id : effects.jobs_changed) {
    const Job* job = core_->FindJob(id);
    if (job == nullptr) continue;
    pb::Job message = WithoutSpec(*job, options_.cluster);
    std::shared_ptr<const SpecBytes> spec = specs_.Of(job->spec);
    if (to_store.contains(id)) {
      std::string& record = batch.jobs.emplace_back(id, "").second;
      record.reserve(message.ByteSizeLong() + spec->all().size());
      message.AppendToString(&record);
      record.append(spec->all());
    }
    release->jobs.push_back(
        std::make_shared<PublishedJob>(std::move(message), std::move(spec), job->script_hash));
  }
  batch.removed_jobs = effects.jobs_removed;
  release->jobs_removed = effects.jobs_removed;
  batch.removed_blobs = effects.blobs_released;
  for (const std::string& name : effects.nodes_changed) {
    if (const Node* node = core_->FindNode(name)) {
      release->nodes.push_back(std::make_shared<pb::Node>(ToProto(*node)));
    }
  }
  for (const std::string& name : effects.nodes_to_store) {
    if (const Node* node = core_->FindNode(name)) {
      batch.nodes.emplace_back(name, ToStored(*node).SerializeAsString());
    }
  }
  for (const std::string& name : effects.partitions_to_store) {
    const Partition* partition = core_->FindPartition(name);
    if (partition == nullptr || partition->changes.empty()) {
      batch.removed_partitions.push_back(name);
    } else {
      batch.partitions.emplace_back(name, ToStored(*partition).SerializeAsString());
    }
  }
  release->partitions_changed = !effects.partitions_changed.empty();
  for (const std::string& name : effects.reservations_to_store) {
    const pb::Reservation record = ToProto(*core_->FindReservation(name));
    batch.reservations.emplace_back(name, record.SerializeAsString());
  }
  batch.removed_reservations = effects.reservations_removed;
  release->reservations_changed =
      !effects.reservations_to_store.empty() || !effects.reservations_removed.empty();
  if (effects.licenses_changed) release->licenses = Licenses();
  if (effects.priorities_changed) release->priorities = core_->priority_book();
  for (uint32_t uid : effects.usage_to_store) {
    if (const std::optional<StoredUsage> usage = core_->UsageOf(uid)) {
      batch.usage.emplace_back(uid, ToProto(*usage).SerializeAsString());
    } else {
      batch.removed_usage.push_back(uid);
    }
  }
  for (const StepToLaunch& step : effects.steps_kept) {
    batch.steps.push_back({step.job, step.step, ToProto(step).SerializeAsString()});
  }
  batch.removed_steps = effects.steps_dropped;
  for (const RequestResult& request : effects.requests_kept) {
    batch.requests.push_back(
        {request.key.uid, request.key.request_id, ToProto(request).SerializeAsString()});
  }
  for (const RequestKey& key : effects.requests_forgotten) {
    batch.forgotten_requests.emplace_back(key.uid, key.request_id);
  }
  if (effects.counters) {
    batch.counters = StoredCounters{effects.counters->next_job_id, effects.counters->next_priority};
  }
  if (options_.accounting) AddAccounting(effects, &batch, release);
  return batch;
}

void EffectRunner::AddAccounting(const Effects& effects, Batch* batch, Release* release) {
  for (const AccountingRecord& record : effects.accounting) {
    pb::AccountingRecord out;
    out.set_sequence(++sequence_);
    std::string spec;  // of the record's job: it is merged with the rest
    if (const auto* job = std::get_if<std::shared_ptr<const Job>>(&record)) {
      *out.mutable_job() = WithoutSpec(**job, options_.cluster);
      AppendField(pb::AccountingRecord::kJobFieldNumber, specs_.Of((*job)->spec)->all(), &spec);
    } else {
      const NodeEvent& event = std::get<NodeEvent>(record);
      pb::NodeEvent* node = out.mutable_node_event();
      node->set_node(event.node);
      node->set_time(absl::ToUnixSeconds(event.time));
      node->set_state(event.state);
      node->set_reason(event.reason);
      node->set_user(event.user);
    }
    batch->outbox.push_back({sequence_, out.SerializeAsString() + spec});
    release->accounting = true;
  }
}

void EffectRunner::OnCommitted(const std::shared_ptr<Release>& release,
                               const absl::Status& status) {
  if (!status.ok()) return outlets_.store_failed(status);
  release->committed = true;
  LetGo();
}

void EffectRunner::LetGo() {
  std::vector<std::shared_ptr<Release>> free;
  while (!waiting_.empty() && waiting_.front()->committed) {
    free.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  // The picture first: a client that has its answer must find its job.
  bool changed = false;
  for (const auto& release : free) {
    for (auto& job : release->jobs) publisher_->PutJob(std::move(job));
    for (JobId id : release->jobs_removed) publisher_->RemoveJob(id.value);
    for (auto& node : release->nodes) publisher_->PutNode(std::move(node));
    if (release->partitions_changed) PublishPartitions();
    if (release->reservations_changed) PublishReservations();
    if (release->priorities != nullptr) publisher_->SetPriorities(release->priorities);
    changed |= release->priorities != nullptr || release->licenses.has_value();
    if (release->licenses) publisher_->SetLicenses(*std::move(release->licenses));
    changed |= !release->jobs.empty() || !release->jobs_removed.empty() ||
               !release->nodes.empty() || release->partitions_changed ||
               release->reservations_changed;
  }
  if (changed) publisher_->Publish();
  bool accounting = false;
  for (const auto& release : free) {
    for (NodeCommand& command : release->commands) outlets_.command(std::move(command));
    for (const Reply& reply : release->replies) outlets_.reply(reply);
    accounting |= release->accounting;
  }
  if (accounting) outlets_.accounting_stored();
}

void EffectRunner::AccountingAcknowledged(uint64_t sequence) {
  Batch batch;
  batch.outbox_acknowledged = sequence;
  store_->Commit(std::move(batch), [this](absl::Status status) {
    if (!status.ok()) post_([this, status] { outlets_.store_failed(status); });
  });
}

void EffectRunner::PublishPartitions() {
  std::vector<std::shared_ptr<const pb::Partition>> partitions;
  for (const Partition* partition : core_->Partitions()) {
    partitions.push_back(std::make_shared<pb::Partition>(ToProto(*partition)));
  }
  publisher_->SetPartitions(std::move(partitions));
}

void EffectRunner::PublishReservations() {
  std::vector<std::shared_ptr<const pb::Reservation>> reservations;
  for (const Reservation* reservation : core_->Reservations()) {
    auto out = std::make_shared<pb::Reservation>(ToProto(*reservation));
    for (const std::string& name : reservation->nodes) {
      const Node* node = core_->FindNode(name);
      if (node == nullptr) continue;
      out->set_cpus(out->cpus() + node->cpus);
      out->set_cores(out->cores() + node->cpus / std::max(node->threads_per_core, 1u));
    }
    reservations.push_back(std::move(out));
  }
  publisher_->SetReservations(std::move(reservations));
}

std::vector<pb::License> EffectRunner::Licenses() const {
  std::vector<pb::License> licenses;
  for (const LicensePool::Entry& entry : core_->licenses().entries()) {
    pb::License& license = licenses.emplace_back();
    license.set_name(entry.name);
    license.set_total(entry.total);
    license.set_used(entry.used);
  }
  return licenses;
}

void EffectRunner::PutJobs() {
  core_->ForEachJob([this](const Job& job) {
    publisher_->PutJob(std::make_shared<PublishedJob>(WithoutSpec(job, options_.cluster),
                                                      specs_.Of(job.spec), job.script_hash));
  });
}

void EffectRunner::PublishAll() {
  std::vector<std::shared_ptr<const pb::Node>> nodes;
  for (const Node* node : core_->Nodes())
    nodes.push_back(std::make_shared<pb::Node>(ToProto(*node)));
  publisher_->SetNodes(std::move(nodes));
  PublishPartitions();
  PublishReservations();
  publisher_->SetLicenses(Licenses());
  publisher_->SetPriorities(core_->priority_book());
  publisher_->Publish();
}

}  // namespace reeve::ctld
