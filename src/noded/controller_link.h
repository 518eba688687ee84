// The node's one stream to its controller: opened, kept, opened again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/os/event_loop.h"
#include "common/rpc/client.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::noded {

class ControllerLink {
 public:
  struct Events {  // all on the loop
    std::function<v1::Registration()> registration;
    std::function<void(const v1::ControllerMessage&)> on_message;
    std::function<void()> on_lost;
  };
  // `controller_uid`: the only user, besides root, that may read our credential, and so the only
  // one whose answers are believed.
  ControllerLink(os::EventLoop* loop, rpc::Target target, rpc::Munge munge, uid_t controller_uid,
                 Events events);
  ~ControllerLink();

  void Start();
  // Dropped while there is no stream.
  void Send(const v1::NodeMessage& message);
  // The controller said something we do not obey: hang up and try again later.
  void Drop(const std::string& why);
  // The stream has proved good: the next reconnection starts without a long wait.
  void Settle() { backoff_ = absl::ZeroDuration(); }

 private:
  void Open();
  void OnMessage(uint64_t generation, const std::string& bytes);
  void OnClosed(uint64_t generation, const absl::Status& status);
  void Retry();

  os::EventLoop* loop_;
  rpc::Channel channel_;
  uid_t controller_uid_;
  Events events_;
  std::unique_ptr<rpc::Stream> stream_;
  uint64_t generation_ = 0;  // of the stream; what belongs to an earlier one is dropped
  absl::Duration backoff_;
  std::string last_error_;
  os::TimerId retry_ = os::TimerId::kNone;
};

}  // namespace reeve::noded
