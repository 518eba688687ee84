// A compute node: what the configuration says, what it reported, and what is allocated on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/base/lease_terms.h"
#include "ctld/core/cpu_set.h"
#include "ctld/core/lease.h"
#include "ctld/core/node_gres.h"
#include "ctld/core/sharing.h"

namespace reeve::ctld {

// What a node said about itself at registration.
struct Hardware {
  uint32_t cpus = 0;
  uint32_t boards = 0;
  uint32_t sockets = 0;
  uint32_t cores_per_socket = 0;
  uint32_t threads_per_core = 0;
  uint64_t real_memory_mb = 0;
  uint64_t tmp_disk_mb = 0;
  std::string arch;
  std::string os;
  absl::Time boot_time;
};

enum class NodeBase : uint8_t { kUnknown, kDown, kUp, kFuture };

// As proto's NodeState, number for number: the base state with the allocation taken into account.
enum class NodeState : uint8_t {
  kUnknown = 0,
  kDown = 1,
  kIdle = 2,
  kAllocated = 3,
  kMixed = 4,
  kFuture = 5,
  kError = 6,
};

struct Node {
  // From the configuration (weight, features and comment may be changed at run time).
  std::string name;
  std::string address;
  std::string hostname;
  uint32_t port = 0;
  uint32_t cpus = 1;
  uint32_t boards = 1;
  uint32_t sockets = 1;
  uint32_t cores_per_socket = 1;
  uint32_t threads_per_core = 1;
  uint64_t real_memory_mb = 1;
  uint64_t tmp_disk_mb = 0;
  uint32_t weight = 1;
  std::vector<std::string> features;
  std::string gres;  // as written, "gpu:a100:2"
  std::vector<GresDevices> gres_devices;
  std::string comment;
  std::vector<std::string> partitions;
  uint32_t order = 0;  // its place in the configuration

  // What scontrol has set over its line in the configuration; see runtime_changes.h.
  std::string configured;
  std::optional<uint32_t> set_weight;
  std::optional<std::vector<std::string>> set_features;

  // State.
  NodeBase base = NodeBase::kUnknown;
  bool drain = false;
  bool fail = false;
  bool responding = false;
  bool connected = false;  // a stream is open; not stored
  std::string reason;
  std::string reason_user;
  absl::Time reason_time;
  bool down_by_admin = false;  // then only an administrator brings it back
  // Leases, as told to it: at its registration and, the safer of both, at a reconfiguration since.
  LeaseTerms lease;
  std::vector<std::string> witnesses;
  absl::Duration covered;  // not stored
  Coverage coverage;       // as a witness for others; not stored

  // Of the reservation that has it now; empty: none has.
  std::string reservation;
  bool maint = false;  // that one is for maintenance

  // As reported. Not stored, except boot_id.
  std::string boot_id;
  Hardware hardware;
  std::string version;
  std::string socket;
  absl::Time boot_time;
  absl::Time daemon_start_time;
  absl::Time last_response_time;
  absl::Time last_busy_time;
  double cpu_load = 0;
  uint64_t free_mem_mb = 0;
  absl::Duration clock_skew;  // ahead of the controller's clock; 0 while it hardly is

  // Allocation. Not stored: follows from the jobs.
  struct Use {
    CpuSet cpus;
    uint64_t mem_mb = 0;
    std::vector<GresShare> gres;
    bool whole = false;      // nothing else may be placed here
    uint32_t sole_user = 0;  // as in Terms
    Sharing sharing;         // of its CPUs, with others that have them
    bool completing = false;
  };
  absl::flat_hash_map<JobId, Use> jobs;
  CpuSet busy;
  uint32_t alloc_cpus = 0;  // each once, however many have it
  uint64_t alloc_mem_mb = 0;
  NodeGres stock;  // generic resources, and which are given away
  uint32_t whole_jobs = 0;
  uint32_t sole_jobs = 0;  // that have a sole_user
  uint32_t sharing_jobs = 0;
  uint32_t completing_jobs = 0;
  // Something of a job that does not have the node any more is being cleared away there.
  bool Completing() const { return completing_jobs > 0 || !clearing.empty(); }
  // Configured smaller while jobs ran here: until all are gone they may hold more than there is.
  bool shrunk = false;
  // Told at its registration to end these, of which the controller has no record: up to which
  // attempt. Nothing is placed here before they are gone.
  absl::flat_hash_map<JobId, uint32_t> clearing;

  NodeState State() const;
  // May new work be placed here?
  bool Usable() const {
    return base == NodeBase::kUp && responding && connected && !drain && !fail && clearing.empty();
  }
  uint32_t FreeCpus() const { return whole_jobs > 0 || alloc_cpus > cpus ? 0 : cpus - alloc_cpus; }
  // For jobs that share: those too that they may have with others.
  uint32_t FreeCpusFor(const Sharing& with) const { return FreeCpus() + CpusToShare(*this, with); }
  uint64_t FreeMem() const {
    return real_memory_mb > alloc_mem_mb ? real_memory_mb - alloc_mem_mb : 0;
  }
  GresCounts FreeGres() const { return whole_jobs > 0 ? GresCounts() : stock.free(); }
  bool Idle() const { return jobs.empty(); }
  bool HasFeature(std::string_view feature) const;
};

// "IDLE", "MIXED+DRAIN", "DOWN+NOT_RESPONDING": the long form of the state as in scontrol show
// node.
std::string NodeStateText(const Node& node);

}  // namespace reeve::ctld
