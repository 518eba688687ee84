// Who a job's processes run as on this node: looked up here, never taken from the controller.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::noded {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::string home = "/";
  std::string shell = "/bin/sh";
  std::vector<gid_t> groups;  // supplementary ones, `gid` among them
  // False when this process is a plain user: there is nothing to change and no right to.
  bool change = false;
};

// PermissionDenied when this process is not root and `uid` is another user. A uid that the
// node's user database does not know keeps `user_name` (or its number) and no further groups.
absl::StatusOr<Identity> LookUpIdentity(uid_t uid, gid_t gid, const std::string& user_name);

// For a child that runs as the job's user from here on: groups, gid, uid, each checked by asking
// the kernel. Async-signal-safe. 0, or the errno of what failed (EPERM when a check does not hold).
int BecomeUser(uid_t uid, gid_t gid, const gid_t* groups, size_t group_count);

}  // namespace reeve::noded
