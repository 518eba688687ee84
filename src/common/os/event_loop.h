// A loop that runs one thread's work: posted functions, timers, file descriptors and signals, over
// epoll, eventfd and signalfd.
//
// Everything except Post and Stop is for the loop's own thread (or before Run). Handlers must not
// block. A handler may Watch, Unwatch, Cancel and Stop, also concerning itself.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace reeve::os {

enum class TimerId : uint64_t { kNone = 0 };

class EventLoop {
 public:
  // Aborts when the kernel refuses descriptors: nothing works without.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Thread-safe. Runs `fn` on the loop's thread, in the order posted; what is posted from a handler
  // runs in the next round. What is posted and never run (the loop stopped) is destroyed with the
  // loop.
  void Post(std::function<void()> fn);

  // Runs `fn` once, not before `when` by the wall clock as absl::Now() has it now: the waiting is
  // done on the monotonic clock, so a later step of the wall clock moves nothing.
  TimerId At(absl::Time when, std::function<void()> fn);
  TimerId After(absl::Duration delay, std::function<void()> fn);
  bool Cancel(TimerId id);  // false when it has run, was cancelled or never was

  // `events`: EPOLLIN, EPOLLOUT, ...; level-triggered. `fn` gets what epoll reported. The loop does
  // not own `fd`: Unwatch before closing it. One watch a descriptor; Watch again replaces it.
  absl::Status Watch(int fd, uint32_t events, std::function<void(uint32_t events)> fn);
  void Unwatch(int fd);

  // Blocks `signal` in the calling thread (call it before other threads are started: they inherit
  // the mask) and calls `fn` when it arrives. Watch for children with OnSignal(SIGCHLD): several
  // deaths may be one call. Child processes must unblock signals before exec (see ResetSignals).
  void OnSignal(int signal, std::function<void()> fn);

  void Run();   // until Stop
  void Stop();  // thread-safe; Run returns after the handler that runs now
  bool stopped() const;

  // One round that does not block: what is ready now. For tests. True when something ran.
  bool RunOnce();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// For a child between fork and exec: empties the signal mask and restores all dispositions.
// Async-signal-safe.
void ResetSignals();

}  // namespace reeve::os
