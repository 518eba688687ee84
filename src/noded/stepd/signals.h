// Which signals the forker and all that it forks live with. Async-signal-safe.
#pragma once

namespace reeve::noded {

// For the forker, once: every disposition is the default's, whatever this process was started with,
// but for those whose end is not asked for by a signal to a group or a terminal: ignored by the
// forker and the daemons it forks.
void BeginSignals();
// For a child between fork and exec: what BeginSignals and a signalfd have changed is undone. Of
// some seventy signals that is a handful, and each is a system call of every task.
void RestoreSignals();

}  // namespace reeve::noded
