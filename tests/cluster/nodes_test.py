"""Node states as administrators set and see them."""
import os
import pwd

from harness import ClusterTest, main, wait_for


class NodeStatesTest(ClusterTest):
    options = {"nodes": 2, "cpus": 2, "settings": ["ReturnToService=1", "KillWait=1"]}

    def update(self, node, *changes, check=True):
        return self.cluster.run("scontrol", "update", f"NodeName={node}", *changes, check=check)

    def show(self, node):
        return self.cluster.run("scontrol", "-o", "show", "node", node).stdout

    def test_drain_with_a_reason_and_back(self):
        refused = self.update("n1", "State=DRAIN", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("You must specify a reason when DOWNING or DRAINING a node. Request denied",
                      refused.stderr)
        running = self.cluster.submit("-w", "n1", "-o", "/dev/null", "--wrap",
                                      f"until [ -e {self.cluster.work}/go ]; do sleep 0.05; done")
        wait_for("a running job", lambda: self.cluster.state(running) == "RUNNING")
        self.update("n1", "State=DRAIN", "Reason=bad fan")
        self.assertEqual(self.cluster.run("sinfo", "-h", "-n", "n1", "-o", "%T").stdout, "draining\n")
        me = pwd.getpwuid(os.getuid()).pw_name
        self.assertIn(f"Reason=bad fan [{me}@", self.show("n1"))
        row = self.cluster.run("sinfo", "-R", "-h").stdout
        self.assertRegex(row, rf"bad fan +{me} +\d{{4}}-\d\d-\d\dT[0-9:]+ +n1\n")
        waiting = self.cluster.submit("-w", "n1", "-o", "/dev/null", "--wrap", "true")
        (self.cluster.work / "go").touch()
        self.cluster.wait_job(running)
        self.assertEqual(self.cluster.run("sinfo", "-h", "-n", "n1", "-o", "%T").stdout, "drained\n")
        self.assertEqual(self.cluster.state(waiting), "PENDING")
        self.update("n1", "State=RESUME")
        self.cluster.wait_job(waiting)
        self.assertEqual(self.cluster.run("sinfo", "-R", "-h").stdout, "")

    def test_down_ends_what_runs_there(self):
        job = self.cluster.submit("-w", "n2", "--no-requeue", "-o", "/dev/null", "--wrap", "sleep 1000")
        wait_for("a running job", lambda: self.cluster.state(job) == "RUNNING")
        self.update("n2", "State=DOWN", "Reason=smoke")
        self.assertEqual(self.cluster.wait_accounted(job).split("|")[0], "NODE_FAIL")
        self.assertIn("State=DOWN", self.show("n2"))
        self.update("n2", "State=RESUME")
        wait_for("an idle node", lambda: "State=IDLE" in self.show("n2"))

    def test_what_is_refused(self):
        for state in ("POWER_DOWN", "POWER_UP", "FUTURE", "NoResp", "CANCEL_REBOOT"):
            result = self.update("n1", f"State={state}", "Reason=x", check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"State={state.upper()} is not supported yet", result.stderr)
        result = self.update("n1", "State=RESUME", check=False)  # it is in service
        self.assertIn("Invalid node state specified", result.stderr)
        self.assertEqual(self.cluster.run("sinfo", "-R", "-h").stdout, "")


if __name__ == "__main__":
    main()
