"""A silent node's job runs elsewhere, and never in two places: docs/decisions/0004-leases.md."""
import os
import signal
import time

from harness import ClusterTest, alive, main, wait_for

TIMEOUT = 10  # SlurmdTimeout, the shortest lease
TICKER = """#!/bin/bash
while :; do echo "${SLURM_RESTART_COUNT:-0} $SLURMD_NODENAME $(date +%s.%N)" >>FILE; sleep 0.05; done
"""


class LeaseTest(ClusterTest):
    options = {"nodes": 3, "settings": (f"SlurmdTimeout={TIMEOUT}", "ReturnToService=2")}

    def ticker(self, name, *options):
        """A job that says every 50 ms that it runs, and where."""
        self.ticks_file = self.cluster.work / name
        script = TICKER.replace("FILE", str(self.ticks_file))
        job = self.cluster.submit("-o", "/dev/null", *options, script=script)
        wait_for("its first tick", self.ticks)
        return job

    def ticks(self):
        """(attempt, node, time) of each."""
        if not self.ticks_file.exists():
            return []
        lines = [line.split() for line in self.ticks_file.read_text().splitlines()]
        return [(int(l[0]), l[1], float(l[2])) for l in lines if len(l) == 3]

    def link(self, node, state):
        shown = self.cluster.reeve("exec", node, "--", "ip", "-o", "link", "show").stdout
        device = next(line.split()[1].split("@")[0].rstrip(":") for line in shown.splitlines()
                      if ": lo:" not in line)
        self.cluster.reeve("exec", node, "--", "ip", "link", "set", device, state)

    def idle(self):
        return self.cluster.run("sinfo", "-h", "-o", "%D %t").stdout.split() == ["3", "idle"]

    def test_a_cut_off_nodes_job_moves_and_runs_once_at_a_time(self):
        job = self.ticker("moves")
        node = self.ticks()[0][1]
        fixed = self.cluster.submit("-w", node, "--no-requeue", "-o", "/dev/null", "--wrap", "sleep 1000")
        wait_for("the other job", lambda: self.cluster.state(fixed) == "RUNNING")
        self.link(node, "down")
        cut = time.time()
        wait_for("it to run elsewhere", lambda: self.ticks()[-1][0] == 1, 60)
        first = [t for attempt, _, t in self.ticks() if attempt == 0]
        second = [(n, t) for attempt, n, t in self.ticks() if attempt == 1]
        self.assertNotEqual(second[0][0], node)
        self.assertGreater(second[0][1], cut + TIMEOUT)
        # Frozen before its lease was over, dead when it was.
        self.assertLess(first[-1], second[0][1])
        self.assertEqual(self.cluster.wait_accounted(fixed).split("|")[0], "NODE_FAIL")
        self.link(node, "up")
        wait_for("its return", lambda: self.cluster.run("sinfo", "-h", "-n", node, "-o", "%t")
                 .stdout.strip() == "idle", 60)
        self.assertEqual(self.cluster.state(job), "RUNNING")
        self.cluster.run("scancel", job)
        wait_for("an empty cluster", self.idle)
        ticks = self.ticks()
        last_of_first = max(i for i, tick in enumerate(ticks) if tick[0] == 0)
        first_of_second = min(i for i, tick in enumerate(ticks) if tick[0] == 1)
        self.assertLess(last_of_first, first_of_second)

    def test_a_short_cut_is_not_noticed(self):
        job = self.ticker("short")
        node = self.ticks()[0][1]
        self.link(node, "down")
        time.sleep(TIMEOUT / 3)
        self.link(node, "up")
        count = len(self.ticks())
        wait_for("it to go on", lambda: len(self.ticks()) > count + 20)
        self.assertEqual(self.cluster.state(job), "RUNNING")
        self.assertEqual({attempt for attempt, _, _ in self.ticks()}, {0})
        self.cluster.run("scancel", job)
        wait_for("an empty cluster", self.idle)

    def test_without_a_controller_jobs_go_on(self):
        job = self.ticker("alone")
        pid = self.cluster.daemon_pids()["reevectld"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: not alive(pid))
        time.sleep(TIMEOUT * 2.5)
        self.cluster.up()
        wait_for("the node", lambda: self.cluster.state(job) == "RUNNING")
        times = [t for _, _, t in self.ticks()]
        # Half a second of freezing would do no harm, but the lease is renewed long before.
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 2)
        self.assertEqual({attempt for attempt, _, _ in self.ticks()}, {0})
        self.cluster.run("scancel", job)
        wait_for("an empty cluster", self.idle)


class TlsLeaseTest(LeaseTest):
    """Nodes that cannot reach the controller ask each other over TLS too."""
    options = {**LeaseTest.options, "flags": ["--tls"]}
    test_a_cut_off_nodes_job_moves_and_runs_once_at_a_time = test_a_short_cut_is_not_noticed = None


if __name__ == "__main__":
    main()
