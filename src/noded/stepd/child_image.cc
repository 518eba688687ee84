#include "noded/stepd/child_image.h"

#include <errno.h>
#include <unistd.h>

#include <optional>

#include "noded/stepd/shared_fork.h"

namespace reeve::noded {
namespace {

// The rest of what the child reads.
struct Pointed {
  std::vector<char*> argv, programs, environment, prologs;
  cpu_set_t cpus;
  char own_pid[kPidDigits];  // for an environment that does not tell it
  std::optional<PrologSpace> prolog_space;
};

// Ends in a null.
std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void PointTo(ChildImage* image, Pointed* to) {
  ChildPlan& plan = image->plan;
  to->argv = Pointers(image->argv);
  to->programs = Pointers(image->programs);
  plan.argv = to->argv.data();
  plan.programs = to->programs.data();
  plan.task_pid_digits = to->own_pid;
  if (image->adds_task_pid) {
    std::string& entry = image->environment.emplace_back(kTaskPidName);
    entry.resize(sizeof(kTaskPidName) - 1 + kPidDigits + 1, '\0');
    plan.task_pid_digits = entry.data() + sizeof(kTaskPidName) - 1;
  }
  to->environment = Pointers(image->environment);
  plan.environment = to->environment.data();
  plan.work_dir = image->work_dir.c_str();
  plan.limits = image->limits.data();
  plan.limit_count = image->limits.size();
  plan.groups = image->groups.data();
  plan.group_count = image->groups.size();
  plan.cgroup_fds = image->cgroup_fds.data();
  plan.cgroup_count = image->cgroup_fds.size();
  if (!image->cpus.empty()) {
    CPU_ZERO(&to->cpus);
    for (int cpu : image->cpus) CPU_SET(cpu, &to->cpus);
    plan.cpus = &to->cpus;
  }
  if (image->prologs.empty()) return;
  to->prologs = Pointers(image->prologs);
  to->prolog_space.emplace(image->environment.size());
  plan.prologs = to->prologs.data();
  plan.prolog_space = &*to->prolog_space;
}

}  // namespace

pid_t StartChild(std::unique_ptr<ChildImage> image) {
  auto* const pointed = new Pointed;
  PointTo(image.get(), pointed);
  const ChildPlan* const plan = &image.release()->plan;
  if (plan->prologs == nullptr) return ForkSharingMemory([plan] { RunChild(*plan); });
  // It forks itself, which is not for one that borrows its memory.
  const pid_t child = fork();
  if (child == 0) RunChild(*plan);
  return child < 0 ? -errno : child;
}

}  // namespace reeve::noded
