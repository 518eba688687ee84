#include "cli/cluster/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/cluster/daemons.h"
#include "cli/cluster/keeper_client.h"
#include "cli/cluster/packet.h"
#include "common/base/text.h"

namespace reeve::cluster {
namespace {

constexpr absl::Duration kControllerGrace = absl::Seconds(5);
constexpr absl::Duration kDaemonGrace = absl::Seconds(3);
constexpr absl::Duration kKillTimeout = absl::Seconds(20);

struct Daemon {
  DaemonSpec spec;
  DaemonState state;
};

// The environment of a daemon: nothing of the shell that `up` was typed in but who and where.
std::vector<std::string> DaemonEnvironment(const Layout& layout) {
  std::vector<std::string> environment = {"SLURM_CONF=" + layout.Conf(),
                                          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                          "/sbin:/bin"};
  for (const char* name : {"HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ"}) {
    if (const char* value = getenv(name)) environment.push_back(StrCat(name, "=", value));
  }
  return environment;
}

// Runs in the child. What fails here ends in the daemon's log, where `up` looks for it.
[[noreturn]] void BecomeDaemon(const DaemonSpec& spec, const HostHandles& host,
                               const Layout& layout) {
  int log = open(layout.Log(spec.name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  setsid();
  absl::Status status = EnterHost(host, "/");
  DropAmbientCapabilities();
  if (!status.ok()) {
    dprintf(STDERR_FILENO, "%s: %s\n", spec.name.c_str(), std::string(status.message()).c_str());
    _exit(1);
  }
  std::vector<char*> argv, envp;
  for (const std::string& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> environment = DaemonEnvironment(layout);
  for (const std::string& variable : environment) {
    envp.push_back(const_cast<char*>(variable.c_str()));
  }
  envp.push_back(nullptr);
  execve(argv[0], argv.data(), envp.data());
  dprintf(STDERR_FILENO, "%s: cannot run %s: %s\n", spec.name.c_str(), argv[0], strerror(errno));
  _exit(127);
}

class Keeper {
 public:
  explicit Keeper(Layout layout) : layout_(std::move(layout)) {}

  absl::Status SetUp();
  void Run();

 private:
  absl::Status CreateHostsOfConfig();
  absl::Status Listen();
  std::string Answer(const std::string& request, std::vector<int>* fds);
  std::string Start(const std::string& name);
  std::string List() const;
  std::string Enter(const std::string& host, std::vector<int>* fds) const;
  std::string StopAll();
  void Serve(int connection);
  void ReapChildren();
  void Terminate(const std::vector<std::string>& names, absl::Duration grace);
  bool Running(const std::vector<std::string>& names) const;

  Layout layout_;
  Config config_;
  std::string hosts_file_;
  std::map<std::string, HostHandles> hosts_;
  std::vector<Daemon> daemons_;
  os::UniqueFd listener_;
  bool stopping_ = false;
};

absl::Status Keeper::SetUp() {
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  absl::StatusOr<Config> config = LoadConfig(layout_.Conf());
  if (!config.ok()) return config.status();
  config_ = *std::move(config);
  absl::StatusOr<std::vector<DaemonSpec>> specs = PlanDaemons(layout_, config_);
  if (!specs.ok()) return specs.status();
  for (DaemonSpec& spec : *specs) {
    DaemonState state{spec.name, spec.host};
    daemons_.push_back({std::move(spec), std::move(state)});
  }
  if (absl::Status status = CreateHostsOfConfig(); !status.ok()) return status;
  std::string mark = FormatMark({getpid(), StartTime(getpid()).value_or(0)});
  if (absl::Status status = os::WriteFile(layout_.KeeperPid(), mark); !status.ok()) return status;
  return Listen();
}

absl::Status Keeper::CreateHostsOfConfig() {
  absl::StatusOr<HostsPlan> plan = PlanHosts(config_);
  if (!plan.ok()) return plan.status();
  uint64_t token = 0;
  if (getrandom(&token, sizeof(token), 0) != sizeof(token)) {
    return os::ErrnoStatus(errno, "getrandom");
  }
  hosts_file_ = absl::StrFormat("%s/hosts-%016x", layout_.RunDir(), token);
  absl::Status status = os::WriteFile(hosts_file_, HostsFile(*plan), 0644);
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<HostHandles>> handles = CreateHosts(*plan, hosts_file_);
  if (!handles.ok()) return handles.status();
  hosts_[plan->controller.name] = std::move((*handles)[0]);
  hosts_[plan->login.name] = std::move((*handles)[1]);
  for (size_t i = 0; i < plan->nodes.size(); ++i) {
    hosts_[plan->nodes[i].name] = std::move((*handles)[i + 2]);
  }
  return absl::OkStatus();
}

absl::Status Keeper::Listen() {
  std::string path = layout_.KeeperSocket();
  listener_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address = SocketAddress(path);
  unlink(path.c_str());
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener_.get(), 16) != 0) {
    return os::ErrnoStatus(errno, "listen on " + path);
  }
  return absl::OkStatus();
}

void Keeper::Run() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  os::UniqueFd signal_fd(signalfd(-1, &signals, SFD_CLOEXEC));
  while (!stopping_) {
    pollfd fds[] = {{listener_.get(), POLLIN, 0}, {signal_fd.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) {
      signalfd_siginfo info;
      if (read(signal_fd.get(), &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) ReapChildren();
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) StopAll();
      }
    }
    if (fds[0].revents != 0) {
      os::UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (connection) Serve(connection.get());
    }
  }
}

void Keeper::Serve(int connection) {
  ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      (peer.uid != geteuid() && peer.uid != 0)) {
    return;
  }
  timeval patience{1, 0};  // a client sends its request at once
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  absl::StatusOr<Packet> request = ReceivePacket(connection);
  if (!request.ok() || request->text.empty()) return;
  std::vector<int> fds;
  std::string answer = Answer(request->text, &fds);
  (void)SendPacket(connection, answer, fds);
}

std::string Keeper::Answer(const std::string& request, std::vector<int>* fds) {
  size_t space = request.find(' ');
  std::string verb = request.substr(0, space);
  std::string argument = space == std::string::npos ? "" : request.substr(space + 1);
  ReapChildren();
  if (verb == "start") return Start(argument);
  if (verb == "list") return List();
  if (verb == "enter") return Enter(argument, fds);
  if (verb == "stop") return StopAll();
  return "error unknown request " + verb;
}

std::string Keeper::Start(const std::string& name) {
  for (Daemon& daemon : daemons_) {
    if (daemon.spec.name != name) continue;
    if (!daemon.state.running) {
      pid_t pid = fork();
      if (pid < 0) return StrCat("error fork: ", strerror(errno));
      if (pid == 0) BecomeDaemon(daemon.spec, hosts_.at(daemon.spec.host), layout_);
      daemon.state.pid = pid;
      daemon.state.running = true;
    }
    return StrCat("ok ", daemon.state.pid);
  }
  return "error this cluster has no daemon " + name;
}

std::string Keeper::List() const {
  std::string text = "ok";
  for (const Daemon& daemon : daemons_) {
    const DaemonState& state = daemon.state;
    StrAppend(&text, "\n", state.name, " ", state.host, " ", state.pid, " ", state.running, " ",
              state.exit_status);
  }
  return text;
}

std::string Keeper::Enter(const std::string& host, std::vector<int>* fds) const {
  auto it = hosts_.find(host);
  if (it == hosts_.end()) return StrCat("error this cluster has no host '", host, "'");
  const HostHandles& handles = it->second;
  *fds = {handles.user.get(), handles.net.get(), handles.uts.get(), handles.mnt.get(),
          handles.root.get()};
  return "ok";
}

void Keeper::ReapChildren() {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (Daemon& daemon : daemons_) {
      if (daemon.state.pid != pid || !daemon.state.running) continue;
      daemon.state.running = false;
      daemon.state.exit_status = status;
    }
  }
}

bool Keeper::Running(const std::vector<std::string>& names) const {
  for (const Daemon& daemon : daemons_) {
    for (const std::string& name : names) {
      if (daemon.state.running && daemon.spec.name == name) return true;
    }
  }
  return false;
}

void Keeper::Terminate(const std::vector<std::string>& names, absl::Duration grace) {
  auto signal_all = [&](int signal) {
    for (const Daemon& daemon : daemons_) {
      if (daemon.state.running &&
          std::find(names.begin(), names.end(), daemon.spec.name) != names.end()) {
        kill(daemon.state.pid, signal);
      }
    }
  };
  signal_all(SIGTERM);
  absl::Time deadline = absl::Now() + grace;
  while (Running(names) && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
    ReapChildren();
  }
  signal_all(SIGKILL);
}

// The controller first: it is not to see its nodes fail. munged last: the others need it to leave.
std::string Keeper::StopAll() {
  std::vector<std::string> others = {kAccounting};
  for (const NodeConfig& node : config_.nodes) others.push_back(NodeDaemon(node.name));
  Terminate({kController}, kControllerGrace);
  Terminate(others, kDaemonGrace);
  Terminate({kMunged}, kDaemonGrace);
  absl::Status status = KillProcessesInHosts(hosts_file_, kKillTimeout);
  ReapChildren();
  if (status.ok()) status = RemoveCgroups(config_.cluster_name, kKillTimeout);
  if (!status.ok()) return StrCat("error ", status.message());
  unlink(layout_.KeeperSocket().c_str());
  unlink(layout_.MungeSocket().c_str());
  unlink(layout_.KeeperPid().c_str());
  unlink(hosts_file_.c_str());
  stopping_ = true;
  return "ok";
}

}  // namespace

int RunKeeper(const std::string& folder, int ready_fd) {
  absl::StatusOr<Layout> layout = FindLayout(folder);
  absl::Status status = layout.status();
  std::unique_ptr<Keeper> keeper;
  if (layout.ok()) {
    keeper = std::make_unique<Keeper>(*layout);
    status = keeper->SetUp();
  }
  std::string word = status.ok() ? "ok" : std::string(status.message());
  (void)os::WriteAll(ready_fd, word);
  close(ready_fd);
  if (!status.ok()) return 1;
  keeper->Run();
  return 0;
}

}  // namespace reeve::cluster
