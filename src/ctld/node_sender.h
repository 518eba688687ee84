// The thread that writes to the nodes' streams: commands leave in the order given, on a thread of
// their own because a batch script is read from the store's blobs on the way.
//
// An acknowledgement is in no hurry: all it does is to let the node forget its report. It rides on
// the next command to the same node, or leaves by itself after `acknowledge_delay`. A job that
// comes and goes is told in two messages to its node instead of five.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/rpc/server.h"
#include "ctld/blob_cache.h"
#include "ctld/core/effects.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::ctld {

class NodeSender {
 public:
  using StreamPtr = std::shared_ptr<rpc::ServerStream>;
  struct Options {
    std::string cluster;
    uint64_t epoch = 0;
    std::chrono::milliseconds acknowledge_delay{50};
  };
  // `unsendable` is called on the sender's thread for a launch whose script or environment cannot
  // be read.
  NodeSender(Options options, BlobCache* blobs,
             std::function<void(const NodeCommand&, const absl::Status&)> unsendable);
  ~NodeSender();  // what is still queued is not sent

  // After a HangUp the stream is finished; what is sent to it later goes nowhere.
  void Send(StreamPtr stream, NodeCommand command);

 private:
  using Clock = std::chrono::steady_clock;
  struct Outgoing {
    StreamPtr stream;
    NodeCommand command;
  };
  // Acknowledgements that wait for company.
  struct Due {
    Clock::time_point at;
    StreamPtr stream;
  };

  void Run();
  void SendNow(const Outgoing& outgoing);
  void SendDue(Clock::time_point now);
  void TakeAcknowledged(const rpc::ServerStream* stream, v1::ControllerMessage* message);
  absl::StatusOr<v1::ControllerMessage> Compose(const NodeCommand& command);

  const Options options_;
  BlobCache* const blobs_;
  const std::function<void(const NodeCommand&, const absl::Status&)> unsendable_;

  // The thread's.
  absl::flat_hash_map<const rpc::ServerStream*, std::vector<uint64_t>> acknowledged_;
  std::deque<Due> due_;  // by time; of each stream in acknowledged_ at least one

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Outgoing> outgoing_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::ctld
