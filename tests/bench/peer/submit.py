"""What it costs to submit: loops of sbatch into the queue alone, and while what they submit runs; arrays."""
from clients import load
from registry import Figure, at_most, measurement, times

LOOPS = (1, 2, 4, 8)
HELD = ["sbatch", "-Q", "-H", "-o", "/dev/null", "--wrap", "true"]
RUNNING = ["sbatch", "-Q", "-o", "/dev/null", "--wrap", "true"]


def figures(rate=None, p50=None, p99=None):
    return {"rate": Figure("submissions", "/s", True, rate), "p50": Figure("p50", "ms", target=p50),
            "p99": Figure("p99", "ms", target=p99)}


def record(out, result):
    out.put("rate", result.rate)
    out.put("p50", result.quantile(0.5), result.latencies)
    out.put("p99", result.quantile(0.99))


def register(loops):
    s = "" if loops == 1 else "s"

    @measurement(f"sbatch-{loops}", figures(p50=times(1) if loops == 1 else None))
    def queue_only(bench, system, out):
        record(out, load(system, HELD, loops, bench.count(1000, 60) // max(2, loops)))
    queue_only.__doc__ = f"sbatch of held jobs, {loops} loop{s}"

    asked = {"rate": times(5), "p99": times(10)} if loops >= 4 else {}

    @measurement(f"sbatch-running-{loops}", figures(**asked))
    def while_running(bench, system, out):
        record(out, load(system, RUNNING, loops, bench.count(1000, 60) // max(2, loops)))
    while_running.__doc__ = f"sbatch of empty jobs that run at once, {loops} loop{s}"


for number in LOOPS:
    register(number)


def one_array(bench, system, out, size, count):
    result = load(system, [*HELD[:-2], "-a", f"1-{size}", *HELD[-2:]], 1, count)
    out.put("p50", result.quantile(0.5), result.latencies)


@measurement("array-1000", {"p50": Figure("one sbatch -a 1-1000, p50", "ms", target=times(1))})
def array_1000(bench, system, out):
    """an array of 1,000 held tasks"""
    one_array(bench, system, out, 1000, bench.count(20, 5))


@measurement("array-100000", {"p50": Figure("one sbatch -a 1-100000, p50", "ms", target=at_most(20))})
def array_100000(bench, system, out):
    """an array of 100,000 held tasks; one at a time, so that no limit of the queue is met"""
    times_taken = []
    for _ in range(bench.count(5, 1)):
        times_taken += load(system, [*HELD[:-2], "-a", "1-100000", *HELD[-2:]], 1, 1).latencies
        system.run("scancel", "-u", "root", timeout=240)
        bench.wait_empty(system)
    out.put("p50", bench.median(times_taken), times_taken)
