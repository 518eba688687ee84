#include "noded/core/launch_plan.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "absl/strings/str_format.h"
#include "common/base/hostlist.h"
#include "common/base/task_pattern.h"
#include "common/base/text.h"
#include "noded/core/environment.h"

namespace reeve::noded {
namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

absl::Status Check(const LaunchRequest& request) {
  if (request.parts.empty() || request.node_index >= request.parts.size()) {
    return absl::InvalidArgumentError("the launch names no share for this node");
  }
  if (request.part().tasks.empty()) {
    return absl::InvalidArgumentError("the launch gives this node no task");
  }
  if (request.is_batch() && request.part().tasks.size() != 1) {
    return absl::InvalidArgumentError("a batch step has one task");
  }
  if (!request.is_batch() && (request.argv.empty() || request.argv[0].empty())) {
    return absl::InvalidArgumentError("the launch names no program");
  }
  return absl::OkStatus();
}

std::vector<std::string> Programs(const std::string& name, const Environment& environment) {
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> programs;
  std::string path = environment.Get("PATH").value_or(kDefaultPath);
  for (std::string_view folder : Split(path, ":")) {
    programs.push_back(folder.empty() ? StrCat("./", name) : StrCat(folder, "/", name));
  }
  return programs;
}

void AddUser(const LaunchRequest& request, const NodeFacts& facts, Environment* environment) {
  environment->SetDefault("HOME", facts.home);
  environment->SetDefault("USER", request.user_name);
  environment->SetDefault("LOGNAME", request.user_name);
  environment->SetDefault("SHELL", facts.shell);
  environment->SetDefault("PATH", kDefaultPath);
  environment->SetDefault("TMPDIR", "/tmp");
  environment->SetDefault("SLURM_JOB_UID", StrCat(request.uid));
  environment->SetDefault("SLURM_JOB_GID", StrCat(request.gid));
  environment->SetDefault("SLURM_JOB_USER", request.user_name);
  environment->SetDefault("SLURM_CLUSTER_NAME", request.cluster);
  if (!facts.config_path.empty()) environment->SetDefault("SLURM_CONF", facts.config_path);
}

// What a step of srun's says about itself; a batch script keeps the job's values.
void AddStep(const LaunchRequest& request, Environment* environment) {
  std::vector<std::string> nodes;
  for (const NodePart& part : request.parts) nodes.push_back(part.node);
  std::string tasks = StrCat(TotalTasks(request.parts));
  std::string node_count = StrCat(nodes.size());
  std::string per_node = TasksPerNodeText(request.parts);
  environment->Set("SLURM_STEP_NODELIST", CompressHostlist(nodes));
  environment->Set("SLURM_STEP_NUM_NODES", node_count);
  environment->Set("SLURM_STEP_NUM_TASKS", tasks);
  environment->Set("SLURM_STEP_TASKS_PER_NODE", per_node);
  environment->Set("SLURM_NTASKS", tasks);
  environment->Set("SLURM_NPROCS", tasks);
  environment->Set("SLURM_NNODES", node_count);
  environment->Set("SLURM_TASKS_PER_NODE", per_node);
  environment->Set("SLURM_UMASK", absl::StrFormat("%04o", request.umask & 0777));
  if (!request.distribution.empty()) environment->Set("SLURM_DISTRIBUTION", request.distribution);
}

void AddNode(const LaunchRequest& request, Environment* environment) {
  const NodePart& part = request.part();
  std::string step = StrCat(request.key.step.value);
  environment->Set("SLURMD_NODENAME", part.node);
  environment->Set("SLURM_NODEID", StrCat(request.node_index));
  environment->Set("SLURM_CPUS_ON_NODE", StrCat(part.cpus));
  environment->Set("SLURM_GTIDS", TaskIdsText(part.tasks));
  environment->Set("SLURM_STEPID", step);
  environment->Set("SLURM_STEP_ID", step);
  const bool flat = request.topology_addr.empty();
  environment->Set("SLURM_TOPOLOGY_ADDR", flat ? part.node : request.topology_addr);
  environment->Set("SLURM_TOPOLOGY_ADDR_PATTERN", flat ? "node" : request.topology_pattern);
  environment->SetDefault("SLURM_PRIO_PROCESS", "0");
}

// What programs look for to know their GPUs.
constexpr const char* kVisibleDevices[] = {"CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
                                           "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"};

void SetVisible(std::span<const uint32_t> gpus, Environment* environment) {
  for (const char* name : kVisibleDevices) {
    if (gpus.empty()) {
      environment->Unset(name);
    } else {
      environment->Set(name, Join(gpus, ","));
    }
  }
}

// Where a node has GPUs nobody is left with what was said elsewhere of other ones.
void AddGpus(const LaunchRequest& request, Environment* environment) {
  for (const char* name : {"SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE"}) {
    environment->Unset(name);
  }
  if (!request.node_has_gpus) return;
  SetVisible(request.step_gpus, environment);
  if (!request.job_gpus.empty()) environment->Set("SLURM_JOB_GPUS", Join(request.job_gpus, ","));
  if (request.step_gpus.empty()) return;
  environment->Set("SLURM_GPUS_ON_NODE", StrCat(request.step_gpus.size()));
  if (!request.is_batch()) environment->Set("SLURM_STEP_GPUS", Join(request.step_gpus, ","));
}

// A task that has GPUs of its own, or one that it shares with some, sees no others.
void BindGpus(const LaunchRequest& request, uint32_t local_id, Environment* environment) {
  if (request.tasks_per_gpu > 0 && !request.step_gpus.empty()) {
    const size_t place = local_id / request.tasks_per_gpu % request.step_gpus.size();
    return SetVisible(std::span(request.step_gpus).subspan(place, 1), environment);
  }
  const uint64_t each = request.gpus_per_task;
  if (each == 0 || (local_id + 1) * each > request.step_gpus.size()) return;
  SetVisible(std::span(request.step_gpus).subspan(local_id * each, each), environment);
}

// One task's view of the request's file names.
class Streams {
 public:
  Streams(const LaunchRequest& request, uint32_t task) : request_(request), task_(task) {
    values_.job = request.key.job;
    values_.array_job = request.array_job;
    values_.array_task = request.array_task;
    values_.step = request.key.step;
    values_.node_index = request.node_index;
    values_.task = task;
    values_.restarts = request.restarts;
    values_.node_name = request.part().node;
    values_.user_name = request.user_name;
    values_.job_name = request.job_name;
  }

  absl::StatusOr<StreamTarget> Input() const {
    if (request_.std_in.empty()) return request_.is_batch() ? Null() : Client();
    if (request_.is_batch()) return File(request_.std_in);
    return Mode(request_.std_in);
  }

  absl::StatusOr<StreamTarget> Output() const {
    if (!request_.std_out.empty()) {
      return request_.is_batch() ? File(request_.std_out) : Mode(request_.std_out);
    }
    if (!request_.is_batch()) return Client();
    return File(request_.array_task.has_value() ? "slurm-%A_%a.out" : "slurm-%j.out");
  }

  absl::StatusOr<StreamTarget> Errors(const StreamTarget& output) const {
    if (request_.std_err.empty()) return output;
    return request_.is_batch() ? File(request_.std_err) : Mode(request_.std_err);
  }

 private:
  static StreamTarget Null() { return {}; }
  StreamTarget Client() const {
    return {.kind = request_.has_client ? StreamTarget::Kind::kClient : StreamTarget::Kind::kNull};
  }

  // srun's choices: "all", "none", the number of the one task, or a file.
  absl::StatusOr<StreamTarget> Mode(const std::string& text) const {
    if (text == "all") return Client();
    if (text == "none") return Null();
    uint32_t only = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), only);
    if (error == std::errc() && end == text.data() + text.size()) {
      return only == task_ ? Client() : Null();
    }
    return File(text);
  }

  absl::StatusOr<StreamTarget> File(const std::string& pattern) const {
    absl::StatusOr<std::string> name = ExpandFilePattern(pattern, values_);
    if (!name.ok()) return name.status();
    if (*name == "/dev/null") return Null();
    if (!name->starts_with('/')) *name = StrCat(request_.work_dir, "/", *name);
    // Several nodes that share one file must not empty it under each other.
    bool mine =
        request_.node_index == 0 || PatternVariesByNode(pattern) || PatternVariesByTask(pattern);
    return StreamTarget{StreamTarget::Kind::kFile, *name, mine && !request_.append_output};
  }

  const LaunchRequest& request_;
  uint32_t task_;
  PatternValues values_;
};

absl::StatusOr<TaskPlan> PlanTask(const LaunchRequest& request, const Environment& common,
                                  uint32_t local_id) {
  TaskPlan plan;
  plan.task = request.part().tasks[local_id];
  Environment environment = common;
  environment.Set("SLURM_PROCID", StrCat(plan.task));
  environment.Set("SLURM_LOCALID", StrCat(local_id));
  BindGpus(request, local_id, &environment);
  plan.environment = environment.Entries();

  Streams streams(request, plan.task);
  absl::StatusOr<StreamTarget> in = streams.Input();
  if (!in.ok()) return in.status();
  absl::StatusOr<StreamTarget> out = streams.Output();
  if (!out.ok()) return out.status();
  absl::StatusOr<StreamTarget> err = streams.Errors(*out);
  if (!err.ok()) return err.status();
  plan.in = *std::move(in);
  plan.out = *std::move(out);
  plan.err = *std::move(err);
  return plan;
}

}  // namespace

absl::StatusOr<LaunchPlan> MakeLaunchPlan(const LaunchRequest& request, const NodeFacts& facts) {
  if (absl::Status status = Check(request); !status.ok()) return status;
  Environment environment(request.environment);
  AddUser(request, facts, &environment);
  if (!request.is_batch()) AddStep(request, &environment);
  AddNode(request, &environment);
  AddGpus(request, &environment);
  environment.Unset("SLURM_TASK_PID");  // known after the fork only

  LaunchPlan plan;
  // The controller's word: its variables come after the user's.
  plan.pmix = !request.is_batch() && environment.Get("SLURM_MPI_TYPE") == "pmix";
  plan.work_dir = request.work_dir.empty() ? "/" : request.work_dir;
  plan.argv = request.argv;
  if (request.is_batch()) plan.argv.insert(plan.argv.begin(), facts.script_path);
  plan.programs = Programs(plan.argv[0], environment);
  for (uint32_t i = 0; i < request.part().tasks.size(); ++i) {
    absl::StatusOr<TaskPlan> task = PlanTask(request, environment, i);
    if (!task.ok()) return task.status();
    plan.tasks.push_back(*std::move(task));
  }
  return plan;
}

}  // namespace reeve::noded
