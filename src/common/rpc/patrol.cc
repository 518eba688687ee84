#include "common/rpc/patrol.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace reeve::rpc {
namespace {

// Often enough for the shortest of the limits, seldom enough to cost nothing.
absl::Duration RoundTime(const Limits& limits) {
  return std::clamp(std::min(limits.first_message, limits.unread) / 4, absl::Milliseconds(10),
                    absl::Seconds(2));
}

}  // namespace

Patrol::Patrol(const Limits& limits) : limits_(limits), thread_([this] { Loop(); }) {}

Patrol::~Patrol() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Patrol::Add(std::shared_ptr<Wire> wire) {
  std::lock_guard lock(mutex_);
  // Most calls are over long before the next round: their places are taken again at once.
  if (wires_.size() == wires_.capacity()) {
    std::erase_if(wires_, [](const std::weak_ptr<Wire>& w) { return w.expired(); });
    wires_.reserve(std::max<size_t>(64, wires_.size() * 2));
  }
  wires_.push_back(std::move(wire));
}

void Patrol::Loop() {
  const auto round = absl::ToChronoMilliseconds(RoundTime(limits_));
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, round, [this] { return stopping_; })) {
    std::vector<std::shared_ptr<Wire>> open;
    std::erase_if(wires_, [&open](const std::weak_ptr<Wire>& weak) {
      std::shared_ptr<Wire> wire = weak.lock();
      if (wire == nullptr) return true;
      open.push_back(std::move(wire));
      return false;
    });
    lock.unlock();
    const absl::Time now = absl::Now();
    for (const std::shared_ptr<Wire>& wire : open) wire->Check(now, limits_);
    open.clear();
    lock.lock();
  }
}

}  // namespace reeve::rpc
