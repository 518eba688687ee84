// reeve-pmixd: started by reeve-stepd for a step with --mpi=pmix, as the step's user. The
// connection to it is descriptor 0.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "noded/pmixd/pmixd.h"

int main() {
  using namespace reeve;
  int type = 0;
  socklen_t length = sizeof(type);
  os::UniqueFd stepd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!stepd || getsockopt(stepd.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
    fprintf(stderr, "reeve-pmixd: started by reeve-stepd only\n");
    return 1;
  }
  // Signals to a step are for its tasks, which may need this server to answer to them well.
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGTSTP,
                     SIGTTIN, SIGTTOU, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO, SIGPWR}) {
    signal(number, SIG_IGN);
  }
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) signal(number, SIG_IGN);
  dup2(STDERR_FILENO, STDIN_FILENO);  // the step daemon is to see the end of the other one alone
  auto* const pmixd = new noded::Pmixd(std::move(stepd));
  _exit(pmixd->Run());
}
