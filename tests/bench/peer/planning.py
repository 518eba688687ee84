"""The plan of a whole pending queue on full nodes."""
from clients import load
from registry import Figure, measurement, times
from system import CPUS_PER_NODE, wait_for

SHAPES = 64


def shape(i):
    """CPUs and minutes of the i-th pending job; tests/bench/schedule_bench.cc has the same."""
    return 1 + 7 * i % 32, 10 + 37 * i % 480


@measurement("plan", {"seconds": Figure("plan of 10,000 pending on 4 full nodes, full depth", "s", target=times(50))})
def plan(bench, system, out):
    """planning 10,000 pending jobs of 64 shapes on four full nodes: Slurm's backfill cycle by sdiag, Reeve's
    planner by schedule_bench"""
    jobs = bench.count(10000, 400)

    def fill():
        nodes = len(system.hosts.nodes)
        load(system, ["sbatch", "-Q", "-N", "1", "-n", str(CPUS_PER_NODE), "-t", "600", "-o", "/dev/null", "--wrap",
                      "sleep 36000"], 1, nodes)
        wait_for("all nodes to be full", lambda: len(system.run(
            "squeue", "-h", "-t", "R", "-o", "%i").split()) == nodes, 120, 0.2)
        argvs = []
        for i in range(SHAPES):
            cpus, minutes = shape(i)
            argvs.append(["sbatch", "-Q", "-c", str(cpus), "-t", str(minutes), "-o", "/dev/null", "--wrap", "true"])
        load(system, argvs, 4, jobs // 4, timeout=max(120, jobs / 10))
    seconds, how = system.plan_time(jobs, fill)
    out.put("seconds", seconds)
    out.notes.append(f"{how}, {jobs} jobs")
