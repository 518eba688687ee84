// RPCs that wait for the core's answer, by token. Belongs to the loop.
#pragma once

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "common/rpc/server.h"
#include "ctld/core/controller.h"

namespace reeve::ctld {

class Calls {
 public:
  CallToken Add(std::shared_ptr<rpc::Call> call);
  // Answers the call and forgets it; a token of nobody is ignored. `core` names the nodes that
  // some answers describe.
  void Answer(const Reply& reply, const Controller& core, const std::string& cluster);

 private:
  uint64_t last_ = 0;
  absl::flat_hash_map<uint64_t, std::shared_ptr<rpc::Call>> waiting_;
};

}  // namespace reeve::ctld
