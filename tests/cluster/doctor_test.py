"""`reeve doctor` is content with a healthy cluster, and names what is broken with its fix."""
import os
import signal

from harness import ClusterTest, alive, main, wait_for


class DoctorTest(ClusterTest):
    options = {"nodes": 2}

    def doctor(self):
        return self.cluster.run(self.cluster.bin / "reeve", "doctor", "--dir", self.cluster.folder, check=False)

    def test_1_healthy(self):
        result = self.doctor()
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertNotIn("ERROR", result.stdout)
        self.assertNotIn("\033", result.stdout)  # colour is for terminals

    def test_2_silent_node(self):
        pid = self.cluster.daemon_pids()["reevenoded-n2"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: not alive(pid))
        result = wait_for("a finding", lambda: (r := self.doctor()).returncode and r)
        self.assertIn("n2", result.stdout)
        self.assertIn("fix: reeve cluster up", result.stdout)
        self.cluster.up()
        self.assertEqual(self.doctor().returncode, 0)

    def test_3_no_munged(self):
        pid = self.cluster.daemon_pids()["munged"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: not alive(pid))
        result = self.doctor()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, "ERROR +munge")
        self.cluster.up()
        self.assertEqual(self.doctor().returncode, 0)


if __name__ == "__main__":
    main()
