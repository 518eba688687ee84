// A child that borrows this process's memory until its exec or exit, while this process goes on.
//
// fork(2) copies page tables, and afterwards every page that parent or child writes is copied too:
// of what a step costs, the greater part. vfork(2) copies nothing but suspends its caller, and we
// must not stand still until a task's exec. It suspends the calling thread only: each child has
// one, which stays until this process ends, since the child's PR_SET_PDEATHSIG means the thread
// that made it.
#pragma once

#include <sys/types.h>

#include <functional>

namespace reeve::noded {

// Runs `child` in a process of its own: the pid, or a negative errno. `child` must not return, nor
// allocate, lock, fork, or write to memory that anything else uses; errno it has for itself. What
// it holds is never freed, so it may own what the child reads. Descriptors, folder, umask, signals,
// limits and identity are the child's alone; change identity with raw system calls (BecomeUser).
pid_t ForkSharingMemory(std::function<void()> child);

}  // namespace reeve::noded
