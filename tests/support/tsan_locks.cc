// Abseil's locks for ThreadSanitizer, which does not see into Debian's libraries: all that one
// thread hands another through gRPC would look like a race. The linker's --wrap sends the calls of
// every library through here (cmake/ReeveSanitizers.cmake).
#include "absl/synchronization/mutex.h"

extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);

#define REAL(name) __asm__("__real_" name)
#define WRAP(name) __asm__("__wrap_" name)

#define LOCK "_ZN4absl7debian35Mutex4LockEv"
#define TRY_LOCK "_ZN4absl7debian35Mutex7TryLockEv"
#define UNLOCK "_ZN4absl7debian35Mutex6UnlockEv"
#define WAIT "_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE"
#define WAIT_TIMEOUT "_ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE"
#define WAIT_DEADLINE "_ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE"

using absl::CondVar;
using absl::Mutex;

void RealLock(Mutex*) REAL(LOCK);
bool RealTryLock(Mutex*) REAL(TRY_LOCK);
void RealUnlock(Mutex*) REAL(UNLOCK);
void RealWait(CondVar*, Mutex*) REAL(WAIT);
bool RealWaitTimeout(CondVar*, Mutex*, absl::Duration) REAL(WAIT_TIMEOUT);
bool RealWaitDeadline(CondVar*, Mutex*, absl::Time) REAL(WAIT_DEADLINE);

void Lock(Mutex*) WRAP(LOCK);
bool TryLock(Mutex*) WRAP(TRY_LOCK);
void Unlock(Mutex*) WRAP(UNLOCK);
void Wait(CondVar*, Mutex*) WRAP(WAIT);
bool WaitTimeout(CondVar*, Mutex*, absl::Duration) WRAP(WAIT_TIMEOUT);
bool WaitDeadline(CondVar*, Mutex*, absl::Time) WRAP(WAIT_DEADLINE);

void Lock(Mutex* mutex) {
  RealLock(mutex);
  __tsan_acquire(mutex);
}

bool TryLock(Mutex* mutex) {
  const bool locked = RealTryLock(mutex);
  if (locked) __tsan_acquire(mutex);
  return locked;
}

void Unlock(Mutex* mutex) {
  __tsan_release(mutex);
  RealUnlock(mutex);
}

// A wait unlocks and locks again without a call from outside.
void Wait(CondVar* condition, Mutex* mutex) {
  __tsan_release(mutex);
  RealWait(condition, mutex);
  __tsan_acquire(mutex);
}

bool WaitTimeout(CondVar* condition, Mutex* mutex, absl::Duration timeout) {
  __tsan_release(mutex);
  const bool timed_out = RealWaitTimeout(condition, mutex, timeout);
  __tsan_acquire(mutex);
  return timed_out;
}

bool WaitDeadline(CondVar* condition, Mutex* mutex, absl::Time deadline) {
  __tsan_release(mutex);
  const bool timed_out = RealWaitDeadline(condition, mutex, deadline);
  __tsan_acquire(mutex);
  return timed_out;
}
