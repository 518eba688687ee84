#include "tests/sim/model_dbd.h"

#include "common/base/job_state.h"

namespace reeve::sim {
namespace {

constexpr size_t kRecordsPerPush = 20;  // few, so that an answer is lost amid a backlog

}  // namespace

uint64_t ModelDbd::Apply(const v1::PushRecordsRequest& request) {
  for (const v1::AccountingRecord& record : request.records()) {
    if (record.sequence() <= acknowledged_ && !scene_->Is(Canary::kAccountTwice)) continue;
    if (record.sequence() > acknowledged_ + 1) {
      scene_->Violation("accounting", "record ", record.sequence(), " came after ", acknowledged_);
    }
    if (record.has_job()) PutJob(record.job());
    acknowledged_ = std::max(acknowledged_, record.sequence());
  }
  return acknowledged_;
}

void ModelDbd::PutJob(const v1::Job& job) {
  const RunKey key{job.job_id(), job.restarts(), job.submit_time()};
  const auto row = rows_.find(key);
  if (row == rows_.end() || scene_->Is(Canary::kAccountTwice)) {
    if (row != rows_.end() && row->second.revision() == job.revision()) {
      rows_.emplace(key, job);
      return;
    }
    if (row != rows_.end()) rows_.erase(row);
    rows_.emplace(key, job);
  } else if (job.revision() > row->second.revision()) {
    row->second = job;
  }
}

ModelPusher::ModelPusher(Scene* scene, ctld::StateStore* store, ModelDbd* dbd, const Life* life,
                         Random* random, std::function<void(uint64_t)> acknowledged)
    : scene_(scene),
      store_(store),
      dbd_(dbd),
      life_(life),
      random_(random),
      acknowledged_(std::move(acknowledged)) {
  Wake();
}

void ModelPusher::Wake() {
  work_ = true;
  if (busy_) return;
  busy_ = true;
  scene_->clock.After(absl::Milliseconds(1), life_->Bind([this] { Push(); }));
}

void ModelPusher::Push() {
  work_ = false;
  auto records = store_->ReadOutbox(sent_, kRecordsPerPush);
  if (records->empty()) {
    busy_ = false;
    return;
  }
  v1::PushRecordsRequest request;
  request.set_cluster("sim");
  request.set_incarnation("sim");
  for (const ctld::OutboxRecord& record : *records) {
    if (!request.add_records()->ParseFromString(record.bytes)) {
      scene_->Violation("accounting", "record ", record.sequence, " is unreadable");
    }
  }
  if (scene_->Is(Canary::kLoseOutbox)) acknowledged_(records->back().sequence);
  // It arrives or not; and then its answer does or not.
  const absl::Duration there = scene_->plan.cluster.dbd_delay + dbd_->slowness;
  const bool answer_lost = !scene_->calm && random_->OneIn(8);
  scene_->clock.After(there, [this, request = std::move(request), answer_lost, dbd = dbd_,
                              answer = life_->Bind([this](uint64_t done) { OnAnswer(done); }),
                              retry = life_->Bind([this] { Retry(); })]() mutable {
    if (dbd->away) return retry();
    const uint64_t done = dbd->Apply(request);
    if (answer_lost) return retry();
    answer(done);
  });
}

void ModelPusher::Retry() {
  scene_->clock.After(absl::Seconds(2), life_->Bind([this] { Push(); }));
}

void ModelPusher::OnAnswer(uint64_t acknowledged) {
  scene_->clock.After(absl::Milliseconds(1), life_->Bind([this, acknowledged] {
    sent_ = std::max(sent_, acknowledged);
    acknowledged_(sent_);
    Push();
  }));
}

}  // namespace reeve::sim
