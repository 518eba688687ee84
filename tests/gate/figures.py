"""What the gate measures. Each function returns figures by name; `by_name` gets lines that say what they are made of."""
import os
import pathlib
import shutil
import sys
import tempfile
import time

import instructions
import syscalls

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))
from harness import BIN, Cluster, all_pids, read, wait_for  # noqa: E402  the path is set just above

JOBS = 50  # of the array whose system calls are counted
STORE = ("fcntl", "pread64", "pwrite64", "fdatasync", "ftruncate", "newfstatat")  # what SQLite does


class Figure:
    """Percent: how much it differs from run to run, a busy machine included, and so how far above it the limit is."""

    def __init__(self, what, percent, how):
        self.what, self.percent, self.how = what, percent, how


def callgrind(command):
    return f"valgrind --tool=callgrind --callgrind-out-file=/tmp/calls {command}; then callgrind_annotate --inclusive=yes /tmp/calls"


SBATCH = "sbatch -H -o /dev/null --wrap true"
BY_NAME = "scripts/gate --only cluster --by-name; for files: strace -f -y -p PID"
CLUSTER_FIGURES = {
    "steps.syscalls": Figure("system calls a job, reeve-stepd and its children before they exec", 6, BY_NAME),
    "steps.forks": Figure("processes and threads made per 100 jobs, of the forker and reeve-stepd", 4, BY_NAME),
    "steps.written": Figure("bytes a job, written by reeve-stepd to files and sockets", 8, BY_NAME),
    "node.syscalls": Figure("system calls a job, reevenoded without waits", 60, BY_NAME),
    "controller.syscalls": Figure("system calls a job, reevectld without waits and its store", 80, BY_NAME),
    "controller.store-syscalls": Figure("system calls a job, reevectld's store (SQLite)", 200, BY_NAME),
    "controller.syncs": Figure("fdatasync per 100 jobs, reevectld", 400, BY_NAME),
    "controller.written": Figure("bytes a job, reevectld to its store and log", 200, BY_NAME),
    "accounting.syscalls": Figure("system calls a job, reevedbd without waits", 120, BY_NAME),
    "accounting.written": Figure("bytes a job, reevedbd to its store and log", 120, BY_NAME),
    "munged.requests": Figure("credentials made or read per 100 jobs", 120, BY_NAME),
}
CLIENT_FIGURES = {
    "sbatch.instructions": Figure("instructions of one sbatch", 6, callgrind(SBATCH)),
    "sbatch.syscalls": Figure("system calls of one sbatch", 9, f"strace -f {SBATCH}"),
    "squeue.instructions": Figure("instructions of one squeue -j", 6, callgrind("squeue -h -j ID")),
    "squeue.syscalls": Figure("system calls of one squeue -j", 9, "strace -f squeue -h -j ID"),
}
SIM = "reeve sim --policy reeve --trace FILE (scripts/gate --only core --keep FOLDER makes such files)"
CORE_FIGURES = {
    "core.empty-queue": Figure("instructions a job of the controller's core: submit, plan, start, end", 4, callgrind(SIM)),
    "core.long-queue": Figure("instructions a job of the core when 40 of many shapes come at once", 4, callgrind(SIM)),
}


def client_environment(cluster):
    """The same everywhere: a job carries its environment along."""
    return {"PATH": f"{cluster.bin}:/usr/bin:/bin", "HOME": "/", "LANG": "C", "SLURM_CONF": str(cluster.folder / "slurm.conf")}


def measure_client(cluster, by_name):
    env = client_environment(cluster)
    held = cluster.submit("-H", "-o", "/dev/null", "--wrap", "true")
    figures = {}
    for name, command in (("sbatch", SBATCH.split()), ("squeue", ["squeue", "-h", "-j", str(held)])):
        command[0] = str(cluster.bin / command[0])
        calls = syscalls.record_command(cluster.base / "perf.data", command, env)
        figures[f"{name}.syscalls"] = sum(calls.by_name.values())
        by_name.append(f"{name}: " + names_line(calls, 1))
        figures[f"{name}.instructions"] = instructions.count(command, env)
    cluster.run("scancel", "-u", "root")
    return figures


def names_line(calls, jobs):
    return ", ".join(f"{name} {count / jobs:.4g}" for name, count in calls.by_name.most_common())


def parent_of(pid):
    stat = read(f"/proc/{pid}/stat").rsplit(")", 1)
    return int(stat[1].split()[1]) if len(stat) > 1 else 0


def wait_quiet(pids):
    """Until none of them has written anything for a while: what follows a job's end is over."""
    last, since = None, time.monotonic()

    def quiet():
        nonlocal last, since
        now = [line for pid in pids for line in read(f"/proc/{pid}/io").splitlines() if line.startswith("syscw")]
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 0.5

    wait_for("quiet", quiet, 120)


def measure_cluster(cluster, by_name):
    """An array of empty jobs, one after the other on a node's only CPU: each goes its whole way alone, so that the counts do not
    depend on how many events happen to meet in one transaction more than they must."""
    pids = cluster.daemon_pids()
    groups = {pids["reevectld"]: "controller", pids["reevenoded-n1"]: "node", pids["reevedbd"]: "accounting",
              pids["munged"]: "munged"}
    groups[next(pid for pid in all_pids() if parent_of(pid) == pids["reevenoded-n1"])] = "forker"
    run_array(cluster, groups, 2)  # what is loaded or connected once
    with syscalls.Recording(cluster.base / "perf.data", groups) as recording:
        run_array(cluster, groups, JOBS)
    calls = recording.groups(lambda pid: groups.get(pid, "steps"))
    for group in sorted(calls):
        by_name.append(f"{group}, a job: " + names_line(calls[group], JOBS))
    steps, controller, accounting = calls["steps"], calls["controller"], calls["accounting"]
    if steps.of("execve") != JOBS:
        raise RuntimeError(f"{steps.of('execve')} tasks seen, of {JOBS}")
    forks = steps.of(*syscalls.FORKS) + calls["forker"].of(*syscalls.FORKS)
    return {
        "steps.syscalls": steps.work() / JOBS,
        "steps.forks": forks / JOBS * 100,
        "steps.written": steps.written / JOBS,
        "node.syscalls": calls["node"].work() / JOBS,
        "controller.syscalls": (controller.work() - controller.of(*STORE)) / JOBS,
        "controller.store-syscalls": controller.of(*STORE) / JOBS,
        "controller.syncs": controller.of("fdatasync") / JOBS * 100,
        "controller.written": controller.written / JOBS,
        "accounting.syscalls": accounting.work() / JOBS,
        "accounting.written": accounting.written / JOBS,
        "munged.requests": calls["munged"].of("accept", "accept4") / JOBS * 100,
    }


def run_array(cluster, pids, jobs):
    """Empty jobs that write to files of their own; without a query that somebody would have to answer."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=cluster.work))
    cluster.plain([str(cluster.bin / "sbatch"), "--parsable", f"--array=1-{jobs}", "-o", f"{folder}/%3a", "--wrap", "true"],
                  client_environment(cluster))
    spool = cluster.folder / "spool" / "n1" / "steps"
    wait_for("the jobs", lambda: len(os.listdir(folder)) == jobs and not os.listdir(spool), 500)
    wait_quiet(pids)


def swf(jobs, burst, gap):
    """A trace: bursts of jobs of 1 to 16 CPUs, `gap` seconds apart, on 16 nodes of 4. The same for the same arguments."""
    state = 1

    def chance(n):
        nonlocal state
        state = (state * 1103515245 + 12345) % 2**31
        return state // 65536 % n

    lines = ["; Version: 2.2", "; MaxNodes: 16", "; MaxProcs: 64"]
    for job in range(jobs):
        run, cpus, user = 20 + chance(400), 1 + chance(16), 1 + chance(5)
        lines.append(f"{job + 1} {job // burst * gap} -1 {run} {cpus} -1 -1 {cpus} {run * 2} -1 1 {user} 1 -1 1 -1 -1 -1")
    return "\n".join(lines) + "\n"


def replay(folder, jobs, burst, gap):
    path = folder / f"{jobs}-in-bursts-of-{burst}.swf"
    path.write_text(swf(jobs, burst, gap))
    env = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C"}
    return instructions.count([str(BIN / "reeve"), "sim", "--policy", "reeve", "--trace", str(path)], env)


def measure_core(by_name, keep):
    """Twice as many jobs against as many: what starting, reading and printing cost is in both."""
    figures = {}
    folder = pathlib.Path(keep) if keep else pathlib.Path(tempfile.mkdtemp(prefix="reeve-gate-"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, jobs, burst, gap in (("core.empty-queue", 200, 1, 500), ("core.long-queue", 120, 40, 3000)):
        few, many = replay(folder, jobs, burst, gap), replay(folder, 2 * jobs, burst, gap)
        by_name.append(f"{name}: {few:,} for {jobs} jobs, {many:,} for {2 * jobs}")
        figures[name] = (many - few) / jobs
    if not keep:
        shutil.rmtree(folder)
    return figures


def on_cluster(measures, by_name):
    cluster = Cluster(nodes=1, cpus=1)
    figures = {}
    try:
        cluster.up()
        for measure in measures:
            figures.update(measure(cluster, by_name))
    finally:
        cluster.close()
    return figures
