// Signals of a command that waits for them in its event loop.
#pragma once

#include <initializer_list>

namespace reeve::cli {

// Blocks these signals in the calling thread and so in all that it starts from now on. To be called
// before the first gRPC channel is made: a thread that was started earlier would be killed by a
// signal that the loop is meant to read. What the parent has set to be ignored (nohup, a shell's
// background job) stays ignored.
void BlockSignals(std::initializer_list<int> signals);

bool IsIgnored(int signal);

}  // namespace reeve::cli
