// Who may call which RPC: one table for all services. A test fails when an RPC of proto/ is not in
// it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/munge.h"

namespace reeve::rpc {

// As Slurm's AdminLevel.
enum class Role {
  kUser,           // anybody with a valid credential
  kOperator,       // sees everything and manages every job
  kAdministrator,  // and every node and partition: SlurmUser, root and whom they name
};

enum class Access {
  kAnyUser,  // what it shows or does concerns nobody else, or is open to all
  kOwner,    // the job's owner or an operator: the handler compares, with the job at hand
  kAdministrator,
  kNode,        // the user that node daemons run as
  kController,  // the user that the controller runs as
};

struct AccessRule {
  std::string_view method;  // "Controller/SubmitJob"
  Access access;
};

// Whom this cluster trusts, from its configuration.
struct Trust {
  uid_t slurm_user = 0;   // runs the controller and the accounting daemon
  uid_t slurmd_user = 0;  // runs the node daemons
  std::vector<uid_t> operators;
  std::vector<uid_t> administrators;
};

std::span<const AccessRule> AccessTable();
const AccessRule* FindRule(std::string_view method);  // null when the table has no such line

Role RoleOf(uid_t uid, const Trust& trust);

// PermissionDenied for a caller whom the rule does not admit. kOwner admits everybody here.
absl::Status Authorize(const AccessRule& rule, uid_t uid, const Trust& trust);

}  // namespace reeve::rpc
