// Threads that run the users' requests, one of each user in turn: whoever asks a thousand times
// delays the others by one request, not by a thousand.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace reeve::rpc {

class FairQueue {
 public:
  using Work = std::function<void()>;

  // A user's work never takes all of several threads.
  explicit FairQueue(int threads);
  ~FairQueue();  // Stop()

  // Work of one user starts in the order it came. After Stop it is dropped.
  void Run(uid_t user, Work work);
  // Waits for what is running; drops the rest.
  void Stop();

 private:
  struct User {
    std::deque<Work> waiting;
    size_t running = 0;
    bool in_turn = false;  // its uid is in turns_
  };
  void Loop();
  void Enlist(uid_t uid, User& user);

  std::mutex mutex_;
  std::condition_variable wake_;
  absl::flat_hash_map<uid_t, User> users_;
  std::deque<uid_t> turns_;  // users with work that may start
  size_t max_running_;       // of one user
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace reeve::rpc
