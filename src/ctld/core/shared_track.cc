#include "ctld/core/shared_track.h"

#include <algorithm>
#include <set>

namespace reeve::ctld {
namespace {

constexpr Instant kLongAgo = INT64_MIN / 4;

// One group on one node at one time.
class GroupLoad {
 public:
  explicit GroupLoad(uint32_t group) : group_(group) {}
  uint32_t group() const { return group_; }

  void Run(const CpuSet& cores, int32_t by) {
    for (uint32_t cpu : cores.Ids()) {
      if (cpu >= loads_.size()) loads_.resize(cpu + 1);
      Count(loads_[cpu], -1);
      loads_[cpu] += by;
      Count(loads_[cpu], 1);
    }
  }
  void Plan(int32_t cpus, uint32_t most, bool begins) {
    planned_ += begins ? cpus : -cpus;
    if (begins) {
      sizes_.insert(cpus);
      limits_.insert(most);
    } else {
      sizes_.erase(sizes_.find(cpus));
      limits_.erase(limits_.find(most));
    }
  }

  int64_t Needs() const {
    if (sizes_.empty()) return used_;
    const int64_t most = *limits_.rbegin();
    const int64_t beyond = std::max<int64_t>(planned_ - Slots(most), 0);
    const int64_t largest = *sizes_.rbegin() - NotFull(most);
    return used_ + std::max({(beyond + most - 1) / most, largest, int64_t{0}});
  }
  // The most CPUs of one more job, where the group may have so many.
  int64_t RoomFor(uint32_t most, int64_t cpus) const {
    const int64_t more = cpus - used_;
    if (most == 0) return more;
    return std::min(NotFull(most) + more, Slots(most) + most * more - planned_);
  }

 private:
  void Count(int32_t load, int32_t by) {
    if (load <= 0) return;
    if (static_cast<size_t>(load) >= cpus_with_.size()) cpus_with_.resize(load + 1);
    cpus_with_[load] += by;
    used_ += by;
  }
  // CPUs that somebody runs on and that one more may have; and how many more in all.
  int64_t NotFull(uint32_t most) const { return Sum(most, false); }
  int64_t Slots(uint32_t most) const { return Sum(most, true); }
  int64_t Sum(uint32_t most, bool slots) const {
    int64_t sum = 0;
    for (size_t load = 1; load < std::min<size_t>(most, cpus_with_.size()); ++load) {
      sum += cpus_with_[load] * (slots ? static_cast<int64_t>(most - load) : 1);
    }
    return sum;
  }

  uint32_t group_;
  std::vector<int32_t> loads_;      // by CPU
  std::vector<int64_t> cpus_with_;  // by load
  int64_t used_ = 0;
  int64_t planned_ = 0;
  std::multiset<int32_t> sizes_;    // of the planned ones
  std::multiset<uint32_t> limits_;  // likewise: the partition's may have been changed
};

class Sweep {
 public:
  Sweep(const Room& all, absl::Span<const Track::Use> running, absl::Span<const Interval> closed,
        absl::Span<const Track::Hold> holds, const Sharing& viewer)
      : running_(running), holds_(holds), viewer_(viewer), left_(all) {
    for (size_t i = 0; i < running.size(); ++i) {
      const Track::Use& use = running[i];
      Add(kLongAgo, Kind::kUse, i, true);
      Add(use.until, Kind::kUse, i, false);
      Add(std::min(use.cpus_from, use.until), Kind::kUseCpus, i, true);
      Add(use.until, Kind::kUseCpus, i, false);
    }
    for (size_t i = 0; i < holds.size(); ++i) {
      Add(holds[i].from, Kind::kHold, i, true);
      Add(holds[i].until, Kind::kHold, i, false);
    }
    for (size_t i = 0; i < closed.size(); ++i) {
      Add(closed[i].from, Kind::kClosed, i, true);
      Add(closed[i].until, Kind::kClosed, i, false);
    }
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step& a, const Step& b) { return a.at < b.at; });
  }

  void Run(Curve& out) {
    out.Clear();
    Instant from = kLongAgo;
    for (const Step& step : steps_) {
      if (step.at > from) {
        out.Append(from, Free());
        from = step.at;
      }
      Take(step);
    }
    out.Append(from, Free());
  }

 private:
  enum class Kind : uint8_t { kUse, kUseCpus, kHold, kClosed };
  struct Step {
    Instant at;
    Kind kind;
    bool begins;
    size_t index;
  };

  void Add(Instant at, Kind kind, size_t index, bool begins) {
    steps_.push_back({std::max(at, kLongAgo), kind, begins, index});
  }

  void Take(const Step& step) {
    const auto change = [&](Room& sum, const Room& room) { sum.Add(step.begins ? -room : room); };
    switch (step.kind) {
      case Kind::kClosed:
        closed_ += step.begins ? 1 : -1;
        return;
      case Kind::kUse: {
        Room room = running_[step.index].room;
        room.cpus = 0;
        return change(left_, room);
      }
      case Kind::kUseCpus: {
        const Track::Use& use = running_[step.index];
        if (!use.sharing.Shares()) return change(left_, {use.room.cpus, 0, {}});
        return GroupOf(use.sharing).Run(use.cores, step.begins ? 1 : -1);
      }
      case Kind::kHold: {
        const Track::Hold& hold = holds_[step.index];
        change(held_, hold.room);
        Room room = hold.room;
        if (hold.sharing.Shares()) {
          GroupOf(hold.sharing).Plan(room.cpus, hold.sharing.most, step.begins);
          room.cpus = 0;
        }
        return change(left_, room);
      }
    }
  }

  GroupLoad& GroupOf(const Sharing& sharing) {
    for (GroupLoad& group : groups_) {
      if (group.group() == sharing.group) return group;
    }
    return groups_.emplace_back(sharing.group);
  }

  Room Free() {
    if (closed_ > 0) return held_;  // below zero by what is held there
    Room room = left_;
    int64_t cpus = left_.cpus;
    const GroupLoad* own = nullptr;
    for (const GroupLoad& group : groups_) {
      if (viewer_.Shares() && group.group() == viewer_.group) {
        own = &group;
      } else {
        cpus -= group.Needs();
      }
    }
    if (own != nullptr) cpus = own->RoomFor(viewer_.most, cpus);
    room.cpus = static_cast<int32_t>(std::clamp<int64_t>(cpus, INT32_MIN / 2, INT32_MAX / 2));
    return room;
  }

  absl::Span<const Track::Use> running_;
  absl::Span<const Track::Hold> holds_;
  const Sharing viewer_;
  std::vector<Step> steps_;
  std::vector<GroupLoad> groups_;
  Room left_;  // beside what shares no CPUs, and beside everybody's memory and generic resources
  Room held_;
  int closed_ = 0;
};

}  // namespace

void AppendShared(const Room& all, absl::Span<const Track::Use> running,
                  absl::Span<const Interval> closed, absl::Span<const Track::Hold> holds,
                  const Sharing& viewer, Curve& out) {
  Sweep(all, running, closed, holds, viewer).Run(out);
}

}  // namespace reeve::ctld
