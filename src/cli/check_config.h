// `reeve check-config [-v] [FILE]`: says what is wrong with a configuration without starting
// anything. FILE defaults to SLURM_CONF, else /etc/reeve/slurm.conf.
#pragma once

namespace reeve::cli {

// argv[0] is the verb. Prints each problem as "file:line: message" on standard error; with -v also
// what is accepted because Reeve does that anyway. Returns 0 when the file is good, 1 when it is
// not, 2 for wrong usage.
int CheckConfig(int argc, char** argv);

}  // namespace reeve::cli
