"""A queue of up to 50,000 pending jobs: what commands cost at each length, what a job takes of memory, and how
long a restart and its end take. One filling serves all of it: it is what takes the time."""
import time

from clients import load
from registry import Figure, at_most, measurement, times
from submit import HELD
from system import Failure, wait_for

LEVELS = (0, 1000, 10000, 50000)
QUICK = {0: 0, 1000: 100, 10000: 300, 50000: 600}  # what stands for a level in a quick run
COMMANDS = {"squeue": ["squeue"], "squeue-j": ["squeue", "-j", "{job}"], "sinfo": ["sinfo"],
            "scontrol": ["scontrol", "show", "job", "{job}"], "sacct": ["sacct"]}
NEEDS_JOB = ("squeue-j", "scontrol")
SAMPLES = {"squeue": 15, "sacct": 5}  # what each further job makes slower


def query_figures():
    result = {}
    for level in LEVELS:
        for name in COMMANDS:
            if level == 0 and name in NEEDS_JOB:
                continue
            target = times(1) if name in ("squeue-j", "sinfo", "scontrol") else None
            if name == "squeue" and level >= 10000:
                target = times(5)
            words = " ".join(COMMANDS[name]).format(job="ID")
            result[f"{name}-{level}"] = Figure(f"{words}, {level:,} pending, p50", "ms", target=target)
    return result


FIGURES = {
    **query_figures(),
    "calm-p99": Figure("sbatch at 10,000 pending, p99", "ms"),
    "hammered-p50": Figure("the same beside ten squeue loops, p50", "ms"),
    "hammered-p99": Figure("the same beside ten squeue loops, p99", "ms"),
    "hammered-slowdown": Figure("p99 beside ten squeue loops over p99 without", "x", target=at_most(2)),
    "fill": Figure("sbatch into the queue, four loops, up to 50,000", "/s", True),
    "memory": Figure("controller's memory a pending job, at 50,000", "kB", target=at_most(1)),
    "restart": Figure("restart with 50,000 pending, until squeue -j answers", "s", target=times(5)),
    "scancel": Figure("scancel -u of 50,000 pending, until none is left", "s", target=times(50)),
}
AT_LAST = ("fill", "memory", "restart", "scancel")
AT_10000 = ("calm-p99", "hammered-p50", "hammered-p99", "hammered-slowdown")


class Filling:
    """Brings the queue to a length, and knows what it took."""

    def __init__(self, system):
        self.system = system
        self.length = 0
        self.seconds = 0.0

    def to(self, length):
        missing = length - self.length
        if missing <= 0:
            return
        result = load(self.system, HELD, 4, missing // 4, timeout=max(120, missing / 10))
        self.seconds += result.wall
        self.length += missing // 4 * 4


@measurement("queue", FIGURES)
def queue(bench, system, out):
    """a queue of pending (held) jobs: queries at each length, sbatch under queries, memory, restart, scancel"""
    restart_fresh(bench, system)
    before = system.controller_memory()
    filling = Filling(system)
    last = max((level for level in LEVELS if needed_at(out, level)), default=0)
    for level in (level for level in LEVELS if level <= last):
        filling.to(QUICK[level] if bench.quick else level)
        query(bench, system, out, level)
        if level == 10000 and out.wants(*AT_10000):
            with out.attempt(*AT_10000):
                hammered(bench, system, out)
    if out.wants(*AT_LAST):
        at_full_length(bench, system, out, filling, before)


def needed_at(out, level):
    keys = [f"{name}-{level}" for name in COMMANDS]
    keys += AT_10000 if level == 10000 else AT_LAST if level == LEVELS[-1] else ()
    return out.wants(*keys)


def restart_fresh(bench, system):
    """So that memory is that of a young controller on both sides."""
    system.stop_controller()
    system.start_controller()
    system.wait_listening()
    system.wait_nodes()
    bench.settle(system)


def query(bench, system, out, level):
    job = None
    for name, argv in COMMANDS.items():
        key = f"{name}-{level}"
        if key not in FIGURES or not out.wants(key):
            continue
        with out.attempt(key):
            if name in NEEDS_JOB and job is None:
                job = system.run("squeue", "-h", "-o", "%i").split()[0]
            count = bench.count(SAMPLES.get(name, 50) if level >= 10000 else 50, 5)
            result = load(system, [word.format(job=job) for word in argv], 1, count)
            out.put(key, result.quantile(0.5), result.latencies)


def hammered(bench, system, out):
    count = bench.count(300, 20)
    calm = load(system, HELD, 1, count)
    loud = load(system, HELD, 1, count, hammer=["squeue"], hammer_loops=10)
    out.put("calm-p99", calm.quantile(0.99), calm.latencies)
    out.put("hammered-p50", loud.quantile(0.5), loud.latencies)
    out.put("hammered-p99", loud.quantile(0.99))
    out.put("hammered-slowdown", loud.quantile(0.99) / calm.quantile(0.99))
    out.notes.append(f"{loud.hammered} squeue beside {count} sbatch")


def at_full_length(bench, system, out, filling, before):
    if filling.length and filling.seconds:
        out.put("fill", filling.length / filling.seconds)
    bench.settle(system)
    jobs = len(system.jobs())
    with out.attempt("memory"):
        out.put("memory", (system.controller_memory() - before) / jobs / 1e3)
    with out.attempt("restart"):
        out.put("restart", restart(system, jobs))
    with out.attempt("scancel"):
        begin = time.monotonic()
        system.run("scancel", "-u", "root", timeout=900)
        wait_for("the queue to be empty", lambda: not system.jobs(), 900, 0.02)
        out.put("scancel", time.monotonic() - begin)


def restart(system, jobs):
    """Seconds from the start of the controller until a client has been told about a job. How long the old one
    takes to end is not in it."""
    one = system.run("squeue", "-h", "-r", "-o", "%i", timeout=300).split()[-1]
    system.stop_controller()
    begin = time.monotonic()
    system.start_controller()
    system.wait_listening()
    wait_for("squeue to answer", lambda: system.run(
        "squeue", "-h", "-j", one, "-o", "%i", check=False).strip() == one, 120, 0.002)
    took = time.monotonic() - begin
    system.wait_nodes()
    if (now := len(system.jobs())) != jobs:
        raise Failure(f"{jobs} jobs were pending before the restart, {now} after it")
    return took
