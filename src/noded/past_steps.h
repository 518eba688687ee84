// Steps with a client that are over and forgotten by the controller: their client may not have
// heard of the end, and asks again for a while. On disk too,
// <SlurmdSpoolDir>/past/<job>.<step>.<attempt>, for the daemon after this one.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/os/event_loop.h"
#include "noded/core/step_machine.h"
#include "reeve/v1/stepd.pb.h"

namespace reeve::noded {

class PastSteps {
 public:
  PastSteps(os::EventLoop* loop, const std::string& spool_dir);
  ~PastSteps();

  absl::Status Start();  // takes over what an earlier daemon kept
  void Add(const StepKey& key, v1::StepRecord record);
  const v1::StepRecord* Find(const StepKey& key) const;  // null: not there, or no longer

 private:
  std::string PathOf(const StepKey& key) const;
  void ForgetLater(const StepKey& key);

  struct Past {
    v1::StepRecord record;
    os::TimerId forget = os::TimerId::kNone;
  };
  os::EventLoop* loop_;
  std::string folder_;
  std::map<StepKey, Past> steps_;
};

}  // namespace reeve::noded
