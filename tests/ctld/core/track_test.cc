// A node's step function against counting at every instant.
#include "ctld/core/track.h"

#include <algorithm>
#include <random>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve::ctld {
namespace {

constexpr int kLength = 40;  // of the time that is looked at, in instants

// What the track should say: every use and hold counted at one instant.
class Naive {
 public:
  explicit Naive(Room all) : all_(all) {}
  std::vector<Track::Use> running;
  std::vector<Track::Hold> holds;

  Room At(Instant at, const ReadyKey& rank, Track::View view) const {
    Room left = all_;
    const auto take = [&](const Room& room) { left.Add(-room); };
    for (const Track::Use& use : running) {
      if (at < use.until) take(use.room);
    }
    for (const Track::Hold& hold : holds) {
      if (at < hold.from || at >= hold.until) continue;
      const bool is_own = hold.rank == rank;
      const bool seen = is_own ? view == Track::View::kHigherAndOwn
                               : view == Track::View::kOthers || hold.rank < rank;
      if (seen) take(hold.room);
    }
    return left;
  }
  bool Fits(const Room& need, Instant from, Instant length, const ReadyKey& rank) const {
    for (Instant at = from; at < from + length; ++at) {
      if (!At(at, rank, Track::View::kHigherAndOwn).Holds(need)) return false;
    }
    return true;
  }

 private:
  Room all_;
};

class TrackTest : public ::testing::Test {
 protected:
  int Draw(int n) { return static_cast<int>(random_() % n); }
  // Of two kinds; none where the node has none.
  GresCounts DrawGres(bool any, int n) {
    GresCounts counts;
    if (any && Draw(2)) counts.of = {static_cast<int16_t>(Draw(n)), static_cast<int16_t>(Draw(2))};
    return counts;
  }
  ReadyKey Rank(int job) { return {1, 1000.0 - job, JobId{static_cast<uint32_t>(job)}, 0}; }

  // Takes out of it what does not fit over what ranks higher. Returns whose that was.
  static std::vector<JobId> DropLowest(Naive& naive) {
    std::vector<Track::Hold> holds = std::exchange(naive.holds, {});
    std::sort(holds.begin(), holds.end(),
              [](const Track::Hold& a, const Track::Hold& b) { return a.rank < b.rank; });
    std::vector<JobId> dropped;
    for (const Track::Hold& hold : holds) {
      if (naive.Fits(hold.room, hold.from, hold.until - hold.from, hold.rank)) {
        naive.holds.push_back(hold);
      } else {
        dropped.push_back(hold.rank.job);
      }
    }
    return dropped;
  }

  void Compare(const Track& track, const Naive& naive) {
    Track::Scratch scratch;
    for (int job = 0; job <= 12; ++job) {
      const ReadyKey rank = Rank(job);
      for (const Track::View view :
           {Track::View::kHigherAndOwn, Track::View::kHigher, Track::View::kOthers}) {
        const Instant until = Draw(2) ? kNever : 1 + Draw(kLength);
        const Profile profile = track.SeenBy(rank, view, until, scratch);
        for (Instant at = 0; at < std::min<Instant>(kLength, until); ++at) {
          ASSERT_EQ(LeastFree(profile, at, at + 1), naive.At(at, rank, view))
              << "at " << at << " for job " << job;
        }
      }
      CompareFirstFit(track, naive, rank);
    }
  }

  void CompareFirstFit(const Track& track, const Naive& naive, const ReadyKey& rank) {
    Track::Scratch scratch;
    const Profile profile = track.SeenBy(rank, Track::View::kHigherAndOwn, kNever, scratch);
    const Room need{1 + Draw(8), Draw(8), DrawGres(Draw(2), 3)};
    const Instant length = 1 + Draw(10);
    const Instant from = Draw(kLength / 2);
    Instant first = from;
    while (first < 2 * kLength && !naive.Fits(need, first, length, rank)) ++first;
    ASSERT_EQ(FirstFit(profile, need, length, from), first < 2 * kLength ? first : kNever);
    const Instant before = from + Draw(kLength);
    ASSERT_EQ(FirstFit(profile, need, length, from, before), first < before ? first : kNever);
    // Nothing is another before the next change.
    const Instant change = std::min<Instant>(WindowAt(profile, from, length).next, 2 * kLength);
    for (Instant at = from; at < change; ++at) {
      ASSERT_EQ(LeastFree(profile, at, at + length), LeastFree(profile, from, from + length));
    }
  }

  std::mt19937 random_{1};
};

TEST(Instants, TimesBeyondAllInstantsAreNever) {
  EXPECT_EQ(ToInstant(absl::InfiniteFuture()), kNever);
  EXPECT_EQ(ToInstant(absl::FromUnixSeconds(INT64_MAX)), kNever);
  EXPECT_EQ(ToInstant(absl::FromUnixMicros(kNever)), kNever);
  EXPECT_EQ(ToInstant(absl::FromUnixNanos(1)), 1);
  EXPECT_EQ(ToInstant(absl::FromUnixMicros(7)), 7);
}

TEST_F(TrackTest, SaysWhatCountingSays) {
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const bool gres = Draw(2);
    Room all{8, 8, {}};
    if (gres) all.gres.of = {4, 2};
    Track track;
    Naive naive(all);
    for (int i = Draw(3); i > 0; --i) {
      naive.running.push_back({{1 + Draw(3), Draw(3), DrawGres(gres, 2)}, 1 + Draw(20)});
    }
    ASSERT_TRUE(track.Build(all, naive.running).empty());
    for (int job = 1; job <= 12; ++job) {
      if (Draw(4) == 0 && !naive.holds.empty()) {
        const size_t which = Draw(static_cast<int>(naive.holds.size()));
        ASSERT_TRUE(track.Remove(naive.holds[which].rank, naive.holds[which].from));
        naive.holds.erase(naive.holds.begin() + which);
        continue;
      }
      const Instant from = Draw(kLength / 2);
      const Room room{1 + Draw(4), Draw(4), DrawGres(gres, 3)};
      const Track::Hold hold{from, from + 1 + Draw(10), room, Rank(1 + Draw(12))};
      const bool known = std::any_of(naive.holds.begin(), naive.holds.end(), [&](const auto& h) {
        return h.rank == hold.rank && h.from == hold.from;
      });
      if (known || !naive.Fits(hold.room, hold.from, hold.until - hold.from, hold.rank)) continue;
      naive.holds.push_back(hold);
      for (const Track::Hold& lost : track.Add(hold)) {
        EXPECT_TRUE(hold.rank < lost.rank) << "displaced by a lower one";
        std::erase_if(naive.holds, [&](const Track::Hold& other) {
          return other.rank == lost.rank && other.from == lost.from && other.room == lost.room;
        });
      }
      ASSERT_EQ(naive.holds.size(), track.hold_count());
      for (Instant at = 0; at < kLength; ++at) {
        ASSERT_TRUE(naive.At(at, Rank(0), Track::View::kOthers).Holds({})) << "taken twice";
      }
    }
    Compare(track, naive);
    if (HasFatalFailure()) return;
  }
}

TEST_F(TrackTest, AJobThatStaysLongerDisplacesTheLowestThatNoLongerFit) {
  Track track;
  const std::vector<Track::Use> short_run = {{{4, 0}, 10}};
  ASSERT_TRUE(track.Build({4, 0}, short_run).empty());
  EXPECT_TRUE(track.Add({10, 20, {2, 0}, Rank(1)}).empty());
  EXPECT_TRUE(track.Add({10, 20, {2, 0}, Rank(2)}).empty());
  const std::vector<Track::Use> long_run = {{{2, 0}, 15}};
  const std::vector<Track::Hold> lost = track.Build({4, 0}, long_run);
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].rank.job, JobId{2});
  EXPECT_EQ(track.first_end(), 15);
}

// Who begins and ends one by one leaves the same as a track that is built anew; and what gives way
// is what does not fit when all are placed again from the highest rank down.
TEST_F(TrackTest, WhatIsTakenAndGivenBackIsAsIfBuiltAnew) {
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const Room all{8, 8, {}};
    Track track;
    ASSERT_TRUE(track.Build(all, {}).empty());
    Naive naive(all);
    for (int step = 0; step < 40; ++step) {
      const int kind = Draw(4);
      std::vector<Track::Hold> lost;
      if (kind == 0 && !naive.running.empty()) {
        const size_t which = Draw(static_cast<int>(naive.running.size()));
        track.GiveBack(naive.running[which].room, naive.running[which].until);
        naive.running.erase(naive.running.begin() + which);
      } else if (kind == 1) {
        const Track::Use use{{1 + Draw(3), Draw(3), {}}, Draw(8) ? 1 + Draw(20) : kNever};
        naive.running.push_back(use);
        lost = track.Take(use.room, use.until);
      } else {
        const Instant from = Draw(kLength / 2);
        const Track::Hold hold{
            from, from + 1 + Draw(10), {1 + Draw(4), Draw(4), {}}, Rank(7 * step % 40)};
        if (!naive.Fits(hold.room, from, hold.until - from, hold.rank)) continue;
        naive.holds.push_back(hold);
        lost = track.Add(hold);
      }
      std::vector<JobId> gone;
      for (const Track::Hold& hold : lost) gone.push_back(hold.rank.job);
      EXPECT_THAT(gone, ::testing::UnorderedElementsAreArray(DropLowest(naive)));
      ASSERT_EQ(naive.holds.size(), track.hold_count());
    }
    Compare(track, naive);
    if (HasFailure()) return;
  }
}

TEST_F(TrackTest, WhatIsNeverFreeFitsNever) {
  Track track;
  ASSERT_TRUE(track.Build({4, 100}, {}).empty());
  Track::Scratch scratch;
  const Profile profile = track.SeenBy(Rank(1), Track::View::kHigherAndOwn, kNever, scratch);
  EXPECT_EQ(FirstFit(profile, {5, 0}, 1, 0), kNever);
  EXPECT_EQ(FirstFit(profile, {4, 101}, 1, 0), kNever);
  EXPECT_EQ(FirstFit(profile, {4, 100}, kNever, 7), 7);
  EXPECT_EQ(WindowAt(profile, 0, 5).next, kNever);
}

}  // namespace
}  // namespace reeve::ctld
