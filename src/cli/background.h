// Calls that block, beside an event loop that must not.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "common/os/event_loop.h"

namespace reeve::cli {

// Runs `work` on a thread of its own and then `done` with its result on the loop. The thread is
// detached: a command that leaves before simply ends with it, through _exit. `work` must own what
// it uses; `done` runs only while the loop does.
template <class Result>
void InBackground(std::shared_ptr<os::EventLoop> loop, std::function<Result()> work,
                  std::function<void(Result)> done) {
  std::thread([loop = std::move(loop), work = std::move(work), done = std::move(done)] {
    auto result = std::make_shared<Result>(work());
    loop->Post([result, done] { done(std::move(*result)); });
  }).detach();
}

}  // namespace reeve::cli
