"""Slurm from Debian's packages, set up as its own high-throughput guide advises: scheduling deferred and
rate limited, jobs forgotten early, no gathering of usage, quiet logs, grouped commits of slurmdbd."""
import contextlib
import re

from hosts import CONTROLLER
from system import Failure, System, wait_for

SCHEDULER = ("defer,batch_sched_delay=1,sched_min_interval=100000,bf_continue,bf_interval=300,"
             "bf_min_age_reserve=10800,bf_resolution=600,bf_yield_interval=1000000,partition_job_depth=500,"
             "sched_max_job_start=200,default_queue_depth=500")
DATABASE = "slurm_acct_db"


class Slurm(System):
    name = "slurm"
    commands = "/usr/bin"
    controller, node = "slurmctld", "slurmd"
    port, node_port, accounting_port = 6817, 6818, 6819

    def start_daemons(self):
        for name in ("state", "spool", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        self._write_conf(SCHEDULER)
        self.start_munged()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        self.wait_listening()
        for name in self.hosts.nodes:
            (self.folder / "tmp" / name).mkdir(exist_ok=True)
            self.spawn(f"slurmd-{name}", name, ["/usr/sbin/slurmd", "-D", "-N", name, "-f", self._conf])

    def start_controller(self):
        self.spawn("slurmctld", CONTROLLER, ["/usr/sbin/slurmctld", "-D", "-f", self._conf])

    @contextlib.contextmanager
    def interactive(self):
        """With the scheduler's own defaults: deferred scheduling makes each srun wait for a timer."""
        self._configure("bf_continue")
        try:
            yield
        finally:
            self._configure(SCHEDULER)

    def plan_time(self, jobs, load):
        """The last backfill cycle of sdiag, once it has tested all jobs; without depth or time limits. Load
        submits them."""
        deep = (f"bf_continue,bf_interval=3,bf_max_job_test={2 * jobs},bf_max_time=600,bf_window=10080,"
                f"bf_yield_interval=1000000,default_queue_depth=1,partition_job_depth=1,sched_interval=3600,defer")
        try:
            self._configure(deep)
            load()
            self.run("sdiag", "--reset")

            def tested():
                depth, took = backfill_figures(self.run("sdiag"))
                return took if depth >= jobs else None
            took = wait_for(f"a backfill cycle over {jobs} jobs", tested, 180, 0.5)
            return took / 1e6, "the execution time of the last backfill cycle, by sdiag"
        finally:
            self._configure(SCHEDULER)

    def _configure(self, scheduler):
        self._write_conf(scheduler)
        self.run("scontrol", "reconfigure")

    @property
    def _conf(self):
        return str(self.folder / "slurm.conf")

    def _start_accounting(self):
        data, sock = self.folder / "mysql", self.folder / "mysql.sock"
        if not data.exists():
            self.run("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db")
        self.spawn("mariadbd", CONTROLLER,
                   ["/usr/sbin/mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={sock}",
                    f"--pid-file={self.folder}/mysql.pid", "--skip-networking", "--innodb-buffer-pool-size=512M",
                    "--innodb-log-file-size=64M", "--innodb-lock-wait-timeout=900"])
        admin = ("mariadb", "--no-defaults", "-u", "root", "-S", str(sock), "-N", "-e")

        def answers():
            self.check_alive()
            return self.run(*admin, "SELECT 1", check=False).strip() == "1"
        wait_for("MariaDB", answers, 60)
        self.run(*admin, f"CREATE DATABASE IF NOT EXISTS {DATABASE}; "
                 f"CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED BY 'bench'; "
                 f"GRANT ALL ON {DATABASE}.* TO slurm@localhost")
        self.write("slurmdbd.conf", f"""AuthType=auth/munge
AuthInfo=socket={self.munge_socket}
DbdHost={CONTROLLER}
DbdAddr={self.hosts.addresses[CONTROLLER]}
DbdPort={self.accounting_port}
SlurmUser=root
DebugLevel=error
LogFile={self.logs}/slurmdbd.log
PidFile={self.folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=bench
StorageLoc={DATABASE}
CommitDelay=1
""", 0o600)
        # The client library of MariaDB finds the socket by this variable.
        self.spawn("slurmdbd", CONTROLLER, ["/usr/sbin/slurmdbd", "-D"], {"MYSQL_UNIX_PORT": str(sock)})
        self.wait_listening(self.accounting_port)
        self.run("sacctmgr", "-i", "add", "cluster", self.cluster, check=False)
        if self.cluster not in self.run("sacctmgr", "-n", "list", "cluster", "format=Cluster%30"):
            raise Failure("slurmdbd does not know the cluster")

    def _write_conf(self, scheduler):
        lines = [f"""CredType=cred/munge
TmpFS={self.folder}/tmp/%n
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
PriorityType=priority/basic
MpiDefault=none
SchedulerParameters={scheduler}"""]
        if self.accounting:
            lines.append(f"AccountingStoragePass={self.munge_socket}")
        self.write_slurm_conf(lines)


def backfill_figures(text):
    """Of sdiag's output: the jobs that the last backfill cycle tested, and its microseconds."""
    part = text[text.find("Backfilling stats"):]
    def number(label):
        found = re.search(rf"^\s*{label}:\s*(\d+)", part, re.M)
        return int(found.group(1)) if found else 0
    return number("Last depth cycle"), number("Last cycle")
