#include "noded/core/fence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace reeve::noded {
namespace {

constexpr int kUnreachable = -25, kTooMuch = -29, kTimedOut = -24;

FenceTable::Options Options(uint32_t fan_out) {
  return {fan_out, 1000, kUnreachable, kTooMuch, kTimedOut};
}

// Nodes that hear each other in an order of chance, messages of one node to another in theirs.
class World {
 public:
  World(uint32_t nodes, uint32_t fan_out, unsigned seed) : random_(seed) {
    for (uint32_t i = 0; i < nodes; ++i) tables_.emplace_back(i, Options(fan_out));
    for (uint32_t i = 0; i < nodes; ++i) all_.push_back(i);
  }

  const std::vector<uint32_t>& all() const { return all_; }

  void Enter(uint32_t node, uint64_t call, const std::string& ranks,
             const std::vector<uint32_t>& nodes, const std::string& data) {
    Take(node, tables_[node].Enter(call, ranks, nodes, data));
  }
  void TimeOver(uint32_t node, uint64_t call) { Take(node, tables_[node].TimeOver(call)); }

  // Nothing from or to it arrives any more, and all learn that.
  void Kill(uint32_t node) {
    dead_.insert(node);
    for (uint32_t i : all_) {
      if (!dead_.contains(i)) Take(i, tables_[i].Lost(node));
    }
  }

  void Deliver() {
    while (!wires_.empty()) {
      auto wire = std::next(wires_.begin(), random_() % wires_.size());
      const auto [from, to] = wire->first;
      FenceSend message = wire->second.front();
      wire->second.pop_front();
      if (wire->second.empty()) wires_.erase(wire);
      if (dead_.contains(from) || dead_.contains(to)) continue;
      Take(to, message.up
                   ? tables_[to].FromBelow(from, message.key, message.status, *message.data)
                   : tables_[to].FromAbove(from, message.key, message.status, *message.data));
    }
  }

  struct End {
    int status;
    std::string data;
  };
  std::map<std::pair<uint32_t, uint64_t>, End> ends;  // node, call

 private:
  void Take(uint32_t node, const FenceEffects& effects) {
    for (const FenceEffect& effect : effects) {
      if (const auto* over = std::get_if<FenceOver>(&effect)) {
        EXPECT_TRUE(
            ends.emplace(std::pair(node, over->call), End{over->status, *over->data}).second);
      } else {
        const auto& send = std::get<FenceSend>(effect);
        wires_[{node, send.node}].push_back(send);
      }
    }
  }

  std::mt19937 random_;
  std::vector<FenceTable> tables_;
  std::vector<uint32_t> all_;
  std::set<uint32_t> dead_;
  std::map<std::pair<uint32_t, uint32_t>, std::deque<FenceSend>> wires_;
};

std::string Sorted(std::string text) {
  std::sort(text.begin(), text.end());
  return text;
}

TEST(Fence, OfOneNodeIsOverAtOnce) {
  FenceTable table(3, Options(2));
  const FenceEffects effects = table.Enter(7, "6-7", {3}, "abc");
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<FenceOver>(effects[0]).call, 7u);
  EXPECT_EQ(*std::get<FenceOver>(effects[0]).data, "abc");
}

TEST(Fence, BringsAllDataToAllNodesInOneOrder) {
  for (uint32_t nodes = 1; nodes <= 12; ++nodes) {
    for (uint32_t fan_out : {1u, 2u, 3u, 16u}) {
      World world(nodes, fan_out, nodes * 100 + fan_out);
      std::string everything;
      for (uint32_t node : world.all()) {
        const std::string own(1, static_cast<char>('a' + node));
        everything += own;
        world.Enter(node, 1, "all", world.all(), own);
        if (node % 3 == 0) world.Deliver();
      }
      world.Deliver();
      ASSERT_EQ(world.ends.size(), nodes);
      for (const auto& [at, end] : world.ends) {
        EXPECT_EQ(end.status, 0);
        EXPECT_EQ(Sorted(end.data), everything);
        EXPECT_EQ(end.data, world.ends.begin()->second.data);
      }
    }
  }
}

TEST(Fence, SeveralOverlapAndRepeat) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    World world(6, 2, seed);
    std::mt19937 random(seed);
    // Each node goes through its own list; who is ahead of the others does not disturb them.
    const std::vector<uint32_t> some = {1, 3, 4};
    for (uint64_t round = 0; round < 4; ++round) {
      std::vector<uint32_t> order = world.all();
      std::shuffle(order.begin(), order.end(), random);
      for (uint32_t node : order) {
        world.Enter(node, 10 + round, "all", world.all(),
                    std::string(1, static_cast<char>('0' + round)));
        if (node == 1 || node == 3 || node == 4) world.Enter(node, 20 + round, "some", some, "s");
        if (random() % 2) world.Deliver();
      }
      world.Deliver();
    }
    ASSERT_EQ(world.ends.size(), 4u * 6 + 4 * 3);
    for (const auto& [at, end] : world.ends) {
      const bool all = at.second < 20;
      EXPECT_EQ(end.status, 0);
      EXPECT_EQ(end.data, all ? std::string(6, static_cast<char>('0' + at.second - 10)) : "sss");
    }
  }
}

TEST(Fence, FailsEverywhereWithANodeThatIsLost) {
  for (uint32_t dead = 0; dead < 7; ++dead) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      World world(7, 2, seed);
      std::mt19937 random(seed);
      std::vector<uint32_t> order = world.all();
      std::shuffle(order.begin(), order.end(), random);
      const size_t before = random() % 7;
      for (size_t i = 0; i < order.size(); ++i) {
        if (i == before) world.Kill(dead);
        if (order[i] != dead) world.Enter(order[i], 1, "all", world.all(), "x");
        if (random() % 2) world.Deliver();
      }
      world.Deliver();
      // Nobody waits for ever, and none takes it for done.
      ASSERT_EQ(world.ends.size(), 6u) << "dead " << dead << " seed " << seed;
      for (const auto& [at, end] : world.ends) EXPECT_EQ(end.status, kUnreachable);
    }
  }
}

TEST(Fence, WhatIsOverIsNotHarmedByALoss) {
  World world(3, 2, 1);
  for (uint32_t node : world.all()) world.Enter(node, 1, "all", world.all(), "x");
  world.Deliver();
  world.Kill(0);
  for (const auto& [at, end] : world.ends) EXPECT_EQ(end.status, 0);
  // Those that do not need it go on.
  world.Enter(1, 2, "some", {1, 2}, "y");
  world.Enter(2, 2, "some", {1, 2}, "z");
  world.Deliver();
  EXPECT_EQ((world.ends[{1, 2}].data), "yz");
  EXPECT_EQ((world.ends[{2, 2}].data), "yz");
}

TEST(Fence, TooMuchDataFailsIt) {
  World world(3, 2, 1);
  for (uint32_t node : world.all()) {
    world.Enter(node, 1, "all", world.all(), std::string(node == 0 ? 10 : 500, 'x'));
  }
  world.Deliver();
  ASSERT_EQ(world.ends.size(), 3u);
  for (const auto& [at, end] : world.ends) EXPECT_EQ(end.status, kTooMuch);
}

TEST(Fence, ATimeLimitFailsItForAll) {
  for (uint32_t impatient = 0; impatient < 3; ++impatient) {
    World world(5, 2, 1);
    for (uint32_t node : {0u, 1u, 2u}) world.Enter(node, 1, "all", world.all(), "x");
    world.Deliver();
    world.TimeOver(impatient, 1);
    world.Deliver();
    // Node 2 has no children that are missing: it learns when its parent does.
    EXPECT_EQ((world.ends[{impatient, 1}].status), kTimedOut);
    for (uint32_t node : {3u, 4u}) world.Enter(node, 1, "all", world.all(), "x");
    world.Deliver();
    if (impatient == 2) continue;
    EXPECT_EQ((world.ends[{3, 1}].status), kTimedOut);
  }
}

// A peer that says what it should not, or says it twice.
TEST(Fence, TakesNothingOutOfTurn) {
  FenceTable table(0, Options(2));
  EXPECT_TRUE(table.FromBelow(1, {"all", 5}, 0, "far ahead").empty());
  EXPECT_TRUE(table.FromBelow(1, {"all", 0}, 0, "one").empty());
  EXPECT_TRUE(table.FromBelow(1, {"all", 0}, 0, "one again").empty());
  EXPECT_TRUE(table.FromBelow(9, {"all", 0}, 0, "of no child").empty());
  EXPECT_TRUE(table.FromAbove(2, {"all", 0}, 0, "from above the root").empty());
  EXPECT_TRUE(table.Enter(1, "all", {0, 1, 2}, "root").empty());
  EXPECT_TRUE(table.FromAbove(1, {"all", 0}, 0, "from above the root").empty());
  EXPECT_TRUE(table.FromBelow(9, {"all", 0}, 0, "of no child").empty());
  const FenceEffects effects = table.FromBelow(2, {"all", 0}, 0, "two");
  ASSERT_EQ(effects.size(), 3u);
  EXPECT_EQ(*std::get<FenceOver>(effects[2]).data, "rootonetwo");
  EXPECT_TRUE(table.FromBelow(2, {"all", 0}, 0, "late").empty());
}

TEST(Fence, WhatWaitsEarlyIsBounded) {
  FenceTable table(0, Options(2));
  for (int i = 0; i < 1000; ++i) {
    table.FromBelow(1, {std::to_string(i), 0}, 0, "x");
  }
  // The first have been kept, the last have not.
  EXPECT_EQ(table.Enter(1, "0", {0, 1}, "").size(), 2u);
  EXPECT_TRUE(table.Enter(2, "999", {0, 1}, "").empty());
}

}  // namespace
}  // namespace reeve::noded
