// The forker: a small process that turns requests into stepds, so that reevenoded with its threads
// and its memory never forks. It knows nothing of steps; it ends when reevenoded does.
//
// A request is one SOCK_SEQPACKET message: the name of a spool folder ("12.-5.0") or of a script
// that a runner is to execute ("jobs/12.0/prolog", script_spool.h), and beside it (SCM_RIGHTS) the
// socket that the new stepd and reevenoded talk over. There is no answer: a stepd that dies, or was
// never born, is the end of that socket.
#pragma once

#include "common/os/fd.h"
#include "noded/stepd/settings.h"

namespace reeve::noded {

// `argc`/`argv` are main's own: a stepd writes its title there. Returns the process's exit code;
// in a stepd it does not return.
int RunForker(const StepdSettings& settings, os::UniqueFd requests, int argc, char** argv);

// reevenoded's side of a request.
absl::Status SendForkRequest(int forker, std::string name, int stepd_socket);

}  // namespace reeve::noded
