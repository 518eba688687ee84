#include "common/rpc/authorization.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::rpc {
namespace {

constexpr AccessRule kTable[] = {
    {"Controller/Ping", Access::kAnyUser},
    {"Controller/GetConfig", Access::kAnyUser},
    {"Controller/ShowConfig", Access::kAnyUser},
    {"Controller/Reconfigure", Access::kAdministrator},
    {"Controller/SubmitJob", Access::kAnyUser},
    {"Controller/SubmitJobs", Access::kAnyUser},
    {"Controller/WaitJob", Access::kOwner},
    {"Controller/CancelJobs", Access::kOwner},
    {"Controller/ControlJobs", Access::kOwner},
    {"Controller/UpdateJob", Access::kOwner},
    {"Controller/CompleteAllocation", Access::kOwner},
    {"Controller/CreateStep", Access::kOwner},
    {"Controller/QueryJobs", Access::kAnyUser},
    {"Controller/ExplainJobs", Access::kAnyUser},
    {"Controller/QueryCluster", Access::kAnyUser},
    {"Controller/GetJobScript", Access::kOwner},
    {"Controller/UpdateNode", Access::kAdministrator},
    {"Controller/UpdatePartition", Access::kAdministrator},
    {"Controller/UpdateReservation", Access::kAdministrator},
    {"Controller/NodeStream", Access::kNode},
    {"NodeDaemon/Ping", Access::kAnyUser},
    {"NodeDaemon/StepIo", Access::kOwner},
    {"NodeDaemon/Witness", Access::kNode},
    {"Accounting/Ping", Access::kAnyUser},
    {"Accounting/PushRecords", Access::kController},
    {"Accounting/QueryAccounting", Access::kAnyUser},
};

bool Contains(const std::vector<uid_t>& uids, uid_t uid) {
  return std::find(uids.begin(), uids.end(), uid) != uids.end();
}

bool Admits(Access access, uid_t uid, const Trust& trust) {
  switch (access) {
    case Access::kAnyUser:
    case Access::kOwner:
      return true;
    case Access::kAdministrator:
      return RoleOf(uid, trust) == Role::kAdministrator;
    case Access::kNode:
      return uid == trust.slurmd_user || uid == trust.slurm_user;
    case Access::kController:
      return uid == trust.slurm_user;
  }
  return false;
}

}  // namespace

std::span<const AccessRule> AccessTable() {
  return kTable;
}

const AccessRule* FindRule(std::string_view method) {
  for (const AccessRule& rule : kTable) {
    if (rule.method == method) return &rule;
  }
  return nullptr;
}

Role RoleOf(uid_t uid, const Trust& trust) {
  if (uid == 0 || uid == trust.slurm_user || Contains(trust.administrators, uid)) {
    return Role::kAdministrator;
  }
  if (Contains(trust.operators, uid)) return Role::kOperator;
  return Role::kUser;
}

absl::Status Authorize(const AccessRule& rule, uid_t uid, const Trust& trust) {
  if (Admits(rule.access, uid, trust)) return absl::OkStatus();
  // Slurm's words come last, as clients print the last line. Administration is refused with those
  // of ESLURM_USER_ID_MISSING there.
  const std::string_view words =
      rule.access == Access::kAdministrator ? "Invalid user id" : "Access/permission denied";
  return absl::PermissionDeniedError(StrCat(rule.method, " is not for user ", uid, "\n", words));
}

}  // namespace reeve::rpc
