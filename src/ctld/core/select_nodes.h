// Chooses nodes for one job out of what each node has to offer. Knows nothing about time: the
// caller says what is free (now, over a window of the plan, or on an empty cluster).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ctld/core/license_pool.h"
#include "ctld/core/node.h"
#include "ctld/core/ready_key.h"
#include "ctld/core/reservation.h"
#include "ctld/core/settings.h"
#include "ctld/core/shape.h"
#include "ctld/core/topology.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

struct Offer {
  NodeIndex index = 0;
  const Node* node = nullptr;
  uint32_t cpus = 0;
  uint64_t mem_mb = 0;
  GresCounts gres;
  bool now = false;  // the CPUs are among those that the node has free at present
};
// All that a node has, and what is not given away.
Offer EmptyOffer(NodeIndex index, const Node& node);
Offer FreeOffer(NodeIndex index, const Node& node, const Sharing& sharing = {});

struct Placement {
  struct Part {
    NodeIndex index = 0;
    uint32_t tasks = 0;
    uint32_t cpus = 0;
    uint32_t sure_cpus = 0;  // to be kept for it until its start, where that takes more of them
    uint64_t mem_mb = 0;     // 0 when memory is not consumed
    GresCounts gres;
    CpuSet cores;  // which; where CPUs are not shared they are chosen when the job starts
  };
  std::vector<Part> parts;  // in node order
};

// What of a shape depends on where it is tried.
struct Terms {
  const Shape* shape = nullptr;
  uint32_t lane = 0;  // of the plan's tracks: a reservation's, or 0
  // When it may not run, though the tracks of its lane have room; null: it may at any time.
  std::shared_ptr<const std::vector<Interval>> not_in;
  bool exclusive = false;  // whole nodes
  // Shares nodes with jobs that have the same here and with no others: uid + 1. 0: with all others
  // that have 0.
  uint32_t sole_user = 0;
  Sharing sharing;            // of its CPUs
  bool fewest_nodes = false;  // of an elastic job's numbers of nodes the least that does
  bool least_loaded = false;  // rather nodes with many free CPUs than with few
  bool consume_memory = false;
  bool whole_cores = false;         // a core's threads go together
  uint32_t max_nodes = UINT32_MAX;  // the smaller of the shape's and the partition's
  uint32_t max_tasks_per_node = UINT32_MAX;
  // Resolved with the defaults; neither set: with consumed memory the node's whole memory.
  std::optional<uint64_t> mem_per_node_mb;
  std::optional<uint64_t> mem_per_cpu_mb;
  GresTerms gres;
  LicenseTerms licenses;
  std::shared_ptr<const Topology> topology;  // null: the network is flat
  uint32_t max_switches = UINT32_MAX;        // leaf switches of a topology
  // For how long a job gets what it gets: at least, and at most.
  Instant least_time = 0;
  Instant most_time = 0;
};
// Without `sole_user`, which is a matter of the job (SoleUserOf).
Terms MakeTerms(const Shape& shape, const Partition& partition, const Settings& settings);

// Of jobs of that reservation.
void KeepTo(Terms& terms, const Reservation& reservation);

// Does it ask for fewer leaf switches than there are? (Until it has waited long enough for them.)
bool AsksForFewSwitches(const Terms& terms);
// The same without that.
Terms OnAnySwitches(const Terms& terms);

// What no allocation changes, and all of it.
bool IsExcluded(const Shape& shape, const Node& node);
bool HasFeatures(const Shape& shape, const Node& node);
bool HasDisk(const Shape& shape, const Node& node);
bool NodeFits(const Shape& shape, const Node& node);
// Does what runs there now share the node with such a job?
bool SharesWith(const Terms& terms, const Node& node);
// How many tasks an offer can take, 0: the node is of no use.
uint32_t TaskCapacity(const Terms& terms, const Offer& offer);

// With fewer CPUs than this free a node that is not taken whole is of no use.
uint64_t LeastCpus(const Terms& terms);
// With less than this free the node is of no use.
Room LeastRoom(const Terms& terms, const Node& node);

// Prefers few nodes; then lower weights; a single node is the one with the least to spare (the
// most, with least_loaded); then the order of the configuration. With a topology several nodes are
// on few leaf switches first of all (pick_switches.h). nullopt when the offers don't suffice.
std::optional<Placement> SelectNodes(const Terms& terms, const std::vector<Offer>& offers);

// As many of the offers as could be one job's nodes if it asked for that many.
size_t MostNodes(const Terms& terms, const std::vector<Offer>& offers);

}  // namespace reeve::ctld
