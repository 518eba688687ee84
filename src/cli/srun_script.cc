#include "cli/srun_script.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/background.h"
#include "cli/command.h"
#include "cli/submit_env.h"
#include "common/base/text.h"
#include "common/os/spawn_attributes.h"

namespace reeve::cli {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int Run(SrunScript script) {
  SetVariable(&script.environment, "SLURM_SCRIPT_CONTEXT", script.context);
  SetVariable(&script.environment, "SLURM_JOB_ID", StrCat(script.job_id));
  SetVariable(&script.environment, "SLURM_JOBID", StrCat(script.job_id));
  std::vector<std::string> words = script.command;
  words.insert(words.begin(), script.program);
  std::vector<char*> argv = Pointers(words);
  std::vector<char*> environment = Pointers(script.environment);

  const os::SpawnAttributes attributes;
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, argv[0], nullptr, attributes.get(), argv.data(), environment.data());
  if (error != 0) {
    PrintError("srun", StrCat(script.program, ": ", strerror(error)));
    return 127;
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::string ChooseSrunScript(const std::string& option, const std::string& configured) {
  if (option.empty()) return configured;
  return EqualsIgnoreCase(option, "none") ? "" : option;
}

void RunSrunScript(std::shared_ptr<os::EventLoop> loop, SrunScript script,
                   std::function<void(int)> done) {
  if (script.program.empty()) return done(0);
  auto work = [script = std::move(script)] { return Run(script); };
  InBackground<int>(std::move(loop), work, std::move(done));
}

}  // namespace reeve::cli
