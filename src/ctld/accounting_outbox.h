// Brings the accounting records that wait in the store to reevedbd, oldest first, until each batch
// is acknowledged; while the dbd is away they stay where they are.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/rpc/client.h"
#include "ctld/state_store.h"

namespace reeve::ctld {

class AccountingOutbox {
 public:
  struct Options {
    rpc::Target target;
    std::string cluster;
    std::string incarnation;
    rpc::Munge munge;
  };
  // `acknowledged` runs on the outbox's thread with the highest sequence that the dbd has on disk.
  AccountingOutbox(Options options, StateStore* store, std::function<void(uint64_t)> acknowledged);
  ~AccountingOutbox();

  void Wake();  // thread-safe: there may be new records

 private:
  void Loop();
  // True when something was brought; then there may be more.
  absl::StatusOr<bool> PushSome(const rpc::Channel& channel);
  void WaitForWork(absl::Duration at_most);

  const Options options_;
  StateStore* const store_;
  const std::function<void(uint64_t)> acknowledged_;
  uint64_t sent_ = 0;  // acknowledged so far; the store forgets them a little later

  std::mutex mutex_;
  std::condition_variable wake_;
  bool work_ = true;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::ctld
