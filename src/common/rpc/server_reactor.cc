#include "common/rpc/server_reactor.h"

#include <deque>
#include <mutex>
#include <optional>

#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/grpc_util.h"
#include "common/rpc/session.h"

namespace reeve::rpc {
namespace {

class Reactor;

// What the reactor and the handler's handle share. The reactor goes when gRPC says so (OnDone);
// the handle may live longer and then writes into the void.
class Wire {
 public:
  explicit Wire(grpc::ServerGenericBidiReactor* reactor) : reactor_(reactor) {}

  // Unary answers keep their last message back, so that it travels with the status.
  void Write(std::string bytes, bool hold_back) {
    std::lock_guard lock(mutex_);
    if (finishing_ || reactor_ == nullptr) return;
    if (session_) bytes = session_->Seal(bytes);
    queued_bytes_ += bytes.size();
    queue_.push_back(ToBuffer(bytes));
    hold_back_ = hold_back;
    Advance();
  }

  void Finish(absl::Status status) {
    std::lock_guard lock(mutex_);
    if (finishing_) return;
    finishing_ = true;
    status_ = ToGrpc(status);
    Advance();
  }

  void WriteDone(bool ok) {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!queue_.empty()) {
      queued_bytes_ -= queue_.front().Length();
      queue_.pop_front();
    }
    if (!ok) {
      queue_.clear();
      queued_bytes_ = 0;
    }
    Advance();
  }

  void Done() {
    std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    queue_.clear();
    queued_bytes_ = 0;
  }

  void StartSession(std::string key) { session_.emplace(std::move(key), Session::End::kServer); }
  absl::StatusOr<std::string> Open(std::string_view sealed) { return session_->Open(sealed); }

  bool gone() const {
    std::lock_guard lock(mutex_);
    return reactor_ == nullptr || cancelled_;
  }
  void SetCancelled() {
    std::function<void()> gone;
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
      if (!finishing_) gone = std::move(on_gone_);
    }
    if (gone) gone();
  }
  void OnGone(std::function<void()> fn) {
    {
      std::lock_guard lock(mutex_);
      if (!cancelled_) {
        on_gone_ = std::move(fn);
        return;
      }
    }
    fn();
  }
  size_t queued_bytes() const {
    std::lock_guard lock(mutex_);
    return queued_bytes_;
  }

 private:
  // Starts the next operation, if one may start. mutex_ is held.
  void Advance() {
    if (writing_ || finished_ || reactor_ == nullptr) return;
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

  mutable std::mutex mutex_;
  grpc::ServerGenericBidiReactor* reactor_;
  std::optional<Session> session_;
  std::deque<grpc::ByteBuffer> queue_;
  size_t queued_bytes_ = 0;
  grpc::Status status_;
  bool hold_back_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  bool cancelled_ = false;
  std::function<void()> on_gone_;
};

// What is known of a caller once its credential has been checked.
struct Caller {
  Identity identity;
  Role role = Role::kUser;
  std::string peer;
  std::string first_message;
};

class CallImpl : public Call {
 public:
  CallImpl(std::shared_ptr<Wire> wire, Caller caller)
      : wire_(std::move(wire)), caller_(std::move(caller)) {}
  ~CallImpl() override { wire_->Finish(absl::InternalError("the call was dropped")); }

  const Identity& identity() const override { return caller_.identity; }
  Role role() const override { return caller_.role; }
  const std::string& request() const override { return caller_.first_message; }
  std::string peer() const override { return caller_.peer; }
  void Write(const google::protobuf::MessageLite& message) override {
    wire_->Write(message.SerializeAsString(), /*hold_back=*/true);
  }
  void Finish(absl::Status status) override { wire_->Finish(std::move(status)); }
  bool cancelled() const override { return wire_->gone(); }
  void OnGone(std::function<void()> fn) override { wire_->OnGone(std::move(fn)); }
  size_t queued_bytes() const override { return wire_->queued_bytes(); }

 private:
  std::shared_ptr<Wire> wire_;
  Caller caller_;
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
  Reactor(grpc::GenericCallbackServerContext* context, const Method* method, const Munge& munge,
          const Trust& trust)
      : context_(context),
        method_(method),
        munge_(munge),
        trust_(trust),
        wire_(std::make_shared<Wire>(this)) {
    if (method_ == nullptr) {
      wire_->Finish(absl::UnimplementedError(StrCat("no such method: ", context->method())));
    } else {
      StartRead(&incoming_);
    }
  }

  void OnReadDone(bool ok) override {
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
    if (events_.on_closed) events_.on_closed();
    delete this;
  }

 private:
  // Who calls, and whether that user may call this. The only way to a handler.
  absl::StatusOr<Credential> CheckCredential(std::string_view bytes, std::string* key) const {
    auto metadata = context_->client_metadata().find(kCredentialKey);
    if (metadata == context_->client_metadata().end()) {
      return absl::UnauthenticatedError("no credential");
    }
    absl::StatusOr<Credential> credential =
        munge_.Decode(std::string(metadata->second.data(), metadata->second.size()));
    if (!credential.ok()) return credential;
    absl::StatusOr<std::string> bound = CheckBinding(credential->payload, method_->name, bytes);
    if (!bound.ok()) return bound.status();
    if (bound->empty() != (method_->stream == nullptr)) {
      return absl::UnauthenticatedError("credential refused: made for another kind of call");
    }
    *key = *std::move(bound);
    absl::Status allowed = Authorize(*method_->rule, credential->identity.uid, trust_);
    if (!allowed.ok()) return allowed;
    return credential;
  }

  absl::Status Admit() {
    Caller caller;
    caller.first_message = ToString(incoming_);
    caller.peer = context_->peer();
    std::string key;
    absl::StatusOr<Credential> credential = CheckCredential(caller.first_message, &key);
    if (!credential.ok()) {
      os::LogWarn(StrCat("refused ", method_->name, " from ", caller.peer, ": ",
                         credential.status().message()));
      return credential.status();
    }
    admitted_ = true;
    caller.identity = credential->identity;
    caller.role = RoleOf(caller.identity.uid, trust_);
    if (method_->unary) {
      method_->unary(std::make_shared<CallImpl>(wire_, std::move(caller)));
      return absl::OkStatus();
    }
    wire_->StartSession(std::move(key));
    events_ = method_->stream(std::make_shared<ServerStreamImpl>(wire_, std::move(caller)));
    StartRead(&incoming_);
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
    StartRead(&incoming_);
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
  const Munge& munge_;
  const Trust& trust_;
  std::shared_ptr<Wire> wire_;
  grpc::ByteBuffer incoming_;
  ServerStream::Events events_;
  bool admitted_ = false;
};

}  // namespace

grpc::ServerGenericBidiReactor* NewServerReactor(grpc::GenericCallbackServerContext* context,
                                                 const Method* method, const Munge& munge,
                                                 const Trust& trust) {
  return new Reactor(context, method, munge, trust);
}

}  // namespace reeve::rpc
