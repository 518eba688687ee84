"""The virtual hosts that both systems run on: `ctl`, `login` and the nodes.

Each has network, UTS and mount namespaces of its own, an own /etc/hosts and /dev/shm, and hangs on a
bridge in ctl's network; nothing of it is visible on the machine. A holder process keeps each host's
namespaces: with it they are gone."""
import os
import pathlib
import signal
import subprocess

import sandbox

NETWORK = "10.77.0."
CONTROLLER, LOGIN = "ctl", "login"
TUNING = {"net/core/somaxconn": "8192", "net/ipv4/tcp_max_syn_backlog": "8192",
          "net/ipv4/ip_local_port_range": "32768 65535"}


class Hosts:
    """Makes the hosts; `nodes` are their names. close() takes them down."""

    def __init__(self, folder, nodes):
        self.nodes = list(nodes)
        self.addresses = {CONTROLLER: NETWORK + "1", LOGIN: NETWORK + "2"}
        self.addresses.update({node: f"{NETWORK}{11 + i}" for i, node in enumerate(self.nodes)})
        self._holders = {}
        hosts_file = pathlib.Path(folder) / "hosts"
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        hosts_file.write_text("\n".join(lines + [f"{a} {n}" for n, a in self.addresses.items()]) + "\n")
        try:
            for name in self.addresses:
                self._holders[name] = _start_holder(name, hosts_file)
                self._connect(name)
        except BaseException:
            self.close()
            raise

    def command(self, host, argv):
        """argv, to be executed inside of the host; the process keeps its pid."""
        return ["nsenter", "--target", str(self._holders[host]), "--mount", "--net", "--uts", "--", *argv]

    def close(self):
        for pid in self._holders.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._holders = {}

    def _ip(self, host, text):
        result = subprocess.run(self.command(host, ["ip", *text.split()]), capture_output=True, text=True)
        if result.returncode != 0:
            raise OSError(f"ip {text} on {host}: {result.stderr.strip()}")

    def _connect(self, name):
        link = "br0" if name == CONTROLLER else "eth0"
        if name == CONTROLLER:
            self._ip(name, "link add br0 type bridge")
        else:
            cable = "v-" + name
            self._ip(CONTROLLER, f"link add {cable} type veth peer name eth0 netns {self._holders[name]}")
            self._ip(CONTROLLER, f"link set {cable} master br0 up")
        self._ip(name, "link set lo up")
        self._ip(name, f"addr add {self.addresses[name]}/24 dev {link}")
        self._ip(name, f"link set {link} up")
        for key, value in TUNING.items():
            subprocess.run(self.command(name, ["sh", "-c", f"echo '{value}' >/proc/sys/{key}"]),
                           stderr=subprocess.DEVNULL, check=False)


def _start_holder(name, hosts_file):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            sandbox.die_with_parent()
            sandbox.unshare(sandbox.CLONE_NEWNET | sandbox.CLONE_NEWUTS | sandbox.CLONE_NEWNS)
            sandbox.mount("none", "/", None, sandbox.MS_REC | sandbox.MS_SLAVE)
            sandbox.mount(hosts_file, "/etc/hosts", None, sandbox.MS_BIND)
            os.makedirs("/dev/shm", exist_ok=True)
            sandbox.mount("tmpfs", "/dev/shm", "tmpfs", sandbox.MS_NOSUID | sandbox.MS_NODEV, "mode=1777")
            subprocess.run(["hostname", name], check=True)
            os.write(writer, b"ready")
            os.close(writer)
            for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sig, signal.SIG_IGN)
            while True:
                signal.pause()
        except BaseException as error:  # the parent says it
            os.write(writer, f"host {name}: {error}".encode())
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    if answer != "ready":
        os.waitpid(pid, 0)
        raise OSError(answer)
    return pid
