// The keeper: the one process that holds a cluster's hosts and is the parent of its daemons.
//
// It does what it is asked through a Unix socket in the cluster's folder (its owner and root only)
// and nothing by itself: it restarts no daemon. Processes whose parent dies become its children, so
// that it can reap them. Without it the hosts live on as long as processes do in them, but none can
// be entered: `up` and `down` then end what is left.
#pragma once

#include <string>

namespace reeve::cluster {

// `reeve cluster keeper --dir D`, started by LaunchKeeper only. `ready_fd` gets "ok" or what went
// wrong once the hosts are there, and is then closed.
int RunKeeper(const std::string& folder, int ready_fd);

}  // namespace reeve::cluster
