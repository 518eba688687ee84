#include "cli/srun_script.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/background.h"
#include "cli/command.h"
#include "cli/submit_env.h"
#include "common/base/text.h"

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

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, argv[0], nullptr, &attributes, argv.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
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
