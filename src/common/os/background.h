// A thread for what may take long and is in no hurry.
#pragma once

#include <functional>
#include <thread>

#include "common/os/event_loop.h"

namespace reeve::os {

// Does one thing after the other, in the order posted, and lets other threads go first when there
// is more to do than CPUs are there for.
class Background {
 public:
  Background();
  ~Background() { Stop(); }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Post(std::function<void()> fn) { loop_.Post(std::move(fn)); }  // thread-safe
  void Stop();  // after what it does now; the rest is not done

 private:
  EventLoop loop_;
  std::thread thread_;
};

}  // namespace reeve::os
