#include "common/rpc/server_reactor.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/call_names.h"
#include "common/rpc/client.h"
#include "common/rpc/grpc_util.h"
#include "common/rpc/session.h"
#include "common/rpc/turn.h"

namespace reeve::rpc {
namespace {

// What is known of a caller once its credential has been checked.
struct Caller {
  Identity identity;
  Role role = Role::kUser;
  std::string peer;
  std::string first_message;
};

class CallImpl : public Call {
 public:
  CallImpl(std::shared_ptr<Wire> wire, Caller caller, FairQueue* queue)
      : wire_(std::move(wire)), caller_(std::move(caller)), queue_(queue) {}
  ~CallImpl() override { wire_->Finish(absl::InternalError("the call was dropped")); }

  const Identity& identity() const override { return caller_.identity; }
  Role role() const override { return caller_.role; }
  const std::string& request() const override { return caller_.first_message; }
  std::string peer() const override { return caller_.peer; }
  void WriteBytes(std::string message) override {
    wire_->Write(std::move(message), /*hold_back=*/true);
  }
  void Finish(absl::Status status) override { wire_->Finish(std::move(status)); }
  bool cancelled() const override { return wire_->gone(); }
  void OnGone(std::function<void()> fn) override { wire_->OnGone(std::move(fn)); }
  size_t queued_bytes() const override { return wire_->queued_bytes(); }
  void OnRoom(size_t bytes, std::function<void()> fn) override {
    wire_->OnRoom(bytes, [queue = queue_, uid = caller_.identity.uid, fn = std::move(fn)] {
      queue->Run(uid, fn);
    });
  }

 private:
  std::shared_ptr<Wire> wire_;
  Caller caller_;
  FairQueue* queue_;  // the server's: it outlives every call
};

class ServerStreamImpl : public ServerStream {
 public:
  ServerStreamImpl(std::shared_ptr<Wire> wire, Caller caller)
      : wire_(std::move(wire)), caller_(std::move(caller)) {}

  const Identity& identity() const override { return caller_.identity; }
  Role role() const override { return caller_.role; }
  const std::string& first_message() const override { return caller_.first_message; }
  std::string peer() const override { return caller_.peer; }
  void Send(const google::protobuf::MessageLite& message) override {
    wire_->Write(message.SerializeAsString(), /*hold_back=*/false);
  }
  size_t queued_bytes() const override { return wire_->queued_bytes(); }
  void Finish(absl::Status status) override { wire_->Finish(std::move(status)); }

 private:
  std::shared_ptr<Wire> wire_;
  Caller caller_;
};

class Reactor : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(grpc::GenericCallbackServerContext* context, const Method* method, ServerParts& parts)
      : context_(context),
        method_(method),
        parts_(parts),
        wire_(std::make_shared<Wire>(this, context, absl::Now())) {
    parts_.patrol.Add(wire_);
    absl::Status status = Begin();
    if (!status.ok()) wire_->Finish(std::move(status));
  }

  void OnReadDone(bool ok) override {
    turn_.Take();
    if (!ok) return OnReadingEnded();
    if (!admitted_) {
      absl::Status status = Admit();
      if (!status.ok()) wire_->Finish(std::move(status));
    } else {
      Deliver();
    }
  }

  void OnWriteDone(bool ok) override { wire_->WriteDone(ok); }
  // A call that nobody waits for any more is over, whatever its handler still holds.
  void OnCancel() override {
    wire_->SetCancelled();
    wire_->Finish(absl::CancelledError("the client has gone"));
  }

  void OnDone() override {
    wire_->Done();
    LeaveUnknown();
    if (entered_.has_value()) parts_.admission.Leave(*entered_);
    if (events_.on_closed) events_.on_closed();
    delete this;
  }

 private:
  void ReadNext() {
    turn_.Pass();
    StartRead(&incoming_);
  }

  absl::Status Begin() {
    if (method_ == nullptr) {
      return absl::UnimplementedError(StrCat("no such method: ", context_->method()));
    }
    absl::StatusOr<Admission::Place> place = parts_.admission.EnterUnknown(context_->peer(), wire_);
    if (!place.ok()) return place.status();
    unknown_ = *std::move(place);
    ReadNext();
    return absl::OkStatus();
  }

  bool IsStream() const { return method_->stream != nullptr; }

  void LeaveUnknown() {
    if (unknown_.has_value()) parts_.admission.LeaveUnknown(*unknown_);
    unknown_.reset();
  }

  // Who calls, and whether that user may call this. The only way to a handler.
  absl::StatusOr<Credential> CheckCredential(std::string_view bytes, std::string* key) const {
    auto metadata = context_->client_metadata().find(kCredentialKey);
    if (metadata == context_->client_metadata().end()) {
      return absl::UnauthenticatedError("no credential");
    }
    absl::StatusOr<Credential> credential =
        parts_.munge.Decode(std::string(metadata->second.data(), metadata->second.size()));
    if (!credential.ok()) return credential;
    absl::StatusOr<std::string> bound = CheckBinding(credential->payload, method_->name, bytes);
    if (!bound.ok()) return bound.status();
    if (bound->empty() != (method_->stream == nullptr)) {
      return absl::UnauthenticatedError("credential refused: made for another kind of call");
    }
    *key = *std::move(bound);
    return credential;
  }

  // Daemons and those who run them are not held back by what others do.
  bool IsLimited(Role role) const {
    const Access access = method_->rule->access;
    return role != Role::kAdministrator && access != Access::kNode && access != Access::kController;
  }

  absl::Status CheckCaller(uid_t uid, Caller* caller) {
    const std::shared_ptr<const Trust> trust = parts_.trust.Get();
    absl::Status allowed = Authorize(*method_->rule, uid, *trust);
    if (!allowed.ok()) return allowed;
    caller->role = RoleOf(uid, *trust);
    if (!IsLimited(caller->role)) return absl::OkStatus();
    const Admission::Share share{uid, IsStream(), caller->first_message.size()};
    absl::Status room = parts_.admission.Enter(share, absl::Now());
    if (room.ok()) entered_ = share;
    return room;
  }

  absl::Status Admit() {
    Caller caller;
    caller.first_message = ToString(incoming_);
    caller.peer = context_->peer();
    std::string key;
    absl::StatusOr<Credential> credential = CheckCredential(caller.first_message, &key);
    absl::Status status = credential.status();
    if (status.ok()) {
      caller.identity = credential->identity;
      status = CheckCaller(caller.identity.uid, &caller);
    }
    LeaveUnknown();
    if (!status.ok()) {
      if (!IsBackoff(status)) {
        os::LogWarn(
            StrCat("refused ", method_->name, " from ", caller.peer, ": ", Message(status)));
      }
      return status;
    }
    admitted_ = true;
    wire_->SetAdmitted();
    if (method_->unary) {
      const uid_t uid = caller.identity.uid;
      auto call = std::make_shared<CallImpl>(wire_, std::move(caller), &parts_.queue);
      parts_.queue.Run(uid, [method = method_, call = std::move(call)] { method->unary(call); });
      return absl::OkStatus();
    }
    wire_->StartSession(std::move(key));
    events_ = method_->stream(std::make_shared<ServerStreamImpl>(wire_, std::move(caller)));
    ReadNext();
    return absl::OkStatus();
  }

  void Deliver() {
    absl::StatusOr<std::string> body = wire_->Open(ToString(incoming_));
    if (!body.ok()) {
      os::LogWarn(StrCat("closed ", method_->name, " of ", context_->peer(), ": ",
                         body.status().message()));
      return wire_->Finish(body.status());
    }
    events_.on_message(*std::move(body));
    ReadNext();
  }

  // The client has closed its side (or gone). A stream ends with it; a unary call has its request.
  void OnReadingEnded() {
    if (!admitted_) {
      wire_->Finish(absl::InvalidArgumentError("no request"));
    } else if (method_->stream) {
      wire_->Finish(absl::OkStatus());
    }
  }

  grpc::GenericCallbackServerContext* context_;
  const Method* method_;
  ServerParts& parts_;
  std::shared_ptr<Wire> wire_;
  grpc::ByteBuffer incoming_;
  Turn turn_;
  ServerStream::Events events_;
  std::optional<Admission::Place> unknown_;  // among the calls of callers not known yet
  std::optional<Admission::Share> entered_;  // of what is its caller's
  bool admitted_ = false;
};

}  // namespace

grpc::ServerGenericBidiReactor* NewServerReactor(grpc::GenericCallbackServerContext* context,
                                                 const Method* method, ServerParts& parts) {
  return new Reactor(context, method, parts);
}

}  // namespace reeve::rpc
