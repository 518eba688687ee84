// The little that a node must not forget: the highest controller epoch it has obeyed, and which
// report ids it has used. One small file in the spool, synced when it changes (rarely).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace reeve::noded {

class NodeState {
 public:
  // A missing file is a new node. Reserves a fresh range of report ids and stores that.
  static absl::StatusOr<NodeState> Load(const std::string& spool_dir);

  uint64_t epoch() const { return epoch_; }
  absl::Status RaiseEpoch(uint64_t epoch);  // stored before it returns

  // Ids from here on have never been used; there are 2^40 before the next start's.
  uint64_t first_report_id() const { return first_report_id_; }

 private:
  absl::Status Store() const;
  std::string path_;
  uint64_t epoch_ = 0;
  uint64_t starts_ = 0;
  uint64_t first_report_id_ = 0;
};

}  // namespace reeve::noded
