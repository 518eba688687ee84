#include "common/rpc/authorization.h"

#include <gtest/gtest.h>

#include <set>

#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/dbd.pb.h"
#include "reeve/v1/noded.pb.h"

namespace reeve::rpc {
namespace {

std::set<std::string> MethodsOfProto() {
  std::set<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::PingRequest::descriptor()->file(), v1::DbdPingRequest::descriptor()->file(),
        v1::NodePingRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        methods.insert(file->service(i)->name() + "/" + file->service(i)->method(j)->name());
      }
    }
  }
  return methods;
}

TEST(AccessTable, HasEveryRpcOfProtoOnceAndNoOther) {
  std::multiset<std::string> lines;
  for (const AccessRule& rule : AccessTable()) lines.insert(std::string(rule.method));
  const std::set<std::string> methods = MethodsOfProto();
  EXPECT_EQ(lines, std::multiset<std::string>(methods.begin(), methods.end()));
  EXPECT_GT(methods.size(), 20u);
}

constexpr uid_t kSlurm = 64030, kSlurmd = 64031, kOperator = 500, kAdmin = 600, kUser = 1000;

class AuthorizeTest : public ::testing::Test {
 protected:
  bool Allowed(Access access, uid_t uid) {
    return Authorize({"S/M", access}, uid, Trust{kSlurm, kSlurmd, {kOperator}, {kAdmin}}).ok();
  }
};

TEST_F(AuthorizeTest, EachAccessAdmitsItsOwn) {
  struct Case {
    Access access;
    bool user, oper, admin, slurm, slurmd, root;
  };
  for (const Case& c : {Case{Access::kAnyUser, true, true, true, true, true, true},
                        Case{Access::kOwner, true, true, true, true, true, true},
                        Case{Access::kAdministrator, false, false, true, true, false, true},
                        Case{Access::kNode, false, false, false, true, true, false},
                        Case{Access::kController, false, false, false, true, false, false}}) {
    EXPECT_EQ(Allowed(c.access, kUser), c.user);
    EXPECT_EQ(Allowed(c.access, kOperator), c.oper);
    EXPECT_EQ(Allowed(c.access, kAdmin), c.admin);
    EXPECT_EQ(Allowed(c.access, kSlurm), c.slurm);
    EXPECT_EQ(Allowed(c.access, kSlurmd), c.slurmd);
    EXPECT_EQ(Allowed(c.access, 0), c.root);
  }
}

TEST_F(AuthorizeTest, RefusalEndsInSlurmsWords) {
  absl::Status status = Authorize({"S/M", Access::kNode}, kUser, Trust{});
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_TRUE(std::string(status.message()).ends_with("\nAccess/permission denied"));
  status = Authorize({"S/M", Access::kAdministrator}, kUser, Trust{});
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_TRUE(std::string(status.message()).ends_with("\nInvalid user id"));
}

TEST_F(AuthorizeTest, RolesAreInOrder) {
  const Trust trust{kSlurm, kSlurmd, {kOperator, kAdmin}, {kAdmin}};
  EXPECT_EQ(RoleOf(kUser, trust), Role::kUser);
  EXPECT_EQ(RoleOf(kOperator, trust), Role::kOperator);
  for (uid_t uid : {kAdmin, kSlurm, uid_t{0}}) EXPECT_EQ(RoleOf(uid, trust), Role::kAdministrator);
  EXPECT_EQ(RoleOf(kSlurmd, trust), Role::kUser) << "a node's user rules over no job";
}

}  // namespace
}  // namespace reeve::rpc
