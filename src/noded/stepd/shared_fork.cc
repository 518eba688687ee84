#include "noded/stepd/shared_fork.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "common/os/fd.h"

namespace reeve::noded {
namespace {

constexpr size_t kStackBytes = 256 << 10;  // address space; a child touches a few pages

struct Start {
  std::function<void()> child;
  os::UniqueFd answer;  // where the pid goes, or the negative errno
};

void Answer(const Start& start, pid_t pid) {
  [[maybe_unused]] ssize_t sent = write(start.answer.get(), &pid, sizeof(pid));
}

void* Run(void* argument) {
  auto* const start = static_cast<Start*>(argument);
  const pid_t pid = vfork();
  if (pid == 0) {
    Answer(*start, getpid());  // by the child: here it is known only after the exec
    start->child();
    _exit(1);
  }
  if (pid < 0) Answer(*start, -errno);
  start->answer.reset();  // a child that died before it answered is seen by that
  while (true) pause();
}

int StartThread(Start* start) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, Run, start);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

pid_t ForkSharingMemory(std::function<void()> child) {
  absl::StatusOr<os::Pipe> pipe = os::MakePipe();
  if (!pipe.ok()) return -errno;
  auto* const start = new Start{std::move(child), std::move(pipe->write)};
  if (const int error = StartThread(start); error != 0) {
    delete start;
    return -error;
  }
  pid_t pid = 0;
  ssize_t got;
  do {
    got = read(pipe->read.get(), &pid, sizeof(pid));
  } while (got < 0 && errno == EINTR);
  return got == sizeof(pid) ? pid : -EIO;
}

}  // namespace reeve::noded
