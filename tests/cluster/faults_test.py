"""Faults of one part at a time: a cut link, a stopped or killed process. Jobs run once and end as they should."""
import os
import signal
import subprocess

from harness import ClusterTest, alive, main, read, wait_for


class Parts(ClusterTest):
    """What a cluster consists of."""

    def pid(self, daemon):
        return self.cluster.daemon_pids()[daemon]

    def children_named(self, node, name):
        return [pid for pid in self.cluster.processes() if read(f"/proc/{pid}/comm").strip() == name
                and f"/{node}" in read(f"/proc/{pid}/cmdline").replace("\0", " ")]


class FaultTest(Parts):
    """A cluster whose nodes are missed after a few seconds."""
    options = {"nodes": 2, "cpus": 4, "settings": ["SlurmdTimeout=6", "KillWait=1"]}

    def tearDown(self):
        for name, pid in self.cluster.daemon_pids().items():
            os.kill(pid, signal.SIGCONT)
            if name.startswith("reevenoded"):
                self.link(name.rsplit("-", 1)[1], "up")
        wait_for("the controller", lambda: self.cluster.run("scancel", "-u", str(os.getuid()), check=False).returncode == 0)
        wait_for("idle nodes", lambda: self.nodes() == {"n1": "IDLE", "n2": "IDLE"}, 60)

    def nodes(self):
        text = self.cluster.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).stdout
        return {line.split()[0]: line.split()[1].upper().rstrip("*") for line in text.splitlines()}

    def link(self, node, state):
        """The node's cable, seen from its own end: whoever is there hears and says nothing."""
        self.cluster.reeve("exec", node, "--", "/sbin/ip", "link", "set", "eth0", state)

    # ---- links -----------------------------------------------------------------------------------

    def route(self, verb, node):
        """Of the login host: no packet of its own reaches the node while it is added."""
        text = self.cluster.run("scontrol", "show", "node", node).stdout
        address = next(word.split("=")[1] for word in text.split() if word.startswith("NodeAddr="))
        self.cluster.reeve("exec", "login", "--", "/sbin/ip", "route", verb, "unreachable", address)

    def srun_on_login(self, *arguments):
        """Outside of the cluster's hosts srun's streams would go through the cluster's keeper."""
        return subprocess.Popen([self.cluster.bin / "reeve", "cluster", "exec", "--dir", self.cluster.folder, "login", "--",
                                 "srun", *arguments], env=self.cluster.environment(), cwd=self.cluster.work,
                                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_srun_ends_when_the_step_has_on_a_node_it_cannot_reach(self):
        self.route("add", "n1")
        try:
            run = self.srun_on_login("-w", "n1", "true")
            _, err = run.communicate(timeout=100)
        finally:
            self.route("del", "n1")
        self.assertEqual(run.returncode, 1)
        self.assertIn("srun: error: n1: its node daemon cannot be reached, trying on: ", err)
        self.assertIn("srun: error: n1: task 0: the node cannot be reached, and its part of the step has ended", err)

    def test_srun_goes_on_with_a_node_that_it_reaches_again(self):
        go = self.cluster.work / "reached"
        self.route("add", "n1")
        run = self.srun_on_login("-w", "n1", "sh", "-c", f"echo said; until [ -e {go} ]; do sleep 0.1; done; exit 4")
        try:
            self.assertIn("cannot be reached, trying on", run.stderr.readline())
        finally:
            self.route("del", "n1")
        self.assertIn("has been reached again", run.stderr.readline())
        go.touch()
        out, err = run.communicate(timeout=60)
        self.assertEqual((out, run.returncode), ("said\n", 4), err)

    def test_a_cut_shorter_than_the_timeout_is_not_noticed(self):
        job, file, go = self.job("n1", code=3)
        self.link("n1", "down")
        go.touch()
        wait_for("the job's end", lambda: "end" in read(file))
        self.link("n1", "up")
        self.assert_ran_once(job, file, "FAILED|3:0")
        self.assertNotIn("DOWN", self.nodes().values())

    def test_a_cut_longer_than_the_timeout_ends_what_may_not_run_again(self):
        job, file, _ = self.job("n1", "--no-requeue")
        self.link("n1", "down")
        wait_for("n1 down", lambda: self.nodes()["n1"] == "DOWN", 40)
        self.cluster.wait_job(job)
        self.assertEqual(self.cluster.wait_accounted(job).split("|")[0], "NODE_FAIL")
        self.link("n1", "up")
        wait_for("n1 back", lambda: self.nodes()["n1"] == "IDLE", 40)
        # What ran there is gone, and never ran a second time.
        wait_for("the processes' end", lambda: not alive(int(read(f"{file}.pid"))), 20)
        self.assertEqual(file.read_text().count("start"), 1)

    def test_a_cut_longer_than_the_timeout_moves_what_may_run_again(self):
        job, file, go = self.job("n1", "--requeue")
        first = int(read(f"{file}.pid"))
        self.link("n1", "down")
        wait_for("n1 down", lambda: self.nodes()["n1"] == "DOWN", 40)
        self.assertEqual(file.read_text().count("start"), 1)
        self.link("n1", "up")
        wait_for("the second run", lambda: file.read_text().count("start") == 2, 60)
        self.assertFalse(alive(first), "two of it at once")
        go.touch()
        self.cluster.wait_job(job)
        self.assertEqual(self.cluster.wait_accounted(job), "COMPLETED|0:0")
        self.assertEqual(file.read_text().split(), ["start", "start", "1", "end"])

    # ---- stopped ---------------------------------------------------------------------------------

    def test_a_stopped_controller(self):
        """Clients wait for it, jobs end meanwhile, and all of it is told when it goes on."""
        job, file, go = self.job("n1", code=5)
        pid = self.pid("reevectld")
        os.kill(pid, signal.SIGSTOP)
        client = subprocess.Popen(["sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true"],
                                  cwd=self.cluster.work, env=self.cluster.environment(),
                                  stdout=subprocess.PIPE, text=True)
        go.touch()
        wait_for("the job's end", lambda: "end" in read(file))
        os.kill(pid, signal.SIGCONT)
        other = int(client.communicate(timeout=60)[0])
        self.assert_ran_once(job, file, "FAILED|5:0")
        self.cluster.wait_job(other)
        self.assertEqual(self.cluster.wait_accounted(other), "COMPLETED|0:0")

    def test_a_node_daemon_stopped_for_a_moment(self):
        job, file, go = self.job("n1", code=4)
        pid = self.pid("reevenoded-n1")
        os.kill(pid, signal.SIGSTOP)
        go.touch()
        wait_for("the job's end", lambda: "end" in read(file))
        os.kill(pid, signal.SIGCONT)
        self.assert_ran_once(job, file, "FAILED|4:0")

    def test_a_node_daemon_stopped_for_longer_than_the_timeout(self):
        job, file, _ = self.job("n1", "--no-requeue")
        pid = self.pid("reevenoded-n1")
        os.kill(pid, signal.SIGSTOP)
        wait_for("n1 down", lambda: self.nodes()["n1"] == "DOWN", 40)
        self.cluster.wait_job(job)
        self.assertEqual(self.cluster.wait_accounted(job).split("|")[0], "NODE_FAIL")
        os.kill(pid, signal.SIGCONT)
        wait_for("n1 back", lambda: self.nodes()["n1"] == "IDLE", 40)
        wait_for("the processes' end", lambda: not alive(int(read(f"{file}.pid"))), 20)
        self.assertEqual(file.read_text().count("start"), 1)

    def test_a_stopped_accounting_daemon(self):
        pid = self.pid("reevedbd")
        os.kill(pid, signal.SIGSTOP)
        jobs = [self.cluster.submit("-o", "/dev/null", "--wrap", f"exit {code}") for code in (0, 1)]
        for job in jobs:
            self.cluster.wait_job(job)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual([self.cluster.wait_accounted(job, 60) for job in jobs], ["COMPLETED|0:0", "FAILED|1:0"])

    # ---- killed ----------------------------------------------------------------------------------

    def test_a_killed_step_daemon_fails_its_job_and_leaves_nothing(self):
        job, file, _ = self.job("n2")
        pid = int(read(f"{file}.pid"))
        step = [p for p in self.children_named("n2", "reeve-stepd") if f" {job}.batch " in
                read(f"/proc/{p}/cmdline").replace("\0", " ") + " "]
        self.assertEqual(len(step), 1)
        os.kill(step[0], signal.SIGKILL)
        self.cluster.wait_job(job, 20)
        self.assertEqual(self.cluster.wait_accounted(job), "FAILED|0:9")
        wait_for("the orphan's end", lambda: not alive(pid), 10)
        self.assertIn("the step daemon died", read(self.cluster.folder / "log" / "reevectld.log"))
        self.assertEqual(file.read_text().count("start"), 1)

    def test_a_killed_forker_is_replaced(self):
        job, file, go = self.job("n1")
        forkers = self.children_named("n1", "reeve-forker")
        self.assertEqual(len(forkers), 1)
        os.kill(forkers[0], signal.SIGKILL)
        next_job, next_file, next_go = self.job("n1", code=2)
        go.touch()
        next_go.touch()
        self.assert_ran_once(job, file)
        self.assert_ran_once(next_job, next_file, "FAILED|2:0")


class AllOfANodeTest(Parts):
    """With the usual timeout: however slow the machine is, the node does not count as lost meanwhile."""
    options = {"nodes": 1, "cpus": 4, "settings": ["KillWait=1"]}

    def test_forker_and_node_daemon_killed_together(self):
        job, file, go = self.job("n1", code=6)
        daemon = self.pid("reevenoded-n1")
        for pid in [*self.children_named("n1", "reeve-forker"), daemon]:
            os.kill(pid, signal.SIGKILL)
        wait_for("the daemon's end", lambda: not alive(daemon))
        go.touch()
        wait_for("the job's end", lambda: "end" in read(file))
        self.cluster.up(check=False)  # which waits for idle nodes
        self.assert_ran_once(job, file, "FAILED|6:0")


if __name__ == "__main__":
    main()
