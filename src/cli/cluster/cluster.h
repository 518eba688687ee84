// `reeve cluster ...`: a whole cluster on one machine, for trying, testing and measuring; and
// `reeve doctor`: what is wrong with an installation, with the fix beside it.
#pragma once

namespace reeve::cluster {

// argv[0] is "cluster" or "doctor". Both return the exit code.
int ClusterMain(int argc, char** argv);
int Doctor(int argc, char** argv);

}  // namespace reeve::cluster
