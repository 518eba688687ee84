// Names and groups of users, as this host knows them (NSS), remembered for a minute. Thread-safe.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace reeve::ctld {

struct UserFacts {
  std::string user_name;   // the number when the host knows no name
  std::string group_name;  // of the gid asked about
  std::vector<std::string> groups;
};

class Users {
 public:
  UserFacts Lookup(uid_t uid, gid_t gid);

 private:
  struct Entry {
    UserFacts facts;
    absl::Time until;
  };
  std::mutex mutex_;
  absl::flat_hash_map<uint64_t, Entry> known_;
};

std::string UserName(uid_t uid);

}  // namespace reeve::ctld
