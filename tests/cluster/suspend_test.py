"""Suspended jobs: processes that stand still over the daemons' restarts, CPUs that others have meanwhile."""
import os
import signal
import time

from harness import ClusterTest, main, wait_for


class SuspendTest(ClusterTest):
    options = {"nodes": 2, "cpus": 2, "settings": ["KillWait=2"]}

    def setUp(self):
        super().setUp()
        self.files = 0
        wait_for("an empty cluster", lambda: self.cluster.run("squeue", "-h").stdout == "")

    def scontrol(self, *words, check=True):
        return self.cluster.run("scontrol", *words, check=check)

    def field(self, job, name):
        return self.scontrol("-o", "show", "job", job).stdout.split(f" {name}=")[1].split()[0]

    def counter(self, *options, script=""):
        """A job that counts into a file; the file grows already."""
        self.files += 1
        ticks = self.cluster.work / f"ticks-{self._testMethodName}-{self.files}"
        job = self.cluster.submit(*options, "--mem=10", "-o", "/dev/null", script=f"#!/bin/bash\n{script}\n"
                                  f"while :; do echo >>{ticks}; sleep 0.02; done\n")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        self.wait_growing(ticks)
        return job, ticks

    def size(self, ticks):
        return ticks.stat().st_size if ticks.exists() else 0

    def grows(self, ticks, seconds=0.5):
        before = self.size(ticks)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.size(ticks) > before:
                return True
            time.sleep(0.02)
        return False

    def wait_growing(self, ticks):
        wait_for(f"{ticks.name} to grow", lambda: self.grows(ticks))

    def wait_still(self, ticks):
        wait_for(f"{ticks.name} to stand still", lambda: not self.grows(ticks))

    def kill(self, daemon):
        pid = self.cluster.daemon_pids()[daemon]
        os.kill(pid, signal.SIGKILL)
        wait_for(f"the end of {daemon}", lambda: self.cluster.daemon_pids().get(daemon) != pid)
        self.cluster.up()

    def test_it_stands_still_and_goes_on(self):
        job, ticks = self.counter("-N2", "-n4", "-t", "30",
                                  script=f"srun -n2 -N2 sh -c 'while :; do echo >>{self.cluster.work}/step-$SLURM_PROCID;"
                                         " sleep 0.02; done' &")
        steps = [self.cluster.work / f"step-{rank}" for rank in (0, 1)]
        for step in steps:
            self.wait_growing(step)
        self.scontrol("suspend", job)
        shown = self.cluster.run("squeue", "-h", "-j", job, "-o", "%t %T %N").stdout
        self.assertEqual(shown, "S SUSPENDED n[1-2]\n")
        self.assertEqual(self.cluster.run("squeue", "-h", "-t", "SUSPENDED", "-o", "%i").stdout, f"{job}\n")
        for file in [ticks, *steps]:
            self.wait_still(file)
        self.assertNotEqual(self.field(job, "SuspendTime"), "None")
        ran = self.field(job, "RunTime")
        self.assertFalse(self.grows(ticks, 2.5))
        self.assertEqual(self.field(job, "RunTime"), ran)
        end = self.field(job, "EndTime")
        self.scontrol("resume", job)
        for file in [ticks, *steps]:
            self.wait_growing(file)
        self.assertEqual(self.cluster.state(job), "RUNNING")
        self.assertGreater(self.field(job, "EndTime"), end)
        self.cluster.run("scancel", job)
        self.assertTrue(self.cluster.wait_accounted(job).startswith("CANCELLED"))
        row = self.cluster.run("sacct", "-n", "-X", "-P", "-j", job, "-o", "Suspended").stdout.strip()
        self.assertGreaterEqual(row, "00:00:02")
        self.assertLess(row, "00:05:00")

    def test_restarts_of_all_daemons(self):
        job, ticks = self.counter("-w", "n1", "-n2")
        self.scontrol("suspend", job)
        self.wait_still(ticks)
        self.kill("reevenoded-n1")
        self.kill("reevectld")
        wait_for("the state after restarts", lambda: self.cluster.state(job) == "SUSPENDED")
        wait_for("the node's daemon", lambda: "NOT_RESPONDING" not in self.scontrol("show", "node", "n1").stdout)
        self.assertFalse(self.grows(ticks, 2))
        self.scontrol("resume", job)
        self.wait_growing(ticks)
        self.kill("reevenoded-n1")
        self.assertTrue(self.grows(ticks, 5))

    def test_a_node_that_is_away_learns_of_it_later(self):
        job, ticks = self.counter("-w", "n2", "-n2")
        pid = self.cluster.daemon_pids()["reevenoded-n2"]
        os.kill(pid, signal.SIGKILL)
        wait_for("the end of the daemon", lambda: self.cluster.daemon_pids().get("reevenoded-n2") != pid)
        wait_for("its stream to close", lambda: "NOT_RESPONDING" in self.scontrol("show", "node", "n2").stdout)
        self.scontrol("suspend", job)
        self.assertTrue(self.grows(ticks))
        self.cluster.up()
        self.wait_still(ticks)

    def test_others_have_its_cpus(self):
        job, ticks = self.counter("-w", "n1", "-n2", "-t", "30")
        self.scontrol("suspend", job)
        other, others_ticks = self.counter("-w", "n1", "-n2", "-t", "30")
        refused = self.scontrol("resume", job, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(refused.stderr, f"Requested nodes are busy (job {other} has CPUs of n1 that it had) for job {job}\n")
        self.wait_still(ticks)
        self.scontrol("suspend", other)
        self.wait_still(others_ticks)
        self.scontrol("resume", job)
        self.wait_growing(ticks)

    def test_cancelled_while_suspended(self):
        said = self.cluster.work / "said"
        job, ticks = self.counter("-w", "n1", "-n2", script=f"trap 'echo bye >{said}; exit 7' TERM")
        self.scontrol("suspend", job)
        self.wait_still(ticks)
        self.cluster.run("scancel", job)
        self.assertTrue(self.cluster.wait_accounted(job).startswith("CANCELLED"))
        self.assertEqual(said.read_text(), "bye\n")
        stubborn, ticks = self.counter("-w", "n1", "-n2", script="trap '' TERM")
        self.scontrol("suspend", stubborn)
        self.wait_still(ticks)
        self.cluster.run("scancel", stubborn)
        self.assertTrue(self.cluster.wait_accounted(stubborn).startswith("CANCELLED"))
        self.assertFalse(self.grows(ticks))

    def test_requeued_it_is_held(self):
        job, ticks = self.counter("-w", "n1")
        self.scontrol("suspend", job)
        self.scontrol("requeue", job)
        wait_for("the hold", lambda: self.field(job, "Reason") == "JobHeldAdmin")
        self.scontrol("release", job)
        self.wait_growing(ticks)

    def test_the_tasks_of_an_array(self):
        files = [self.cluster.work / f"task-{task}" for task in (1, 2)]
        array = self.cluster.submit("-a", "1-3", "-n2", "--mem=10", "-o", "/dev/null", script="#!/bin/bash\n"
                                    f"while :; do echo >>{self.cluster.work}/task-$SLURM_ARRAY_TASK_ID; sleep 0.02; done\n")
        self.addCleanup(self.cluster.run, "scancel", array, check=False)
        for file in files:
            self.wait_growing(file)
        self.scontrol("suspend", f"{array}_[1-2]")
        for file in files:
            self.wait_still(file)
        self.wait_growing(self.cluster.work / "task-3")
        states = self.cluster.run("squeue", "-h", "-j", array, "-o", "%K %T", "-S", "i").stdout.split("\n")
        self.assertEqual(sorted(filter(None, states)), ["1 SUSPENDED", "2 SUSPENDED", "3 RUNNING"])
        pending = self.scontrol("suspend", self.cluster.submit("-H", "--wrap", "true"), check=False)
        self.assertIn("Job is pending execution for job ", pending.stderr)
        self.cluster.run("scancel", "-t", "PENDING", "-u", str(os.getuid()))


if __name__ == "__main__":
    main()
