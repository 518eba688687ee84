#include "ctld/core/cpu_layout.h"

#include <algorithm>
#include <numeric>

#include "common/base/text.h"
#include "ctld/core/node.h"

namespace reeve::ctld {
namespace {

uint32_t DivideUp(uint64_t value, uint64_t unit) {
  return static_cast<uint32_t>((value + unit - 1) / unit);
}

Spread SpreadOf(std::string_view word) {
  if (word == "cyclic") return Spread::kCyclic;
  return word == "fcyclic" ? Spread::kFullCyclic : Spread::kBlock;
}

std::string Counted(uint32_t count, std::string_view thing) {
  return StrCat(count, " ", thing, count == 1 ? "" : "s");
}

}  // namespace

// ---- what is asked for ------------------------------------------------------------------------

std::string CpuLayout::KeyText() const {
  if (!Any()) return "";
  return StrCat(sockets, ".", cores, ".", threads, ".", tasks_per_socket, ".", tasks_per_core, ".",
                int{cyclic_nodes}, int{far_from_gpus}, int{static_cast<uint8_t>(over_sockets)},
                int{static_cast<uint8_t>(over_cores)});
}

std::string CpuLayout::NodeText() const {
  std::string text;
  const auto add = [&](uint32_t count, std::string_view thing, std::string_view where) {
    if (count == 0) return;
    StrAppend(&text, text.empty() ? "" : ", ", Counted(count, thing), where);
  };
  add(sockets, "socket", "");
  add(cores, "core", " a socket");
  add(threads > 1 ? threads : 0, "thread", " a core");
  return text;
}

std::string CpuLayout::LimitText() const {
  std::string text;
  if (threads > 0) StrAppend(&text, ", ", Counted(threads, "thread"), " a core");
  if (tasks_per_core > 0)
    StrAppend(&text, ", at most ", Counted(tasks_per_core, "task"), " a core");
  if (tasks_per_socket > 0) {
    StrAppend(&text, ", at most ", Counted(tasks_per_socket, "task"), " a socket");
  }
  return text;
}

CpuLayout LayoutOf(const CpuWishes& wishes) {
  CpuLayout layout;
  layout.sockets = wishes.sockets_per_node;
  layout.cores = wishes.cores_per_socket;
  layout.threads = wishes.threads_per_core;
  layout.tasks_per_socket = wishes.ntasks_per_socket;
  layout.tasks_per_core = wishes.ntasks_per_core;
  layout.far_from_gpus = wishes.far_from_gpus;
  const std::string lower = ToLower(wishes.distribution);
  const std::vector<std::string_view> levels =
      Split(std::string_view(lower).substr(0, lower.find(',')), ":");
  layout.cyclic_nodes = levels[0] == "cyclic";
  if (levels.size() > 1) layout.over_sockets = layout.over_cores = SpreadOf(levels[1]);
  // Cores are dealt out as sockets are unless something else is said.
  if (levels.size() > 2 && levels[2] != "*") layout.over_cores = SpreadOf(levels[2]);
  return layout;
}

// ---- nodes ------------------------------------------------------------------------------------

uint32_t NodeCpus::CoresOfSocket() const {
  return std::max(cores() / std::max(sockets, 1u), 1u);
}

uint32_t NodeCpus::SocketOf(uint32_t cpu) const {
  return std::min(cpu / threads / CoresOfSocket(), std::max(sockets, 1u) - 1);
}

NodeCpus CpusOf(const Node& node, bool whole_cores) {
  NodeCpus cpus;
  cpus.cpus = node.cpus;
  cpus.sockets = std::max(node.sockets, 1u);
  const uint32_t cores = std::max(node.sockets * node.cores_per_socket, 1u);
  cpus.threads = whole_cores ? node.threads_per_core : node.cpus / cores;
  cpus.threads = std::clamp(cpus.threads, 1u, std::max(node.cpus, 1u));
  return cpus;
}

bool HasLayout(const CpuLayout& layout, const Node& node) {
  return node.sockets >= layout.sockets && node.cores_per_socket >= layout.cores &&
         node.threads_per_core >= layout.threads;
}

// ---- room for a job's tasks -------------------------------------------------------------------

LayoutRoom::LayoutRoom(const CpuLayout& layout, uint32_t cpus_per_task, const NodeCpus& node,
                       bool whole_cores, uint32_t free, uint32_t most, const CpuSet* busy)
    : layout_(layout), cpus_per_task_(std::max(cpus_per_task, 1u)), node_(node), busy_(busy) {
  const bool fewer_threads = layout.threads > 0 && layout.threads < node.threads;
  const bool by_core = whole_cores || fewer_threads || layout.tasks_per_core > 0;
  free = std::min(free, node.cpus);
  unit_ = by_core ? node.threads : 1;
  usable_ = fewer_threads ? layout.threads : unit_;
  units_of_socket_ = node.CoresOfSocket() * (node.threads / unit_);
  const uint32_t units = node.cpus / unit_;
  limit_ = std::min(free, most) / unit_;
  scattered_ = by_core && !whole_cores;
  if (scattered_ && busy == nullptr) {
    const uint32_t taken = node.cpus - free;
    limit_ = std::min(limit_, units - std::min(units, taken));
  }
  exact_ = busy != nullptr || free == node.cpus;
  if (!exact_) return;
  free_.resize(node.sockets, 0);
  for (uint32_t unit = 0; unit < units; ++unit) {
    if (IsFree(unit)) free_[node.SocketOf(unit * unit_)]++;
  }
  limit_ = std::min(limit_, std::accumulate(free_.begin(), free_.end(), 0u));
}

bool LayoutRoom::IsFree(uint32_t unit) const {
  if (busy_ == nullptr) return true;
  for (uint32_t i = 0; i < unit_; ++i) {
    if (busy_->Contains(unit * unit_ + i)) return false;
  }
  return true;
}

// Of neighbouring units, wherever they are.
uint32_t LayoutRoom::TasksIn(uint32_t units) const {
  const uint64_t all = uint64_t{units} * usable_ / cpus_per_task_;
  const uint32_t most = layout_.tasks_per_core;
  if (most == 0) return static_cast<uint32_t>(all);
  if (cpus_per_task_ <= usable_) return units * std::min(most, usable_ / cpus_per_task_);
  return most > 1 ? static_cast<uint32_t>(all) : units / DivideUp(cpus_per_task_, usable_);
}

uint32_t LayoutRoom::UnitsFor(uint32_t tasks) const {
  const uint32_t all = DivideUp(uint64_t{tasks} * cpus_per_task_, usable_);
  const uint32_t most = layout_.tasks_per_core;
  if (most == 0) return all;
  if (cpus_per_task_ <= usable_) return DivideUp(tasks, std::min(most, usable_ / cpus_per_task_));
  return most > 1 ? all : tasks * DivideUp(cpus_per_task_, usable_);
}

uint32_t LayoutRoom::TasksOnSocket(uint32_t units) const {
  return std::min(TasksIn(units), layout_.tasks_per_socket);
}

// The fewest that so many units take that are anywhere on the sockets: where some of a socket are
// free, as many are that take no task more.
uint32_t LayoutRoom::LeastTasks(uint32_t limit) const {
  // By number of units, the last being the limit or more: the fewest tasks on the sockets so far.
  std::vector<uint32_t> least(limit + 1, UINT32_MAX);
  least[0] = 0;
  uint32_t left = node_.cpus / unit_;
  for (uint32_t socket = 0; socket < node_.sockets; ++socket) {
    const bool last = socket + 1 == node_.sockets;
    const uint32_t all = last ? left : std::min(units_of_socket_, left);
    left -= all;
    const uint32_t most = TasksOnSocket(all);
    std::vector<uint32_t> with(limit + 1, UINT32_MAX);
    for (uint32_t units = 0; units <= limit; ++units) {
      if (least[units] == UINT32_MAX) continue;
      for (uint32_t tasks = 0; tasks <= most; ++tasks) {
        const uint32_t here = tasks == most ? all : std::min(UnitsFor(tasks + 1) - 1, all);
        uint32_t& sum = with[std::min(units + here, limit)];
        sum = std::min(sum, least[units] + tasks);
      }
    }
    least = std::move(with);
  }
  return least[limit] == UINT32_MAX ? 0 : least[limit];
}

uint32_t LayoutRoom::UnitsFor(const Counts& tasks) const {
  uint32_t units = 0;
  for (uint32_t count : tasks) units += UnitsFor(count);
  return units;
}

// As many on each socket as it takes; with a spread one on each in turn.
LayoutRoom::Counts LayoutRoom::Fill(uint32_t tasks) const {
  Counts counts(free_.size(), 0);
  if (layout_.over_sockets != Spread::kBlock) {
    for (bool dealt = true; dealt && tasks > 0;) {
      dealt = false;
      for (size_t i = 0; i < counts.size() && tasks > 0; ++i) {
        if (counts[i] >= TasksOnSocket(free_[i])) continue;
        counts[i]++, tasks--, dealt = true;
      }
    }
    return counts;
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    counts[i] = std::min(tasks, TasksOnSocket(free_[i]));
    tasks -= counts[i];
  }
  return counts;
}

// The most that `limit_` units take, but no more than `tasks`.
LayoutRoom::Counts LayoutRoom::Thriftiest(uint32_t tasks) const {
  const size_t sockets = free_.size();
  // By socket and units: the most tasks on it and those before it.
  std::vector<std::vector<uint32_t>> most(sockets + 1, std::vector<uint32_t>(limit_ + 1, 0));
  const auto on_last = [&](size_t socket, uint32_t units) {
    uint32_t best = 0;
    uint32_t best_sum = most[socket][units];
    for (uint32_t count = 1; count <= TasksOnSocket(free_[socket]); ++count) {
      if (UnitsFor(count) > units) break;
      const uint32_t sum = most[socket][units - UnitsFor(count)] + count;
      if (sum > best_sum) best = count, best_sum = sum;
    }
    return std::pair(best, best_sum);
  };
  for (size_t socket = 0; socket < sockets; ++socket) {
    for (uint32_t units = 0; units <= limit_; ++units) {
      most[socket + 1][units] = on_last(socket, units).second;
    }
  }
  Counts counts(sockets, 0);
  uint32_t units = limit_;
  for (size_t socket = sockets; socket-- > 0;) {
    counts[socket] = on_last(socket, units).first;
    units -= UnitsFor(counts[socket]);
  }
  uint32_t spare = std::accumulate(counts.begin(), counts.end(), 0u);
  for (size_t socket = sockets; socket-- > 0 && spare > tasks;) {
    const uint32_t less = std::min(counts[socket], spare - tasks);
    counts[socket] -= less;
    spare -= less;
  }
  return counts;
}

// Tasks by socket: how they are wished to be if that does, else how they take the fewest units.
LayoutRoom::Counts LayoutRoom::Deal(uint32_t tasks) const {
  const Counts filled = Fill(tasks);
  return UnitsFor(filled) <= limit_ ? filled : Thriftiest(tasks);
}

uint32_t LayoutRoom::Tasks() const {
  if (layout_.tasks_per_socket == 0) return TasksIn(limit_);
  if (!exact_) return LeastTasks(limit_);
  const Counts counts = Deal(UINT32_MAX);
  return std::accumulate(counts.begin(), counts.end(), 0u);
}

uint32_t LayoutRoom::CpusFor(uint32_t tasks) const {
  if (layout_.tasks_per_socket == 0) return UnitsFor(tasks) * unit_;
  // Wherever they will be.
  if (!exact_) return std::min(limit_, tasks * UnitsFor(1u)) * unit_;
  return UnitsFor(Deal(tasks)) * unit_;
}

uint32_t LayoutRoom::SureCpus(uint32_t tasks) const {
  if (tasks == 0) return 0;
  uint32_t units = UnitsFor(tasks);
  if (layout_.tasks_per_socket > 0) {
    for (uint32_t most = limit_; units < most;) {
      const uint32_t middle = units + (most - units) / 2;
      if (LeastTasks(middle) >= tasks) {
        most = middle;
      } else {
        units = middle + 1;
      }
    }
  }
  units = std::min(units, limit_);
  return scattered_ ? node_.cpus - (node_.cpus / unit_ - units) : units * unit_;
}

// Free units, in the order in which they are taken.
std::vector<uint32_t> LayoutRoom::Order(const CpuSet& preferred) const {
  std::vector<std::vector<uint32_t>> sockets(node_.sockets);
  const auto deal = [&](std::vector<uint32_t>& order) {
    const uint32_t chunk = layout_.over_sockets == Spread::kBlock    ? UINT32_MAX
                           : layout_.over_sockets == Spread::kCyclic ? std::max(UnitsFor(1u), 1u)
                                                                     : 1;
    for (bool dealt = true; dealt;) {
      dealt = false;
      for (std::vector<uint32_t>& socket : sockets) {
        const size_t count = std::min<size_t>(chunk, socket.size());
        order.insert(order.end(), socket.begin(), socket.begin() + static_cast<ptrdiff_t>(count));
        socket.erase(socket.begin(), socket.begin() + static_cast<ptrdiff_t>(count));
        dealt = dealt || count > 0;
      }
    }
  };
  std::vector<uint32_t> order;
  for (const bool near : {true, false}) {
    for (uint32_t unit = 0; unit < node_.cpus / unit_; ++unit) {
      if (IsFree(unit) && preferred.Contains(unit * unit_) == near) {
        sockets[node_.SocketOf(unit * unit_)].push_back(unit);
      }
    }
    deal(order);
  }
  return order;
}

CpuSet LayoutRoom::Pick(uint32_t tasks, uint32_t cpus, const CpuSet& preferred) const {
  const std::vector<uint32_t> order = Order(preferred);
  CpuSet picked;
  uint32_t left = cpus / unit_;
  const auto take = [&](uint32_t unit) {
    for (uint32_t i = 0; i < unit_; ++i) picked.Add(unit * unit_ + i);
    left--;
  };
  if (layout_.tasks_per_socket > 0) {
    Counts wanted = Deal(tasks);
    for (uint32_t& count : wanted) count = UnitsFor(count);
    for (uint32_t unit : order) {
      uint32_t& here = wanted[node_.SocketOf(unit * unit_)];
      if (here == 0 || left == 0) continue;
      here--;
      take(unit);
    }
  }
  for (uint32_t unit : order) {
    if (left == 0) break;
    if (!picked.Contains(unit * unit_)) take(unit);
  }
  return picked;
}

// ---- tasks of a step --------------------------------------------------------------------------

CpuSet UsableCpus(const CpuLayout& layout, const NodeCpus& node, const CpuSet& share,
                  const CpuSet& free) {
  if (layout.threads == 0 || layout.threads >= node.threads) return free;
  CpuSet usable;
  uint32_t core = UINT32_MAX;
  uint32_t used = 0;
  bool whole = false;
  for (uint32_t cpu : share.Ids()) {
    if (cpu / node.threads != core) {
      core = cpu / node.threads;
      used = 0;
      whole = true;
      for (uint32_t i = 0; i < node.threads; ++i) {
        const uint32_t thread = core * node.threads + i;
        whole = whole && (!share.Contains(thread) || free.Contains(thread));
      }
    }
    if (!whole || used == layout.threads) continue;
    usable.Add(cpu);
    used++;
  }
  return usable;
}

namespace {

// Puts one task after the other onto CPUs.
class TaskPlacer {
 public:
  TaskPlacer(const CpuLayout& layout, uint32_t cpus_per_task, const NodeCpus& node,
             const CpuSet& usable)
      : layout_(layout),
        cpus_per_task_(std::max(cpus_per_task, 1u)),
        node_(node),
        free_(node.sockets),
        on_socket_(node.sockets, 0),
        on_core_(node.cores() + 1, 0) {
    for (uint32_t cpu : usable.Ids()) free_[node.SocketOf(cpu)].push_back(cpu);
    if (layout.over_cores != Spread::kBlock) {
      for (std::vector<uint32_t>& socket : free_) SpreadOverCores(socket);
    }
  }

  // Nothing: none fits any more.
  CpuSet Next() {
    // Tasks that are counted by socket or core are not torn apart.
    const bool one_by_one = layout_.over_sockets == Spread::kFullCyclic &&
                            layout_.tasks_per_socket == 0 && layout_.tasks_per_core == 0;
    return one_by_one ? OverSockets() : OnOneSocket();
  }

 private:
  uint32_t CoreOf(uint32_t cpu) const { return std::min(cpu / node_.threads, node_.cores()); }

  CpuSet OnOneSocket() {
    const uint32_t first = layout_.over_sockets == Spread::kBlock ? 0 : next_socket_;
    CpuSet cpus;
    for (uint32_t i = 0; i < node_.sockets; ++i) {
      const uint32_t socket = (first + i) % node_.sockets;
      if (layout_.tasks_per_socket > 0 && on_socket_[socket] == layout_.tasks_per_socket) continue;
      std::vector<uint32_t> chosen = From(socket);
      if (chosen.size() < cpus_per_task_) continue;
      on_socket_[socket]++;
      Take(chosen, cpus);
      next_socket_ = socket + 1;
      return cpus;
    }
    // Over several sockets, where none takes it alone.
    if (layout_.tasks_per_socket > 0) return cpus;
    std::vector<uint32_t> chosen;
    for (uint32_t i = 0; i < node_.sockets && chosen.size() < cpus_per_task_; ++i) {
      for (uint32_t cpu : From((first + i) % node_.sockets)) {
        if (chosen.size() < cpus_per_task_) chosen.push_back(cpu);
      }
    }
    if (chosen.size() == cpus_per_task_) Take(chosen, cpus);
    return cpus;
  }

  // A CPU of each socket in turn.
  CpuSet OverSockets() {
    std::vector<std::vector<uint32_t>> here;
    for (uint32_t i = 0; i < node_.sockets; ++i) here.push_back(From(i));
    std::vector<uint32_t> chosen;
    for (uint32_t idle = 0; idle < node_.sockets && chosen.size() < cpus_per_task_;) {
      std::vector<uint32_t>& socket = here[next_socket_++ % node_.sockets];
      idle = socket.empty() ? idle + 1 : 0;
      if (socket.empty()) continue;
      chosen.push_back(socket.front());
      socket.erase(socket.begin());
    }
    CpuSet cpus;
    if (chosen.size() == cpus_per_task_) Take(chosen, cpus);
    return cpus;
  }

  // One CPU of each core in turn, or as many as a task takes: also where each takes cores of its
  // own.
  void SpreadOverCores(std::vector<uint32_t>& cpus) const {
    const bool one_by_one =
        layout_.over_cores == Spread::kFullCyclic && layout_.tasks_per_core == 0;
    const uint32_t chunk = one_by_one ? 1 : cpus_per_task_;
    std::vector<uint32_t> order;
    while (!cpus.empty()) {
      std::vector<uint32_t> rest;
      uint32_t core = UINT32_MAX, taken = 0;
      for (uint32_t cpu : cpus) {
        if (CoreOf(cpu) != core) core = CoreOf(cpu), taken = 0;
        (taken++ < chunk ? order : rest).push_back(cpu);
      }
      cpus = std::move(rest);
    }
    cpus = std::move(order);
  }

  std::vector<uint32_t> From(uint32_t socket) const {
    std::vector<uint32_t> chosen;
    for (uint32_t cpu : free_[socket]) {
      if (chosen.size() == cpus_per_task_) break;
      if (layout_.tasks_per_core > 0 && on_core_[CoreOf(cpu)] >= layout_.tasks_per_core) continue;
      chosen.push_back(cpu);
    }
    return chosen;
  }

  void Take(const std::vector<uint32_t>& chosen, CpuSet& cpus) {
    std::vector<uint32_t> cores;
    for (uint32_t cpu : chosen) {
      cpus.Add(cpu);
      std::erase(free_[node_.SocketOf(cpu)], cpu);
      cores.push_back(CoreOf(cpu));
    }
    std::sort(cores.begin(), cores.end());
    cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
    for (uint32_t core : cores) on_core_[core]++;
  }

  const CpuLayout& layout_;
  const uint32_t cpus_per_task_;
  const NodeCpus node_;
  std::vector<std::vector<uint32_t>> free_;  // by socket, in the order in which they are taken
  std::vector<uint32_t> on_socket_;          // tasks
  std::vector<uint32_t> on_core_;
  uint32_t next_socket_ = 0;
};

}  // namespace

std::vector<CpuSet> LayOutTasks(const CpuLayout& layout, uint32_t cpus_per_task,
                                const NodeCpus& node, const CpuSet& usable, uint32_t most) {
  TaskPlacer placer(layout, cpus_per_task, node, usable);
  std::vector<CpuSet> tasks;
  while (tasks.size() < most) {
    CpuSet cpus = placer.Next();
    if (cpus.Empty()) break;
    tasks.push_back(std::move(cpus));
  }
  return tasks;
}

}  // namespace reeve::ctld
