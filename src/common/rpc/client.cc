#include "common/rpc/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "common/os/fd.h"
#include "common/rpc/grpc_util.h"
#include "common/rpc/session.h"
#include "common/rpc/turn.h"

namespace reeve::rpc {
namespace {

constexpr absl::Duration kBackoffPatience = absl::Minutes(5);

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const Target& target) {
  if (target.ca_cert_file.empty()) return grpc::InsecureChannelCredentials();
  absl::StatusOr<std::string> ca = os::ReadFile(target.ca_cert_file, 1 << 20);
  if (!ca.ok()) return Annotate(ca.status(), "TLS");
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = *std::move(ca);
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> MakeChannel(
    const Target& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // a credential is good for one attempt
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);  // also the time a connect may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);  // finds a peer that has gone without a word
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  // The daemon may be known by an address or a Unix socket; its certificate has a name.
  if (!target.name.empty()) arguments.SetSslTargetNameOverride(target.name);
  return grpc::CreateCustomChannel(target.address, credentials, arguments);
}

// The client end of a stream. gRPC's reactor owns itself until OnDone; the handle given to the
// user waits for that in its destructor, so that no callback outlives it.
class StreamReactor : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamReactor(std::string key, Stream::Events events)
      : session_(std::move(key), Session::End::kClient), events_(std::move(events)) {}

  void Begin(grpc::GenericStub* stub, std::string_view method, std::string_view credential,
             std::string_view first) {
    context_.AddMetadata(kCredentialKey, std::string(credential));
    stub->PrepareBidiStreamingCall(&context_, FullMethod(method), grpc::StubOptions(), this);
    AddHold();  // writes come from outside of the reactor's own callbacks
    queue_.push_back(ToBuffer(first));
    StartWrite(&queue_.front());
    turn_.Pass();
    StartRead(&incoming_);
    StartCall();
  }

  void Send(std::string_view body) {
    std::lock_guard lock(mutex_);
    if (ended_ || closing_) return;
    queue_.push_back(ToBuffer(session_.Seal(body)));
    if (queue_.size() == 1) StartWrite(&queue_.front());
  }

  void CloseSending() {
    std::lock_guard lock(mutex_);
    if (ended_ || closing_) return;
    closing_ = true;
    if (queue_.empty()) StartWritesDone();
  }

  void Cancel() { context_.TryCancel(); }

  void WaitUntilDone() {
    std::unique_lock lock(mutex_);
    done_changed_.wait(lock, [this] { return done_; });
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    if (!ok) queue_.clear();
    if (!ok) return;
    queue_.pop_front();
    if (!queue_.empty()) {
      StartWrite(&queue_.front());
    } else if (closing_) {
      StartWritesDone();
    }
  }

  void OnReadDone(bool ok) override {
    turn_.Take();
    if (!ok) return EndHold();
    absl::StatusOr<std::string> body = session_.Open(ToString(incoming_));
    if (!body.ok()) {
      {
        std::lock_guard lock(mutex_);
        refused_ = body.status();
      }
      context_.TryCancel();
    } else {
      events_.on_message(*std::move(body));
    }
    turn_.Pass();
    StartRead(&incoming_);
  }

  void OnDone(const grpc::Status& status) override {
    absl::Status outcome = FromGrpc(status);
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      if (!refused_.ok()) outcome = refused_;
    }
    events_.on_closed(outcome);
    // Notified under the lock: the waiter destroys this object as soon as it may look.
    std::lock_guard lock(mutex_);
    done_ = true;
    done_changed_.notify_all();
  }

 private:
  // The outside's right to start operations ends with the incoming side.
  void EndHold() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    RemoveHold();
  }

  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  Turn turn_;
  std::mutex mutex_;
  std::condition_variable done_changed_;
  Session session_;  // Seal under mutex_, Open only in OnReadDone: the counters are apart
  Stream::Events events_;
  std::deque<grpc::ByteBuffer> queue_;
  absl::Status refused_;
  bool closing_ = false;
  bool ended_ = false;
  bool done_ = false;
};

class StreamHandle : public Stream {
 public:
  explicit StreamHandle(std::unique_ptr<StreamReactor> reactor) : reactor_(std::move(reactor)) {}
  ~StreamHandle() override {
    reactor_->Cancel();
    reactor_->WaitUntilDone();
  }
  void Send(const google::protobuf::MessageLite& message) override {
    reactor_->Send(message.SerializeAsString());
  }
  void CloseSending() override { reactor_->CloseSending(); }
  void Cancel() override { reactor_->Cancel(); }

 private:
  std::unique_ptr<StreamReactor> reactor_;
};

}  // namespace

// What gRPC knows of the way to the daemon. After a failure the next call gets a new one: gRPC
// tries to connect again in the background, but a connection that comes up while no call waits is
// not looked after by anybody, so that calls which are only repeated now and then may miss it for
// good.
struct Channel::Impl {
  explicit Impl(const Target& target) : target(target) {
    absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> made = Credentials(target);
    broken = made.status();
    if (!made.ok()) return;
    credentials = *std::move(made);
    stub = std::make_shared<grpc::GenericStub>(MakeChannel(target, credentials));
  }

  std::shared_ptr<grpc::GenericStub> Stub() {
    std::lock_guard lock(mutex);
    return stub;
  }
  void Renew(const std::shared_ptr<grpc::GenericStub>& failed) {
    std::lock_guard lock(mutex);
    if (stub != failed) return;
    stub = std::make_shared<grpc::GenericStub>(MakeChannel(target, credentials));
  }

  const Target target;
  absl::Status broken;  // why there is no channel
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  std::mutex mutex;
  std::shared_ptr<grpc::GenericStub> stub;
};

Channel::Channel(Target target, Munge munge)
    : target_(std::move(target)), munge_(std::move(munge)) {
  ChooseResolver();
  impl_ = std::make_unique<Impl>(target_);
}

Channel::~Channel() = default;

absl::Status Channel::CallRaw(std::string_view method, const google::protobuf::MessageLite& request,
                              absl::Duration timeout,
                              const std::function<bool(std::string_view)>& on_message) const {
  if (!impl_->broken.ok()) return impl_->broken;
  const std::string bytes = request.SerializeAsString();
  const absl::Time give_up = absl::Now() + kBackoffPatience;
  absl::Duration pause = absl::Milliseconds(200);
  for (;;) {
    absl::Status status = CallOnce(method, bytes, timeout, on_message);
    if (!IsBackoff(status) || absl::Now() > give_up) return status;
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Seconds(2));
  }
}

absl::Status Channel::CallOnce(std::string_view method, const std::string& bytes,
                               absl::Duration timeout,
                               const std::function<bool(std::string_view)>& on_message) const {
  absl::StatusOr<std::string> credential = munge_.Encode(BindCall(method, bytes, ""));
  if (!credential.ok()) return credential.status();

  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.AddMetadata(kCredentialKey, *credential);
  grpc::CompletionQueue queue;
  const std::shared_ptr<grpc::GenericStub> stub = impl_->Stub();
  auto call = stub->PrepareCall(&context, FullMethod(method), &queue);

  // One operation at a time on a queue of our own: no thread is started for a call.
  auto wait = [&queue]() {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ok;
  };
  call->StartCall(nullptr);
  bool open = wait();
  if (open) {
    call->WriteLast(ToBuffer(bytes), grpc::WriteOptions(), nullptr);
    open = wait();
  }
  bool accepted = true;
  while (open && accepted) {
    grpc::ByteBuffer incoming;
    call->Read(&incoming, nullptr);
    open = wait();
    if (open) accepted = on_message(ToString(incoming));
  }
  if (!accepted) context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  queue.Shutdown();
  if (!accepted) return absl::DataLossError(StrCat(method, ": unreadable answer"));
  absl::Status outcome = FromGrpc(status);
  if (IsRetryable(outcome)) impl_->Renew(stub);
  return outcome;
}

absl::StatusOr<std::unique_ptr<Stream>> Channel::OpenStream(
    std::string_view method, const google::protobuf::MessageLite& first,
    std::optional<uid_t> server_uid, Stream::Events events) const {
  if (!impl_->broken.ok()) return impl_->broken;
  const std::string bytes = first.SerializeAsString();
  std::string key = RandomBytes(kKeyBytes);
  absl::StatusOr<std::string> credential = munge_.Encode(BindCall(method, bytes, key), server_uid);
  if (!credential.ok()) return credential.status();
  auto reactor = std::make_unique<StreamReactor>(std::move(key), std::move(events));
  reactor->Begin(impl_->Stub().get(), method, *credential, bytes);
  return std::make_unique<StreamHandle>(std::move(reactor));
}

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace reeve::rpc
