// What the reactor of one call and its handler's handle share: the answers on their way out. The
// reactor goes when gRPC says so (OnDone); the handle may live longer and then writes into the
// void. Thread-safe. Internal to common/rpc.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/admission.h"
#include "common/rpc/server_limits.h"
#include "common/rpc/session.h"

namespace reeve::rpc {

class Wire : public Unknown {
 public:
  Wire(grpc::ServerGenericBidiReactor* reactor, grpc::GenericCallbackServerContext* context,
       absl::Time now)
      : reactor_(reactor), context_(context), progress_(now) {}

  // Unary answers keep their last message back, so that it travels with the status.
  void Write(std::string bytes, bool hold_back);
  void Finish(absl::Status status);

  // From the reactor.
  void WriteDone(bool ok);
  void Done();
  void SetAdmitted();
  void SetCancelled();
  void StartSession(std::string key) { session_.emplace(std::move(key), Session::End::kServer); }
  absl::StatusOr<std::string> Open(std::string_view sealed) { return session_->Open(sealed); }

  bool gone() const;
  size_t queued_bytes() const;
  // `fn` runs once: when the client goes before the answer...
  void OnGone(std::function<void()> fn);
  // ... when at most `bytes` are queued (perhaps at once), or the call is over.
  void OnRoom(size_t bytes, std::function<void()> fn);

  void MakeRoom() override;

  // Ends a call whose client sends nothing, or does not read what it asked for.
  void Check(absl::Time now, const Limits& limits);

 private:
  void Advance();  // mutex_ is held, here and in the next
  void Clear();

  mutable std::mutex mutex_;
  grpc::ServerGenericBidiReactor* reactor_;
  grpc::GenericCallbackServerContext* context_;
  std::optional<Session> session_;
  std::deque<grpc::ByteBuffer> queue_;
  size_t queued_bytes_ = 0;
  absl::Time progress_;  // the last time something came or went
  grpc::Status status_;
  bool admitted_ = false;
  bool hold_back_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  bool cancelled_ = false;
  std::function<void()> on_gone_;
  std::function<void()> on_room_;
  size_t room_ = 0;
};

}  // namespace reeve::rpc
