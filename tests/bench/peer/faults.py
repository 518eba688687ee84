"""What kill -9 of the controller costs in acknowledged jobs."""
import signal

from clients import load
from registry import Figure, at_most, measurement
from system import Failure

BURST = 100


@measurement("kill", {"lost": Figure("acknowledged jobs lost, of 1,000 in ten bursts", "jobs", target=at_most(0))})
def kill(bench, system, out):
    """bursts of 100 sbatch, four loops, then kill -9 of the controller: acknowledged ids that are gone"""
    lost, bursts = [], bench.count(10, 2)
    for burst in range(bursts):
        name, acknowledged = f"burst{burst}", system.work / f"acknowledged-{burst}"
        acknowledged.unlink(missing_ok=True)
        load(system, ["sbatch", "--parsable", "-H", "-J", name, "-o", "/dev/null", "--wrap", "true"], 4, BURST // 4,
             output=acknowledged)
        system.stop_controller(signal.SIGKILL)
        ids = acknowledged.read_text().split()
        if len(set(ids)) != BURST:
            raise Failure(f"{BURST} sbatch gave {len(set(ids))} different ids")
        system.start_controller()
        system.wait_listening()
        system.wait_nodes()
        # An id may be given anew after a loss: the name tells whose it is.
        there = set(system.run("squeue", "-h", "-n", name, "-o", "%i").split())
        lost.append(len(set(ids) - there))
    out.put("lost", sum(lost), lost)
    out.notes.append(f"{sum(lost)} of {bursts * BURST} lost in {bursts} bursts")
