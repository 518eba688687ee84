// A node daemon's two doors: what its controller commands, and clients' StepIo streams, against the
// real step runner and relay. Its forker starts a program that does not exist, so that every launch
// fails: each is answered by a report, streams are refused or end, and nothing is left in the
// spool.
#include <map>

#include "noded/io_relay.h"
#include "noded/step_runner.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_filler.h"
#include "tests/support/temp_dir.h"

namespace reeve::noded {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

constexpr int kMaxMessages = 24;

class FakeStream : public rpc::ServerStream {
 public:
  FakeStream(uid_t uid, std::string first) : identity_{uid, uid}, first_(std::move(first)) {}
  const rpc::Identity& identity() const override { return identity_; }
  rpc::Role role() const override { return rpc::Role::kUser; }
  const std::string& first_message() const override { return first_; }
  std::string peer() const override { return "fuzz"; }
  void Send(const google::protobuf::MessageLite&) override {
    Expect(!finished, "a message after the end");
  }
  size_t queued_bytes() const override { return 0; }
  void Finish(absl::Status status) override {
    Expect(!finished, "a stream ends twice");
    finished = true;
    Expect(status.ok() || !status.message().empty(), "refused in silence");
  }
  bool finished = false;

 private:
  rpc::Identity identity_;
  std::string first_;
};

class World {
 public:
  World() {
    settings_.spool_dir = folder_ / "spool";
    settings_.node = "n1";
    settings_.cluster = "test";
    settings_.cgroups = false;
    forker_ = std::make_unique<Forker>(&loop_, "/nonexistent/reeve-stepd", settings_);
    runner_ =
        std::make_unique<StepRunner>(&loop_, settings_, forker_.get(), 1,
                                     [this](const v1::NodeMessage& message) { Take(message); });
    relay_ = std::make_unique<IoRelay>(&loop_, runner_.get(), "n1");
    Expect(runner_->Start().ok(), "the runner does not start");
  }

  void Run(Bytes bytes) {
    for (int i = 0; i < kMaxMessages && !bytes.empty(); ++i) {
      bytes.Below(3) == 0 ? Stream(bytes) : Command(bytes);
      Settle();
    }
    for (Client& client : clients_) client.events.on_closed();
    Settle();
    // Everything that was reported is acknowledged: nothing stays.
    for (int round = 0; round < 4; ++round) {
      const std::vector<uint64_t> reported = reported_;
      for (uint64_t id : reported) runner_->Acknowledge(id);
      Settle();
    }
    Expect(runner_->Known().empty(), "a step stays behind");
    absl::StatusOr<std::vector<StepKey>> left = ListSpool(settings_.spool_dir);
    Expect(left.ok() && left->empty(), "a folder stays behind");
  }

 private:
  struct Client {
    std::shared_ptr<FakeStream> stream;
    rpc::ServerStream::Events events;
  };

  void Settle() {
    for (int i = 0; i < 200 && loop_.RunOnce(); ++i) {
    }
  }

  void Take(const v1::NodeMessage& message) {
    if (message.has_step_report()) reported_.push_back(message.step_report().report_id());
    if (message.has_job_gone()) reported_.push_back(message.job_gone().report_id());
  }

  void Command(Bytes& bytes) {
    v1::ControllerMessage message;
    fuzz::Fill(bytes, &message);
    for (uint64_t id : message.acknowledged()) runner_->Acknowledge(id);
    switch (message.kind_case()) {
      case v1::ControllerMessage::kLaunch:
        return runner_->Launch(message.launch());
      case v1::ControllerMessage::kSignal:
        return runner_->Signal(message.signal());
      case v1::ControllerMessage::kTerminate:
        return runner_->TerminateJob(message.terminate());
      case v1::ControllerMessage::kSuspend:
        return runner_->Suspend(message.suspend());
      case v1::ControllerMessage::kKillStep:
        return runner_->KillStep(message.kill_step());
      default:
        return runner_->Connected();
    }
  }

  void Stream(Bytes& bytes) {
    v1::StepIoRequest request;
    const bool readable = fuzz::Fill(bytes, &request);
    const std::string text = readable ? request.SerializeAsString() : std::string(bytes.Text());
    if (!clients_.empty() && bytes.Flag()) {
      Client& client = clients_[bytes.Below(static_cast<uint32_t>(clients_.size()))];
      return client.events.on_message(text);
    }
    auto stream = std::make_shared<FakeStream>(1000 + bytes.Below(2), text);
    clients_.push_back({stream, relay_->OnStream(stream)});
  }

  testing::TempDir folder_;
  os::EventLoop loop_;
  StepdSettings settings_;
  std::unique_ptr<Forker> forker_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<IoRelay> relay_;
  std::vector<Client> clients_;
  std::vector<uint64_t> reported_;
};

}  // namespace
}  // namespace reeve::noded

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Silence();
  reeve::noded::World().Run(reeve::fuzz::Bytes(data, size));
  return 0;
}
