// Sockets, cores and threads against brute force: every way to deal tasks out on tiny nodes, and
// every set of CPUs that others may have.
#include "ctld/core/cpu_layout.h"

#include <algorithm>
#include <functional>
#include <map>

#include "ctld/core/node.h"
#include "gtest/gtest.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

struct Case {
  NodeCpus node;
  bool whole_cores = false;
  CpuLayout layout;
  uint32_t cpus_per_task = 1;
  CpuSet busy;

  uint32_t Free() const { return node.cpus - busy.Count(); }
  uint32_t UsableOfCore() const {
    return layout.threads > 0 ? std::min(layout.threads, node.threads) : node.threads;
  }
  // CPUs are given away in cores.
  bool ByCore() const {
    return whole_cores || UsableOfCore() < node.threads || layout.tasks_per_core > 0;
  }
  LayoutRoom Room() const { return Room(Free()); }
  LayoutRoom Room(uint32_t most) const {
    return {layout, cpus_per_task, node, whole_cores, Free(), most, &busy};
  }
  LayoutRoom RoomLater() const {
    return {layout, cpus_per_task, node, whole_cores, Free(), Free(), nullptr};
  }
};

Case RandomCase(Random& random) {
  Case c;
  c.node.threads = 1 + random(2);
  c.node.sockets = 1 + random(3);
  c.node.cpus = c.node.sockets * (1 + random(3)) * c.node.threads;
  c.whole_cores = random(2) == 0;
  c.cpus_per_task = 1 + random(3);
  c.layout.threads = random(3);
  c.layout.tasks_per_socket = random(4);
  c.layout.tasks_per_core = random(3);
  c.layout.over_sockets = static_cast<Spread>(random(3));
  c.layout.over_cores = static_cast<Spread>(random(3));
  for (uint32_t cpu = 0; cpu < c.node.cpus; ++cpu) {
    if (random(3) == 0) c.busy.Add(cpu);
  }
  // Others have whole cores, too.
  for (uint32_t cpu = 0; c.whole_cores && cpu < c.node.cpus; ++cpu) {
    if (c.busy.Contains(cpu / c.node.threads * c.node.threads)) {
      c.busy.Add(cpu);
    } else {
      c.busy.Remove(cpu);
    }
  }
  return c;
}

std::string Words(const Case& c) {
  return "sockets " + std::to_string(c.node.sockets) + " of " + std::to_string(c.node.cpus) +
         " CPUs, " + std::to_string(c.node.threads) + " a core, busy " + c.busy.ToText() +
         (c.whole_cores ? ", whole cores" : "") + ", -c " + std::to_string(c.cpus_per_task) +
         c.layout.LimitText();
}

// ---- by hand ------------------------------------------------------------------------------------

// So many tasks on so many cores (or single CPUs) beside each other: poured in one after the other.
uint32_t Pour(const Case& c, uint32_t units) {
  const uint32_t usable = c.ByCore() ? c.UsableOfCore() : 1;
  const uint32_t most = c.layout.tasks_per_core;
  std::vector<uint32_t> left(units, usable), tasks(units, 0);
  for (uint32_t count = 0;; ++count) {
    uint32_t wanted = c.cpus_per_task;
    for (size_t i = 0; i < left.size() && wanted > 0; ++i) {
      if (most > 0 && tasks[i] == most) continue;
      // A task that fits on one core is on one.
      if (most > 0 && c.cpus_per_task <= usable && left[i] < wanted) continue;
      if (left[i] == 0) continue;
      const uint32_t taken = std::min(wanted, left[i]);
      left[i] -= taken, wanted -= taken, tasks[i]++;
    }
    if (wanted > 0) return count;
  }
}

// Free cores (or CPUs) of each socket.
std::vector<uint32_t> FreeUnits(const Case& c) {
  std::vector<uint32_t> free(c.node.sockets, 0);
  const uint32_t unit = c.ByCore() ? c.node.threads : 1;
  const uint32_t on_socket = c.node.cpus / unit / c.node.sockets;
  for (uint32_t i = 0; i < c.node.cpus / unit; ++i) {
    bool all = true;
    for (uint32_t cpu = i * unit; cpu < (i + 1) * unit; ++cpu) all = all && !c.busy.Contains(cpu);
    free[i / on_socket] += all;
  }
  return free;
}

// The most tasks for which no more than `most` units are needed, by all ways to divide them.
uint32_t MostTasks(const Case& c, uint32_t most) {
  const std::vector<uint32_t> free = FreeUnits(c);
  uint32_t all = 0;
  for (uint32_t units : free) all += units;
  if (c.layout.tasks_per_socket == 0) return Pour(c, std::min(all, most));
  uint32_t best = 0;
  std::function<void(size_t, uint32_t, uint32_t)> divide = [&](size_t i, uint32_t left,
                                                               uint32_t tasks) {
    best = std::max(best, tasks);
    if (i == free.size()) return;
    for (uint32_t units = 0; units <= std::min(free[i], left); ++units) {
      divide(i + 1, left - units, tasks + std::min(Pour(c, units), c.layout.tasks_per_socket));
    }
  };
  divide(0, most, 0);
  return best;
}

// Do so many tasks have their CPUs there, as the layout says?
void ExpectLaidOut(const Case& c, const CpuSet& cpus, uint32_t tasks) {
  const CpuSet usable = UsableCpus(c.layout, c.node, cpus, cpus);
  ASSERT_TRUE(cpus.ContainsAll(usable));
  const std::vector<CpuSet> placed =
      LayOutTasks(c.layout, c.cpus_per_task, c.node, usable, UINT32_MAX);
  ASSERT_GE(placed.size(), tasks) << "on " << cpus.ToText();
  CpuSet seen;
  std::map<uint32_t, uint32_t> on_socket, on_core, threads;
  for (const CpuSet& task : placed) {
    ASSERT_EQ(task.Count(), c.cpus_per_task);
    ASSERT_TRUE(usable.ContainsAll(task) && !seen.Intersects(task));
    seen.AddAll(task);
    std::map<uint32_t, bool> sockets, cores;
    for (uint32_t cpu : task.Ids()) {
      sockets[cpu * c.node.sockets / c.node.cpus] = cores[cpu / c.node.threads] = true;
      threads[cpu / c.node.threads]++;
    }
    for (const auto& [socket, here] : sockets) on_socket[socket]++;
    for (const auto& [core, here] : cores) on_core[core]++;
    ASSERT_TRUE(c.layout.tasks_per_socket == 0 || sockets.size() == 1);
  }
  for (const auto& [socket, count] : on_socket) {
    ASSERT_TRUE(c.layout.tasks_per_socket == 0 || count <= c.layout.tasks_per_socket);
  }
  for (const auto& [core, count] : on_core) {
    ASSERT_TRUE(c.layout.tasks_per_core == 0 || count <= c.layout.tasks_per_core);
  }
  for (const auto& [core, count] : threads) ASSERT_LE(count, c.UsableOfCore());
}

// ---- tests --------------------------------------------------------------------------------------

TEST(CpuLayout, CountsTasksAsBruteForceDoes) {
  Random random(1);
  for (int round = 0; round < 20'000; ++round) {
    const Case c = RandomCase(random);
    SCOPED_TRACE(Words(c));
    const uint32_t unit = c.ByCore() ? c.node.threads : 1;
    for (uint32_t most = 0; most <= c.Free(); ++most) {
      ASSERT_EQ(c.Room(most).Tasks(), MostTasks(c, most / unit)) << "of " << most;
    }
  }
}

TEST(CpuLayout, PicksWhatItsTasksNeed) {
  Random random(2);
  for (int round = 0; round < 20'000; ++round) {
    const Case c = RandomCase(random);
    SCOPED_TRACE(Words(c));
    const uint32_t most = random(c.Free() + 1);
    const LayoutRoom room = c.Room(most);
    const uint32_t tasks = room.Tasks();
    for (uint32_t count = 0; count <= tasks; ++count) {
      const uint32_t cpus = room.CpusFor(count);
      ASSERT_LE(cpus, most);
      // Another search, that knows of no more than these, takes them where they are.
      const CpuSet picked = c.Room(cpus).Pick(count, cpus, CpuSet());
      ASSERT_EQ(picked.Count(), cpus);
      ASSERT_FALSE(picked.Intersects(c.busy));
      ExpectLaidOut(c, picked, count);
      if (::testing::Test::HasFatalFailure()) return;
    }
    // And what is asked for beyond what tasks need is there as well.
    if (tasks > 0) {
      ASSERT_EQ(room.Pick(tasks, room.Cpus(), CpuSet()).Count(), room.Cpus());
    }
  }
}

TEST(CpuLayout, CountsForLaterWhatIsSureWhereverItIs) {
  Random random(3);
  for (int round = 0; round < 100; ++round) {
    Case c = RandomCase(random);
    // By number of free CPUs: the fewest tasks that any CPUs take that are as many.
    std::map<uint32_t, uint32_t> fewest;
    const uint32_t unit = c.whole_cores ? c.node.threads : 1;
    const uint32_t units = c.node.cpus / unit;
    for (uint32_t set = 0; set < 1u << units; ++set) {
      c.busy = CpuSet();
      for (uint32_t i = 0; i < units; ++i) {
        for (uint32_t cpu = i * unit; (set >> i & 1) != 0 && cpu < (i + 1) * unit; ++cpu) {
          c.busy.Add(cpu);
        }
      }
      const LayoutRoom now = c.Room();
      const LayoutRoom later = c.RoomLater();
      const auto known = fewest.emplace(c.Free(), UINT32_MAX).first;
      known->second = std::min(known->second, now.Tasks());
      ASSERT_LE(later.Tasks(), now.Tasks()) << Words(c);
      for (uint32_t tasks = 0; tasks <= later.Tasks(); ++tasks) {
        ASSERT_GE(later.CpusFor(tasks), now.CpusFor(tasks)) << Words(c);
        ASSERT_LE(later.CpusFor(tasks), c.Free()) << Words(c);
        ASSERT_LE(later.SureCpus(tasks), c.Free()) << Words(c);
      }
    }
    // While so many are free as are sure, it takes the tasks, wherever the others are.
    c.busy = CpuSet();
    const LayoutRoom idle = c.RoomLater();
    for (uint32_t tasks = 1; tasks <= idle.Tasks(); ++tasks) {
      for (const auto& [free, takes] : fewest) {
        if (free >= idle.SureCpus(tasks)) ASSERT_GE(takes, tasks) << Words(c) << ", any " << free;
      }
    }
    // No less than that where cores are given away whole.
    for (const auto& [free, tasks] : fewest) {
      if (!c.whole_cores) continue;
      c.busy = CpuSet();
      for (uint32_t cpu = free; cpu < c.node.cpus; ++cpu) c.busy.Add(cpu);
      ASSERT_EQ(c.RoomLater().Tasks(), tasks) << Words(c) << ", any " << free;
    }
  }
}

NodeCpus TwoSockets() {
  return {.cpus = 16, .sockets = 2, .threads = 2};  // of four cores each
}

TEST(CpuLayout, DealsOutOverSocketsAndCores) {
  CpuSet all = CpuSet::FirstN(16);
  const auto picked = [&](std::string distribution, uint32_t tasks, uint32_t cpus_per_task) {
    CpuWishes wishes;
    wishes.distribution = std::move(distribution);
    const CpuLayout layout = LayoutOf(wishes);
    const CpuSet none;
    const uint32_t cpus = tasks * cpus_per_task;
    return LayoutRoom(layout, cpus_per_task, TwoSockets(), true, 16, 16, &none)
        .Pick(tasks, cpus, CpuSet())
        .ToText();
  };
  EXPECT_EQ(picked("block:block", 4, 1), "0-3");
  EXPECT_EQ(picked("block:cyclic", 4, 1), "0-1,8-9");
  EXPECT_EQ(picked("block:cyclic", 2, 4), "0-3,8-11");
  EXPECT_EQ(picked("block:fcyclic", 1, 4), "0-1,8-9");
  EXPECT_EQ(picked("cyclic", 4, 1), "0-3");
  const auto tasks = [&](std::string distribution, uint32_t cpus_per_task) {
    CpuWishes wishes;
    wishes.distribution = std::move(distribution);
    std::string text;
    for (const CpuSet& cpus : LayOutTasks(LayoutOf(wishes), cpus_per_task, TwoSockets(), all, 3)) {
      text += (text.empty() ? "" : " ") + cpus.ToText();
    }
    return text;
  };
  EXPECT_EQ(tasks("block:block", 1), "0 1 2");
  EXPECT_EQ(tasks("block:block:cyclic", 1), "0 2 4");
  EXPECT_EQ(tasks("block:cyclic", 1), "0 8 2");
  EXPECT_EQ(tasks("block:cyclic:block", 1), "0 8 1");
  EXPECT_EQ(tasks("block:block:fcyclic", 2), "0,2 4,6 1,3");
  EXPECT_EQ(tasks("block:fcyclic:block", 2), "0,8 1,9 2,10");
}

TEST(CpuLayout, SaysWhatIsAskedFor) {
  CpuLayout layout;
  EXPECT_EQ(layout.NodeText() + layout.LimitText() + layout.KeyText(), "");
  layout.sockets = 2;
  layout.cores = 1;
  layout.threads = 2;
  layout.tasks_per_socket = 1;
  layout.tasks_per_core = 3;
  EXPECT_EQ(layout.NodeText(), "2 sockets, 1 core a socket, 2 threads a core");
  EXPECT_EQ(layout.LimitText(),
            ", 2 threads a core, at most 3 tasks a core, at most 1 task a socket");
}

TEST(CpuLayout, KnowsNodesByTheirConfiguration) {
  Node node;
  node.cpus = 16;
  node.sockets = 2;
  node.cores_per_socket = 4;
  node.threads_per_core = 2;
  CpuLayout layout;
  layout.sockets = 2;
  layout.cores = 4;
  layout.threads = 2;
  EXPECT_TRUE(HasLayout(layout, node));
  for (uint32_t CpuLayout::*field : {&CpuLayout::sockets, &CpuLayout::cores, &CpuLayout::threads}) {
    CpuLayout more = layout;
    (more.*field)++;
    EXPECT_FALSE(HasLayout(more, node));
  }
  EXPECT_EQ(CpusOf(node, true).SocketOf(7), 0u);
  EXPECT_EQ(CpusOf(node, true).SocketOf(8), 1u);
  node.cpus = 8;  // its cores
  EXPECT_EQ(CpusOf(node, false).threads, 1u);
  EXPECT_EQ(CpusOf(node, false).SocketOf(4), 1u);
}

}  // namespace
}  // namespace reeve::ctld
