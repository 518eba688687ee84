#include "ctld/node_sender.h"

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

namespace reeve::ctld {
namespace {

class FakeStream : public rpc::ServerStream {
 public:
  const rpc::Identity& identity() const override { return identity_; }
  rpc::Role role() const override { return {}; }
  const std::string& first_message() const override { return first_; }
  std::string peer() const override { return "n1"; }
  size_t queued_bytes() const override { return 0; }
  void Send(const google::protobuf::MessageLite& message) override {
    std::lock_guard lock(mutex_);
    v1::ControllerMessage& sent = sent_.emplace_back();
    ASSERT_TRUE(sent.ParseFromString(message.SerializeAsString()));
    changed_.notify_all();
  }
  void Finish(absl::Status status) override {
    std::lock_guard lock(mutex_);
    finished_ = std::move(status);
    changed_.notify_all();
  }

  // What has been sent, once there are so many messages.
  std::vector<v1::ControllerMessage> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return sent_.size() >= count; });
    return sent_;
  }
  absl::Status AwaitFinish() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !finished_.ok(); });
    return finished_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  rpc::Identity identity_;
  std::string first_;
  std::vector<v1::ControllerMessage> sent_;
  absl::Status finished_;
};

NodeCommand Ack(uint64_t id) {
  return {"n1", Acknowledge{id}};
}
NodeCommand Terminate(uint32_t job) {
  TerminateJob terminate;
  terminate.job = JobId{job};
  return {"n1", terminate};
}
std::vector<uint64_t> Acknowledged(const v1::ControllerMessage& message) {
  return {message.acknowledged().begin(), message.acknowledged().end()};
}

class NodeSenderTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeStream> stream_ = std::make_shared<FakeStream>();
  std::shared_ptr<FakeStream> other_ = std::make_shared<FakeStream>();
  void Start(std::chrono::milliseconds delay) {
    sender_ = std::make_unique<NodeSender>(
        NodeSender::Options{.cluster = "c", .epoch = 7, .acknowledge_delay = delay}, nullptr,
        [](const NodeCommand&, const absl::Status&) {});
  }
  std::unique_ptr<NodeSender> sender_;
};

TEST_F(NodeSenderTest, AcknowledgementsRideOnTheNextCommandToTheNode) {
  Start(std::chrono::hours(1));
  sender_->Send(stream_, Ack(1));
  sender_->Send(stream_, Ack(2));
  sender_->Send(other_, Terminate(8));
  sender_->Send(stream_, Terminate(9));
  const auto sent = stream_->Await(1);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].epoch(), 7u);
  EXPECT_EQ(sent[0].terminate().job_id(), 9u);
  EXPECT_EQ(Acknowledged(sent[0]), (std::vector<uint64_t>{1, 2}));
  EXPECT_TRUE(other_->Await(1)[0].acknowledged().empty());
}

TEST_F(NodeSenderTest, AcknowledgementsLeaveByThemselvesWhenNothingElseDoes) {
  Start(std::chrono::milliseconds(20));
  sender_->Send(stream_, Ack(1));
  sender_->Send(other_, Ack(2));
  const auto sent = stream_->Await(1);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].kind_case(), v1::ControllerMessage::KIND_NOT_SET);
  EXPECT_EQ(Acknowledged(sent[0]), (std::vector<uint64_t>{1}));
  EXPECT_EQ(Acknowledged(other_->Await(1)[0]), (std::vector<uint64_t>{2}));
  // Each once, and later ones too.
  sender_->Send(stream_, Ack(3));
  EXPECT_EQ(Acknowledged(stream_->Await(2)[1]), (std::vector<uint64_t>{3}));
}

TEST_F(NodeSenderTest, ANodeThatIsHungUpOnIsToldNothingMore) {
  Start(std::chrono::milliseconds(200));
  sender_->Send(stream_, Ack(1));
  sender_->Send(stream_, {"n1", HangUp{}});
  EXPECT_FALSE(stream_->AwaitFinish().ok());
  sender_->Send(other_, Ack(2));
  other_->Await(1);  // by when the stream's own would have left
  EXPECT_TRUE(stream_->Await(0).empty());
}

}  // namespace
}  // namespace reeve::ctld
