// A call as a daemon's handlers see it, without a network. Answers are kept; two ends are an error.
#pragma once

#include <string>
#include <vector>

#include "common/rpc/server.h"
#include "tests/fuzz/check.h"

namespace reeve::fuzz {

// What a status may say: gRPC refuses trailers of 8 KiB and more, and the client learns nothing.
inline constexpr size_t kMaxStatus = 4096;

class FakeCall : public rpc::Call {
 public:
  FakeCall(rpc::Identity identity, rpc::Role role, std::string request)
      : identity_(identity), role_(role), request_(std::move(request)) {}

  const rpc::Identity& identity() const override { return identity_; }
  rpc::Role role() const override { return role_; }
  const std::string& request() const override { return request_; }
  std::string peer() const override { return "fuzz"; }
  void WriteBytes(std::string message) override {
    Expect(!finished_, "an answer after the end");
    answers_.push_back(std::move(message));
  }
  void Finish(absl::Status status) override {
    Expect(!finished_, "a call ends twice");
    finished_ = true;
    Expect(status.ok() || !status.message().empty(), "refused in silence");
    Expect(status.message().size() <= kMaxStatus, "a status of ", status.message().size(),
           " bytes");
    status_ = std::move(status);
  }
  bool cancelled() const override { return false; }
  void OnGone(std::function<void()> fn) override { gone_ = std::move(fn); }

  void Leave() {
    if (gone_) std::exchange(gone_, nullptr)();
  }
  bool finished() const { return finished_; }
  const absl::Status& status() const { return status_; }
  const std::vector<std::string>& answers() const { return answers_; }

 private:
  rpc::Identity identity_;
  rpc::Role role_;
  std::string request_;
  std::vector<std::string> answers_;
  bool finished_ = false;
  absl::Status status_;
  std::function<void()> gone_;
};

// The handlers of a daemon, by method.
class FakeServer : public rpc::Handlers {
 public:
  void Handle(std::string_view method, rpc::UnaryHandler handler) override {
    unary.emplace_back(std::string(method), std::move(handler));
  }
  void HandleStream(std::string_view method, rpc::StreamHandler handler) override {
    streams.emplace_back(std::string(method), std::move(handler));
  }
  std::vector<std::pair<std::string, rpc::UnaryHandler>> unary;
  std::vector<std::pair<std::string, rpc::StreamHandler>> streams;
};

}  // namespace reeve::fuzz
