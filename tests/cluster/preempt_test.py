"""Jobs of a higher tier have running ones make room: with grace time, by requeueing."""
from harness import ClusterTest, main, read, wait_for


class PreemptTest(ClusterTest):
    options = {"nodes": 1, "cpus": 2, "settings": ["KillWait=1", "PreemptMode=REQUEUE",
                                                   "PreemptType=preempt/partition_prio"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(cls.cluster.folder / "slurm.conf", "a") as conf:
            conf.write("PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF\n")
        cls.cluster.run("scontrol", "reconfigure")

    def update(self, *words, check=True):
        return self.cluster.run("scontrol", "update", "PartitionName=debug", *words, check=check)

    def submit_low(self, text):
        """A job of both CPUs whose script has begun."""
        started = self.cluster.work / "started"
        started.unlink(missing_ok=True)
        job = self.cluster.submit("-n2", "--mem=10", "-t", "60", "-o", "low.out",
                                  script=f"#!/bin/bash\n{text.format(started=started)}\n")
        wait_for("the low job's script", started.exists)
        return job

    def submit_high(self, command):
        return self.cluster.submit("-n2", "--mem=10", "-t", "10", "-p", "high", "-o", "/dev/null", "--wrap", command)

    def states(self, job):
        """Of all its runs, as accounting has them."""
        return self.cluster.run("sacct", "-n", "-X", "-P", "-D", "-j", job, "-o", "State").stdout.split()

    def test_cancel_with_grace_time(self):
        self.update("PreemptMode=CANCEL", "GraceTime=4")
        self.assertEqual(self.cluster.run("sinfo", "-h", "-o", "%R %M").stdout.split("\n")[:2],
                         ["debug CANCEL", "high OFF"])
        shown = self.cluster.run("scontrol", "show", "partition", "debug").stdout
        self.assertIn("GraceTime=4 ", shown)
        self.assertIn("PreemptMode=CANCEL\n", shown)
        told = self.cluster.work / "told"
        low = self.submit_low(f"trap 'echo told >{told}' TERM\ntouch {{started}}\n"
                              "while :; do sleep 0.1; done")
        self.assertIn("PreemptTime=None", self.cluster.run("scontrol", "show", "job", low).stdout)
        high = self.submit_high("true")
        wait_for("SIGTERM", told.exists)
        self.assertEqual(self.cluster.state(low), "RUNNING")
        self.assertIn(f"makes room for job {high}", self.cluster.run("reeve", "explain", low).stdout)
        self.assertIn(f"job {low} makes room", self.cluster.run("reeve", "explain", high).stdout)
        self.assertNotIn("PreemptTime=None", self.cluster.run("scontrol", "show", "job", low).stdout)
        self.assertTrue(self.cluster.wait_accounted(high, 60).startswith("COMPLETED"))
        self.assertEqual(self.states(low), ["PREEMPTED"])
        self.assertIn("DUE TO PREEMPTION", read(self.cluster.work / "low.out"))

    def test_requeue(self):
        self.update("PreemptMode=REQUEUE", "GraceTime=0")
        low = self.submit_low("touch {started}\n[ ${{SLURM_RESTART_COUNT:-0}} -gt 0 ] || sleep 600")
        high = self.submit_high("sleep 1")
        self.assertTrue(self.cluster.wait_accounted(high, 60).startswith("COMPLETED"))
        wait_for("the second run", lambda: self.states(low) == ["PREEMPTED", "COMPLETED"])

    def test_suspend(self):
        self.update("PreemptMode=SUSPEND")
        low = self.submit_low("touch {started}\nsleep 3")
        high = self.submit_high("sleep 1")
        wait_for("the low job to stand still", lambda: self.cluster.state(low) == "SUSPENDED")
        self.assertTrue(self.cluster.wait_accounted(high, 60).startswith("COMPLETED"))
        self.assertEqual(self.cluster.wait_accounted(low, 60), "COMPLETED|0:0")
        self.assertEqual(self.states(low), ["COMPLETED"])

    def test_what_is_not_supported(self):
        refused = self.update("PreemptMode=GANG", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("GANG is not supported yet", refused.stderr)


if __name__ == "__main__":
    main()
