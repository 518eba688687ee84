// From what the controller asks for to what each task of this node is started with: program,
// environment, where its three streams go. Pure; stepd carries it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "noded/core/step_machine.h"
#include "noded/core/task_layout.h"

namespace reeve::noded {

// pb::StepLaunch as core sees it.
struct LaunchRequest {
  StepKey key;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string user_name;
  std::vector<std::string> argv;  // a batch step's: the script's arguments
  std::vector<std::string> environment;
  std::string work_dir;
  std::string std_in;
  std::string std_out;
  std::string std_err;
  bool append_output = false;
  uint32_t umask = 022;
  std::vector<NodePart> parts;
  uint32_t node_index = 0;      // this node's place in `parts`
  uint32_t job_node_index = 0;  // and in the job's nodes
  uint32_t cpus_per_task = 0;
  std::string job_name;
  std::optional<JobId> array_job;
  std::optional<uint32_t> array_task;
  std::string distribution;
  uint32_t restarts = 0;
  std::string cluster;
  bool kill_on_bad_exit = false;
  // SLURM_TOPOLOGY_ADDR and its pattern; empty: the network is flat.
  std::string topology_addr;
  std::string topology_pattern;
  // Numbers of GPUs on this node, as programs name them.
  bool node_has_gpus = false;
  std::vector<uint32_t> job_gpus;
  std::vector<uint32_t> step_gpus;
  uint32_t gpus_per_task = 0;  // each task sees so many of its own; 0: all of the step's
  uint32_t tasks_per_gpu = 0;  // each sees one, which so many share; 0: as above
  bool has_client = false;     // a srun may attach: streams without a file go there

  bool is_batch() const { return key.step == kBatchStep; }
  const NodePart& part() const { return parts[node_index]; }
};

// What only this node knows.
struct NodeFacts {
  std::string home;  // of the job's user
  std::string shell;
  std::string config_path;  // slurm.conf, empty when the node has none
  std::string script_path;  // of a batch step
};

struct StreamTarget {
  enum class Kind { kNull, kClient, kFile };
  Kind kind = Kind::kNull;
  std::string path;       // kFile: absolute
  bool truncate = false;  // kFile, for writing; else what is there stays
  friend bool operator==(const StreamTarget&, const StreamTarget&) = default;
};

struct TaskPlan {
  uint32_t task = 0;  // global id
  std::vector<std::string> environment;
  StreamTarget in;
  StreamTarget out;
  StreamTarget err;  // equal to `out` when both go to one file: opened once
};

struct LaunchPlan {
  std::vector<std::string> argv;
  // What to try to execute, in order: argv[0] itself when it holds a '/', else each folder of PATH.
  // Relative ones are relative to the working directory.
  std::vector<std::string> programs;
  std::string work_dir;
  std::vector<TaskPlan> tasks;
  bool pmix = false;  // they find each other through a PMIx server
};

// InvalidArgument names what makes no sense in the request.
absl::StatusOr<LaunchPlan> MakeLaunchPlan(const LaunchRequest& request, const NodeFacts& facts);

}  // namespace reeve::noded
