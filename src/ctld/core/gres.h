// Generic resources that a job asks for: as typed, as placement takes them, and what of a node's
// they come to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "common/base/gres.h"
#include "ctld/core/cpu_set.h"
#include "ctld/core/gres_counts.h"

namespace reeve::ctld {

struct JobSpec;

// As typed; the mirror of proto's fields.
struct GresSpec {
  std::string per_node;  // --gres
  std::string gpus;      // --gpus and its kin: [TYPE:]COUNT
  std::string gpus_per_node;
  std::string gpus_per_task;
  std::optional<uint32_t> cpus_per_gpu;
  std::optional<uint64_t> mem_per_gpu_mb;

  friend bool operator==(const GresSpec&, const GresSpec&) = default;
};

// What an allocation or a step has of one name and type on one node.
struct GresShare {
  std::string name;
  std::string type;
  CpuSet ids;  // which of the node's of that name

  friend bool operator==(const GresShare&, const GresShare&) = default;
};
uint32_t CountOf(const std::vector<GresShare>& shares, std::string_view name);
// Nothing is in both.
bool Disjoint(const std::vector<GresShare>& a, const std::vector<GresShare>& b);
// Everything of the second is in the first.
bool ContainsAll(const std::vector<GresShare>& outer, const std::vector<GresShare>& inner);
// Takes what the second has out of the first.
void RemoveAll(std::vector<GresShare>& from, const std::vector<GresShare>& what);
// How many there are of a wish's name and type.
uint32_t Available(const Gres& wanted, const std::vector<GresShare>& shares);
// Moves the lowest ids of a wish's name and type, as many as there are of `count`.
void TakeIds(const Gres& wanted, uint32_t count, std::vector<GresShare>& from,
             std::vector<GresShare>& to);
// "gpu:a100:2(IDX:0-1),nic:1(IDX:0)".
std::string GresText(const std::vector<GresShare>& shares);

// What placement takes of a GresSpec: GPUs are in one of the three lists only, as which ways of
// asking mean the same has been worked out. Counts are above 0.
struct GresRequest {
  std::vector<Gres> per_node;    // elements with a type come first
  std::optional<Gres> per_task;  // GPUs
  std::optional<Gres> per_job;   // GPUs in all, at least one on each node
  uint32_t cpus_per_gpu = 0;     // with per_job
  uint64_t mem_per_gpu_mb = 0;   // with per_task or per_job

  bool Any() const { return !per_node.empty() || per_task || per_job; }
  std::string KeyText() const;  // equal for equal requests
};

// Works out a request, and what it means for the counts of nodes, tasks, CPUs and memory, which are
// changed in `spec`. Errors carry Slurm's words.
absl::Status SettleGres(JobSpec& spec, GresRequest& request);

// ---- against a cluster ------------------------------------------------------------------------

struct GresKind {
  std::string name;
  std::string type;
  friend bool operator==(const GresKind&, const GresKind&) = default;
};

// So many of any of these kinds, as bits. No kind: nobody has any.
struct GresTerm {
  uint8_t kinds = 0;
  uint32_t count = 0;
};

struct GresTerms {
  bool any = false;
  absl::InlinedVector<GresTerm, 2> per_node;
  GresTerm per_task;  // count 0: none
  GresTerm per_job;
  uint32_t cpus_per_gpu = 0;
  uint64_t mem_per_gpu_mb = 0;
};
GresTerms MakeGresTerms(const GresRequest& request, const std::vector<GresKind>& kinds);

// How many there are of the kinds of a term.
uint32_t Available(const GresTerm& term, const GresCounts& counts);
// Moves that many of the term's kinds, the first ones first, from one to the other. False, and
// nothing is moved, when there are too few.
bool TakeTerm(const GresTerm& term, uint32_t count, GresCounts& from, GresCounts& to);

// How many tasks, and of per_job how many GPUs, a node can take that has this left.
struct GresCapacity {
  uint32_t tasks = UINT32_MAX;
  uint32_t gpus = 0;
};
GresCapacity CapacityOf(const GresTerms& terms, const GresCounts& free, uint64_t cpus,
                        uint64_t mem_mb);
// What a node gives for so many tasks and GPUs of per_job. It must have the capacity.
GresCounts CountsFor(const GresTerms& terms, GresCounts free, uint32_t tasks, uint32_t gpus);
// With less of this a node of which these kinds are there is of no use.
GresCounts LeastCounts(const GresTerms& terms, uint64_t tasks, bool one_node, uint8_t node_kinds);

}  // namespace reeve::ctld
