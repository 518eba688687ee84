#include "cli/node_fields.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "cli/job_view.h"
#include "cli/time_text.h"
#include "cli/user_lookup.h"
#include "common/base/hostlist.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

using Row = NodeRow;

template <const char* kText>
std::string Always(const Row&) {
  return kText;
}
constexpr char kNull[] = "(null)";
constexpr char kEmpty[] = "";
constexpr char kNotAvailable[] = "N/A";
constexpr char kNone[] = "n/a";
constexpr char kUnlimited[] = "UNLIMITED";
constexpr char kAll[] = "all";
constexpr char kOff[] = "OFF";

const pb::Node* First(const Row& row) {
  return row.nodes.empty() ? nullptr : row.nodes.front();
}

// A text of the row's first node: in columns that split rows all nodes agree.
template <class Text>
std::string OfNode(const Row& row, Text text) {
  const pb::Node* node = First(row);
  return node == nullptr ? "" : text(*node);
}

template <class Text>
std::string OfPartition(const Row& row, Text text) {
  return row.partition == nullptr ? kNotAvailable : text(*row.partition);
}

template <class Value>
std::pair<double, double> Extent(const Row& row, Value value) {
  std::pair<double, double> extent{0, 0};
  for (const pb::Node* node : row.nodes) {
    const double v = static_cast<double>(value(*node));
    if (node == row.nodes.front()) extent = {v, v};
    extent = {std::min(extent.first, v), std::max(extent.second, v)};
  }
  return extent;
}

// "64", "64+" when some have more.
template <class Value>
std::string AtLeast(const Row& row, Value value) {
  const auto [low, high] = Extent(row, value);
  return absl::StrFormat("%.0f%s", low, low < high ? "+" : "");
}

// "10", "10-20".
template <class Value>
std::string FromTo(const Row& row, const char* format, Value value) {
  const auto [low, high] = Extent(row, value);
  auto print = [format](double v) {
    char text[64];
    snprintf(text, sizeof text, format, v);
    return std::string(text);
  };
  return low < high ? print(low) + "-" + print(high) : print(low);
}

bool HasReported(const Row& row) {
  return std::all_of(row.nodes.begin(), row.nodes.end(),
                     [](const pb::Node* node) { return node->start_time() != 0; });
}

std::string CpuLoad(const Row& row) {
  if (!HasReported(row)) return kNotAvailable;
  return FromTo(row, "%.2f", [](const pb::Node& node) { return node.cpu_load(); });
}

std::string FreeMemory(const Row& row) {
  if (!HasReported(row)) return kNotAvailable;
  return FromTo(row, "%.0f", [](const pb::Node& node) { return node.free_mem_mb(); });
}

struct Counts {
  uint64_t allocated = 0, idle = 0, other = 0;
  uint64_t total() const { return allocated + idle + other; }
};

Counts CountCpus(const Row& row) {
  Counts counts;
  for (const pb::Node* node : row.nodes) {
    const uint64_t used = std::min(node->alloc_cpus(), node->cpus());
    counts.allocated += used;
    (IsUnusable(*node) ? counts.other : counts.idle) += node->cpus() - used;
  }
  return counts;
}

Counts CountNodes(const Row& row) {
  Counts counts;
  for (const pb::Node* node : row.nodes) {
    const bool busy = node->completing() || node->state() == pb::NODE_STATE_ALLOCATED ||
                      node->state() == pb::NODE_STATE_MIXED;
    ++(IsUnusable(*node) ? counts.other : busy ? counts.allocated : counts.idle);
  }
  return counts;
}

std::string AllocatedIdleOtherTotal(const Counts& counts) {
  return StrCat(counts.allocated, "/", counts.idle, "/", counts.other, "/", counts.total());
}

template <class Name>
std::string NodeList(const Row& row, Name name) {
  std::vector<std::string> names;
  for (const pb::Node* node : row.nodes) names.push_back(name(*node));
  return CompressHostlist(names);
}

std::string Topology(const Row& row) {
  return StrCat(AtLeast(row, [](const pb::Node& n) { return n.sockets(); }), ":",
                AtLeast(row, [](const pb::Node& n) { return n.cores_per_socket(); }), ":",
                AtLeast(row, [](const pb::Node& n) { return n.threads_per_core(); }));
}

std::string ReasonUser(const Row& row, bool with_uid) {
  return OfNode(row, [with_uid](const pb::Node& node) -> std::string {
    if (node.reason_user().empty()) return "Unknown";
    std::optional<uint32_t> uid = FindUid(node.reason_user());
    if (!with_uid || !uid.has_value()) return node.reason_user();
    return StrCat(node.reason_user(), "(", *uid, ")");
  });
}

std::string Availability(const Row& row) {
  return OfPartition(row, [](const pb::Partition& p) {
    return p.state() == "INACTIVE" ? "inact" : p.state().empty() ? "up" : ToLower(p.state());
  });
}

std::string Limit(bool limited, int64_t seconds, const char* unlimited) {
  return limited ? FormatElapsedShort(absl::Seconds(seconds)) : unlimited;
}

std::string JobSize(const Row& row) {
  return OfPartition(row, [](const pb::Partition& p) {
    const uint32_t least = std::max<uint32_t>(1, p.min_nodes());
    if (!p.has_max_nodes()) return StrCat(least, "-infinite");
    return p.max_nodes() == least ? StrCat(least) : StrCat(least, "-", p.max_nodes());
  });
}

// In the order in which %all prints them.
constexpr ViewField<NodeRow> kNodeFields[] = {
    {'a', "Available", "AVAIL", Availability},
    {'b', "features_act ActiveFeatures", "ACTIVE_FEATURES",
     [](const Row& r) {
       return OfNode(r, [](const pb::Node& n) { return OrNull(n.features()); });
     }},
    {'c', "CPUs", "CPUS",
     [](const Row& r) { return AtLeast(r, [](const pb::Node& n) { return n.cpus(); }); }},
    {'d', "Disk", "TMP_DISK",
     [](const Row& r) { return AtLeast(r, [](const pb::Node& n) { return n.tmp_disk_mb(); }); }},
    {'e', "FreeMem", "FREE_MEM", FreeMemory},
    {'f', "Features AvailFeatures", "AVAIL_FEATURES",
     [](const Row& r) {
       return OfNode(r, [](const pb::Node& n) { return OrNull(n.features()); });
     }},
    {'g', "Groups", "GROUPS",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) {
         return p.allow_groups().empty() ? std::string(kAll) : p.allow_groups();
       });
     }},
    {'h', "OverSubscribe Share", "OVERSUBSCRIBE",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) {
         return p.oversubscribe().empty() ? "NO" : p.oversubscribe();
       });
     }},
    {'i', "Reservation", "RESERVATION",
     [](const Row& r) { return OfNode(r, [](const pb::Node& n) { return n.reservation(); }); }},
    {'l', "Time", "TIMELIMIT",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) {
         return Limit(p.has_max_time(), p.max_time(), "infinite");
       });
     }},
    {'m', "Memory", "MEMORY",
     [](const Row& r) { return AtLeast(r, [](const pb::Node& n) { return n.real_memory_mb(); }); }},
    {'n', "NodeHost", "HOSTNAMES",
     [](const Row& r) { return NodeList(r, [](const pb::Node& n) { return n.hostname(); }); }},
    {'o', "NodeAddr", "NODE_ADDR",
     [](const Row& r) { return OfNode(r, [](const pb::Node& n) { return n.address(); }); }},
    {'p', "PriorityTier Priority", "PRIO_TIER",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) { return StrCat(p.priority_tier()); });
     }},
    {'r', "Root", "ROOT",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) { return p.root_only() ? "yes" : "no"; });
     }},
    {'s', "Size", "JOB_SIZE", JobSize},
    {'t', "StateCompact", "STATE",
     [](const Row& r) { return r.nodes.empty() ? kNone : CompactNodeStateText(*First(r)); }},
    {'u', "User", "USER", [](const Row& r) { return ReasonUser(r, false); }},
    {'v', "Version", "VERSION",
     [](const Row& r) {
       return OfNode(r,
                     [](const pb::Node& n) { return n.version().empty() ? "N/A" : n.version(); });
     }},
    {'w', "Weight", "WEIGHT",
     [](const Row& r) { return AtLeast(r, [](const pb::Node& n) { return n.weight(); }); }},
    {'z', "SocketCoreThread", "S:C:T", Topology},
    {'A', "NodeAI", "NODES(A/I)",
     [](const Row& r) {
       const Counts counts = CountNodes(r);
       return StrCat(counts.allocated, "/", counts.idle);
     }},
    {'B', "MaxCPUsPerNode", "MAX_CPUS_PER_NODE", Always<kUnlimited>},
    {'C', "CPUsState", "CPUS(A/I/O/T)",
     [](const Row& r) { return AllocatedIdleOtherTotal(CountCpus(r)); }},
    {'D', "Nodes", "NODES", [](const Row& r) { return StrCat(r.nodes.size()); }},
    {'E', "Reason", "REASON",
     [](const Row& r) {
       return OfNode(r, [](const pb::Node& n) { return n.reason().empty() ? "none" : n.reason(); });
     }},
    {'F', "NodeAIOT", "NODES(A/I/O/T)",
     [](const Row& r) { return AllocatedIdleOtherTotal(CountNodes(r)); }},
    {'G', "Gres", "GRES",
     [](const Row& r) { return OfNode(r, [](const pb::Node& n) { return OrNull(n.gres()); }); }},
    {'H', "TimeStamp", "TIMESTAMP",
     [](const Row& r) {
       return OfNode(r, [](const pb::Node& n) { return TimeText(n.reason_time(), "Unknown"); });
     }},
    {'I', "PriorityJobFactor", "PRIO_JOB_FACTOR",
     [](const Row& r) {
       return OfPartition(r,
                          [](const pb::Partition& p) { return StrCat(p.priority_job_factor()); });
     }},
    {'L', "DefaultTime", "DEFAULTTIME",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) {
         return Limit(p.has_default_time(), p.default_time(), kNone);
       });
     }},
    {'M', "PreemptMode", "PREEMPT_MODE",
     [](const Row& r) {
       return OfPartition(r, [](const pb::Partition& p) {
         return p.preempt_mode().empty() ? std::string(kOff) : p.preempt_mode();
       });
     }},
    {'N', "NodeList", "NODELIST",
     [](const Row& r) { return NodeList(r, [](const pb::Node& n) { return n.name(); }); }},
    {'O', "CPUsLoad", "CPU_LOAD", CpuLoad},
    {'P', "Partition", "PARTITION",
     [](const Row& r) {
       return OfPartition(
           r, [](const pb::Partition& p) { return StrCat(p.name(), p.is_default() ? "*" : ""); });
     }},
    {'R', "PartitionName", "PARTITION",
     [](const Row& r) { return OfPartition(r, [](const pb::Partition& p) { return p.name(); }); }},
    {'S', "AllocNodes", "ALLOCNODES", Always<kAll>},
    {'T', "StateLong", "STATE",
     [](const Row& r) { return r.nodes.empty() ? kNone : NodeStateText(*First(r)); }},
    {'U', "UserLong", "USER", [](const Row& r) { return ReasonUser(r, true); }},
    {'V', "Cluster", "CLUSTER", Always<kNotAvailable>},
    {'X', "Sockets", "SOCKETS",
     [](const Row& r) { return AtLeast(r, [](const pb::Node& n) { return n.sockets(); }); }},
    {'Y', "Cores", "CORES",
     [](const Row& r) {
       return AtLeast(r, [](const pb::Node& n) { return n.cores_per_socket(); });
     }},
    {'Z', "Threads", "THREADS",
     [](const Row& r) {
       return AtLeast(r, [](const pb::Node& n) { return n.threads_per_core(); });
     }},

    {0, "AllocMem", "ALLOCMEM",
     [](const Row& r) { return AtLeast(r, [](const pb::Node& n) { return n.alloc_mem_mb(); }); }},
    {0, "Comment", "COMMENT",
     [](const Row& r) { return OfNode(r, [](const pb::Node& n) { return OrNull(n.comment()); }); }},
    {0, "Extra", "EXTRA", Always<kNull>},
    {0, "GresUsed", "GRES_USED",
     [](const Row& r) {
       return OfNode(r, [](const pb::Node& n) { return OrNull(n.gres_used()); });
     }},
    {0, "Port", "PORT",
     [](const Row& r) { return OfNode(r, [](const pb::Node& n) { return StrCat(n.port()); }); }},
    {0, "StateComplete", "STATECOMPLETE",
     [](const Row& r) {
       return r.nodes.empty() ? kNone : ToLower(CompleteNodeStateText(*First(r)));
     }},
};

}  // namespace

std::span<const ViewField<NodeRow>> NodeFields() {
  return kNodeFields;
}

bool SplitsRows(const ViewField<NodeRow>& field, bool exact) {
  if (field.letter == 0) return field.long_names != "AllocMem" || exact;
  if (strchr("ACDFN", field.letter) != nullptr) return false;
  if (strchr("cdemwzOXYZ", field.letter) != nullptr) return exact;
  return true;
}

}  // namespace reeve::cli
