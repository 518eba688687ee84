// Looks after open calls from time to time: those whose clients send nothing or read nothing end.
// Internal to common/rpc.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/rpc/wire.h"

namespace reeve::rpc {

class Patrol {
 public:
  explicit Patrol(const Limits& limits);
  ~Patrol();

  void Add(std::shared_ptr<Wire> wire);

 private:
  void Loop();

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::weak_ptr<Wire>> wires_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::rpc
