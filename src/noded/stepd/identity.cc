#include "noded/stepd/identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/text.h"

namespace reeve::noded {

absl::StatusOr<Identity> LookUpIdentity(uid_t uid, gid_t gid, const std::string& user_name) {
  Identity identity;
  identity.uid = uid;
  identity.gid = gid;
  identity.change = geteuid() == 0;
  if (!identity.change && uid != geteuid()) {
    return absl::PermissionDeniedError(
        StrCat("this node's daemon runs as uid ", geteuid(),
               " and can start only that user's jobs, not those of uid ", uid));
  }
  identity.name = user_name.empty() ? StrCat(uid) : user_name;
  std::vector<char> buffer(1024);
  passwd entry;
  passwd* found = nullptr;
  while (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
    buffer.resize(buffer.size() * 2);
  }
  identity.groups = {gid};
  if (found == nullptr) return identity;
  identity.name = entry.pw_name;
  identity.home = entry.pw_dir;
  if (entry.pw_shell[0] != '\0') identity.shell = entry.pw_shell;
  if (!identity.change) return identity;
  int count = 64;
  identity.groups.resize(count);
  while (getgrouplist(entry.pw_name, gid, identity.groups.data(), &count) < 0) {
    identity.groups.resize(count);
  }
  identity.groups.resize(count);
  return identity;
}

namespace {

// No capability is left to be used. (A daemon under odd securebits would keep them all.)
bool HasNoCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  for (const __user_cap_data_struct& set : sets) {
    if (set.effective != 0 || set.permitted != 0) return false;
  }
  return true;
}

}  // namespace

// Raw system calls: those of the C library would change every thread of the process whose memory
// the caller may be sharing.
int BecomeUser(uid_t uid, gid_t gid, const gid_t* groups, size_t group_count) {
  if (syscall(SYS_setgroups, group_count, groups) != 0) return errno;
  if (getgroups(0, nullptr) != static_cast<int>(group_count)) return EPERM;
  if (syscall(SYS_setresgid, gid, gid, gid) != 0) return errno;
  if (syscall(SYS_setresuid, uid, uid, uid) != 0) return errno;
  uid_t ruid, euid, suid;
  gid_t rgid, egid, sgid;
  if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0) return errno;
  if (ruid != uid || euid != uid || suid != uid) return EPERM;
  if (rgid != gid || egid != gid || sgid != gid) return EPERM;
  if (uid == 0) return 0;
  if (syscall(SYS_setuid, 0) == 0 || !HasNoCapabilities())
    return EPERM;  // the way back must be closed
  return 0;
}

}  // namespace reeve::noded
