// A log of jobs as a replay takes it: who asked for what and when, and how long it ran. Readers of
// its file formats are swf.h and accounting_trace.h; read_trace.h tells them apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace reeve::replay {

struct TraceJob {
  std::string label;  // what the trace calls it: "57", "12_3"
  int line = 0;       // of the file
  absl::Time submit;
  absl::Duration run;
  // The requested time; InfiniteDuration when none was wanted. Absent: the trace does not say.
  std::optional<absl::Duration> limit;
  uint32_t cpus = 1;
  uint32_t nodes = 0;  // 0: not said
  std::optional<uint64_t> mem_per_cpu_mb;
  uint32_t user = 0;       // place in Trace::users
  uint32_t partition = 0;  // place in Trace::partitions
};

// Names, each once, in the order in which they came up.
class NameTable {
 public:
  uint32_t IdOf(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }
  size_t size() const { return names_.size(); }
  const std::string& operator[](uint32_t id) const { return names_[id]; }

 private:
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string, uint32_t> ids_;
};

struct Trace {
  std::string name;            // of the file, as in messages
  std::vector<TraceJob> jobs;  // by time of submission; of one time in the order of the file
  NameTable users;
  NameTable partitions;
  // Partitions are those of a slurm.conf (accounting), not a log's numbers of queues (SWF).
  bool names_partitions = false;
  uint32_t max_nodes = 0;  // of the machine, by the header; 0: not said
  uint32_t max_cpus = 0;
  std::vector<std::string> notes;  // what was left out or assumed, for people
};

// Counts what a reader leaves out, and where the first of it is.
class Tally {
 public:
  // Both outlive the tally: literals.
  void Add(std::string_view singular, std::string_view plural, int line);
  // "FILE:12: 3 jobs without a run time are left out (this is the first)"
  std::vector<std::string> Notes(std::string_view file) const;

 private:
  struct Entry {
    std::string_view singular;
    std::string_view plural;
    uint64_t count = 0;
    int line = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace reeve::replay
