#include "cli/cluster/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "cli/cluster/layout.h"
#include "cli/cluster/netlink.h"
#include "cli/cluster/packet.h"
#include "common/base/text.h"

namespace reeve::cluster {
namespace {

constexpr char kBridge[] = "br0";
constexpr char kLink[] = "eth0";

struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
};

absl::Status WriteProc(const std::string& path, const std::string& text) {
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(path, O_WRONLY);
  if (!fd.ok()) return fd.status();
  return os::WriteAll(fd->get(), text);
}

// Many short connections between hosts of one machine need more than the defaults. Not essential,
// and not possible where /proc/sys is read-only.
void TuneNetwork() {
  (void)WriteProc("/proc/sys/net/core/somaxconn", "8192");
  (void)WriteProc("/proc/sys/net/ipv4/tcp_max_syn_backlog", "8192");
  (void)WriteProc("/proc/sys/net/ipv4/ip_local_port_range", "32768 65535");
}

absl::Status Mount(const char* source, const char* target, const char* type, unsigned long flags,
                   const char* data) {
  if (mount(source, target, type, flags, data) == 0) return absl::OkStatus();
  return os::ErrnoStatus(errno, StrCat("mount ", source, " on ", target));
}

// A machine without these two cannot have others mounted over them. They are what every installed
// Debian has; bare images may not.
absl::Status MakeMountPoints() {
  mkdir("/dev/shm", 01777);
  os::UniqueFd fd(open("/etc/hosts", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd) return os::WriteAll(fd.get(), "127.0.0.1 localhost\n::1 localhost\n");
  if (os::PathExists("/etc/hosts")) return absl::OkStatus();
  return absl::FailedPreconditionError("there is no /etc/hosts; as root: touch /etc/hosts");
}

absl::Status SetUpMounts(const std::string& hosts_file) {
  // Later mounts of the machine still appear; ours never do outside. That is a property of the
  // namespace's own root, which entering it anew leads to; then back to where chroot(2) had us.
  absl::StatusOr<os::UniqueFd> root = os::OpenFile("/", O_PATH | O_DIRECTORY);
  if (!root.ok()) return root.status();
  absl::StatusOr<os::UniqueFd> own = os::OpenFile("/proc/self/ns/mnt", O_RDONLY);
  if (!own.ok()) return own.status();
  if (setns(own->get(), CLONE_NEWNS) != 0) return os::ErrnoStatus(errno, "enter own mounts");
  absl::Status status = Mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr);
  if (!status.ok()) return status;
  if (fchdir(root->get()) != 0 || chroot(".") != 0) return os::ErrnoStatus(errno, "chroot");

  if (absl::Status made = MakeMountPoints(); !made.ok()) return made;
  status = Mount(hosts_file.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr);
  if (!status.ok()) return status;
  return Mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

// Runs in a child of its own: makes the namespaces and what is in them.
absl::Status SetUpHost(const HostPlan& host, const std::string& hosts_file, int bridge_namespace,
                       const std::string& cable) {
  if (unshare(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS) != 0) {
    return os::ErrnoStatus(errno, "create namespaces");
  }
  if (sethostname(host.name.c_str(), host.name.size()) != 0) {
    return os::ErrnoStatus(errno, "set the host name");
  }
  if (absl::Status status = SetUpMounts(hosts_file); !status.ok()) return status;

  absl::StatusOr<Netlink> netlink = Netlink::Open();
  if (!netlink.ok()) return netlink.status();
  if (absl::Status status = netlink->SetUp("lo"); !status.ok()) return status;
  bool has_bridge = bridge_namespace < 0;
  const char* link = has_bridge ? kBridge : kLink;
  absl::Status status =
      has_bridge ? netlink->AddBridge(link) : netlink->AddCable(link, cable, bridge_namespace);
  if (status.ok()) status = netlink->AddAddress(link, host.address, kPrefixLength);
  if (status.ok()) status = netlink->SetUp(link);
  TuneNetwork();
  return status;
}

absl::StatusOr<os::UniqueFd> OpenOf(pid_t pid, const char* what) {
  return os::OpenFile(StrCat("/proc/", pid, "/", what), O_RDONLY);
}

absl::StatusOr<HostHandles> OpenHandles(pid_t pid) {
  HostHandles handles;
  const std::pair<const char*, os::UniqueFd*> parts[] = {{"ns/user", &handles.user},
                                                         {"ns/net", &handles.net},
                                                         {"ns/uts", &handles.uts},
                                                         {"ns/mnt", &handles.mnt},
                                                         {"root", &handles.root}};
  for (const auto& [what, fd] : parts) {
    absl::StatusOr<os::UniqueFd> opened = OpenOf(pid, what);
    if (!opened.ok()) return opened.status();
    *fd = *std::move(opened);
  }
  return handles;
}

struct SocketPair {
  os::UniqueFd here;
  os::UniqueFd there;
};
absl::StatusOr<SocketPair> MakeSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return os::ErrnoStatus(errno, "socketpair");
  }
  return SocketPair{os::UniqueFd(ends[0]), os::UniqueFd(ends[1])};
}

// The child makes the namespaces, says so, and waits until they have been opened.
absl::StatusOr<HostHandles> CreateHost(const HostPlan& host, const std::string& hosts_file,
                                       int bridge_namespace, const std::string& cable) {
  absl::StatusOr<SocketPair> pair = MakeSocketPair();
  if (!pair.ok()) return pair.status();
  os::UniqueFd& here = pair->here;
  os::UniqueFd& there = pair->there;
  pid_t child = fork();
  if (child < 0) return os::ErrnoStatus(errno, "fork");
  if (child == 0) {
    here.reset();
    absl::Status status = SetUpHost(host, hosts_file, bridge_namespace, cable);
    std::string answer = status.ok() ? "ok" : std::string(status.message());
    (void)os::WriteAll(there.get(), answer);
    shutdown(there.get(), SHUT_WR);  // the end of the answer
    char byte;
    (void)!read(there.get(), &byte, 1);
    _exit(0);
  }
  there.reset();
  absl::StatusOr<std::string> answer = os::ReadFd(here.get());
  absl::StatusOr<HostHandles> handles =
      absl::InternalError(StrCat("host ", host.name, ": ", answer.ok() ? *answer : "lost"));
  if (answer.ok() && *answer == "ok") handles = OpenHandles(child);
  here.reset();
  waitpid(child, nullptr, 0);
  return handles;
}

// A socket belongs to the namespace it was made in. A child makes it: without root, nothing can
// return from there to the machine's own network namespace.
absl::StatusOr<Netlink> OpenNetlinkIn(int net_namespace) {
  absl::StatusOr<SocketPair> pair = MakeSocketPair();
  if (!pair.ok()) return pair.status();
  pid_t child = fork();
  if (child < 0) return os::ErrnoStatus(errno, "fork");
  if (child == 0) {
    absl::StatusOr<Netlink> netlink = absl::InternalError("");
    if (setns(net_namespace, CLONE_NEWNET) == 0) netlink = Netlink::Open();
    if (netlink.ok()) (void)SendPacket(pair->there.get(), "ok", {netlink->fd()});
    _exit(0);
  }
  pair->there.reset();
  absl::StatusOr<Packet> packet = ReceivePacket(pair->here.get());
  waitpid(child, nullptr, 0);
  if (!packet.ok() || packet->fds.size() != 1) {
    return absl::InternalError("cannot enter the network namespace of ctl");
  }
  return Netlink(std::move(packet->fds[0]));
}

bool SameFile(int fd, const char* path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

}  // namespace

bool HasHostCapabilities() {
  Capabilities caps;
  if (syscall(SYS_capget, &caps.header, caps.data) != 0) return false;
  uint64_t effective = caps.data[0].effective | uint64_t{caps.data[1].effective} << 32;
  for (int needed : {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_CHROOT}) {
    if ((effective >> needed & 1) == 0) return false;
  }
  return true;
}

absl::Status EnterUserNamespace() {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER) != 0) {
    int error = errno;
    absl::Status status = os::ErrnoStatus(error, "create a user namespace");
    const char* hint =
        error == ENOSPC ? "user namespaces are used up: raise sysctl user.max_user_namespaces"
        : error == EINVAL
            ? "this kernel was built without user namespaces: run it as root"
            : "user namespaces are switched off here: sysctl "
              "kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000; in "
              "a container or chroot run it as root with CAP_SYS_ADMIN and CAP_NET_ADMIN";
    return absl::Status(status.code(), StrCat(status.message(), "; ", hint));
  }
  const std::pair<const char*, std::string> maps[] = {
      {"/proc/self/setgroups", "deny"},
      {"/proc/self/uid_map", StrCat(uid, " ", uid, " 1")},
      {"/proc/self/gid_map", StrCat(gid, " ", gid, " 1")}};
  for (const auto& [path, text] : maps) {
    if (absl::Status status = WriteProc(path, text); !status.ok()) return status;
  }
  Capabilities caps;
  if (syscall(SYS_capget, &caps.header, caps.data) != 0) return os::ErrnoStatus(errno, "capget");
  for (auto& data : caps.data) data.inheritable = data.permitted;
  if (syscall(SYS_capset, &caps.header, caps.data) != 0) {
    return absl::PermissionDeniedError(
        "the user namespace came without capabilities: a security module restricts it (on Ubuntu: "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0)");
  }
  uint64_t permitted = caps.data[0].permitted | uint64_t{caps.data[1].permitted} << 32;
  for (int cap = 0; cap < 64; ++cap) {
    if (permitted >> cap & 1) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HostHandles>> CreateHosts(const HostsPlan& plan,
                                                     const std::string& hosts_file) {
  std::vector<HostHandles> hosts;
  absl::StatusOr<HostHandles> controller = CreateHost(plan.controller, hosts_file, -1, "");
  if (!controller.ok()) return controller.status();
  int bridge_namespace = controller->net.get();
  absl::StatusOr<Netlink> bridge = OpenNetlinkIn(bridge_namespace);
  if (!bridge.ok()) return bridge.status();
  hosts.push_back(*std::move(controller));

  std::vector<HostPlan> others = {plan.login};
  others.insert(others.end(), plan.nodes.begin(), plan.nodes.end());
  for (size_t i = 0; i < others.size(); ++i) {
    std::string cable = StrCat("v", i + 1);
    absl::StatusOr<HostHandles> host = CreateHost(others[i], hosts_file, bridge_namespace, cable);
    if (!host.ok()) return host.status();
    if (absl::Status status = bridge->PlugIn(cable, kBridge); !status.ok()) return status;
    hosts.push_back(*std::move(host));
  }
  return hosts;
}

absl::Status EnterHost(const HostHandles& host, const std::string& cwd) {
  if (!SameFile(host.user.get(), "/proc/self/ns/user") &&
      setns(host.user.get(), CLONE_NEWUSER) != 0) {
    return os::ErrnoStatus(errno, "enter the cluster's user namespace");
  }
  // A thread that shares its root and folder with another enters no mount namespace: not every
  // program of ours has one thread only (ThreadSanitizer's has two).
  if (unshare(CLONE_FS) != 0 || setns(host.mnt.get(), CLONE_NEWNS) != 0 ||
      setns(host.net.get(), CLONE_NEWNET) != 0 || setns(host.uts.get(), CLONE_NEWUTS) != 0) {
    return os::ErrnoStatus(errno, "enter the host's namespaces");
  }
  if (fchdir(host.root.get()) != 0 || chroot(".") != 0) {
    return os::ErrnoStatus(errno, "enter the host's root folder");
  }
  if (chdir(cwd.c_str()) != 0) (void)!chdir("/");
  return absl::OkStatus();
}

void DropAmbientCapabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  Capabilities caps;
  if (getuid() == 0 || syscall(SYS_capget, &caps.header, caps.data) != 0) return;
  for (auto& data : caps.data) data.inheritable = 0;
  syscall(SYS_capset, &caps.header, caps.data);
}

}  // namespace reeve::cluster
