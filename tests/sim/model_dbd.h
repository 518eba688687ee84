// The accounting daemon, and the thread of the controller that brings records to it: in order,
// again after a failure, taken out of the outbox once acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <tuple>

#include "reeve/v1/dbd.pb.h"
#include "tests/sim/model_store.h"
#include "tests/sim/scene.h"

namespace reeve::sim {

// A row is one run of a job, replaced by higher revisions alone (src/dbd/record_writer.cc).
class ModelDbd {
 public:
  explicit ModelDbd(Scene* scene) : scene_(scene) {}

  using RunKey = std::tuple<uint32_t, uint32_t, int64_t>;  // job, restarts, submit time
  // The sequence that may be acknowledged.
  uint64_t Apply(const v1::PushRecordsRequest& request);
  const std::multimap<RunKey, v1::Job>& rows() const { return rows_; }

  bool away = false;
  absl::Duration slowness;

 private:
  void PutJob(const v1::Job& job);

  Scene* const scene_;
  std::multimap<RunKey, v1::Job> rows_;
  uint64_t acknowledged_ = 0;
};

class ModelPusher {
 public:
  ModelPusher(Scene* scene, ctld::StateStore* store, ModelDbd* dbd, const Life* life,
              Random* random, std::function<void(uint64_t)> acknowledged);
  void Wake();

 private:
  void Push();
  void Retry();
  void OnAnswer(uint64_t acknowledged);

  Scene* const scene_;
  ctld::StateStore* const store_;
  ModelDbd* const dbd_;
  const Life* const life_;
  Random* const random_;
  const std::function<void(uint64_t)> acknowledged_;
  uint64_t sent_ = 0;
  bool busy_ = false;
  bool work_ = false;
};

}  // namespace reeve::sim
