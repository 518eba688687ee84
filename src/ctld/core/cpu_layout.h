// Sockets, cores and threads of a node: what a job asks of them, how many tasks what is free there
// takes, and which CPUs they get.
//
// Which CPUs of a node are free is known for the present alone. For later there is their number:
// then only that counts which so many take wherever they are, so that a planned start holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "ctld/core/cpu_set.h"

namespace reeve::ctld {

struct Node;

// As typed; the mirror of proto's CpuWishes. 0: not asked for.
struct CpuWishes {
  uint32_t sockets_per_node = 0;  // nodes that have at least so many
  uint32_t cores_per_socket = 0;
  uint32_t threads_per_core = 0;   // likewise, and no more of a core are used
  uint32_t ntasks_per_socket = 0;  // no more than that
  uint32_t ntasks_per_core = 0;
  std::string hint;            // what some of it was made of
  std::string distribution;    // "block:cyclic", over nodes, sockets and cores
  bool far_from_gpus = false;  // CPUs near its GPUs are no better than others

  friend bool operator==(const CpuWishes&, const CpuWishes&) = default;
};

// One after the other; task by task in turn; CPU by CPU in turn.
enum class Spread : uint8_t { kBlock, kCyclic, kFullCyclic };

// What placement takes of that.
struct CpuLayout {
  uint32_t sockets = 0;
  uint32_t cores = 0;
  uint32_t threads = 0;
  uint32_t tasks_per_socket = 0;
  uint32_t tasks_per_core = 0;
  bool cyclic_nodes = false;   // tasks go to nodes in turn
  bool far_from_gpus = false;  // CPUs near its GPUs are no better than others
  Spread over_sockets = Spread::kBlock;
  Spread over_cores = Spread::kBlock;  // matters where single threads are taken: to steps

  // Do some CPUs take fewer tasks than others would that are as many?
  bool Limits() const { return threads > 0 || tasks_per_socket > 0 || tasks_per_core > 0; }
  // Does it matter which of a node's CPUs they are?
  bool PicksCpus() const {
    return Limits() || over_sockets != Spread::kBlock || over_cores != Spread::kBlock;
  }
  bool Any() const { return *this != CpuLayout(); }
  std::string KeyText() const;  // equal for equal layouts
  // "2 sockets, 4 cores a socket, 1 thread a core"; empty: any node has what is asked for.
  std::string NodeText() const;
  // ", 1 thread a core, at most 2 tasks a socket"; empty without such limits.
  std::string LimitText() const;

  friend bool operator==(const CpuLayout&, const CpuLayout&) = default;
};
// A distribution that cannot be read counts for none: it has been checked (task_layout.h).
CpuLayout LayoutOf(const CpuWishes& wishes);

// How a node's CPU ids are divided: `threads` of a core follow each other, then come the cores of
// a socket.
struct NodeCpus {
  uint32_t cpus = 1;
  uint32_t sockets = 1;
  uint32_t threads = 1;

  uint32_t cores() const { return cpus / threads; }
  uint32_t CoresOfSocket() const;
  uint32_t SocketOf(uint32_t cpu) const;
};
// `whole_cores`: cores are given away whole, of as many CPUs as the configuration says.
NodeCpus CpusOf(const Node& node, bool whole_cores);

// Has the node as many sockets, cores and threads?
bool HasLayout(const CpuLayout& layout, const Node& node);

// What free CPUs of a node take of a job with such a layout.
class LayoutRoom {
 public:
  // `free`: so many CPUs are, of which `most` may be used. `busy`: those that may not; null:
  // nothing is known of them, unless all are free. `layout` and `busy` are to outlive it.
  LayoutRoom(const CpuLayout& layout, uint32_t cpus_per_task, const NodeCpus& node,
             bool whole_cores, uint32_t free, uint32_t most, const CpuSet* busy);

  uint32_t Tasks() const;
  // CPUs of the units in which they are given away: cores, or single ones.
  uint32_t Cpus() const { return limit_ * unit_; }
  // So many CPUs do for so many tasks, which it must take.
  uint32_t CpusFor(uint32_t tasks) const;
  // While so many CPUs stay free, wherever they are, they take so many tasks, which it must take.
  uint32_t SureCpus(uint32_t tasks) const;
  uint32_t unit() const { return unit_; }
  // `cpus` of the free ones, which include what the tasks need; `preferred` ones before others.
  // `busy` is to be known. Fewer when there are too few.
  CpuSet Pick(uint32_t tasks, uint32_t cpus, const CpuSet& preferred) const;

 private:
  using Counts = absl::InlinedVector<uint32_t, 8>;  // by socket

  uint32_t TasksIn(uint32_t units) const;
  uint32_t UnitsFor(uint32_t tasks) const;
  uint32_t TasksOnSocket(uint32_t units) const;
  uint32_t LeastTasks(uint32_t limit) const;
  uint32_t UnitsFor(const Counts& tasks) const;
  Counts Fill(uint32_t tasks) const;
  Counts Thriftiest(uint32_t tasks) const;
  Counts Deal(uint32_t tasks) const;
  bool IsFree(uint32_t unit) const;
  std::vector<uint32_t> Order(const CpuSet& preferred) const;

  const CpuLayout& layout_;
  const uint32_t cpus_per_task_;
  const NodeCpus node_;
  uint32_t unit_ = 1;    // CPUs
  uint32_t usable_ = 1;  // of them
  uint32_t units_of_socket_ = 1;
  uint32_t limit_ = 0;  // units that may be used
  // Others take single CPUs: they may be spread over as many cores as they have CPUs.
  bool scattered_ = false;
  const CpuSet* busy_;
  bool exact_ = false;  // free_ says where they are
  Counts free_;         // units
};

// Of a job's CPUs on a node those that tasks may use: no more threads of a core than that, and none
// of a core of which others have some. `share`: all of the job's, `free`: of these.
CpuSet UsableCpus(const CpuLayout& layout, const NodeCpus& node, const CpuSet& share,
                  const CpuSet& free);
// The CPUs of tasks within a set, for as many as it takes and no more than `most`.
std::vector<CpuSet> LayOutTasks(const CpuLayout& layout, uint32_t cpus_per_task,
                                const NodeCpus& node, const CpuSet& usable, uint32_t most);

}  // namespace reeve::ctld
