// A client without manners: any credential, any bytes, messages in any order. For what a hostile
// one may send.
#pragma once

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace reeve::testing {

class RawCall {
 public:
  RawCall(const std::string& target, const std::string& method,
          const std::optional<std::string>& credential,
          absl::Duration timeout = absl::Seconds(20)) {
    setenv("GRPC_DNS_RESOLVER", "native", 0);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    channel_ = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
    context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    if (credential) context_.AddMetadata("reeve-credential", *credential);
    call_ = stub_->PrepareCall(&context_, "/reeve.v1." + method, &queue_);
    call_->StartCall(this);
    Wait();
  }
  ~RawCall() {
    context_.TryCancel();
    if (!finished_) Finish().IgnoreError();
    queue_.Shutdown();
  }

  bool Write(const std::string& bytes) {
    grpc::Slice slice(bytes);
    call_->Write(grpc::ByteBuffer(&slice, 1), this);
    return Wait();
  }
  bool CloseSending() {
    call_->WritesDone(this);
    return Wait();
  }
  // One message, unseen. ThreadSanitizer finds fault with every word that gRPC has received on
  // another thread; that it is told not to say so (tsan.supp) makes a large one no faster.
  bool Skip() {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    return Wait();
  }
  std::optional<std::string> Read() {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    if (!Wait()) return std::nullopt;
    std::vector<grpc::Slice> slices;
    std::string bytes;
    if (!buffer.Dump(&slices).ok()) return std::nullopt;
    for (const grpc::Slice& slice : slices) {
      bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return bytes;
  }
  // Waits for the server's end of it.
  absl::Status Finish() {
    finished_ = true;
    grpc::Status status;
    call_->Finish(&status, this);
    Wait();
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    return ok;
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool finished_ = false;
};

// A unary call with this credential and these bytes: how it ends.
inline absl::Status RawUnary(const std::string& target, const std::string& method,
                             const std::optional<std::string>& credential,
                             const std::string& bytes) {
  RawCall call(target, method, credential);
  if (call.Write(bytes)) call.CloseSending();
  while (call.Read()) {
  }
  return call.Finish();
}

}  // namespace reeve::testing
