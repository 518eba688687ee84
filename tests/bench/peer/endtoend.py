"""Empty jobs from the first submission until the last of them has left the queue, and their CPU time."""
import time

from clients import load
from registry import Figure, measurement, times
from system import Failure, wait_for


def figures(rate, cpu):
    return {"rate": Figure("empty jobs", "/s", True, rate),
            "cpu": Figure("CPU a job: daemons, steps, its shell", "ms", target=cpu)}


def run_jobs(bench, system, out, jobs, submit):
    """submit(script) queues `jobs` jobs. Each writes one byte, which proves that it ran, and once; the queue is
    only asked when all have: asking would be measured as well."""
    ran = system.work / "ran"
    ran.write_text("")
    script = system.work / "empty.sh"
    script.write_text(f"#!/bin/sh\nprintf x >>{ran}\n")
    cpu, daemons, begin = system.cpu.seconds(), system.daemon_seconds(), time.monotonic()
    submit(str(script))
    wait_for(f"{jobs} jobs to run", lambda: ran.stat().st_size >= jobs, max(60, jobs / 4), 0.002)
    wait_for("the jobs to end", lambda: not system.jobs(), 60, 0.005)
    took = time.monotonic() - begin
    bench.settle(system)  # accounting follows, and is paid for too
    spent = system.cpu.seconds() - cpu
    if (size := ran.stat().st_size) != jobs:
        raise Failure(f"{jobs} jobs ran {size} times")
    by_daemon = {name: seconds - daemons.get(name, 0) for name, seconds in system.daemon_seconds().items()}
    by_daemon["steps"] = spent - sum(by_daemon.values())
    out.put("rate", jobs / took)
    out.put("cpu", spent / jobs * 1e3, {name: round(s / jobs * 1e3, 3) for name, s in by_daemon.items()})
    out.notes.append("CPU a job in ms: " + ", ".join(f"{name} {s / jobs * 1e3:.2f}" for name, s in by_daemon.items()))


@measurement("jobs-array", figures(times(10), times(10)), without_accounting=True)
def jobs_array(bench, system, out):
    """an array of 1,000 empty jobs, from sbatch until the queue is empty"""
    jobs = bench.count(1000, 60)
    run_jobs(bench, system, out, jobs, lambda script: system.run(
        "sbatch", "-Q", "-o", "/dev/null", "-a", f"1-{jobs}", script))


@measurement("jobs-separate", figures(times(10), times(10)), without_accounting=True)
def jobs_separate(bench, system, out):
    """1,000 empty jobs of an sbatch each, four loops, until the queue is empty"""
    jobs = bench.count(1000, 60)
    run_jobs(bench, system, out, jobs, lambda script: load(
        system, ["sbatch", "-Q", "-o", "/dev/null", script], 4, jobs // 4))
