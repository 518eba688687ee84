#include "ctld/users.h"

#include <grp.h>
#include <pwd.h>

#include "common/base/text.h"

namespace reeve::ctld {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr int kMaxGroups = 4096;

std::string GroupName(gid_t gid) {
  std::vector<char> buffer(kBufferBytes);
  struct group entry;
  struct group* found = nullptr;
  getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->gr_name : StrCat(gid);
}

UserFacts Ask(uid_t uid, gid_t gid) {
  UserFacts facts{UserName(uid), GroupName(gid), {}};
  std::vector<gid_t> groups(kMaxGroups);
  int count = kMaxGroups;
  if (getgrouplist(facts.user_name.c_str(), gid, groups.data(), &count) < 0) count = 1;
  groups.resize(static_cast<size_t>(count));
  for (gid_t group : groups) facts.groups.push_back(GroupName(group));
  return facts;
}

}  // namespace

std::string UserName(uid_t uid) {
  std::vector<char> buffer(kBufferBytes);
  struct passwd entry;
  struct passwd* found = nullptr;
  getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : StrCat(uid);
}

UserFacts Users::Lookup(uid_t uid, gid_t gid) {
  const uint64_t key = uint64_t{uid} << 32 | gid;
  const absl::Time now = absl::Now();
  {
    std::lock_guard lock(mutex_);
    auto found = known_.find(key);
    if (found != known_.end() && found->second.until > now) return found->second.facts;
  }
  UserFacts facts = Ask(uid, gid);  // not under the lock: a name service may be slow
  std::lock_guard lock(mutex_);
  if (known_.size() > 100000) known_.clear();
  known_[key] = {facts, now + absl::Minutes(1)};
  return facts;
}

}  // namespace reeve::ctld
