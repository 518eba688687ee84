// A munged of a test's own, with its own key.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "common/rpc/munge.h"
#include "common/rpc/session.h"
#include "tests/support/temp_dir.h"

namespace reeve::testing {

class PrivateMunged {
 public:
  PrivateMunged() {
    os::WriteFile(dir_ / "key", rpc::RandomBytes(64), 0600).IgnoreError();
    chmod(dir_.path().c_str(), 0711);  // other users may use the socket, and no more
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test that is killed leaves none behind
      sigset_t none;
      sigemptyset(&none);  // whatever the test blocks
      sigprocmask(SIG_SETMASK, &none, nullptr);
      const std::string key = "--key-file=" + (dir_ / "key"),
                        socket = "--socket=" + (dir_ / "socket"),
                        pid = "--pid-file=" + (dir_ / "pid"), log = "--log-file=" + (dir_ / "log"),
                        seed = "--seed-file=" + (dir_ / "seed");
      execl("/usr/sbin/munged", "munged", "--foreground", "--force", key.c_str(), socket.c_str(),
            pid.c_str(), log.c_str(), seed.c_str(), nullptr);
      _exit(127);
    }
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (absl::Now() < deadline && !munge().Encode("").ok())
      absl::SleepFor(absl::Milliseconds(10));
  }
  ~PrivateMunged() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

  rpc::Munge munge() const { return rpc::Munge(dir_ / "socket"); }
  const TempDir& dir() const { return dir_; }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
};

}  // namespace reeve::testing
