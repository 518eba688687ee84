// reeve-stepd: the forker that reevenoded starts, and through it every step daemon. The request
// socket is descriptor 3.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/os/log.h"
#include "noded/stepd/forker_process.h"

int main(int argc, char** argv) {
  using namespace reeve;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  absl::StatusOr<noded::StepdSettings> settings = noded::ParseStepdArguments(arguments);
  absl::Status status = settings.status();
  if (status.ok() && fcntl(3, F_SETFD, FD_CLOEXEC) != 0) {
    status = absl::InvalidArgumentError("reeve-stepd is started by reevenoded only");
  }
  if (status.ok()) status = os::SetUpLog(settings->log);
  if (!status.ok()) {
    fprintf(stderr, "reeve-stepd: %s\n", std::string(Message(status)).c_str());
    return 1;
  }
  return noded::RunForker(*settings, os::UniqueFd(3), argc, argv);
}
