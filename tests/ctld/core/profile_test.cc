// A curve of many points and of few, as it grows and shrinks, against an array of every moment.
#include "ctld/core/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

constexpr Instant kLength = 3000;
constexpr Room kAll{8, 64, {}};

// What is free at each moment from 0 on; after the last one it is as at the last one.
class Naive {
 public:
  void Add(const Room& change, Instant from, Instant until) {
    for (Instant at = from; at < std::min(until, kLength); ++at) free_[at].Add(change);
  }
  const Room& At(Instant at) const { return free_[std::min(at, kLength - 1)]; }
  Room Least(Instant from, Instant until) const {
    Room least = At(from);
    for (Instant at = from; at < until; ++at) {
      least.cpus = std::min(least.cpus, At(at).cpus);
      least.mem_mb = std::min(least.mem_mb, At(at).mem_mb);
    }
    return least;
  }
  Instant FirstFit(const Room& need, Instant length, Instant from, Instant before) const {
    Instant free_since = from;
    for (Instant at = from; at < kLength + length; ++at) {
      if (!At(at).Holds(need)) free_since = at + 1;
      if (at + 1 - free_since == length) return free_since < before ? free_since : kNever;
    }
    return kNever;
  }

 private:
  std::vector<Room> free_ = std::vector<Room>(kLength, kAll);
};

class Compared {
 public:
  explicit Compared(uint32_t seed) : random_(seed) { curve_.Assign(kAll, {}); }

  // Never below zero, as in a plan.
  void Take() {
    const Instant from = random_(kLength - 100), until = from + 1 + random_(100);
    const Room least = naive_.Least(from, until);
    if (least.cpus == 0 || least.mem_mb == 0) return;
    const Room room{static_cast<int32_t>(1 + random_(least.cpus)),
                    static_cast<int32_t>(1 + random_(least.mem_mb)),
                    {}};
    taken_.push_back({{from, until}, room});
    Add(-room, {from, until});
  }
  void GiveBack() {
    if (taken_.empty()) return;
    std::swap(taken_[random_(taken_.size())], taken_.back());
    const auto [time, room] = taken_.back();
    taken_.pop_back();
    Add(room, time);
    curve_.MergeAt(time.from);
    curve_.MergeAt(time.until);
  }
  void Compare() {
    Compare(curve_.View());
    Curve copied;
    for (size_t i = 0; i < curve_.View().size(); ++i) {
      copied.Append(curve_.View().from(i), curve_.View().free(i));
    }
    Compare(copied.View());
  }
  size_t points() const { return curve_.View().size(); }

 private:
  void Add(const Room& room, const Interval& time) {
    curve_.Add(room, time.from, time.until);
    naive_.Add(room, time.from, time.until);
  }
  void Compare(const Profile& profile) {
    const Instant from = random_(kLength), length = 1 + random_(60);
    const size_t segment = profile.SegmentAt(from);
    ASSERT_LE(profile.from(segment), from);
    ASSERT_GT(profile.until(segment), from);
    ASSERT_EQ(LeastFree(profile, from, from + length), naive_.Least(from, from + length));
    const Window window = WindowAt(profile, from, length);
    ASSERT_EQ(window.least, naive_.Least(from, from + length));
    for (Instant at = from; at < std::min(window.next, kLength); at += 1 + random_(20)) {
      ASSERT_EQ(naive_.Least(at, at + length), window.least);
    }
    const Room need{static_cast<int32_t>(random_(9)), static_cast<int32_t>(random_(65)), {}};
    const Instant before = random_(2) == 0 ? kNever : from + random_(kLength);
    ASSERT_EQ(FirstFit(profile, need, length, from, before),
              naive_.FirstFit(need, length, from, before));
  }

  Random random_;
  Curve curve_;
  Naive naive_;
  std::vector<std::pair<Interval, Room>> taken_;
};

TEST(Curve, SaysWhatEveryMomentSays) {
  size_t most = 0;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    Compared compared(seed);
    for (int step = 0; step < 900; ++step) {
      compared.Take();
      ASSERT_NO_FATAL_FAILURE(compared.Compare());
    }
    most = std::max(most, compared.points());
    for (int step = 0; step < 900; ++step) {
      compared.GiveBack();
      ASSERT_NO_FATAL_FAILURE(compared.Compare());
    }
    EXPECT_EQ(compared.points(), 1u);
  }
  EXPECT_GT(most, 256u) << "blocks of several lengths were in use";
}

// An infinite length needs what has no end.
TEST(Curve, FindsWhatIsFreeForEver) {
  Curve curve;
  curve.Assign(kAll, {{10, Room{-8, 0, {}}}, {20, Room{8, 0, {}}}});
  EXPECT_EQ(FirstFit(curve.View(), {1, 0, {}}, kNever, 0), 20);
  EXPECT_EQ(WindowAt(curve.View(), 20, kNever).next, kNever);
}

}  // namespace
}  // namespace reeve::ctld
