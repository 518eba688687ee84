#include "cli/cluster/keeper_client.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "cli/cluster/daemons.h"
#include "cli/cluster/packet.h"
#include "common/base/config.h"
#include "common/base/text.h"

namespace reeve::cluster {
namespace {

constexpr absl::Duration kSweepTimeout = absl::Seconds(20);

// Runs in the child: becomes the keeper, out of the terminal's reach.
[[noreturn]] void BecomeKeeper(const Layout& layout, os::UniqueFd ready) {
  auto fail = [&ready](std::string_view text) {
    (void)os::WriteAll(ready.get(), text);
    _exit(1);
  };
  setsid();
  int log = open(layout.Log("keeper").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  if (chdir("/") != 0) fail("chdir /");
  if (!HasHostCapabilities()) {
    absl::Status status = EnterUserNamespace();
    if (!status.ok()) fail(Message(status));
  }
  // Whatever `up` was given must not live on in the cluster: somebody may wait for its end.
  close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
  (void)os::SetCloexec(ready.get(), false);
  std::string fd = StrCat(ready.get());
  std::string program = OwnProgram();
  execl(program.c_str(), "reeve", "cluster", "keeper", "--dir", layout.folder.c_str(), "--ready-fd",
        fd.c_str(), nullptr);
  fail(StrCat("cannot run ", program, ": ", strerror(errno)));
  _exit(1);
}

}  // namespace

std::string DescribeExit(int exit_status) {
  if (WIFSIGNALED(exit_status)) return StrCat("signal ", WTERMSIG(exit_status));
  return StrCat("exit code ", WEXITSTATUS(exit_status));
}

namespace {

absl::StatusOr<os::UniqueFd> Dial(const Layout& layout) {
  os::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address = SocketAddress(layout.KeeperSocket());
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) {
      return absl::NotFoundError(StrCat("no cluster runs in ", layout.folder));
    }
    return os::ErrnoStatus(errno, "connect to " + layout.KeeperSocket());
  }
  return fd;
}

}  // namespace

absl::StatusOr<KeeperClient> KeeperClient::Connect(const Layout& layout) {
  KeeperClient client(layout);
  if (absl::StatusOr<os::UniqueFd> socket = Dial(layout); !socket.ok()) return socket.status();
  return client;
}

absl::StatusOr<std::string> KeeperClient::Ask(const std::string& request,
                                              std::vector<os::UniqueFd>* fds) {
  absl::StatusOr<os::UniqueFd> socket = Dial(layout_);
  if (!socket.ok()) return socket.status();
  if (absl::Status status = SendPacket(socket->get(), request, {}); !status.ok()) return status;
  absl::StatusOr<Packet> answer = ReceivePacket(socket->get());
  if (!answer.ok()) return answer.status();
  std::string_view text = answer->text;
  if (text.starts_with("error ")) return absl::FailedPreconditionError(ToAbsl(text.substr(6)));
  if (!text.starts_with("ok")) {
    return absl::UnavailableError("the cluster's keeper has gone; see its log/keeper.log");
  }
  if (fds != nullptr) *fds = std::move(answer->fds);
  return std::string(Strip(text.substr(2)));
}

absl::StatusOr<pid_t> KeeperClient::Start(const std::string& daemon) {
  absl::StatusOr<std::string> answer = Ask("start " + daemon, nullptr);
  if (!answer.ok()) return answer.status();
  pid_t pid = 0;
  if (!absl::SimpleAtoi(*answer, &pid)) return absl::InternalError("bad answer: " + *answer);
  return pid;
}

absl::StatusOr<std::vector<DaemonState>> KeeperClient::List() {
  absl::StatusOr<std::string> answer = Ask("list", nullptr);
  if (!answer.ok()) return answer.status();
  std::vector<DaemonState> states;
  for (std::string_view line : SplitSkipEmpty(*answer, "\n")) {
    std::vector<std::string_view> words = Split(line, " ");
    DaemonState state;
    if (words.size() != 5 || !absl::SimpleAtoi(ToAbsl(words[2]), &state.pid) ||
        !absl::SimpleAtoi(ToAbsl(words[4]), &state.exit_status)) {
      return absl::InternalError(StrCat("bad answer: ", line));
    }
    state.name = words[0];
    state.host = words[1];
    state.running = words[3] == "1";
    states.push_back(std::move(state));
  }
  return states;
}

absl::StatusOr<HostHandles> KeeperClient::Enter(const std::string& host) {
  std::vector<os::UniqueFd> fds;
  absl::StatusOr<std::string> answer = Ask("enter " + host, &fds);
  if (!answer.ok()) return answer.status();
  if (fds.size() != 5) return absl::InternalError("the keeper sent no handles");
  return HostHandles{std::move(fds[0]), std::move(fds[1]), std::move(fds[2]), std::move(fds[3]),
                     std::move(fds[4])};
}

absl::Status KeeperClient::Stop() {
  return Ask("stop", nullptr).status();
}

absl::Status LaunchKeeper(const Layout& layout) {
  absl::StatusOr<os::Pipe> pipe = os::MakePipe();
  if (!pipe.ok()) return pipe.status();
  pid_t child = fork();
  if (child < 0) return os::ErrnoStatus(errno, "fork");
  if (child == 0) BecomeKeeper(layout, std::move(pipe->write));
  pipe->write.reset();
  absl::StatusOr<std::string> word = os::ReadFd(pipe->read.get());
  if (!word.ok()) return word.status();
  if (*word == "ok") return absl::OkStatus();
  waitpid(child, nullptr, 0);
  return absl::FailedPreconditionError(
      word->empty() ? StrCat("the keeper died; see ", layout.Log("keeper")) : *word);
}

std::vector<std::string> HostsFiles(const Layout& layout) {
  std::vector<std::string> files;
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory(layout.RunDir());
  if (!names.ok()) return files;
  for (const std::string& name : *names) {
    if (name.starts_with("hosts-")) files.push_back(layout.RunDir() + "/" + name);
  }
  return files;
}

absl::Status SweepLeftovers(const Layout& layout) {
  if (absl::StatusOr<std::string> text = os::ReadFile(layout.KeeperPid()); text.ok()) {
    std::optional<ProcessMark> keeper = ParseMark(*text);
    if (keeper.has_value() && IsAlive(*keeper)) kill(keeper->pid, SIGKILL);
  }
  for (const std::string& hosts_file : HostsFiles(layout)) {
    absl::Status status = KillProcessesInHosts(hosts_file, kSweepTimeout);
    if (!status.ok()) return status;
    unlink(hosts_file.c_str());
  }
  // A file that was edited into something unreadable may still have had cgroups: of our own name.
  absl::StatusOr<Config> config = LoadConfig(layout.Conf());
  std::string name = config.ok() ? config->cluster_name : layout.ClusterName();
  if (absl::Status status = RemoveCgroups(name, kSweepTimeout); !status.ok()) return status;
  unlink(layout.KeeperSocket().c_str());
  unlink(layout.MungeSocket().c_str());
  unlink(layout.KeeperPid().c_str());
  return absl::OkStatus();
}

}  // namespace reeve::cluster
