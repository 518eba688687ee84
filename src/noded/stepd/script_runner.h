// A process that runs a prolog, an epilog or a health check as root: started by the forker, it
// outlives reevenoded, and its files (script_spool.h) say how it went.
//
// Each script gets an environment built from nothing, "/" as folder, nothing on stdin, a session of
// its own. What it writes goes to the daemon's log. When it has ended, what is left of its process
// group is killed; at the timeout all that it started is.
#pragma once

#include <string>

#include "noded/stepd/settings.h"

namespace reeve::noded {

// Returns the process's exit code. A name that another runner holds, or that has ended, is left
// alone.
int RunScripts(const StepdSettings& settings, const std::string& name);

}  // namespace reeve::noded
