// TLS between a real client and a real server, and the files that daemons take it from.
#include "common/rpc/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/rpc/throwaway_ca.h"
#include "reeve/v1/ctld.pb.h"
#include "rpc_fixture.h"
#include "tests/support/raw_client.h"

namespace reeve::rpc {
namespace {

using ::testing::HasSubstr;

class TlsTest : public RpcFixture {
 protected:
  TlsTest() : ca_(*ThrowawayCa::Make()) {
    EXPECT_TRUE(os::WriteFile(dir_ / "ca.pem", ca_.Own()->cert_pem).ok());
  }
  void Serve(std::optional<KeyPair> tls) {
    Make({.slurm_user = getuid(), .slurmd_user = getuid()}, {}, std::move(tls));
    server_->Handle("Controller/Ping",
                    [](std::shared_ptr<Call> call) { call->Reply(v1::PingResponse()); });
    server_->HandleStream("Controller/NodeStream", [](std::shared_ptr<ServerStream> stream) {
      return ServerStream::Events{[stream](std::string) {
                                    v1::ControllerMessage answer;
                                    answer.set_epoch(7);
                                    stream->Send(answer);
                                  },
                                  [] {}};
    });
    Start();
  }
  absl::Status Ping(const std::string& ca_file, const std::string& name) {
    const Channel channel(ca_file.empty() ? Target(target_) : Target(target_, ca_file, name),
                          munged_->munge());
    return channel.Call<v1::PingResponse>("Controller/Ping", v1::PingRequest(), absl::Seconds(5))
        .status();
  }

  ThrowawayCa ca_;
};

TEST_F(TlsTest, WithTheCaAndTheNameItWorks) {
  Serve(*ca_.Issue("ctl"));
  EXPECT_TRUE(Ping(dir_ / "ca.pem", "ctl").ok()) << Ping(dir_ / "ca.pem", "ctl");
}

TEST_F(TlsTest, StreamsToo) {
  Serve(*ca_.Issue("ctl"));
  Inbox<> inbox;
  const Channel channel(Target(target_, dir_ / "ca.pem", "ctl"), munged_->munge());
  auto stream = channel.OpenStream(
      "Controller/NodeStream", v1::NodeMessage(), getuid(),
      {.on_message = [&](std::string) { inbox.Put("answer"); }, .on_closed = [](absl::Status) {}});
  ASSERT_TRUE(stream.ok());
  (*stream)->Send(v1::NodeMessage());
  EXPECT_EQ(inbox.Wait(1).size(), 1u);
}

TEST_F(TlsTest, AnotherDaemonsCertificateIsRefused) {
  Serve(*ca_.Issue("n1"));
  EXPECT_TRUE(absl::IsUnavailable(Ping(dir_ / "ca.pem", "ctl")));
}

TEST_F(TlsTest, AnotherCasCertificateIsRefused) {
  Serve(*ThrowawayCa::Make()->Issue("ctl"));
  EXPECT_TRUE(absl::IsUnavailable(Ping(dir_ / "ca.pem", "ctl")));
}

TEST_F(TlsTest, PlainTextIsRefusedOnEitherSide) {
  Serve(*ca_.Issue("ctl"));
  EXPECT_FALSE(Ping("", "").ok());
  server_.reset();
  Serve({});
  EXPECT_FALSE(Ping(dir_ / "ca.pem", "ctl").ok());
  EXPECT_TRUE(Ping("", "").ok());
}

TEST_F(TlsTest, AMissingCaFileIsNamed) {
  EXPECT_THAT(std::string(Ping(dir_ / "none.pem", "ctl").message()), HasSubstr("none.pem"));
}

// ---- files of daemons ---------------------------------------------------------------------------

class TlsFilesTest : public TlsTest {
 protected:
  TlsFilesTest() {
    config_.path = dir_ / "slurm.conf";
    config_.tls.enabled = true;
    config_.controllers = {{"ctl", "10.0.0.1"}};
    Put("ctld", *ca_.Issue("ctl"));
  }
  void Put(const std::string& prefix, const KeyPair& pair) {
    EXPECT_TRUE(os::WriteFile(dir_ / (prefix + "_cert.pem"), pair.cert_pem).ok());
    EXPECT_TRUE(os::WriteFile(dir_ / (prefix + "_cert_key.pem"), pair.key_pem).ok());
  }
  std::string Problem() { return std::string(ControllerKeyPair(config_).status().message()); }
  Config config_;
};

TEST_F(TlsFilesTest, AreFoundBesideTheConfiguration) {
  absl::StatusOr<std::optional<KeyPair>> pair = ControllerKeyPair(config_);
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_TRUE(pair->has_value());
  EXPECT_EQ(CaCertFile(config_), "/etc/reeve/ca_cert.pem");
  EXPECT_TRUE(os::WriteFile(dir_ / "ca_cert.pem", "x").ok());
  EXPECT_EQ(CaCertFile(config_), dir_ / "ca_cert.pem");
}

TEST_F(TlsFilesTest, AreNotLookedForWithoutTls) {
  config_.tls.enabled = false;
  config_.tls.ctld_cert_file = "/none";
  absl::StatusOr<std::optional<KeyPair>> pair = ControllerKeyPair(config_);
  ASSERT_TRUE(pair.ok());
  EXPECT_FALSE(pair->has_value());
  EXPECT_EQ(CaCertFile(config_), "");
}

TEST_F(TlsFilesTest, EachMistakeIsNamed) {
  config_.controllers[0].host = "other";
  EXPECT_THAT(Problem(), HasSubstr("is not for 'other'"));
  config_.controllers[0].host = "ctl";
  ASSERT_EQ(chmod((dir_ / "ctld_cert_key.pem").c_str(), 0644), 0);
  EXPECT_THAT(Problem(), HasSubstr("use mode 0600"));
  ASSERT_EQ(chmod((dir_ / "ctld_cert_key.pem").c_str(), 0600), 0);
  EXPECT_TRUE(ControllerKeyPair(config_).ok()) << Problem();
  config_.tls.ctld_cert_key_file = dir_ / "other_key.pem";
  EXPECT_THAT(Problem(), HasSubstr("other_key.pem"));
  ASSERT_TRUE(os::WriteFile(dir_ / "other_key.pem", ca_.Issue("ctl")->key_pem).ok());
  EXPECT_THAT(Problem(), HasSubstr("does not belong to the key"));
  ASSERT_TRUE(os::WriteFile(dir_ / "other_key.pem", "no key").ok());
  EXPECT_THAT(Problem(), HasSubstr("is no private key"));
}

TEST_F(TlsFilesTest, ANodesNameIsInItsPathAndItsCertificate) {
  NodeConfig node;
  node.name = "n7";
  node.hostname = "host7";
  config_.tls.slurmd_cert_file = dir_ / "%n_cert.pem";
  config_.tls.slurmd_cert_key_file = dir_ / "%n_cert_key.pem";
  Put("n7", *ca_.Issue("host7"));
  EXPECT_TRUE(NodeKeyPair(config_, node).ok()) << NodeKeyPair(config_, node).status();
  Put("n7", *ca_.Issue("host8"));
  EXPECT_FALSE(NodeKeyPair(config_, node).ok());
}

TEST_F(TlsFilesTest, AccountingOnTheControllersHostHasItsName) {
  EXPECT_EQ(AccountingName(config_), "ctl");
  config_.accounting_host = "localhost";
  EXPECT_EQ(AccountingName(config_), "ctl");
  config_.accounting_host = "db1";
  EXPECT_EQ(AccountingName(config_), "db1");
}

TEST(ThrowawayCa, GoesOnFromItsFiles) {
  const ThrowawayCa first = *ThrowawayCa::Make();
  absl::StatusOr<ThrowawayCa> again = ThrowawayCa::Read(*first.Own());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->Issue("n1").ok());
  EXPECT_FALSE(ThrowawayCa::Read({"no", "thing"}).ok());
}

}  // namespace
}  // namespace reeve::rpc
