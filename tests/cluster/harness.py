"""An embedded cluster for one test, and waiting without sleeping blindly."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ["REEVE_BIN"])
SOURCE = pathlib.Path(os.environ["REEVE_SOURCE"])
EXAMPLES = SOURCE / "docs" / "examples"


def wait_for(what, condition, seconds=30):
    """Returns the first true value of condition(); fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def clean_environment():
    """What a fresh login shell has: no cluster is chosen, no job is around."""
    dropped = ("SLURM_", "SBATCH_", "SALLOC_", "SQUEUE_", "SINFO_", "SACCT_", "REEVE_", "MUNGE_")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)}


class Cluster:
    """A cluster in a folder of its own. Commands run as a user of the plain shell would run them."""

    def __init__(self, nodes=3, cpus=None, settings=(), folder=None, bin_dir=BIN, prefix=(), flags=()):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="reeve-test-"))
        self.folder = pathlib.Path(folder) if folder else self.base / "c"
        self.work = self.base / "work"
        self.work.mkdir()
        self.bin = bin_dir
        self.prefix = list(prefix)  # e.g. what makes another user of this process
        self.up_options = ["--nodes", str(nodes)]
        if cpus:
            self.up_options += ["--cpus", str(cpus)]
        self.up_options += flags
        for setting in settings:
            self.up_options += ["--set", setting]

    def reeve(self, *args, check=True):
        """`reeve cluster VERB --dir D ARGS`."""
        verb, *rest = args
        return self.plain([str(self.bin / "reeve"), "cluster", verb, "--dir", str(self.folder), *rest],
                          clean_environment(), check)

    def up(self, check=True):
        return self.reeve("up", *self.up_options, check=check)

    def down(self):
        result = self.reeve("down")
        if self.folder.exists():
            raise AssertionError(f"{self.folder} is still there")
        return result

    def environment(self):
        env = clean_environment()
        env["PATH"] = f"{self.bin}:{env['PATH']}"
        env["SLURM_CONF"] = str(self.folder / "slurm.conf")
        env["OMPI_ALLOW_RUN_AS_ROOT"] = env["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        return env

    def plain(self, command, env, check=True, stdin=None, timeout=120):
        result = subprocess.run(self.prefix + command, cwd=self.work, env=env, text=True, input=stdin,
                                stdin=None if stdin is not None else subprocess.DEVNULL,
                                capture_output=True, timeout=timeout)
        if check and result.returncode != 0:
            raise AssertionError(f"{command}: exit code {result.returncode}\n"
                                 f"{result.stdout}{result.stderr}{self.logs()}")
        return result

    def run(self, *command, check=True, stdin=None, env=None, timeout=120):
        """One of the Slurm-named commands (or anything else) in this cluster's environment."""
        return self.plain([str(part) for part in command], {**self.environment(), **(env or {})}, check,
                          stdin, timeout)

    def submit(self, *arguments, script=None):
        """sbatch --parsable; the job's id."""
        if script is not None:
            return int(self.run("sbatch", "--parsable", *arguments, stdin=script).stdout)
        return int(self.run("sbatch", "--parsable", *arguments).stdout)

    def in_queue(self, job):
        return self.run("squeue", "-h", "-j", job, "-o", "%i", check=False).stdout.strip() != ""

    def state(self, job):
        return self.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T", check=False).stdout.strip()

    def wait_job(self, job, seconds=60):
        wait_for(f"the end of job {job}", lambda: not self.in_queue(job), seconds)

    def wait_accounted(self, job, seconds=20):
        """The job's State and ExitCode, once accounting has its end."""
        def row():
            text = self.run("sacct", "-n", "-X", "-P", "-j", job, "-o", "State,ExitCode").stdout.strip()
            return text if text and not text.startswith(("PENDING", "RUNNING", "SUSPENDED")) else None
        return wait_for(f"the accounting of job {job}", row, seconds)

    def daemon_pids(self):
        """By daemon name, as `reeve cluster status` has them."""
        pids = {}
        for line in self.reeve("status", check=False).stdout.splitlines():
            words = line.split()
            if len(words) > 4 and words[3].isdigit():
                pids[words[0]] = int(words[3])
        return pids

    def processes(self):
        """Every process of the machine that lives in one of the cluster's hosts."""
        marks = [f"/{p.name}" for p in (self.folder / "run").glob("hosts-*")]
        return [pid for pid in all_pids() if any(mark in read(f"/proc/{pid}/mountinfo") for mark in marks)]

    def logs(self):
        parts = []
        for path in sorted((self.folder / "log").glob("*.log")):
            parts.append(f"--- {path.name}\n" + "".join(path.read_text(errors="replace")
                                                         .splitlines(keepends=True)[-15:]))
        return "\n" + "".join(parts)

    def close(self):
        if self.folder.exists():
            self.reeve("down", check=False)
        shutil.rmtree(self.base, ignore_errors=True)


def read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def alive(pid):
    stat = read(f"/proc/{pid}/stat")
    return stat != "" and stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def cgroup_folders(cluster_name):
    return [path for mount in read("/proc/self/mounts").splitlines()
            if mount.split()[2] in ("cgroup", "cgroup2")
            for path in (pathlib.Path(mount.split()[1]) / "reeve").glob(f"{cluster_name}*")]


def cluster_name(folder):
    for line in read(pathlib.Path(folder) / "slurm.conf").splitlines():
        if line.startswith("ClusterName="):
            return line.split("=", 1)[1]
    return ""


class ClusterTest(unittest.TestCase):
    """One cluster for all tests of a class."""
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**cls.options)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.up()

    def write(self, name, text):
        path = self.cluster.work / name
        path.write_text(text)
        return path

    def job(self, node, *options, code=0):
        """A job that waits for a word and says in a file what it does; its id and file."""
        name = f"{self.id().rsplit('.', 1)[1]}-{node}-{len(list(self.cluster.work.iterdir()))}"
        file = self.cluster.work / name
        go = self.cluster.work / f"{name}.go"
        job = self.cluster.submit("-w", node, "-o", "/dev/null", "-J", name, *options, "--wrap",
                                  f"echo $$ >{file}.pid; echo start $SLURM_RESTART_COUNT >>{file}; "
                                  f"until [ -e {go} ]; do sleep 0.1; done; echo end >>{file}; exit {code}")
        wait_for(f"job {job}", lambda: "start" in read(file))
        return job, file, go

    def assert_ran_once(self, job, file, state="COMPLETED|0:0"):
        self.cluster.wait_job(job)
        self.assertEqual(self.cluster.wait_accounted(job), state)
        self.assertEqual([line.split()[0] for line in file.read_text().splitlines()], ["start", "end"])


def main():
    if subprocess.run(["unshare", "--net", "--mount", "--uts", "true"], capture_output=True).returncode:
        print("virtual hosts cannot be made by this user here: skipped")
        raise SystemExit(77)
    unittest.main()
