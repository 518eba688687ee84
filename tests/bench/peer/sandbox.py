"""A place of its own for one run: a PID namespace, a folder and cgroups, all gone afterwards.

The outer process waits and cleans; the first process of the namespace reaps orphans (daemons and
step daemons leave their parents); the run itself is its child. Whatever way the run ends, the end of
the namespace's first process ends everything in it. Needs root."""
import contextlib
import ctypes
import errno
import os
import pathlib
import shutil
import signal
import tempfile
import time
import traceback

PREFIX = "reeve-bench-"
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET, CLONE_NEWPID = 0x20000, 0x4000000, 0x40000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_SLAVE = 2, 4, 0x1000, 0x4000, 0x80000
PR_SET_PDEATHSIG = 1
STOPPING = (signal.SIGTERM, signal.SIGHUP)

_libc = ctypes.CDLL(None, use_errno=True)


def _call(what, function, *arguments):
    if function(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags):
    _call("unshare", _libc.unshare, flags)


def mount(source, target, kind, flags, data=None):
    arguments = [None if word is None else str(word).encode() for word in (source, target, kind, data)]
    _call(f"mount {source} on {target}", _libc.mount, *arguments[:3], ctypes.c_ulong(flags), arguments[3])


def die_with_parent(sig=signal.SIGKILL):
    """For a fresh child: it does not outlive the process that made it."""
    _call("prctl", _libc.prctl, PR_SET_PDEATHSIG, int(sig), 0, 0, 0)


def enter_by(main):
    """Runs main(folder) in a sandbox; returns its exit code. INT and TERM reach main as they are."""
    sweep()
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)
    try:
        # Held back until somebody listens: the first process of a PID namespace is not ended by a signal
        # that it does not handle yet, the signal is lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        unshare(CLONE_NEWPID)
        first = os.fork()
        if first == 0:
            _first_process(main, folder)
        for sig in STOPPING:
            signal.signal(sig, lambda number, _: os.kill(first, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the run itself
        _, status = os.waitpid(first, 0)
        return os.waitstatus_to_exitcode(status)
    finally:
        remove_cgroups(os.getpid())
        shutil.rmtree(folder, ignore_errors=True)


def _first_process(main, folder):
    """Never returns. Its end is the end of all that the run has started."""
    code = 1
    try:
        die_with_parent()
        unshare(CLONE_NEWNS)
        mount("none", "/", None, MS_REC | MS_SLAVE)
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)
        run = os.fork()
        if run == 0:
            try:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
                code = main(folder)
            except BaseException:  # os._exit would leave without a word
                traceback.print_exc()
            finally:
                os._exit(code)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for sig in STOPPING:
            signal.signal(sig, lambda number, _: os.kill(run, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        code = _reap_until(run)
    finally:
        os._exit(code)


def _reap_until(run):
    while True:
        pid, status = os.wait()
        if pid == run:
            return max(1, os.waitstatus_to_exitcode(status)) if status else 0


def sweep():
    """Folders and cgroups of runs whose outer process was killed."""
    for path in pathlib.Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        owner = path.name[len(PREFIX):].split("-")[0]
        if owner.isdigit() and not pathlib.Path("/proc", owner).exists():
            remove_cgroups(owner)
            shutil.rmtree(path, ignore_errors=True)


def _accounting_mount():
    """Where CPU time is counted by group: (mount point, file, seconds of its text), or None."""
    unified = None
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpuacct" in options.split(","):
            return pathlib.Path(target), "cpuacct.usage", lambda text: int(text) / 1e9
        if kind == "cgroup2":
            unified = pathlib.Path(target)
    return unified and (unified, "cpu.stat", lambda text: int(text.split()[1]) / 1e6)


class CpuGroup:
    """A cgroup that counts the CPU time of all that was ever started in it, orphans and dead included."""

    def __init__(self, owner, name):
        self.path = None
        found = _accounting_mount()
        if found is None:
            raise OSError(errno.ENOSYS, "no cgroup hierarchy counts CPU time here")
        self.root, self.file, self.seconds_of = found
        self.path = self.root / f"{PREFIX}{owner}-{name}"
        self.path.mkdir()

    def join(self):
        """For a fresh child, before it executes."""
        (self.path / "cgroup.procs").write_text("0")

    def seconds(self):
        total = self.seconds_of((self.path / self.file).read_text())
        if self.file == "cpu.stat":
            # In the one hierarchy of v2 a step leaves for a group of reevenoded's; their parent keeps
            # what groups that are gone have used.
            with contextlib.suppress(FileNotFoundError):
                total += self.seconds_of((self.root / "reeve" / self.file).read_text())
        return total


def cluster_name(owner, system):
    """reevenoded calls its cgroups after the cluster: by this name they are found again."""
    return f"bench{owner}{system}"


def _step_groups(owner):
    """What reevenoded has made in any hierarchy, below a group that it was in itself; the deepest first."""
    own = {"/"}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        path = pathlib.PurePath(line.split(":", 2)[2])
        own.update(map(str, (path, *path.parents)))
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, *_ = line.split()
        if kind not in ("cgroup", "cgroup2"):
            continue
        for path in sorted(own):
            parent = pathlib.Path(target + path, "reeve")
            for top in parent.glob(cluster_name(owner, "*")):
                yield from (pathlib.Path(folder) for folder, _, _ in os.walk(top, topdown=False))
            if parent.exists():
                yield parent  # every cluster's: it goes with the last of them


def remove_cgroups(owner):
    """The processes in them have ended or are ending."""
    found = _accounting_mount()
    ours = list(found[0].glob(f"{PREFIX}{owner}-*")) if found else []
    deadline = time.monotonic() + 10
    for path in ours + list(_step_groups(owner)):
        while True:
            try:
                path.rmdir()
                break
            except OSError as error:
                if error.errno != errno.EBUSY or path.name == "reeve" or time.monotonic() > deadline:
                    break
                time.sleep(0.01)  # the last processes are still leaving
