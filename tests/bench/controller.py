"""The controller alone: reevectld with N emulated nodes (tests/emulator), whose jobs are only timers.

  REEVE_BIN=build/release/bin REEVE_SOURCE=. python3 tests/bench/controller.py [--nodes N] [--jobs J] ...

Prints what it measures, a line each; --json FILE keeps the figures. Everything lives in one folder, which goes at the end.

  registration   N nodes open their streams; memory of the controller for each
  idle           CPU a second of the controller while nothing happens but heartbeats
  queue          J jobs are submitted (`reeve bench submit`, or one array with --array) while the partition is down;
                 memory for each pending job
  drain          the partition comes up: jobs that start and end a second until the queue is empty (or --drain D of them have
                 ended), how flat that is, CPU for each job
  live           L jobs are submitted while jobs start and end (--live L; 0: not measured)"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))
from harness import BIN, clean_environment, read, wait_for  # noqa: E402  the path is set just above

EMULATOR = pathlib.Path(os.environ.get("REEVE_EMULATOR", BIN.parent / "tests" / "emulator" / "reeve_emulator"))
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Usage:
    """CPU seconds and resident bytes of a process."""

    def __init__(self, pid):
        words = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
        self.user, self.system = int(words[11]) / TICK, int(words[12]) / TICK
        self.cpu = self.user + self.system
        self.rss = int(words[21]) * os.sysconf("SC_PAGE_SIZE")
        self.time = time.monotonic()


class Site:
    """munged, reevectld and the emulator, in a folder of their own."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reeve-controller-"))
        self.processes = []
        self.steps = (0, 0, 0)  # the emulator's: started, ended, streams lost
        self.registered = None
        self.write_conf()

    def write_conf(self):
        o = self.options
        lines = ["ClusterName=bench", "SlurmctldHost=localhost(127.0.0.1)", f"SlurmctldPort={free_port()}",
                 f"SlurmUser={os.geteuid()}", f"SlurmdUser={os.geteuid()}", f"AuthInfo=socket={self.folder}/munge.socket",
                 f"StateSaveLocation={self.folder}/state", f"SlurmctldLogFile={self.folder}/reevectld.log",
                 "MaxJobCount=3000000", f"MinJobAge={o.min_job_age}", f"SlurmdTimeout={o.slurmd_timeout}",
                 f"SlurmctldDebug={o.debug}", *o.set]
        for i in range(o.nodes):
            lines.append(f"NodeName=n{i:05d} NodeAddr=127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250} "
                         f"CPUs={o.cpus} RealMemory=64000")
        lines.append(f"PartitionName=p Nodes=n[00000-{o.nodes - 1:05d}] Default=YES MaxTime=INFINITE DefMemPerCPU=10")
        self.conf = self.folder / "slurm.conf"
        self.conf.write_text("\n".join(lines) + "\n")

    def start(self, command, **more):
        process = subprocess.Popen([str(part) for part in command], env=self.environment(), stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def environment(self):
        return {**clean_environment(), "SLURM_CONF": str(self.conf)}

    def run(self, *command, timeout=600):
        return subprocess.run([str(part) for part in command], env=self.environment(), check=True, text=True,
                              stdout=subprocess.PIPE, timeout=timeout).stdout

    def up(self):
        f = self.folder
        f.chmod(0o711)
        (f / "key").write_bytes(os.urandom(64))
        (f / "key").chmod(0o600)
        self.start(["/usr/sbin/munged", "--foreground", "--force", f"--key-file={f}/key", f"--socket={f}/munge.socket",
                    f"--pid-file={f}/munge.pid", f"--log-file={f}/munge.log", f"--seed-file={f}/munge.seed"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("munged", lambda: (f / "munge.socket").exists())
        core = ["taskset", "-c", str(self.options.core)] if self.options.core is not None else []
        self.controller = self.start([*core, BIN / "reevectld", "-f", self.conf])
        wait_for("reevectld", lambda: self.ping(), 60)

    def ping(self):
        if self.controller.poll() is not None:
            raise AssertionError("reevectld has ended:\n" + read(self.folder / "reevectld.log")[-2000:])
        return "jobs restored" in read(self.folder / "reevectld.log")[:20000]

    def connect(self):
        self.emulator = self.start([EMULATOR, "--conf", self.conf, "--run", self.options.run], stdout=subprocess.PIPE,
                                   stderr=open(self.folder / "emulator.log", "w"), text=True)
        threading.Thread(target=self.listen, daemon=True).start()
        wait_for("the nodes", lambda: self.registered or self.emulator.poll() is not None, 600)
        if self.registered is None:
            raise AssertionError("the emulator has ended:\n" + read(self.folder / "emulator.log")[-2000:])

    def listen(self):
        for line in self.emulator.stdout:
            words = line.split()
            if words[0] == "registered":
                self.registered = float(words[2])
            elif words[0] == "steps":
                self.steps = tuple(int(word) for word in words[1:])

    def usage(self):
        return Usage(self.controller.pid)

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure_registration(site, figures):
    before = site.usage()
    site.connect()
    after = site.usage()
    nodes = site.options.nodes
    figures["registration"] = {"nodes": nodes, "seconds": site.registered, "bytes_per_node": (after.rss - before.rss) / nodes,
                               "cpu_us_per_node": (after.cpu - before.cpu) / nodes * 1e6}
    print(f"registration: {nodes} nodes in {site.registered:.1f} s, {(after.rss - before.rss) / nodes / 1000:.1f} kB and "
          f"{(after.cpu - before.cpu) / nodes * 1e6:.0f} us of CPU for each", flush=True)


def measure_idle(site, figures):
    time.sleep(min(5, site.options.idle))
    before = site.usage()
    time.sleep(site.options.idle)
    after = site.usage()
    spent = (after.cpu - before.cpu) / (after.time - before.time)
    figures["idle"] = {"cpu_per_second": spent}
    print(f"idle: {spent * 100:.2f} % of a core with {site.options.nodes} nodes", flush=True)


def submit(site, count, array):
    """Submits; the seconds that it took."""
    began = time.monotonic()
    if array:
        site.run(BIN / "sbatch", "-o", "/dev/null", f"--array=0-{count - 1}", "--wrap", "true")
        return time.monotonic() - began, None
    text = site.run(BIN / "reeve", "bench", "submit", "--keep", "--json", "--jobs", count, "--batch", site.options.batch,
                    "--channels", site.options.channels, "--pipeline", site.options.pipeline, timeout=3600)
    bench = json.loads(text)
    assert bench["done"] == count, bench
    return bench["seconds"], bench


def measure_queue(site, figures):
    count = site.options.jobs
    site.run(BIN / "scontrol", "update", "PartitionName=p", "State=DOWN")
    before = site.usage()
    seconds, bench = submit(site, count, site.options.array)
    after = site.usage()
    figures["queue"] = {"jobs": count, "per_second": count / seconds, "cpu_us_per_job": (after.cpu - before.cpu) / count * 1e6,
                        "bytes_per_job": (after.rss - before.rss) / count, "bench": bench}
    print(f"queue: {count} jobs at {count / seconds:.0f} a second, {(after.cpu - before.cpu) / count * 1e6:.1f} us of CPU and "
          f"{(after.rss - before.rss) / count:.0f} bytes for each", flush=True)


def wait_ended(site, target, rates=None):
    """Until so many steps have ended; counts them by the second in `rates`."""
    last, last_time, quiet = site.steps[1], time.monotonic(), 0
    while site.steps[1] < target:
        time.sleep(1)
        now, ended = time.monotonic(), site.steps[1]
        if rates is not None:
            rates.append((ended - last) / (now - last_time))
        quiet = quiet + 1 if ended == last else 0
        if quiet > 120:
            raise AssertionError(f"nothing ends any more: {ended} of {target}")
        if site.controller.poll() is not None:
            raise AssertionError("reevectld has ended:\n" + read(site.folder / "reevectld.log")[-2000:])
        last, last_time = ended, now


def report_jobs(name, site, figures, count, began, before, rates):
    after = site.usage()
    seconds = after.time - began
    steady = sorted(rates[1:-1] or rates)
    figures[name] = {"jobs": count, "per_second": count / seconds, "cpu_us_per_job": (after.cpu - before.cpu) / count * 1e6,
                     "user_us_per_job": (after.user - before.user) / count * 1e6, "rates": rates,
                     "streams_lost": site.steps[2]}
    print(f"{name}: {count} jobs in {seconds:.1f} s: {count / seconds:.0f} a second (slowest second {steady[0]:.0f}, median "
          f"{steady[len(steady) // 2]:.0f}, fastest {steady[-1]:.0f}), {(after.cpu - before.cpu) / count * 1e6:.1f} us of CPU for "
          f"each, controller {after.rss / 1e6:.0f} MB", flush=True)


def measure_drain(site, figures):
    count, rates = min(site.options.jobs, site.options.drain or site.options.jobs), []
    target = site.steps[1] + count
    before, began = site.usage(), time.monotonic()
    site.run(BIN / "scontrol", "update", "PartitionName=p", "State=UP")
    wait_ended(site, target, rates)
    report_jobs("drain", site, figures, count, began, before, rates)


def measure_live(site, figures):
    count, rates = site.options.live, []
    target = site.steps[1] + count
    before, began = site.usage(), time.monotonic()
    submitter = threading.Thread(target=submit, args=(site, count, False))
    submitter.start()
    wait_ended(site, target, rates)
    submitter.join()
    report_jobs("live", site, figures, count, began, before, rates)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--cpus", type=int, default=1, help="of each node")
    parser.add_argument("--jobs", type=int, default=20000)
    parser.add_argument("--drain", type=int, default=0, help="look no further when so many jobs have ended; 0: all")
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("--array", action="store_true")
    parser.add_argument("--run", default="0", help="seconds that a job runs")
    parser.add_argument("--idle", type=float, default=0, help="seconds to look at heartbeats alone")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--pipeline", type=int, default=2)
    parser.add_argument("--core", type=int, help="the core that the controller alone may use")
    parser.add_argument("--min-job-age", type=int, default=5)
    parser.add_argument("--slurmd-timeout", type=int, default=300)
    parser.add_argument("--debug", default="info", help="SlurmctldDebug")
    parser.add_argument("--set", action="append", default=[], help="a further line of slurm.conf")
    parser.add_argument("--json", help="a file for the figures")
    parser.add_argument("--profile", help="perf record the drain into this file")
    return parser.parse_args()


def main():
    options = parse()
    site, figures = Site(options), {}
    try:
        site.up()
        measure_registration(site, figures)
        if options.idle:
            measure_idle(site, figures)
        if options.jobs:
            measure_queue(site, figures)
            if options.profile:
                site.start(["perf", "record", "-q", "-g", "-F", "499", "-p", site.controller.pid, "-o", options.profile])
            measure_drain(site, figures)
        if options.live:
            measure_live(site, figures)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    finally:
        site.close()


if __name__ == "__main__":
    main()
