// The answer to "why is my job not running, and when will it?" as plain values; explain.h makes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/base/job_state.h"
#include "ctld/core/priority_factors.h"
#include "ctld/core/reasons.h"

namespace reeve::ctld {

// What may be shown to whoever asks (PrivateData).
struct Sight {
  std::optional<uint32_t> jobs_of;  // only this user's jobs may be named; unset: everybody's
  bool nodes = true;                // nodes may be named
  bool partitions = true;           // partitions that the job does not ask for may be named
};

// What a node has to have, in the order in which it is looked at.
enum class Need : uint8_t {
  kPartition,    // is in it
  kNotExcluded,  // --exclude
  kInNodeList,   // --nodelist, where no node beside those listed may be used
  kFeatures,
  kDisk,
  kCpus,            // the empty node takes a task (all tasks, of a job that gets one node)
  kMemory,          // likewise
  kUp,              // new work may be placed on it
  kFreeNow,         // `asked`: of a job that shares, "3 CPUs by sharing"
  kFreeThroughout,  // for the whole time limit beside the planned starts of higher-ranked jobs
  kGres,            // as kCpus; comes after kMemory
  kSoleUser,        // nobody is on it with whom the job shares no node; comes before kFreeNow
  // Of all nodes together; the last ones.
  kFeatureGroup,  // of a group of features: those of it among the nodes that remain
  kContiguous,    // in a row of as many neighbours as the job needs that remain
  // On leaf switches, as few as the job asks for and all below one switch, that have as many nodes
  // together as it needs.
  kSwitches,
  kLayout = 160,  // has the sockets, cores and threads; comes before kCpus
};

struct Requirement {
  Need need = Need::kPartition;
  std::string asked;       // "8 CPUs", "gpu&ib"; may be empty
  uint32_t passing = 0;    // nodes of the partition that pass it, whatever the others say
  uint32_t remaining = 0;  // nodes that pass it and all before it
  uint64_t tasks = 0;      // that those take together; from kCpus on, but for the last ones
  // Of kUp the nodes that would remain if they were up; of the others nodes of --nodelist that do
  // not pass it. A hostlist.
  std::string lacking;
};

// What is in the way on the nodes that the job waits for.
struct Busy {
  JobId job;            // none: another user's, not to be named, or no job at all
  std::string label;    // "12_3"; without a job "reservation maint"
  std::string nodes;    // hostlist, of those that the job waits for
  std::string license;  // "foo:2": it is that, not nodes
  uint32_t num_nodes = 0;
  absl::Time from;         // unset: it holds them already; else its planned start
  absl::Time until;        // when its time limit ends; the infinite future when it has none
  bool preempted = false;  // it ends then to make room for another job
  bool suspended = false;  // without an end until somebody resumes it
};

// Of a licence of the cluster that the job asks for.
struct LicenseCount {
  std::string name;
  uint32_t asked = 0;
  uint32_t total = 0;  // 0: it is not configured
  uint32_t free_now = 0;
  uint32_t free_throughout = 0;  // for the whole time limit beside what ranks higher
};

// Jobs of higher rank that wait for the same partition and can run there.
struct Ahead {
  uint32_t jobs = 0;  // an array's pending tasks are one
  bool more = false;  // there are more than were counted
  uint64_t cpus = 0;  // that they ask for, all tasks of arrays together
  JobId first;        // none: another user's, not to be named
  std::string first_label;
  // With priority/multifactor: what makes the difference between the first one and this job,
  // in points.
  std::optional<PriorityFactors> own;
  std::optional<PriorityFactors> of_first;
  uint32_t own_priority = 0;
  uint32_t first_priority = 0;
};

// The job would start now, with this changed and nothing else.
struct Suggestion {
  std::string option;                          // "--time=02:00:00"
  std::string instead_of;                      // "1-00:00:00"
  std::pair<std::string, std::string> change;  // as UpdateJob takes it: TimeLimit, 02:00:00
};

// The job in one of its partitions.
struct Prospect {
  std::string partition;
  // kNone: it waits for its turn or for nodes to be free. Else why it cannot run there.
  Reason obstacle = Reason::kNone;
  std::string obstacle_text;  // with the numbers
  bool never = false;         // not with all nodes up and empty either
  std::vector<Requirement> requirements;
  std::vector<LicenseCount> licenses;
  Ahead ahead;
};

// What keeps a job from being considered at all.
struct Wait {
  Reason reason = Reason::kNone;
  std::string text;
  absl::Time until;  // when that is known
};

struct Explanation {
  JobId job;
  std::string label;
  JobState state = JobState::kPending;
  uint32_t flags = 0;
  std::string reason;  // as squeue shows it
  // Of a job that is not pending: since when it has been running, when it ended.
  absl::Time start_time;
  absl::Time end_time;
  std::string nodes;  // hostlist of its allocation
  // It makes room for another job: since when, and for which; empty: not to be named, or not known.
  absl::Time preempt_time;
  std::string preempted_for;

  // Of a pending one.
  uint32_t min_nodes = 0;
  uint32_t max_nodes = 0;  // UINT32_MAX: any number
  uint32_t tasks = 0;
  absl::Time last_start = absl::InfiniteFuture();  // it is over when it has not started by then
  // --switches: how many, for how long it waits for so few of them, and since when; that is unset
  // while it could not start on others either. 0: it asks for none.
  uint32_t switches = 0;
  absl::Duration switches_wait;
  absl::Time switches_since;
  bool switches_waited = false;  // for long enough: it does not ask for few any more
  std::vector<Wait> waits;
  std::vector<Prospect> prospects;  // in the order of its partitions
  // False: the plan is being made and has not got as far as this job.
  bool settled = true;
  bool starts_now = false;  // the next pass will start it
  absl::Time planned_start;
  std::string planned_nodes;
  std::string planned_partition;
  std::string planned_reservation;   // a magnetic one that it is to be drawn into
  std::vector<std::string> magnets;  // those that it is tried in beside where it asks to be
  std::vector<Busy> busy;            // by the time at which they end
  uint32_t more_busy = 0;            // that were left out
  std::vector<Suggestion> suggestions;
  std::vector<std::string> others;  // of a component: what each one of its job waits for
};

}  // namespace reeve::ctld
