// Readiness for the service manager that started this process (sd_notify(3)'s protocol: datagrams
// to the socket that NOTIFY_SOCKET names). Without libsystemd: it is one sendto.
#pragma once

namespace reeve::os {

// Says that the daemon serves now: `systemctl start` returns, units ordered after it start. Does
// nothing when no service manager asked for it. The variable stays in the environment (other
// threads may be reading that); the manager listens to a service's main process only.
void NotifyReady();

}  // namespace reeve::os
