// Which signals the forker and all that it forks live with. Async-signal-safe.
#pragma once

namespace reeve::noded {

// For the forker, once: every disposition is the default's, whatever this process was started with.
void BeginSignals();
// The daemons' own: their end is not asked for by a signal to a group or a terminal.
void IgnoreSignals();
// For a child between fork and exec: what IgnoreSignals and a signalfd have changed is undone. Of
// some seventy signals that is a handful, and each is a system call of every task.
void RestoreSignals();

}  // namespace reeve::noded
