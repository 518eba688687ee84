// Nodes of srun's step that srun cannot reach. The step may run on there, so it waits; but when the
// controller says that a node's part has ended, nothing is left to wait for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cli/controller_client.h"
#include "cli/job_query.h"
#include "common/os/event_loop.h"

namespace reeve::cli {

// All on the loop's thread.
class LostNodes {
 public:
  // `gone` is called for a node that is still lost some time after its part ended, and forgets it.
  LostNodes(std::shared_ptr<os::EventLoop> loop, std::shared_ptr<const ControllerClient> client,
            uint32_t job_id, int32_t step_id, std::function<void(const std::string& node)> gone);

  void Add(const std::string& node);
  void Remove(const std::string& node);  // it has been reached again

 private:
  void AskLater();
  void Ask();
  void OnAnswer(const absl::StatusOr<JobsAnswer>& answer);

  std::shared_ptr<os::EventLoop> loop_;
  std::shared_ptr<const ControllerClient> client_;
  pb::QueryJobsRequest request_;
  int32_t step_id_;
  std::function<void(const std::string&)> gone_;
  std::map<std::string, int> nodes_;  // how often in a row their part was found to have ended
  bool asking_ = false;
};

// No part of the step on this node is running or may come to run. `job`: with its steps, or null
// when the controller does not know it any more.
bool PartHasEnded(const pb::Job* job, int32_t step_id, const std::string& node);

}  // namespace reeve::cli
