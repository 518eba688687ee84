"""Sockets, cores and threads on a whole cluster: what jobs get, what they and their steps are told."""
import re

from harness import ClusterTest, main, wait_for


class LayoutTest(ClusterTest):
    options = {"nodes": 2, "cpus": 16, "settings": ["KillWait=1", "SelectTypeParameters=CR_Core_Memory"]}

    def setUp(self):
        super().setUp()
        conf = self.cluster.folder / "slurm.conf"
        text = conf.read_text()
        if "Sockets=2" not in text:
            text = re.sub(r"(?m)^(NodeName=.*?)CPUs=16",
                          r"\1CPUs=16 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", text)
            self.assertIn("ThreadsPerCore=2", text)
            conf.write_text(text)
            self.cluster.run("scontrol", "reconfigure")
        wait_for("idle nodes", lambda: set(self.cluster.run("sinfo", "-h", "-o", "%t").stdout.split())
                 == {"idle"})

    def batch(self, script, *options):
        """Runs it to its end: its number and what it printed."""
        job = self.cluster.submit("--mem=600", *options, "-o", "%j.out", "--wrap", script)
        self.cluster.wait_job(job)
        return job, (self.cluster.work / f"{job}.out").read_text()

    def shown(self, job, *flags):
        return self.cluster.run("scontrol", *flags, "show", "job", job).stdout

    def test_one_thread_of_each_core(self):
        said = ("echo $SLURM_HINT $SLURM_THREADS_PER_CORE $SLURM_CPUS_ON_NODE $SLURM_JOB_CPUS_PER_NODE; "
                "srun bash -c 'echo $SLURM_CPUS_ON_NODE $SLURM_NTASKS'; "
                "srun -n5 true || echo too many")
        job, output = self.batch(said, "-n4", "-N1", "--hint=nomultithread")
        self.assertEqual(output.splitlines()[0], "nomultithread 1 4 4")
        self.assertEqual(output.splitlines()[1:5], ["4 4"] * 4)
        self.assertEqual(output.splitlines()[-1], "too many")
        text = self.shown(job, "-d")
        self.assertIn("NumCPUs=8 NumTasks=4", text)
        self.assertIn("ReqB:S:C:T=0:0:*:1", text)
        self.assertIn("CPU_IDs=0-7", text)

    def test_tasks_of_a_socket(self):
        job, output = self.batch("echo $SLURM_NTASKS_PER_SOCKET; srun -l true && echo all",
                                 "-n4", "-N1", "--ntasks-per-socket=2")
        self.assertEqual(output.split(), ["2", "all"])
        self.assertIn("CPU_IDs=0-1,8-9", self.shown(job, "-d"))
        self.assertIn("NtasksPerN:B:S:C=0:0:2:*", self.shown(job))
        job, _ = self.batch("true", "-n4", "--ntasks-per-socket=1")
        self.assertIn("NumNodes=2", self.shown(job))

    def test_distribution(self):
        job, output = self.batch("echo $SLURM_DISTRIBUTION; srun bash -c 'echo $SLURM_DISTRIBUTION'",
                                 "-n2", "-c2", "-N1", "-m", "block:cyclic")
        self.assertEqual(set(output.split()), {"block:cyclic"})
        self.assertIn("CPU_IDs=0-1,8-9", self.shown(job, "-d"))

    def test_nodes_by_what_they_have(self):
        refused = self.cluster.run("sbatch", "--mem=10", "--sockets-per-node=3", "--wrap", "true", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("Requested node configuration is not available", refused.stderr)
        job = self.cluster.submit("--mem=10", "-H", "-B", "2:4:1", "--wrap", "true")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        line = self.cluster.run("squeue", "-h", "-j", job, "-o", "%z %H %I %J").stdout.split()
        self.assertEqual(line, ["2:4:1", "2", "4", "1"])
        self.assertIn("NumTasks=8", self.shown(job))
        self.cluster.run("scontrol", "update", "job", job, "ReqThreads=2")
        self.assertIn("ReqB:S:C:T=0:0:4:2", self.shown(job))

    def test_who_waits_is_told_why(self):
        for node in ("n1", "n2"):
            first = self.cluster.submit("--mem=10", "-n8", "-w", node, "-o", "/dev/null", "--wrap", "sleep 600")
            self.addCleanup(self.cluster.run, "scancel", first, check=False)
            wait_for("its start", lambda: self.cluster.state(first) == "RUNNING")
        # Half of each node is free: one of its sockets.
        job = self.cluster.submit("--mem=10", "-n2", "-N1", "--ntasks-per-socket=1", "--wrap", "true")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        wait_for("a reason", lambda: "Resources" in
                 self.cluster.run("squeue", "-h", "-j", job, "-o", "%r").stdout)
        self.assertIn("at most 1 task a socket", self.cluster.run("reeve", "explain", job).stdout)


if __name__ == "__main__":
    main()
