// A shell beside an embedded cluster reaches its daemons through Unix sockets, but is not on its
// network. MPI launchers need that network: their daemons call them back from the nodes.
#pragma once

#include <string>

#include "common/base/config.h"

namespace reeve::cli {

// Started by MPI launchers with srun: Open MPI's orted, PRRTE's prted, MPICH's hydra_pmi_proxy.
bool CallsMpiLauncherBack(const std::string& program);
bool IsMpiLauncher(const std::string& program);  // mpirun, mpiexec, ...

// Where to run an MPI launcher instead, when this process is outside of the cluster's network;
// empty when it is on it, as always with a real cluster.
std::string LoginHostHint(const Config& config);

}  // namespace reeve::cli
