"""Jobs that share CPUs, and jobs that stand still while others of a higher tier have their CPUs."""
import os
import signal

from harness import ClusterTest, main, read, wait_for


class ShareTest(ClusterTest):
    options = {"nodes": 1, "cpus": 2, "settings": ["KillWait=2", "PreemptMode=SUSPEND,GANG",
                                                   "PreemptType=preempt/partition_prio"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(cls.cluster.folder / "slurm.conf", "a") as conf:
            conf.write("PartitionName=shared Nodes=ALL OverSubscribe=FORCE:2 PreemptMode=OFF\n"
                       "PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF\n")
        cls.cluster.run("scontrol", "reconfigure")

    def setUp(self):
        super().setUp()
        wait_for("an empty cluster", lambda: self.cluster.run("squeue", "-h").stdout == "")

    def show(self, *words):
        return self.cluster.run("scontrol", "show", *words).stdout

    def submit(self, name, *options, text="sleep 600"):
        """A job whose script has begun: it says on which CPUs in a file."""
        said = self.cluster.work / f"{self._testMethodName}-{name}"
        job = self.cluster.submit("--mem=10", "-t", "30", "-o", "/dev/null", *options,
                                  script=f"#!/bin/bash\ngrep Cpus_allowed_list /proc/self/status >{said}\n{text}\n")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        wait_for(f"the script of {name}", lambda: said.exists() and read(said))
        return job, read(said)

    def state(self, job):
        return self.cluster.state(job)

    def wait_state(self, job, state):
        wait_for(f"job {job} to be {state}", lambda: self.state(job) == state)

    def test_jobs_share_cpus(self):
        self.assertIn(" OverSubscribe=FORCE:2\n", self.show("partition", "shared"))
        self.assertEqual(self.cluster.run("sinfo", "-h", "-p", "shared", "-o", "%h").stdout, "FORCE:2\n")
        first, cpus = self.submit("first", "-n2", "-p", "shared")
        second, same = self.submit("second", "-n2", "-p", "shared")
        self.assertEqual(cpus, same)
        self.assertIn(" CPUAlloc=2 ", " " + self.show("node", "n1").replace("\n", " "))
        for job in (first, second):
            self.assertIn("OverSubscribe=YES ", self.show("job", job))
            self.assertEqual(self.cluster.run("squeue", "-h", "-j", job, "-o", "%h").stdout, "YES\n")
        third = self.cluster.submit("-n2", "-p", "shared", "--mem=10", "-t", "30", "--wrap", "true")
        apart = self.cluster.submit("-n1", "--mem=10", "-t", "30", "--wrap", "true")
        wait_for("a reason", lambda: self.cluster.run("squeue", "-h", "-j", third, "-o", "%r").stdout == "Resources\n")
        self.assertEqual(self.state(apart), "PENDING")
        self.assertIn("0 CPUs by sharing", self.cluster.run("reeve", "explain", third).stdout)
        self.cluster.run("scancel", first)
        self.assertTrue(self.cluster.wait_accounted(third, 60).startswith("COMPLETED"))
        self.assertEqual(self.state(second), "RUNNING")
        self.cluster.run("scancel", second, apart)

    def test_a_partition_is_set_at_run_time(self):
        first, _ = self.submit("first", "-n2", "-s")
        self.cluster.run("scancel", first)
        self.cluster.run("scontrol", "update", "PartitionName=debug", "OverSubscribe=YES:2")
        self.addCleanup(self.cluster.run, "scontrol", "update", "PartitionName=debug", "OverSubscribe=NO")
        first, _ = self.submit("first", "-n2", "-s")
        alone = self.cluster.submit("-n2", "--mem=10", "-t", "30", "--wrap", "true")
        self.submit("second", "-n2", "-s", "-t", "1")
        self.assertEqual(self.state(alone), "PENDING")
        refused = self.cluster.run("scontrol", "update", "PartitionName=debug", "OverSubscribe=MANY", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.cluster.run("scancel", "-p", "debug")

    def test_a_job_stands_still_for_another(self):
        ticks = self.cluster.work / "ticks"
        low, _ = self.submit("low", "-n2", text=f"while :; do echo >>{ticks}; sleep 0.05; done")
        size = lambda: ticks.stat().st_size if ticks.exists() else 0
        wait_for("it to tick", lambda: size() > 0)
        high, _ = self.submit("high", "-n2", "-p", "high")
        self.assertEqual(self.state(low), "SUSPENDED")

        def still():
            before = size()
            self.cluster.run("sleep", "0.5")
            return size() == before
        wait_for("it to stand still", still)
        refused = self.cluster.run("scontrol", "resume", low, check=False)
        self.assertIn("Requested nodes are busy", refused.stderr)
        # Lower ones have none of its CPUs in between, and it is known over a restart.
        other = self.cluster.submit("-n2", "--mem=10", "-t", "30", "--wrap", "true")
        pid = self.cluster.daemon_pids()["reevectld"]
        os.kill(pid, signal.SIGKILL)
        wait_for("the controller's end", lambda: self.cluster.daemon_pids().get("reevectld") != pid)
        self.cluster.up()
        self.assertEqual(self.state(low), "SUSPENDED")
        before = size()
        self.cluster.run("scancel", high)
        self.wait_state(low, "RUNNING")
        wait_for("it to go on", lambda: size() > before)
        self.assertEqual(self.state(other), "PENDING")
        self.cluster.run("scancel", low, other)


if __name__ == "__main__":
    main()
