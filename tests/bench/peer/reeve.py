"""Reeve: its real daemons on the virtual hosts, with the configuration of a real cluster. The clients go
through the network, as Slurm's do; no Unix sockets."""
import json
import subprocess

from hosts import CONTROLLER
from stats import median
from system import Failure, System


class Reeve(System):
    """bin_dir: where the build has put the programs; plan_bench: the program that times the planner."""
    name = "reeve"
    controller, node = "reevectld", "reevenoded"
    port, node_port, accounting_port = 7817, 7818, 7819

    def __init__(self, hosts, folder, accounting, bin_dir, plan_bench):
        super().__init__(hosts, folder, accounting)
        self.commands = str(bin_dir)
        self._bin = bin_dir
        self._plan_bench = plan_bench

    def start_daemons(self):
        for name in ("state", "spool"):
            (self.folder / name).mkdir(exist_ok=True)
        more = [f"ReeveAccountingLogFile={self.logs}/reevedbd.log"] if self.accounting else []
        self.write_slurm_conf(more)
        self.start_munged()
        if self.accounting:
            self.spawn("reevedbd", CONTROLLER, self._daemon("reevedbd"))
            self.wait_listening(self.accounting_port)
        self.start_controller()
        self.wait_listening()
        for name in self.hosts.nodes:
            self.spawn(f"reevenoded-{name}", name, self._daemon("reevenoded", "-N", name))

    def start_controller(self):
        self.spawn("reevectld", CONTROLLER, self._daemon("reevectld"))

    def plan_time(self, jobs, load):
        """The planner alone, in a program: the controller keeps its plan and never makes a whole one again."""
        if not self._plan_bench.exists():
            raise Failure(f"{self._plan_bench} is not built")
        result = subprocess.run([self._plan_bench, f"--benchmark_filter=FourFullNodes/{jobs}/",
                                 "--benchmark_format=json"], capture_output=True, text=True, timeout=300)
        if result.returncode != 0 or not result.stdout.strip():
            raise Failure(f"{self._plan_bench.name}: {result.stderr.strip().splitlines()[-1:]}")
        runs = [run for run in json.loads(result.stdout)["benchmarks"] if run["run_type"] == "iteration"]
        if (planned := min(run["planned"] for run in runs)) < jobs:
            raise Failure(f"only {planned:.0f} of {jobs} jobs have a place in the plan")
        return median([run["real_time"] for run in runs]) / 1e3, "the first plan of all, in the controller's core alone"

    def _daemon(self, program, *arguments):
        return [str(self._bin / program), "-D", "-f", str(self.folder / "slurm.conf"), *arguments]
