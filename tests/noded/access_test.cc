// Who may have a step's streams: a real node's relay with real steps of real users. A line for
// every RPC of the node daemon.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <mutex>
#include <optional>
#include <set>

#include "common/rpc/authorization.h"
#include "common/rpc/client.h"
#include "noded/io_relay.h"
#include "step_harness.h"
#include "tests/support/as_user.h"
#include "tests/support/private_munged.h"

namespace reeve::noded {
namespace {

constexpr uid_t kOwner = 1000, kStranger = 1001, kOperator = 500, kAdministrator = 600;
constexpr char kSecret[] = "0123456789abcdef", kOtherSecret[] = "fedcba9876543210";

TEST(Access, EveryRpcOfTheNodeDaemonHasRefusalTests) {
  std::set<std::string> methods;
  for (const rpc::AccessRule& rule : rpc::AccessTable()) {
    if (rule.method.starts_with("NodeDaemon/")) methods.insert(std::string(rule.method));
  }
  EXPECT_EQ(
      methods,
      (std::set<std::string>{"NodeDaemon/Ping",        // open to all: common/rpc/access_test.cc
                             "NodeDaemon/StepIo",      // below
                             "NodeDaemon/Witness"}));  // nodes only: common/rpc/access_test.cc
}

// What a client hears, from any thread.
class Ear {
 public:
  rpc::Stream::Events Events() {
    return {[this](std::string bytes) {
              v1::StepIoResponse response;
              std::lock_guard lock(mutex_);
              if (response.ParseFromString(bytes) && response.has_attached()) attached_ = true;
            },
            [this](absl::Status status) {
              std::lock_guard lock(mutex_);
              closed_ = std::move(status);
            }};
  }
  bool heard() {
    std::lock_guard lock(mutex_);
    return attached_ || closed_.has_value();
  }
  // "attached", or the words of refusal.
  std::string word() {
    std::lock_guard lock(mutex_);
    if (attached_) return "attached";
    return closed_.has_value() ? std::string(closed_->message()) : "nothing";
  }
  std::optional<absl::Status> closed() {
    std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::mutex mutex_;
  bool attached_ = false;
  std::optional<absl::Status> closed_;
};

class StepIoAccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REEVE_NEEDS_ROOT();
    munged_ = std::make_unique<reeve::testing::PrivateMunged>();
    node_ = std::make_unique<StepNode>(/*cgroups=*/false);
    node_->StartDaemon();
    relay_ = std::make_unique<IoRelay>(&node_->loop(), &node_->runner(), "n1");
    chmod(dir_.path().c_str(), 0711);  // clients are other users
    target_ = "unix:" + (dir_ / "node.sock");
    server_ = std::make_unique<rpc::Server>(rpc::Server::Options{
        {target_}, munged_->munge(), {0, 0, {kOperator}, {kAdministrator}}, {}, {}});
    server_->HandleStream("NodeDaemon/StepIo", [this](std::shared_ptr<rpc::ServerStream> stream) {
      return relay_->OnStream(std::move(stream));
    });
    ASSERT_TRUE(server_->Start().ok());
  }
  void TearDown() override {
    channels_.clear();
    if (server_ != nullptr) server_->Stop();
    // What the streams posted at their end is for the relay.
    while (node_ != nullptr && node_->loop().RunOnce()) {
    }
    relay_.reset();
    if (node_ != nullptr) node_->Terminate(1, 0);
    if (node_ != nullptr) node_->Terminate(2, 0);
  }

  v1::StepLaunch Sleeper(uint32_t job, uid_t uid, const std::string& secret) {
    v1::StepLaunch launch = node_->Srun(job, 0, {"sleep", "1000"});
    launch.set_uid(uid);
    launch.set_gid(uid);
    launch.set_work_dir("/tmp");
    launch.set_io_secret(secret);
    return launch;
  }
  void Launch(const v1::StepLaunch& launch) {
    node_->Launch(launch);
    node_->Await(launch.job_id(), launch.step_id(), v1::StepReport::KIND_STARTED);
  }

  struct Client {
    Ear ear;
    std::unique_ptr<rpc::Stream> stream;
  };
  std::unique_ptr<Client> Open(uid_t uid, uint32_t job, const std::string& secret,
                               int32_t step = 0) {
    auto client = std::make_unique<Client>();
    v1::StepIoRequest request;
    request.mutable_attach()->set_job_id(job);
    request.mutable_attach()->set_step_id(step);
    request.mutable_attach()->set_io_secret(secret);
    reeve::testing::AsUser(uid, [&] {
      channels_.push_back(std::make_unique<rpc::Channel>(target_, munged_->munge()));
      auto stream = channels_.back()->OpenStream("NodeDaemon/StepIo", request, std::nullopt,
                                                 client->ear.Events());
      ASSERT_TRUE(stream.ok()) << stream.status();
      client->stream = *std::move(stream);
    });
    return client;
  }
  std::string Attach(uid_t uid, uint32_t job, const std::string& secret, int32_t step = 0) {
    std::unique_ptr<Client> client = Open(uid, job, secret, step);
    EXPECT_TRUE(node_->Until([&] { return client->ear.heard(); }));
    return client->ear.word();
  }

  std::unique_ptr<reeve::testing::PrivateMunged> munged_;
  reeve::testing::TempDir dir_;
  std::string target_;
  std::unique_ptr<StepNode> node_;
  std::unique_ptr<IoRelay> relay_;
  std::unique_ptr<rpc::Server> server_;
  std::vector<std::unique_ptr<rpc::Channel>> channels_;
};

constexpr char kDenied[] = "Access/permission denied";

TEST_F(StepIoAccessTest, OnlyItsOwnerAndOnlyWithItsSecret) {
  Launch(Sleeper(1, kOwner, kSecret));
  Launch(Sleeper(2, kStranger, kOtherSecret));
  EXPECT_EQ(Attach(kOwner, 1, kSecret), "attached");
  for (const std::string& secret :
       {std::string(), std::string(kOtherSecret), std::string(kSecret).substr(1),
        std::string(kSecret) + "0", std::string(16, '\0')}) {
    EXPECT_EQ(Attach(kOwner, 1, secret), kDenied) << "without its secret: '" << secret << "'";
  }
  EXPECT_EQ(Attach(kStranger, 1, kSecret), kDenied) << "another user who knows the secret";
  EXPECT_EQ(Attach(kStranger, 1, kOtherSecret), kDenied) << "another user with his own secret";
  EXPECT_EQ(Attach(kOperator, 1, kSecret), kDenied) << "an operator";
  EXPECT_EQ(Attach(kOwner, 2, kSecret), kDenied) << "another user's step with one's own secret";
  EXPECT_EQ(Attach(kStranger, 2, kOtherSecret), "attached");
  EXPECT_EQ(Attach(kAdministrator, 1, kSecret), "attached");
  EXPECT_EQ(Attach(kAdministrator, 1, kOtherSecret), kDenied);
  EXPECT_EQ(Attach(0, 1, ""), kDenied) << "root needs the secret too";
}

TEST_F(StepIoAccessTest, ABatchStepHasNoSecretAndNoClients) {
  v1::StepLaunch launch = node_->Batch(1, "sleep 1000");
  launch.set_uid(kOwner);
  launch.set_gid(kOwner);
  launch.set_work_dir("/tmp");
  launch.set_std_out("/dev/null");
  Launch(launch);
  EXPECT_EQ(Attach(kOwner, 1, "", kBatchStep.value), kDenied);
  EXPECT_EQ(Attach(kOwner, 1, kSecret, kBatchStep.value), kDenied);
}

TEST_F(StepIoAccessTest, WhoWaitsForAStepIsCheckedWhenItComes) {
  std::unique_ptr<Client> stranger = Open(kStranger, 1, kSecret);
  std::unique_ptr<Client> owner = Open(kOwner, 1, kSecret);
  Launch(Sleeper(1, kOwner, kSecret));
  EXPECT_TRUE(node_->Until([&] { return stranger->ear.heard() && owner->ear.heard(); }));
  EXPECT_EQ(stranger->ear.word(), kDenied);
  EXPECT_EQ(owner->ear.word(), "attached");
}

TEST_F(StepIoAccessTest, AnAttachedClientCannotTurnToAnotherStep) {
  Launch(Sleeper(1, kOwner, kSecret));
  Launch(Sleeper(2, kStranger, kOtherSecret));
  std::unique_ptr<Client> client = Open(kOwner, 1, kSecret);
  EXPECT_TRUE(node_->Until([&] { return client->ear.heard(); }));
  v1::StepIoRequest again;
  again.mutable_attach()->set_job_id(2);
  again.mutable_attach()->set_io_secret(kOtherSecret);
  client->stream->Send(again);
  EXPECT_TRUE(node_->Until([&] { return client->ear.closed().has_value(); }));
  EXPECT_TRUE(absl::IsInvalidArgument(*client->ear.closed())) << *client->ear.closed();
}

// Anybody may wait for a step that does not come, with many streams at once.
TEST_F(StepIoAccessTest, WhoWaitsForAStepLeavesLittleHere) {
  v1::StepIoRequest input;
  input.mutable_stdin()->set_data(std::string(1000, 'x'));
  for (const v1::StepIoRequest& message : {v1::StepIoRequest(), input}) {
    std::unique_ptr<Client> client = Open(kStranger, 1, kSecret);
    for (int i = 0; i < 4000; ++i) client->stream->Send(message);
    EXPECT_TRUE(node_->Until([&] { return client->ear.heard(); }));
    EXPECT_TRUE(absl::IsResourceExhausted(*client->ear.closed())) << *client->ear.closed();
  }
}

}  // namespace
}  // namespace reeve::noded
