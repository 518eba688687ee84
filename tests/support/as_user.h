// Other users, within one test process. Needs root.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "gtest/gtest.h"

namespace reeve::testing {

// Runs `fn` on a thread that is this user for the kernel and so for munged: the C library would
// change all threads, the system call changes the one that makes it.
inline void AsUser(uid_t uid, const std::function<void()>& fn) {
  std::thread thread([&] {
    if (uid != geteuid()) {
      ASSERT_EQ(syscall(SYS_setresgid, uid, uid, uid), 0);
      ASSERT_EQ(syscall(SYS_setresuid, uid, uid, uid), 0);
    }
    fn();
  });
  thread.join();
}

}  // namespace reeve::testing

#define REEVE_NEEDS_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "only root can be other users"
