// Hands what one reaction to a read leaves behind to the next. Internal to common/rpc.
//
// gRPC runs a call's reactions to reads one after the other, on whichever thread: the next cannot
// begin before StartRead has given away the buffer for it, and what gRPC orders that by orders all
// that came before too. But those are atomics of its library, which ThreadSanitizer does not watch;
// what a stream keeps from message to message would look unguarded. This says it where it is seen.
#pragma once

#include <atomic>

namespace reeve::rpc {

class Turn {
 public:
  void Take() { (void)passed_.load(std::memory_order_acquire); }   // first in a reaction
  void Pass() { passed_.store(true, std::memory_order_release); }  // last before StartRead

 private:
  std::atomic<bool> passed_ = false;
};

}  // namespace reeve::rpc
