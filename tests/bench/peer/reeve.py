"""Reeve: its real daemons on the virtual hosts, with the configuration of a real cluster. The clients go
through the network, as Slurm's do; no Unix sockets."""
import json
import subprocess

from hosts import CONTROLLER
from stats import median
from system import CPUS_PER_NODE, MEMORY_PER_NODE, Failure, System


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
        self._write_conf()
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

    def _write_conf(self):
        at = self.hosts.addresses
        lines = [f"""ClusterName={self.cluster}
SlurmctldHost={CONTROLLER}({at[CONTROLLER]})
SlurmctldPort={self.port}
SlurmdPort={self.node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self.munge_socket}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool/%n
SlurmctldLogFile={self.logs}/reevectld.log
SlurmdLogFile={self.logs}/reevenoded-%n.log
SlurmctldDebug=error
SlurmdDebug=error
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MaxArraySize=100001
MaxJobCount=200000
MinJobAge=10
MessageTimeout=60"""]
        if self.accounting:
            lines.append(f"""AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={at[CONTROLLER]}
AccountingStoragePort={self.accounting_port}
ReeveAccountingLogFile={self.logs}/reevedbd.log""")
        lines += node_lines(self.hosts)
        self.write("slurm.conf", "\n".join(lines) + "\n")


def node_lines(hosts):
    """The same nodes and partition for both systems."""
    lines = [f"NodeName={name} NodeAddr={hosts.addresses[name]} CPUs={CPUS_PER_NODE} "
             f"RealMemory={MEMORY_PER_NODE} State=UNKNOWN" for name in hosts.nodes]
    return lines + ["PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP"]
