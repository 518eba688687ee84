#include "noded/controller_link.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/os/log.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kLongestBackoff = absl::Seconds(5);

}  // namespace

ControllerLink::ControllerLink(os::EventLoop* loop, rpc::Target target, rpc::Munge munge,
                               uid_t controller_uid, Events events)
    : loop_(loop),
      channel_(std::move(target), std::move(munge)),
      controller_uid_(controller_uid),
      events_(std::move(events)) {}

ControllerLink::~ControllerLink() {
  loop_->Cancel(retry_);
  stream_.reset();
}

void ControllerLink::Start() {
  Open();
}

void ControllerLink::Open() {
  retry_ = os::TimerId::kNone;
  uint64_t generation = ++generation_;
  v1::NodeMessage first;
  *first.mutable_registration() = events_.registration();
  absl::StatusOr<std::unique_ptr<rpc::Stream>> stream = channel_.OpenStream(
      "Controller/NodeStream", first, controller_uid_,
      rpc::Stream::Events{[this, generation](std::string bytes) {
                            loop_->Post([this, generation, bytes = std::move(bytes)] {
                              OnMessage(generation, bytes);
                            });
                          },
                          [this, generation](absl::Status status) {
                            loop_->Post(
                                [this, generation, status] { OnClosed(generation, status); });
                          }});
  if (!stream.ok()) return OnClosed(generation, stream.status());
  stream_ = *std::move(stream);
}

void ControllerLink::OnMessage(uint64_t generation, const std::string& bytes) {
  if (generation != generation_) return;
  v1::ControllerMessage message;
  if (!message.ParseFromString(bytes)) return Drop("unreadable message");
  events_.on_message(message);
}

void ControllerLink::OnClosed(uint64_t generation, const absl::Status& status) {
  if (generation != generation_) return;
  std::string error(status.ok() ? "closed" : Message(status));
  if (error != last_error_ || backoff_ == absl::ZeroDuration()) {
    os::LogError(StrCat("controller ", channel_.target(), ": ", error));
    last_error_ = error;
  }
  Retry();
}

void ControllerLink::Drop(const std::string& why) {
  os::LogError(StrCat("controller ", channel_.target(), ": hanging up: ", why));
  Retry();
}

void ControllerLink::Retry() {
  ++generation_;
  stream_.reset();
  events_.on_lost();
  backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kLongestBackoff);
  loop_->Cancel(retry_);
  retry_ = loop_->After(backoff_, [this] { Open(); });
}

void ControllerLink::Send(const v1::NodeMessage& message) {
  if (stream_ != nullptr) stream_->Send(message);
}

}  // namespace reeve::noded
