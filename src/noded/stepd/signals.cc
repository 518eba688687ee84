#include "noded/stepd/signals.h"

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/os/event_loop.h"

namespace reeve::noded {
namespace {

constexpr int kIgnored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};

}  // namespace

void BeginSignals() {
  os::ResetSignals();
  // glibc's posix_spawn leaves its two internal signals ignored, and its sigaction refuses to touch
  // them: jobs would inherit that.
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    uint64_t mask;
  } by_default = {};
  for (int internal : {32, 33}) {
    syscall(SYS_rt_sigaction, internal, &by_default, nullptr, sizeof(by_default.mask));
  }
  for (int ignored : kIgnored) signal(ignored, SIG_IGN);
}

void RestoreSignals() {
  for (int ignored : kIgnored) signal(ignored, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace reeve::noded
