// Who is let in and who is not, for every RPC there is: a real server, real MUNGE, real users.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <munge.h>

#include <map>
#include <set>

#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "common/rpc/session.h"
#include "reeve/v1/ctld.pb.h"
#include "rpc_fixture.h"
#include "tests/support/as_user.h"
#include "tests/support/raw_client.h"

namespace reeve::rpc {
namespace {

using ::testing::AnyOf;

constexpr uid_t kRoot = 0, kSlurm = 64030, kSlurmd = 64031, kOperator = 500, kAdministrator = 600,
                kUser = 1000;
using Users = std::set<uid_t>;
const Users kEverybody = {kRoot, kSlurm, kSlurmd, kOperator, kAdministrator, kUser};
const Users kAdministrators = {kRoot, kSlurm, kAdministrator};
const Users kNodes = {kSlurm, kSlurmd};
const Users kControllers = {kSlurm};

// One line for each RPC: whom the server lets through to its handler. Everybody else is refused by
// the test below. RPCs that owners may use are open here; what their handlers refuse is in
// tests/ctld/access_test.cc and tests/noded/access_test.cc, which have a line for each as well.
const std::map<std::string, Users> kAdmitted = {
    {"Accounting/Ping", kEverybody},
    {"Accounting/PushRecords", kControllers},
    {"Accounting/QueryAccounting", kEverybody},
    {"Controller/CancelJobs", kEverybody},
    {"Controller/CompleteAllocation", kEverybody},
    {"Controller/ControlJobs", kEverybody},
    {"Controller/CreateStep", kEverybody},
    {"Controller/ExplainJobs", kEverybody},
    {"Controller/GetConfig", kEverybody},
    {"Controller/GetJobScript", kEverybody},
    {"Controller/NodeStream", kNodes},
    {"Controller/Ping", kEverybody},
    {"Controller/QueryCluster", kEverybody},
    {"Controller/QueryJobs", kEverybody},
    {"Controller/Reconfigure", kAdministrators},
    {"Controller/ShowConfig", kEverybody},
    {"Controller/SubmitJob", kEverybody},
    {"Controller/SubmitJobs", kEverybody},
    {"Controller/UpdateJob", kEverybody},
    {"Controller/UpdateNode", kAdministrators},
    {"Controller/UpdatePartition", kAdministrators},
    {"Controller/UpdateReservation", kAdministrators},
    {"Controller/WaitJob", kEverybody},
    {"NodeDaemon/Ping", kEverybody},
    {"NodeDaemon/StepIo", kEverybody},
    {"NodeDaemon/Witness", kNodes},
};

bool IsStream(const std::string& method) {
  return method == "Controller/NodeStream" || method == "NodeDaemon/StepIo" ||
         method == "NodeDaemon/Witness";
}

// A server of every method, whose handlers say yes to whoever reaches them.
class AccessTest : public RpcFixture {
 protected:
  AccessTest() {
    Make({.slurm_user = kSlurm,
          .slurmd_user = kSlurmd,
          .operators = {kOperator},
          .administrators = {kAdministrator}});
    for (const auto& [method, admitted] : kAdmitted) {
      if (IsStream(method)) {
        server_->HandleStream(method, [this](std::shared_ptr<ServerStream> stream) {
          ++reached_;
          stream->Finish(absl::OkStatus());
          return ServerStream::Events{[](std::string) {}, [] {}};
        });
      } else {
        server_->Handle(method, [this](std::shared_ptr<Call> call) {
          ++reached_;
          call->Reply(v1::PingResponse());
        });
      }
    }
    Start();
  }

  absl::Status Ask(const std::string& method) {
    if (!IsStream(method)) return Dial().Call<v1::PingResponse>(method, kRequest).status();
    Inbox<absl::Status> closed;
    auto stream = Dial().OpenStream(
        method, kRequest, std::nullopt,
        {.on_message = [](std::string) {}, .on_closed = [&](absl::Status s) { closed.Put(s); }});
    if (!stream.ok()) return stream.status();
    const std::vector<absl::Status> statuses = closed.Wait(1);
    return statuses.empty() ? absl::DeadlineExceededError("not closed") : statuses[0];
  }

  // A credential for this call, as a good client makes it.
  std::string Credential(const std::string& method, const std::string& bytes) {
    const std::string key = IsStream(method) ? RandomBytes(kKeyBytes) : "";
    return *munged_->munge().Encode(BindCall(method, bytes, key));
  }
  absl::Status Raw(const std::string& method, const std::optional<std::string>& credential,
                   const std::string& bytes) {
    return testing::RawUnary(target_, method, credential, bytes);
  }
  // No handler was reached and the caller was told that it is not believed.
  void ExpectUnbelieved(const absl::Status& status, const std::string& what) {
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << what << ": " << status;
    EXPECT_EQ(reached_, 0) << what;
  }

  static v1::WaitJobRequest MakeRequest() {
    v1::WaitJobRequest request;
    request.set_job_id(17);
    return request;
  }
  const v1::WaitJobRequest kRequest = MakeRequest();
  const std::string kBytes = kRequest.SerializeAsString();
  std::atomic<int> reached_ = 0;
};

TEST(Access, EveryRpcHasItsLineOfRefusals) {
  std::set<std::string> lines, methods;
  for (const auto& [method, admitted] : kAdmitted) lines.insert(method);
  for (const AccessRule& rule : AccessTable()) methods.insert(std::string(rule.method));
  EXPECT_EQ(lines, methods) << "a new RPC needs a line in kAdmitted";
}

TEST_F(AccessTest, EachUserIsAdmittedOrRefusedAsTheTableSays) {
  REEVE_NEEDS_ROOT();
  for (const auto& [method, admitted] : kAdmitted) {
    for (uid_t uid : kEverybody) {
      absl::Status status;
      testing::AsUser(uid, [&, method = method] { status = Ask(method); });
      if (admitted.contains(uid)) {
        EXPECT_TRUE(status.ok()) << method << " by " << uid << ": " << status;
        continue;
      }
      EXPECT_TRUE(absl::IsPermissionDenied(status)) << method << " by " << uid << ": " << status;
      EXPECT_THAT(std::string(status.message()),
                  AnyOf(::testing::EndsWith("\nAccess/permission denied"),
                        ::testing::EndsWith("\nInvalid user id")));
    }
  }
}

TEST_F(AccessTest, TrustMayChangeWhileItServes) {
  REEVE_NEEDS_ROOT();
  const auto update = [&] {
    absl::Status status;
    testing::AsUser(kUser, [&] { status = Ask("Controller/UpdateNode"); });
    return status;
  };
  EXPECT_TRUE(absl::IsPermissionDenied(update()));
  server_->SetTrust({.slurm_user = kSlurm, .slurmd_user = kSlurmd, .administrators = {kUser}});
  EXPECT_TRUE(update().ok());
}

// ---- credentials, for every RPC -----------------------------------------------------------------

TEST_F(AccessTest, NothingIsOpenWithoutACredential) {
  for (const auto& [method, admitted] : kAdmitted) {
    ExpectUnbelieved(Raw(method, std::nullopt, kBytes), method);
    ExpectUnbelieved(Raw(method, "", kBytes), method);
    ExpectUnbelieved(Raw(method, "MUNGE:nonsense:", kBytes), method);
  }
}

TEST_F(AccessTest, AnotherClustersMungeIsNotBelieved) {
  testing::PrivateMunged stranger;
  for (const auto& [method, admitted] : kAdmitted) {
    const std::string key = IsStream(method) ? RandomBytes(kKeyBytes) : "";
    const std::string forged = *stranger.munge().Encode(BindCall(method, kBytes, key));
    ExpectUnbelieved(Raw(method, forged, kBytes), method);
  }
}

TEST_F(AccessTest, ACredentialIsForItsMethodAndItsBytesOnly) {
  for (const auto& [method, admitted] : kAdmitted) {
    for (const auto& [other, unused] : kAdmitted) {
      if (other == method) continue;
      ExpectUnbelieved(Raw(method, Credential(other, kBytes), kBytes), other + " at " + method);
    }
    ExpectUnbelieved(Raw(method, Credential(method, kBytes), kBytes + "x"), method);
    ExpectUnbelieved(Raw(method, Credential(method, kBytes), ""), method);
    std::string changed = kBytes;
    changed.back() ^= 1;  // another job
    ExpectUnbelieved(Raw(method, Credential(method, kBytes), changed), method);
  }
}

TEST_F(AccessTest, ACredentialIsForItsKindOfCall) {
  for (const auto& [method, admitted] : kAdmitted) {
    const std::string key = IsStream(method) ? "" : RandomBytes(kKeyBytes);
    const std::string wrong = *munged_->munge().Encode(BindCall(method, kBytes, key));
    ExpectUnbelieved(Raw(method, wrong, kBytes), method);
  }
}

TEST_F(AccessTest, AReplayedCredentialIsRefused) {
  for (const auto& [method, admitted] : kAdmitted) {
    const std::string credential = Credential(method, kBytes);
    ASSERT_TRUE(munged_->munge().Decode(credential).ok());  // it has been used
    ExpectUnbelieved(Raw(method, credential, kBytes), method);
  }
}

TEST_F(AccessTest, EveryChangedByteOfACredentialIsNoticed) {
  const std::string credential = Credential("Controller/Ping", kBytes);
  const size_t begin = credential.find(':') + 1;
  // The last characters before the closing colon may hold bits that mean nothing.
  for (size_t i = begin; i + 5 < credential.size(); i += 3) {
    std::string changed = credential;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed == credential) continue;
    ExpectUnbelieved(Raw("Controller/Ping", changed, kBytes), "byte " + std::to_string(i));
  }
}

TEST_F(AccessTest, AnExpiredCredentialIsRefused) {
  munge_ctx_t context = munge_ctx_create();
  munge_ctx_set(context, MUNGE_OPT_SOCKET, (munged_->dir() / "socket").c_str());
  munge_ctx_set(context, MUNGE_OPT_TTL, 1);
  const std::string payload = BindCall("Controller/Ping", kBytes, "");
  char* text = nullptr;
  ASSERT_EQ(munge_encode(&text, context, payload.data(), static_cast<int>(payload.size())),
            EMUNGE_SUCCESS);
  const std::string credential = text;
  free(text);
  munge_ctx_destroy(context);
  // munged counts whole seconds of time(2), which may lag a tick behind.
  const absl::Time over =
      absl::FromTimeT(time(nullptr)) + absl::Seconds(2) + absl::Milliseconds(100);
  while (absl::Now() < over) absl::SleepFor(absl::Milliseconds(20));
  const absl::Status status = Raw("Controller/Ping", credential, kBytes);
  ExpectUnbelieved(status, "expired");
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("Expired"));
}

}  // namespace
}  // namespace reeve::rpc
