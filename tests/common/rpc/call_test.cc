// Calls and streams between a real client and a real server, with a munged of the test's own.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "common/rpc/session.h"
#include "reeve/v1/ctld.pb.h"
#include "tests/support/private_munged.h"

namespace reeve::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Collects from other threads; Wait ends with a deadline.
class Inbox {
 public:
  void Put(std::string text) {
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(text));
    changed_.notify_all();
  }
  std::vector<std::string> Wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return items_.size() >= count; });
    return items_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> items_;
};

class CallTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { munged_ = new testing::PrivateMunged; }
  static void TearDownTestSuite() { delete munged_; }

  void Start(Trust trust = {.slurm_user = getuid(), .slurmd_user = getuid()}) {
    target_ = "unix:" + (dir_ / "socket");
    server_ = std::make_unique<Server>(Server::Options{{target_}, munged_->munge(), trust});
    server_->Handle("Controller/Ping", [](std::shared_ptr<Call> call) {
      v1::PingResponse out;
      out.set_host(std::to_string(call->identity().uid));
      call->Reply(out);
    });
    server_->Handle("Controller/QueryJobs", [](std::shared_ptr<Call> call) {
      for (uint32_t i = 1; i <= 3; ++i) {
        v1::QueryJobsResponse out;
        out.add_jobs()->set_job_id(i);
        call->Write(out);
      }
      call->Finish(absl::OkStatus());
    });
    server_->Handle("Controller/GetConfig", [](std::shared_ptr<Call> call) {
      call->Finish(absl::NotFoundError("note\nInvalid job id specified"));
    });
    server_->Handle("Controller/ShowConfig", [](std::shared_ptr<Call>) {});  // drops it
    server_->Handle("Accounting/PushRecords",
                    [](std::shared_ptr<Call> call) { call->Reply(v1::PingResponse()); });
    server_->HandleStream("Controller/NodeStream", [this](std::shared_ptr<ServerStream> stream) {
      stream_ = stream;
      server_inbox_.Put("first");
      return ServerStream::Events{.on_message =
                                      [this](std::string bytes) {
                                        v1::NodeMessage message;
                                        message.ParseFromString(bytes);
                                        server_inbox_.Put(message.registration().node());
                                        v1::ControllerMessage answer;
                                        answer.set_epoch(7);
                                        stream_->Send(answer);
                                      },
                                  .on_closed = [this] { server_inbox_.Put("closed"); }};
    });
    ASSERT_TRUE(server_->Start().ok());
  }

  Channel Dial() { return Channel(target_, munged_->munge()); }

  static testing::PrivateMunged* munged_;
  testing::TempDir dir_;
  std::string target_;
  Inbox server_inbox_;
  std::shared_ptr<ServerStream> stream_;
  std::unique_ptr<Server> server_;
};
testing::PrivateMunged* CallTest::munged_ = nullptr;

TEST_F(CallTest, TheServerKnowsWhoCalls) {
  Start();
  auto answer = Dial().Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->host(), std::to_string(getuid()));
}

TEST_F(CallTest, LongAnswersComeInPieces) {
  Start();
  std::vector<uint32_t> ids;
  absl::Status status =
      Dial().CallRaw("Controller/QueryJobs", v1::QueryJobsRequest(), absl::Seconds(10),
                     [&](std::string_view bytes) {
                       v1::QueryJobsResponse piece;
                       piece.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
                       for (const v1::Job& job : piece.jobs()) ids.push_back(job.job_id());
                       return true;
                     });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(ids, ElementsAre(1, 2, 3));
}

TEST_F(CallTest, AStatusArrivesWhole) {
  Start();
  auto answer = Dial().Call<v1::GetConfigResponse>("Controller/GetConfig", v1::GetConfigRequest());
  EXPECT_EQ(answer.status(), absl::NotFoundError("note\nInvalid job id specified"));
}

TEST_F(CallTest, ADroppedCallIsAnswered) {
  Start();
  auto answer =
      Dial().Call<v1::ShowConfigResponse>("Controller/ShowConfig", v1::ShowConfigRequest());
  EXPECT_TRUE(absl::IsInternal(answer.status())) << answer.status();
}

TEST_F(CallTest, UnknownMethodsAreUnimplemented) {
  Start();
  auto answer = Dial().Call<v1::PingResponse>("Controller/Nonsense", v1::PingRequest());
  EXPECT_TRUE(absl::IsUnimplemented(answer.status())) << answer.status();
}

TEST_F(CallTest, AnAbsentServerIsUnavailableAndRetryable) {
  target_ = "unix:" + (dir_ / "nobody");
  auto answer = Dial().Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
  EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  EXPECT_TRUE(IsRetryable(answer.status()));
}

// A client that waits for its daemon must not wait for gRPC's idea of when to connect again.
TEST_F(CallTest, TheFirstCallAfterTheServerIsBackGetsThrough) {
  Start();
  Channel channel = Dial();
  ASSERT_TRUE(channel.Call<v1::PingResponse>("Controller/Ping", v1::PingRequest()).ok());
  server_->Stop();
  server_.reset();
  for (int i = 0; i < 5; ++i) {
    auto answer = channel.Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  }
  Start();
  auto answer = channel.Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST_F(CallTest, AStrangersMungeIsRefused) {
  Start();
  testing::PrivateMunged stranger;
  auto answer = Channel(target_, stranger.munge())
                    .Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
  EXPECT_TRUE(absl::IsUnauthenticated(answer.status())) << answer.status();
}

TEST_F(CallTest, ThoseWhomTheTableDoesNotNameAreRefused) {
  Start({.slurm_user = getuid() + 1, .slurmd_user = getuid() + 2});
  auto answer = Dial().Call<v1::PingResponse>("Accounting/PushRecords", v1::PingRequest());
  EXPECT_TRUE(absl::IsPermissionDenied(answer.status())) << answer.status();
}

TEST_F(CallTest, NoMungedIsSaidByName) {
  Start();
  auto answer = Channel(target_, Munge(dir_ / "no-munged"))
                    .Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
  EXPECT_TRUE(absl::IsUnavailable(answer.status()));
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("munged"));
}

TEST_F(CallTest, AStreamGoesBothWaysAndEnds) {
  Start();
  Inbox inbox;
  v1::NodeMessage hello;
  auto stream =
      Dial().OpenStream("Controller/NodeStream", hello, getuid(),
                        {.on_message =
                             [&](std::string bytes) {
                               v1::ControllerMessage message;
                               message.ParseFromString(bytes);
                               inbox.Put("epoch " + std::to_string(message.epoch()));
                             },
                         .on_closed =
                             [&](absl::Status status) {
                               inbox.Put(status.ok() ? "closed" : std::string(status.message()));
                             }});
  ASSERT_TRUE(stream.ok()) << stream.status();
  for (const char* node : {"n1", "n2"}) {
    v1::NodeMessage message;
    message.mutable_registration()->set_node(node);
    (*stream)->Send(message);
  }
  EXPECT_THAT(inbox.Wait(2), ElementsAre("epoch 7", "epoch 7"));
  (*stream)->CloseSending();
  EXPECT_THAT(inbox.Wait(3), ElementsAre("epoch 7", "epoch 7", "closed"));
  EXPECT_THAT(server_inbox_.Wait(4), ElementsAre("first", "n1", "n2", "closed"));
}

TEST_F(CallTest, ACancelledStreamEndsOnBothSides) {
  Start();
  Inbox inbox;
  auto stream = Dial().OpenStream(
      "Controller/NodeStream", v1::NodeMessage(), getuid(),
      {.on_message = [](std::string) {}, .on_closed = [&](absl::Status) { inbox.Put("closed"); }});
  ASSERT_TRUE(stream.ok());
  EXPECT_THAT(server_inbox_.Wait(1), ElementsAre("first"));
  stream->reset();
  EXPECT_THAT(inbox.Wait(1), ElementsAre("closed"));
  EXPECT_THAT(server_inbox_.Wait(2), ElementsAre("first", "closed"));
}

// Root may open every credential: as root the test runs again as somebody else.
void RunAsNobody() {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(126);
    execl("/proc/self/exe", "call_test", "--gtest_filter=CallTest.AStreamOnlyForAnotherUser*",
          nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(CallTest, AStreamOnlyForAnotherUserCannotBeOpened) {
  if (getuid() == 0) return RunAsNobody();
  Start();
  Inbox inbox;
  auto stream = Dial().OpenStream(
      "Controller/NodeStream", v1::NodeMessage(), getuid() + 1,
      {.on_message = [](std::string) {},
       .on_closed = [&](absl::Status status) { inbox.Put(std::string(status.message())); }});
  ASSERT_TRUE(stream.ok());
  EXPECT_THAT(inbox.Wait(1), ElementsAre(HasSubstr("credential refused")));
}

}  // namespace
}  // namespace reeve::rpc
