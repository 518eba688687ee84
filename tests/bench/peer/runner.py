"""The rounds: each measurement on one system, then on the other, and again."""
import os
import pathlib
import sys
import time
import traceback

import registry
from hosts import Hosts
from reeve import Reeve
from report import SYSTEMS, Line, number
from slurm import Slurm
from stats import median
from system import Failure, wait_for

NODES = ("n1", "n2", "n3", "n4")
IDLE_SHARE = 0.03  # of a core, below which a system is at rest


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine_seconds():
    """CPU time that this machine has spent since its start on anything."""
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, words[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Bench:
    """One run. bin_dir: Reeve's programs; plan_bench: see Reeve; wanted: keys of figures by measurement."""

    def __init__(self, folder, bin_dir, plan_bench, wanted, rounds, quick):
        self.quick = quick
        self.rounds = rounds
        self.notes = []
        self.lines = {}  # (accounting, measurement, key): report.Line
        self.foreign = []  # cores that others used, a measurement each
        self._folder = folder
        self._programs = (bin_dir, plan_bench)
        self._wanted = wanted
        self._systems = {}
        self._dead = {}  # why a system cannot be measured any more
        self._folders = 0

    # For measurements.
    def count(self, full, quick):
        return quick if self.quick else full

    median = staticmethod(median)

    def settle(self, system=None):
        """Until the systems (or one) are at rest: what one still does must not be the other's burden."""
        systems = [system] if system else list(self._systems.values())
        deadline = time.monotonic() + 90
        while True:
            before = [(one, one.cpu.seconds()) for one in systems]
            time.sleep(0.25)
            busy = [one.name for one, seconds in before if one.cpu.seconds() - seconds > 0.25 * IDLE_SHARE]
            if not busy:
                return
            if time.monotonic() > deadline:
                self.notes.append(f"{', '.join(busy)} did not come to rest within 90 s before a measurement")
                return

    def wait_empty(self, system):
        wait_for(f"{system.name}'s queue to be empty", lambda: not system.jobs(), 240, 0.1)

    # The run.
    def run(self):
        hosts = Hosts(self._folder, NODES)
        try:
            self._run_all(hosts, True, list(self._wanted))
            self._run_all(hosts, False, [name for name in self._wanted
                                         if registry.MEASUREMENTS[name].without_accounting])
        finally:
            hosts.close()

    def _run_all(self, hosts, accounting, names):
        if not names:
            return
        for name in names:
            found = registry.MEASUREMENTS[name]
            for key in (key for key in found.figures if key in self._wanted[name]):
                self.lines[accounting, name, key] = Line(f"{name}.{key}", found.figures[key], accounting)
        self._dead = {}
        try:
            for system in SYSTEMS:
                self._start(hosts, system, accounting)
            for round_number in range(1, self.rounds + 1):
                for name in names:
                    for system in SYSTEMS:
                        self._measure(hosts, system, name, accounting, round_number)
        finally:
            for name in list(self._systems):
                self._stop(name)

    def _start(self, hosts, name, accounting):
        self._folders += 1
        folder = self._folder / f"{name}-{self._folders}"
        say(f"starting {name}, accounting {'on' if accounting else 'off'}")
        try:
            made = (Slurm(hosts, folder, accounting) if name == "slurm" else
                    Reeve(hosts, folder, accounting, *self._programs))
            self._systems[name] = made
            made.start()
        except (Failure, OSError) as error:
            self._dead[name] = f"{name} does not start: {registry.reason_of(error)}"
            say(self._dead[name])
            self._stop(name)

    def _stop(self, name):
        system = self._systems.pop(name, None)
        try:
            if system is not None:
                system.stop()
        except (Failure, OSError) as error:
            self.notes.append(f"stopping {name}: {registry.reason_of(error)}")

    def _measure(self, hosts, name, measurement, accounting, round_number):
        out = registry.Outcome(self._wanted[measurement])
        error = Failure(self._dead[name]) if name in self._dead else None
        if error is None:
            error = self._attempt(self._systems[name], measurement, out)
        out.close(error)
        for key in out.wanted:
            side = self.lines[accounting, measurement, key].side(name)
            if key in out.values:
                side.values.append(out.values[key])
                side.samples.append(out.samples.get(key))
            else:
                side.failures.append(out.failures[key])
        what = f"{measurement} on {name}{'' if accounting else ' (no accounting)'}, round {round_number}"
        self.notes += [f"{what}: {note}" for note in out.notes]
        values = ", ".join(f"{key} {number(out.values[key])}" for key in sorted(out.values))
        say(f"round {round_number}/{self.rounds}  {measurement:<18} {name:<6} {values}")
        for reason in dict.fromkeys(out.failures.values()):
            keys = ", ".join(sorted(key for key, why in out.failures.items() if why == reason))
            say(f"  FAILED on {name}: {keys}: {reason}")
        if name not in self._dead:
            self._reset(hosts, name, accounting)

    def _attempt(self, system, measurement, out):
        """The error that ended it early, or None."""
        begin, machine, ours = time.monotonic(), machine_seconds(), self._our_seconds()
        try:
            self.settle()
            registry.MEASUREMENTS[measurement].run(self, system, out)
            return None
        except (Failure, OSError, ValueError) as error:
            return error
        except Exception as error:  # a fault of ours is a failed measurement too, not the end of the run
            traceback.print_exc()
            return Failure(f"{type(error).__name__}: {error}")
        finally:
            foreign = machine_seconds() - machine - (self._our_seconds() - ours)
            self.foreign.append(max(0, foreign / (time.monotonic() - begin)))

    def _our_seconds(self):
        spent = os.times()
        return (sum(system.cpu.seconds() for system in self._systems.values()) + spent.user + spent.system +
                spent.children_user + spent.children_system)

    def _reset(self, hosts, name, accounting):
        """An empty queue and idle nodes; a new system, from nothing, where the old one does not get there."""
        system = self._systems[name]
        try:
            system.check_alive()
            system.cancel_all(300)
            system.wait_nodes()
        except (Failure, OSError) as error:
            self.notes.append(f"{name} was made anew: {registry.reason_of(error)}")
            say(f"{name} is made anew: {registry.reason_of(error)}")
            self._stop(name)
            self._start(hosts, name, accounting)
