"""Starting the load driver on the login host, and what it gives."""
import json
import os
import pathlib
import signal
import subprocess

from hosts import LOGIN
from stats import percentile
from system import Failure

DRIVER = pathlib.Path(__file__).with_name("load.py")


class Load:
    """What one run of the driver measured. Latencies in ms, in the order of their starts."""

    def __init__(self, result):
        self.wall = result["wall"]
        self.cpu = result["cpu"]
        self.hammered = result["hammered"]
        self.latencies = [round(took, 3) for _, _, took, _ in sorted(result["clients"], key=lambda c: c[1])]
        self.rate = len(self.latencies) / self.wall

    def quantile(self, part):
        return percentile(self.latencies, part)


def load(system, argvs, loops, each, output=None, hammer=None, hammer_loops=10, timeout=600):
    """`loops` loops of `each` clients. argvs: one command, or several that are taken in turn. Failure when a
    client fails: what failing clients cost is no measure of working ones."""
    if isinstance(argvs[0], str):
        argvs = [argvs]
    errors = system.work / "errors"
    errors.unlink(missing_ok=True)
    spec = {"argvs": [system.program(argv) for argv in argvs], "loops": loops, "each": each,
            "output": str(output) if output else None, "errors": str(errors),
            "hammer": {"argv": system.program(hammer), "loops": hammer_loops} if hammer else None}
    command = ["/usr/bin/env", "-C", str(system.work), "/usr/bin/python3", "-S", "-E", "-B", str(DRIVER)]
    process = subprocess.Popen(system.hosts.command(LOGIN, command), env=system.environment(), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    try:
        answer, said = process.communicate(json.dumps(spec), timeout)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)  # the driver, its loops and their clients
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failure(f"{argvs[0][0]}: {loops * each} clients did not end within {timeout} s") from None
        raise
    if process.returncode != 0 or not answer:
        raise Failure(f"load driver: {said.strip().splitlines()[-1:]}")
    result = json.loads(answer)
    failed = [client for client in result["clients"] if client[3] != 0]
    if failed:
        text = errors.read_text(errors="replace") if errors.exists() else ""
        why = next((line for line in text.splitlines() if line.strip()), "nothing said")
        raise Failure(f"{argvs[0][0]}: {len(failed)} of {len(result['clients'])} clients failed, "
                      f"the first with exit code {failed[0][3]}: {why}")
    return Load(result)
