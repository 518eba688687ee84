#include "tests/sim/model_store.h"

#include <memory>

namespace reeve::sim {

ModelStore::ModelStore(Scene* scene, Disk* disk, const Life* life, Random* random,
                       std::function<void(int)> at_commit)
    : scene_(scene), disk_(disk), life_(life), random_(random), at_commit_(std::move(at_commit)) {}

absl::StatusOr<ctld::StoredState> ModelStore::Load() {
  ctld::StoredState state;
  for (const auto& [id, bytes] : disk_->jobs) state.jobs.push_back(bytes);
  for (const auto& [name, bytes] : disk_->nodes) state.nodes.push_back(bytes);
  for (const auto& [name, bytes] : disk_->partitions) state.partitions.push_back(bytes);
  for (const auto& [name, bytes] : disk_->reservations) state.reservations.push_back(bytes);
  for (const auto& [key, bytes] : disk_->steps) state.steps.push_back(bytes);
  for (const auto& [key, bytes] : disk_->requests) state.requests.push_back(bytes);
  for (const auto& [uid, bytes] : disk_->usage) state.usage.push_back(bytes);
  state.counters = disk_->counters;
  state.last_sequence = disk_->last_sequence;
  state.epoch = ++disk_->epoch;
  state.incarnation = "sim";
  return state;
}

void ModelStore::Commit(ctld::Batch batch, std::function<void(absl::Status)> done) {
  waiting_.push_back({std::move(batch), std::move(done)});
  if (!writing_) WriteSoon();
}

void ModelStore::WriteSoon() {
  writing_ = true;
  const ClusterPlan& cluster = scene_->plan.cluster;
  const absl::Duration delay =
      random_->Between(cluster.commit_least, cluster.commit_most) + disk_->slowness;
  scene_->clock.After(delay, life_->Bind([this] { Write(); }));
}

void ModelStore::Write() {
  auto taken = std::make_shared<std::deque<Waiting>>(std::move(waiting_));
  waiting_.clear();
  disk_->commits++;
  at_commit_(0);
  if (!life_->alive()) return;
  if (disk_->failing) failure_ = absl::UnavailableError("no space left on the virtual device");
  if (failure_.ok()) {
    for (const Waiting& waiting : *taken) Apply(waiting.batch);
  }
  at_commit_(1);
  if (!life_->alive()) return;
  scene_->clock.After(absl::Microseconds(300), life_->Bind([this, taken] {
    for (Waiting& waiting : *taken) {
      if (waiting.done) waiting.done(failure_);
    }
    writing_ = false;
    if (!waiting_.empty()) WriteSoon();
  }));
}

void ModelStore::Apply(const ctld::Batch& batch) {
  for (const auto& [id, bytes] : batch.jobs) disk_->jobs[id] = bytes;
  for (JobId id : batch.removed_jobs) disk_->jobs.erase(id);
  for (const auto& [name, bytes] : batch.nodes) disk_->nodes[name] = bytes;
  for (const auto& [name, bytes] : batch.partitions) disk_->partitions[name] = bytes;
  for (const std::string& name : batch.removed_partitions) disk_->partitions.erase(name);
  for (const auto& [name, bytes] : batch.reservations) disk_->reservations[name] = bytes;
  for (const std::string& name : batch.removed_reservations) disk_->reservations.erase(name);
  for (const auto& [uid, bytes] : batch.usage) disk_->usage[uid] = bytes;
  for (uint32_t uid : batch.removed_usage) disk_->usage.erase(uid);
  for (const ctld::StepRecord& step : batch.steps) disk_->steps[{step.job, step.step}] = step.bytes;
  for (const auto& key : batch.removed_steps) disk_->steps.erase(key);
  for (const auto& [hash, bytes] : batch.blobs) disk_->blobs.emplace(hash, bytes);
  for (const std::string& hash : batch.removed_blobs) disk_->blobs.erase(hash);
  if (!scene_->Is(Canary::kForgetRequests)) {
    for (const ctld::RequestRecord& request : batch.requests) {
      disk_->requests[{request.uid, request.request_id}] = request.bytes;
    }
  }
  for (const auto& key : batch.forgotten_requests) disk_->requests.erase(key);
  for (const ctld::OutboxRecord& record : batch.outbox) {
    disk_->outbox[record.sequence] = record.bytes;
    disk_->last_sequence = record.sequence;
  }
  if (batch.outbox_acknowledged) {
    disk_->outbox.erase(disk_->outbox.begin(),
                        disk_->outbox.upper_bound(*batch.outbox_acknowledged));
  }
  if (batch.counters) disk_->counters = batch.counters;
  if (disk_->on_durable) disk_->on_durable(batch);
}

absl::StatusOr<std::string> ModelStore::ReadBlob(const std::string& hash) {
  const auto found = disk_->blobs.find(hash);
  if (found == disk_->blobs.end()) return absl::NotFoundError(StrCat("no blob ", hash));
  return found->second;
}

absl::StatusOr<std::vector<ctld::OutboxRecord>> ModelStore::ReadOutbox(uint64_t after,
                                                                       size_t limit) {
  std::vector<ctld::OutboxRecord> records;
  for (auto it = disk_->outbox.upper_bound(after); it != disk_->outbox.end(); ++it) {
    if (records.size() == limit) break;
    records.push_back({it->first, it->second});
  }
  return records;
}

}  // namespace reeve::sim
