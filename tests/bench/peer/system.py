"""What the measurements see of a workload manager: one interface, for Slurm and for Reeve.

A system runs its daemons in the foreground on the virtual hosts, each a child of this process, all in
one CpuGroup. Clients run on the login host, with nothing in their environment but what is said here."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

import sandbox
from hosts import CONTROLLER, LOGIN

CPUS_PER_NODE, MEMORY_PER_NODE = 64, 20000
COMMANDS = ("sbatch", "srun", "salloc", "squeue", "sinfo", "scancel", "scontrol", "sacct")


class Failure(Exception):
    """A measurement or a system failed; the text says what and why."""


def wait_for(what, condition, seconds=60, step=0.02):
    """The first true value of condition(); Failure when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(step)


def last_line(path):
    try:
        lines = pathlib.Path(path).read_text(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


class System:
    """name: as in the report; commands: the folder of its clients; controller and node: the names of their
    daemons; port, node_port, accounting_port: the controller's, the nodes', the accounting's. A subclass says
    how the daemons are started."""
    name = commands = controller = node = ""
    port = node_port = accounting_port = 0

    def __init__(self, hosts, folder, accounting):
        self.hosts = hosts
        self.folder = pathlib.Path(folder)
        self.accounting = accounting
        self.work = self.folder / "work"
        self.logs = self.folder / "log"
        self.daemons = {}  # name: subprocess.Popen
        for path in (self.folder, self.work, self.logs):
            path.mkdir()
        owner = folder.parent.name[len(sandbox.PREFIX):].split("-")[0]
        self.cluster = sandbox.cluster_name(owner, folder.name.replace("-", ""))
        self.cpu = sandbox.CpuGroup(owner, folder.name)

    # What a subclass brings.
    def start_daemons(self):
        raise NotImplementedError

    def start_controller(self):
        raise NotImplementedError

    def plan_time(self, jobs, load):
        """Seconds of planning `jobs` pending jobs on full nodes, at full depth, and what was timed."""
        raise NotImplementedError

    @contextlib.contextmanager
    def interactive(self):
        """Set up for waiting users instead of for throughput, where the two contradict each other."""
        yield

    # The same for both.
    def write_slurm_conf(self, more):
        """Equal hosts, limits and logs; more: lines of the one system alone."""
        at = self.hosts.addresses
        lines = [f"""ClusterName={self.cluster}
SlurmctldHost={CONTROLLER}({at[CONTROLLER]})
SlurmctldPort={self.port}
SlurmdPort={self.node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self.munge_socket}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool/%n
SlurmctldLogFile={self.logs}/{self.controller}.log
SlurmdLogFile={self.logs}/{self.node}-%n.log
SlurmctldDebug=error
SlurmdDebug=error
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MaxArraySize=100001
MaxJobCount=200000
MinJobAge=10
MessageTimeout=60"""]
        if self.accounting:
            lines.append(f"""AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={at[CONTROLLER]}
AccountingStoragePort={self.accounting_port}""")
        lines += more
        lines += [f"NodeName={name} NodeAddr={at[name]} CPUs={CPUS_PER_NODE} RealMemory={MEMORY_PER_NODE} State=UNKNOWN"
                  for name in self.hosts.nodes]
        lines.append("PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
        self.write("slurm.conf", "\n".join(lines) + "\n")

    def start(self):
        self.start_daemons()
        self.wait_nodes()

    def stop(self):
        """The controller first, so that it can say farewell; nothing stays."""
        order = sorted(self.daemons, key=lambda name: name != self.controller)
        for name in order:
            self.end(name, signal.SIGTERM)
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        wait_for(f"the last processes of {self.name}", lambda: not self.pids(), 20)

    def environment(self):
        return {"PATH": f"{self.commands}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash", "LANG": "C.UTF-8",
                "TERM": "xterm", "SLURM_CONF": str(self.folder / "slurm.conf"),
                "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "OMPI_MCA_mpi_yield_when_idle": "1"}

    def program(self, argv):
        """Clients are executed by path: no search in PATH is measured."""
        return [os.path.join(self.commands, argv[0]), *argv[1:]] if argv[0] in COMMANDS else list(argv)

    def spawn(self, name, host, argv, env=None):
        """Starts a daemon. Its output goes to log/NAME.out."""
        def prepare():
            self.cpu.join()
            sandbox.die_with_parent()
        with open(self.logs / f"{name}.out", "ab") as output:
            process = subprocess.Popen(self.hosts.command(host, argv), env={**self.environment(), **(env or {})},
                                       cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True, preexec_fn=prepare)
        self.daemons[name] = process

    def end(self, name, sig):
        process = self.daemons.pop(name, None)
        if process is None:
            return
        process.send_signal(sig)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def check_alive(self):
        """Failure with the last words of a daemon that has ended."""
        for name, process in self.daemons.items():
            if process.poll() is not None:
                log = next((line for line in map(last_line, (self.logs / f"{name}.log", self.logs / f"{name}.out"))
                            if line), "it said nothing")
                raise Failure(f"{name} ended with code {process.returncode}: {log}")

    def pids(self):
        """Every process of the system: daemons, steps, tasks."""
        return [int(pid) for pid in (self.cpu.path / "cgroup.procs").read_text().split()]

    def run(self, *argv, check=True, timeout=120):
        """One client on the login host, to its end. Returns its output."""
        command = self.hosts.command(LOGIN, ["/usr/bin/env", "-C", str(self.work), *self.program(argv)])
        try:
            result = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, timeout=timeout,
                                    capture_output=True, text=True, errors="replace")
        except subprocess.TimeoutExpired:
            raise Failure(f"{argv[0]} did not end within {timeout} s") from None
        if check and result.returncode != 0:
            said = (result.stderr.strip() or result.stdout.strip() or "nothing said").splitlines()[-1]
            raise Failure(f"{' '.join(argv)}: exit code {result.returncode}: {said}")
        return result.stdout

    def listening(self, port=None, host=CONTROLLER):
        """Whether something accepts connections there."""
        code = ("import socket,sys\ns=socket.socket();s.settimeout(1)\n"
                "sys.exit(s.connect_ex((sys.argv[1],int(sys.argv[2])))!=0)")
        argv = ["/usr/bin/python3", "-S", "-E", "-c", code, self.hosts.addresses[host], str(port or self.port)]
        return subprocess.run(self.hosts.command(LOGIN, argv), check=False).returncode == 0

    def wait_listening(self, port=None):
        def ready():
            self.check_alive()
            return self.listening(port)
        wait_for(f"{self.name} to listen on port {port or self.port}", ready, 60)

    def wait_nodes(self):
        """Until every node can take jobs."""
        def usable():
            self.check_alive()
            lines = self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).split()
            return sorted(lines[::2]) == sorted(self.hosts.nodes) and set(lines[1::2]) <= {"idle", "mixed", "allocated"}
        wait_for(f"all nodes of {self.name} to be usable", usable, 90, 0.1)

    def jobs(self):
        """What squeue lists, a word each."""
        return self.run("squeue", "-h", "-r", "-o", "%i", timeout=300).split()

    def cancel_all(self, seconds=240):
        """Until the queue is empty."""
        self.run("scancel", "-u", "root", timeout=seconds)
        wait_for(f"{self.name}'s queue to be empty", lambda: not self.jobs(), seconds, 0.1)

    def stop_controller(self, sig=signal.SIGTERM):
        self.end(self.controller, sig)

    def controller_memory(self):
        """Bytes of the controller's that are in memory."""
        pages = pathlib.Path(f"/proc/{self.daemons[self.controller].pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def daemon_seconds(self):
        """CPU time of each daemon by itself, by the name of its program."""
        seconds = {}
        for name, process in self.daemons.items():
            words = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            kind = self.node if name.startswith(self.node + "-") else name
            seconds[kind] = seconds.get(kind, 0) + (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return seconds

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.touch(mode)
        path.chmod(mode)
        path.write_text(text)
        return path

    def start_munged(self):
        """One of its own, for the whole system: what authentication costs is then the system's."""
        folder = self.folder / "munge"
        folder.mkdir(exist_ok=True)
        key = folder / "key"
        if not key.exists():
            key.touch(0o600)
            key.write_bytes(os.urandom(1024))
        self.munge_socket.unlink(missing_ok=True)
        self.spawn("munged", CONTROLLER, ["/usr/sbin/munged", "--foreground", "--force", "--num-threads=10",
                                          f"--key-file={key}", f"--socket={self.munge_socket}",
                                          f"--pid-file={folder}/pid", f"--seed-file={folder}/seed",
                                          f"--log-file={folder}/log"])

        def answers():
            self.check_alive()
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(str(self.munge_socket)) == 0
        wait_for("munged", answers, 20)

    @property
    def munge_socket(self):
        return self.folder / "munge" / "socket"
