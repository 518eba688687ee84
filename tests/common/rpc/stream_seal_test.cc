// Streams between ends of which one does not keep to the rules.
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "common/rpc/session.h"
#include "reeve/v1/ctld.pb.h"
#include "rpc_fixture.h"
#include "tests/support/raw_client.h"

namespace reeve::rpc {
namespace {

using ::testing::ElementsAre;

constexpr char kMethod[] = "Controller/NodeStream";

std::string Heartbeat(int load) {
  v1::NodeMessage message;
  message.mutable_heartbeat()->set_cpu_load(load);
  return message.SerializeAsString();
}

// ---- a client that cheats -----------------------------------------------------------------------

class CheatingClientTest : public RpcFixture {
 protected:
  CheatingClientTest() {
    Make({.slurm_user = getuid(), .slurmd_user = getuid()});
    server_->HandleStream(kMethod, [this](std::shared_ptr<ServerStream> stream) {
      return ServerStream::Events{
          [this, stream](std::string bytes) { received_.Put(std::move(bytes)); },
          [this] { received_.Put("closed"); }};
    });
    Start();
    const std::string first = Heartbeat(0);
    call_ = std::make_unique<testing::RawCall>(
        target_, kMethod, *munged_->munge().Encode(BindCall(kMethod, first, key_)));
    EXPECT_TRUE(call_->Write(first));
    EXPECT_TRUE(call_->Write(session_.Seal("one")));
    EXPECT_THAT(received_.Wait(1), ElementsAre("one"));
  }
  // What follows is noticed: the stream ends, nothing more was delivered.
  void ExpectCaught() {
    const absl::Status status = call_->Finish();
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_THAT(received_.Wait(2), ElementsAre("one", "closed"));
  }

  const std::string key_ = RandomBytes(kKeyBytes);
  Session session_{key_, Session::End::kClient};
  Inbox<> received_;
  std::unique_ptr<testing::RawCall> call_;
};

TEST_F(CheatingClientTest, HonestlyItWorks) {
  EXPECT_TRUE(call_->Write(session_.Seal("two")));
  EXPECT_THAT(received_.Wait(2), ElementsAre("one", "two"));
  call_->CloseSending();
  EXPECT_TRUE(call_->Finish().ok());
}

TEST_F(CheatingClientTest, ADoubledMessageEndsTheStream) {
  Session again(key_, Session::End::kClient);
  call_->Write(again.Seal("one"));  // the same bytes as before
  ExpectCaught();
}

TEST_F(CheatingClientTest, ADroppedMessageEndsTheStream) {
  session_.Seal("two");
  call_->Write(session_.Seal("three"));
  ExpectCaught();
}

TEST_F(CheatingClientTest, ReorderedMessagesEndTheStream) {
  const std::string two = session_.Seal("two");
  call_->Write(session_.Seal("three"));
  call_->Write(two);
  ExpectCaught();
}

TEST_F(CheatingClientTest, AnAlteredMessageEndsTheStream) {
  std::string two = session_.Seal("two");
  two.back() ^= 1;
  call_->Write(two);
  ExpectCaught();
}

TEST_F(CheatingClientTest, AnUnsealedMessageEndsTheStream) {
  call_->Write(Heartbeat(1));
  ExpectCaught();
}

TEST_F(CheatingClientTest, AnotherStreamsMessageEndsTheStream) {
  Session other(RandomBytes(kKeyBytes), Session::End::kClient);
  other.Seal("one");
  call_->Write(other.Seal("two"));
  ExpectCaught();
}

// ---- a server that cheats -----------------------------------------------------------------------

// Opens the credential as the real one does, then says what the test makes it say.
class LyingServer : public grpc::CallbackGenericService {
 public:
  using Script = std::function<std::vector<std::string>(const std::string& key)>;
  LyingServer(const std::string& target, Munge munge, Script script)
      : munge_(std::move(munge)), script_(std::move(script)) {
    setenv("GRPC_DNS_RESOLVER", "native", 0);  // as the client will
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target, grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~LyingServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(context, *this);
  }

 private:
  class Reactor : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(grpc::GenericCallbackServerContext* context, LyingServer& server) {
      auto metadata = context->client_metadata().find("reeve-credential");
      absl::StatusOr<Credential> credential =
          server.munge_.Decode(std::string(metadata->second.data(), metadata->second.size()));
      messages_ = server.script_(credential.ok() ? credential->payload.substr(33) : "");
      Next();
    }
    void OnWriteDone(bool) override { Next(); }
    void OnDone() override { delete this; }

   private:
    void Next() {
      if (at_ == messages_.size()) return Finish(grpc::Status::OK);
      grpc::Slice slice(messages_[at_++]);
      buffer_ = grpc::ByteBuffer(&slice, 1);
      StartWrite(&buffer_);
    }
    std::vector<std::string> messages_;
    size_t at_ = 0;
    grpc::ByteBuffer buffer_;
  };

  Munge munge_;
  Script script_;
  std::unique_ptr<grpc::Server> server_;
};

class LyingServerTest : public RpcFixture {
 protected:
  // What a client makes of it: the messages it was given, then how the stream ended.
  std::vector<std::string> Hear(LyingServer::Script script) {
    LyingServer server(target_, munged_->munge(), std::move(script));
    Inbox<> inbox;
    auto stream = Dial().OpenStream(
        kMethod, v1::NodeMessage(), getuid(),
        {.on_message = [&](std::string bytes) { inbox.Put(std::move(bytes)); },
         .on_closed =
             [&](absl::Status status) { inbox.Put(absl::StatusCodeToString(status.code())); }});
    EXPECT_TRUE(stream.ok());
    for (size_t count = 1;; ++count) {
      std::vector<std::string> heard = inbox.Wait(count);
      if (heard.size() < count || heard.back() == "OK" || heard.back() == "UNAUTHENTICATED") {
        return heard;
      }
    }
  }
};

TEST_F(LyingServerTest, TheHonestOneIsHeard) {
  EXPECT_THAT(Hear([](const std::string& key) {
                Session session(key, Session::End::kServer);
                return std::vector<std::string>{session.Seal("one"), session.Seal("two")};
              }),
              ElementsAre("one", "two", "OK"));
}

TEST_F(LyingServerTest, OneThatCouldNotOpenTheCredentialIsNotHeard) {
  EXPECT_THAT(Hear([](const std::string&) {
                Session session(std::string(kKeyBytes, 'x'), Session::End::kServer);
                return std::vector<std::string>{session.Seal("run this")};
              }),
              ElementsAre("UNAUTHENTICATED"));
  EXPECT_THAT(Hear([](const std::string&) { return std::vector<std::string>{"run this"}; }),
              ElementsAre("UNAUTHENTICATED"));
}

TEST_F(LyingServerTest, DoubledDroppedReorderedAndAlteredOnesAreNotHeard) {
  EXPECT_THAT(Hear([](const std::string& key) {
                Session session(key, Session::End::kServer);
                const std::string one = session.Seal("one");
                return std::vector<std::string>{one, one};
              }),
              ElementsAre("one", "UNAUTHENTICATED"));
  EXPECT_THAT(Hear([](const std::string& key) {
                Session session(key, Session::End::kServer);
                session.Seal("one");
                return std::vector<std::string>{session.Seal("two")};
              }),
              ElementsAre("UNAUTHENTICATED"));
  EXPECT_THAT(Hear([](const std::string& key) {
                Session session(key, Session::End::kServer);
                const std::string one = session.Seal("one");
                return std::vector<std::string>{session.Seal("two"), one};
              }),
              ElementsAre("UNAUTHENTICATED"));
  EXPECT_THAT(Hear([](const std::string& key) {
                Session session(key, Session::End::kServer);
                std::string one = session.Seal("one");
                one.back() ^= 1;
                return std::vector<std::string>{one, session.Seal("two")};
              }),
              ElementsAre("UNAUTHENTICATED"));
}

}  // namespace
}  // namespace reeve::rpc
