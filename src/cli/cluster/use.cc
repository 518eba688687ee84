// reeve cluster env, shell, exec: using a cluster that is up.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/cluster/conf_writer.h"
#include "cli/cluster/daemons.h"
#include "cli/cluster/namespaces.h"
#include "cli/cluster/verbs.h"
#include "common/base/text.h"

namespace reeve::cluster {
namespace {

constexpr char kLoginHost[] = "login";

std::string Quote(std::string_view text) {
  return "'" + ReplaceAll(text, "'", "'\\''") + "'";
}

std::string PathWithCommands() {
  const char* path = getenv("PATH");
  return StrCat(CommandsFolder(), ":", path != nullptr ? path : "/usr/bin:/bin");
}

// Open MPI would bind the first rank of every host to the machine's first core: messages between
// two of them then wait for the scheduler's tick. What the user has chosen stays.
constexpr char kMpiBinding[] = "OMPI_MCA_hwloc_base_binding_policy";

bool SharesCores(const Layout& layout) {
  absl::StatusOr<Config> config = LoadConfig(layout.Conf());
  return config.ok() && IsOvercommitted(*config);
}

void SetEnvironment(const Layout& layout, const std::string& host) {
  if (SharesCores(layout)) setenv(kMpiBinding, "none", 0);
  setenv("PATH", PathWithCommands().c_str(), 1);
  setenv("SLURM_CONF", layout.Conf().c_str(), 1);
  setenv("REEVE_CLUSTER", layout.folder.c_str(), 1);
  setenv("HOSTNAME", host.c_str(), 1);
  unsetenv("SLURM_CONF_SERVER");
}

std::string LoginShell() {
  const char* shell = getenv("SHELL");
  if (shell != nullptr && access(shell, X_OK) == 0) return shell;
  const passwd* user = getpwuid(geteuid());
  if (user != nullptr && access(user->pw_shell, X_OK) == 0) return user->pw_shell;
  return "/bin/sh";
}

// Becomes `command` on the host. Returns only on failure, with the exit code.
int RunOn(std::string_view verb, const std::string& folder, const std::string& host,
          std::vector<std::string> command) {
  absl::StatusOr<Layout> layout = FindLayout(folder);
  if (!layout.ok()) return Fail(verb, Message(layout.status()));
  absl::StatusOr<KeeperClient> keeper = KeeperClient::Connect(*layout);
  if (!keeper.ok()) {
    return Fail(verb, StrCat(Message(keeper.status()), "; start one: reeve cluster up"));
  }
  absl::StatusOr<HostHandles> handles = keeper->Enter(host);
  if (!handles.ok()) return Fail(verb, Message(handles.status()));
  SetEnvironment(*layout, host);
  char cwd[PATH_MAX] = "/";
  if (getcwd(cwd, sizeof(cwd)) == nullptr) strcpy(cwd, "/");
  if (absl::Status status = EnterHost(*handles, cwd); !status.ok()) {
    return Fail(verb, Message(status));
  }
  DropAmbientCapabilities();
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  int error = errno;
  Fail(verb, StrCat(command[0], ": ", strerror(error)));
  return error == ENOENT ? 127 : 126;
}

std::vector<std::string> Rest(int argc, char** argv, int from) {
  if (from < argc && strcmp(argv[from], "--") == 0) ++from;
  return std::vector<std::string>(argv + std::min(from, argc), argv + argc);
}

}  // namespace

int Env(int argc, char** argv) {
  absl::StatusOr<LeadingOptions> options = ParseLeadingOptions(argc, argv);
  if (!options.ok()) return Fail("env", Message(options.status()));
  if (options->used < argc) return Fail("env", StrCat("unexpected: ", argv[options->used]));
  absl::StatusOr<Layout> layout = FindLayout(options->folder);
  if (!layout.ok()) return Fail("env", Message(layout.status()));
  if (!os::PathExists(layout->Conf())) {
    return Fail("env", StrCat("no cluster in ", layout->folder, "; start one: reeve cluster up"));
  }
  // munged's socket is named by slurm.conf; the variable is for munge(1) and other programs.
  printf(
      "export PATH=%s:\"$PATH\"\n"
      "export SLURM_CONF=%s\n"
      "export MUNGE_SOCKET=%s\n"
      "export REEVE_CLUSTER=%s\n",
      Quote(CommandsFolder()).c_str(), Quote(layout->Conf()).c_str(),
      Quote(layout->MungeSocket()).c_str(), Quote(layout->folder).c_str());
  if (SharesCores(*layout)) printf("export %s=\"${%s:-none}\"\n", kMpiBinding, kMpiBinding);
  return 0;
}

int Shell(int argc, char** argv) {
  absl::StatusOr<LeadingOptions> options = ParseLeadingOptions(argc, argv);
  if (!options.ok()) return Fail("shell", Message(options.status()));
  std::vector<std::string> command = Rest(argc, argv, options->used);
  if (command.empty()) {
    command = {LoginShell()};
    if (isatty(STDIN_FILENO)) {
      fputs("This is the cluster's login host; `exit` leads back.\n", stderr);
    }
  } else if (command.size() == 1 && command[0].find(' ') != std::string::npos) {
    command = {"/bin/sh", "-c", command[0]};  // one word with blanks is a line for the shell
  }
  return RunOn("shell", options->folder, kLoginHost, std::move(command));
}

int Exec(int argc, char** argv) {
  absl::StatusOr<LeadingOptions> options = ParseLeadingOptions(argc, argv);
  if (!options.ok()) return Fail("exec", Message(options.status()));
  if (options->used >= argc) return Fail("exec", "usage: reeve cluster exec NODE -- CMD...");
  std::string host = argv[options->used];
  std::vector<std::string> command = Rest(argc, argv, options->used + 1);
  if (command.empty()) return Fail("exec", "usage: reeve cluster exec NODE -- CMD...");
  return RunOn("exec", options->folder, host, std::move(command));
}

}  // namespace reeve::cluster
