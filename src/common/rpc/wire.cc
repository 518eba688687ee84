#include "common/rpc/wire.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/rpc/grpc_util.h"

namespace reeve::rpc {
namespace {

void RunIfAny(const std::function<void()>& fn) {
  if (fn) fn();
}

}  // namespace

void Wire::Write(std::string bytes, bool hold_back) {
  std::lock_guard lock(mutex_);
  if (finishing_ || reactor_ == nullptr) return;
  if (session_) bytes = session_->Seal(bytes);
  queued_bytes_ += bytes.size();
  queue_.push_back(ToBuffer(bytes));
  hold_back_ = hold_back;
  Advance();
}

void Wire::Finish(absl::Status status) {
  std::lock_guard lock(mutex_);
  if (finishing_) return;
  finishing_ = true;
  status_ = ToGrpc(status);
  Advance();
}

void Wire::WriteDone(bool ok) {
  std::function<void()> room;
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    progress_ = absl::Now();
    if (!queue_.empty()) {
      queued_bytes_ -= queue_.front().Length();
      queue_.pop_front();
    }
    if (!ok) Clear();
    Advance();
    if (queued_bytes_ <= room_) room = std::exchange(on_room_, nullptr);
  }
  RunIfAny(room);
}

void Wire::Done() {
  std::function<void()> room;
  {
    std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    context_ = nullptr;
    Clear();
    room = std::exchange(on_room_, nullptr);
  }
  RunIfAny(room);
}

void Wire::Clear() {
  queue_.clear();
  queued_bytes_ = 0;
}

void Wire::SetAdmitted() {
  std::lock_guard lock(mutex_);
  admitted_ = true;
}

bool Wire::gone() const {
  std::lock_guard lock(mutex_);
  return reactor_ == nullptr || cancelled_;
}

size_t Wire::queued_bytes() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_;
}

void Wire::SetCancelled() {
  std::function<void()> gone;
  std::function<void()> room;
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (!finishing_) gone = std::move(on_gone_);
    room = std::exchange(on_room_, nullptr);
  }
  RunIfAny(gone);
  RunIfAny(room);
}

void Wire::OnGone(std::function<void()> fn) {
  {
    std::lock_guard lock(mutex_);
    if (!cancelled_) {
      on_gone_ = std::move(fn);
      return;
    }
  }
  fn();
}

void Wire::OnRoom(size_t bytes, std::function<void()> fn) {
  {
    std::lock_guard lock(mutex_);
    if (queued_bytes_ > bytes && reactor_ != nullptr && !cancelled_) {
      room_ = bytes;
      on_room_ = std::move(fn);
      return;
    }
  }
  fn();
}

void Wire::MakeRoom() {
  std::lock_guard lock(mutex_);
  if (reactor_ != nullptr && !admitted_) context_->TryCancel();
}

void Wire::Check(absl::Time now, const Limits& limits) {
  std::lock_guard lock(mutex_);
  if (reactor_ == nullptr || cancelled_) return;
  const bool silent = !admitted_ && now - progress_ > limits.first_message;
  const bool unread = (writing_ || finished_) && now - progress_ > limits.unread;
  const bool too_much = session_.has_value() && queued_bytes_ > limits.max_queued_bytes;
  // Nothing of ours runs inside of this: gRPC calls back on a thread of its own.
  if (silent || unread || too_much) context_->TryCancel();
}

// Starts the next operation, if one may start.
void Wire::Advance() {
  if (writing_ || finished_ || reactor_ == nullptr) return;
  progress_ = absl::Now();
  if (queue_.empty()) {
    if (!finishing_) return;
    finished_ = true;
    reactor_->Finish(status_);
  } else if (queue_.size() == 1 && finishing_) {
    finished_ = true;
    reactor_->StartWriteAndFinish(&queue_.front(), grpc::WriteOptions(), status_);
  } else if (queue_.size() > 1 || !hold_back_) {
    writing_ = true;
    reactor_->StartWrite(&queue_.front());
  }
}

}  // namespace reeve::rpc
