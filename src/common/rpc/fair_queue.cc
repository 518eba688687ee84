#include "common/rpc/fair_queue.h"

#include <algorithm>
#include <utility>

namespace reeve::rpc {

FairQueue::FairQueue(int threads) : max_running_(static_cast<size_t>(std::max(threads - 1, 1))) {
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { Loop(); });
}

FairQueue::~FairQueue() {
  Stop();
}

void FairQueue::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
  absl::flat_hash_map<uid_t, User> dropped;  // outlives the lock: its destructors may call Run
  std::lock_guard lock(mutex_);
  dropped.swap(users_);
  turns_.clear();
}

void FairQueue::Enlist(uid_t uid, User& user) {
  if (user.in_turn || user.waiting.empty() || user.running >= max_running_) return;
  user.in_turn = true;
  turns_.push_back(uid);
  wake_.notify_one();
}

void FairQueue::Run(uid_t uid, Work work) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  User& user = users_[uid];
  user.waiting.push_back(std::move(work));
  Enlist(uid, user);
}

void FairQueue::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (stopping_) return;
    const uid_t uid = turns_.front();
    turns_.pop_front();
    User& user = users_[uid];
    user.in_turn = false;
    Work work = std::move(user.waiting.front());
    user.waiting.pop_front();
    ++user.running;
    Enlist(uid, user);
    lock.unlock();
    work();
    work = nullptr;  // its destructor may take locks or call Run
    lock.lock();
    if (stopping_) return;
    User& after = users_[uid];
    --after.running;
    if (after.waiting.empty() && after.running == 0) {
      users_.erase(uid);
    } else {
      Enlist(uid, after);
    }
  }
}

}  // namespace reeve::rpc
