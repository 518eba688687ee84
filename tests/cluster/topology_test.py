"""A network that is a tree: which nodes jobs get, who waits for few switches, what tasks are told."""
import os
import re
import signal

from harness import ClusterTest, main, wait_for

TREE = """SwitchName=s0 Nodes=n[1-2]
SwitchName=s1 Nodes=n[3-4]
SwitchName=top Switches=s[0-1]
"""


class TopologyTest(ClusterTest):
    options = {"nodes": 4, "cpus": 2, "settings": ["KillWait=1"]}

    def scontrol(self, *words, check=True):
        return self.cluster.run("scontrol", *words, check=check)

    def shown(self, job, key):
        return re.search(rf"\s{key}=(\S+)", self.scontrol("show", "job", job).stdout)[1]

    def sleeper(self, *options):
        job = self.cluster.submit("--mem=10", *options, "-o", "/dev/null", "--wrap", "sleep 600")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        return job

    def wait_for_state(self, job, state):
        wait_for(f"job {job} to be {state}", lambda: self.cluster.state(job) == state)

    def setUp(self):
        super().setUp()
        conf = self.cluster.folder / "slurm.conf"
        if "TopologyPlugin" not in conf.read_text():
            self.assertEqual(self.scontrol("show", "topology").stdout, "")
            conf.write_text(conf.read_text() + "TopologyPlugin=topology/tree\n")
            refused = self.scontrol("reconfigure", check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("topology.conf", refused.stderr)
        (self.cluster.folder / "topology.conf").write_text(TREE)
        self.scontrol("reconfigure")
        wait_for("idle nodes", lambda: set(self.cluster.run("sinfo", "-h", "-o", "%t").stdout.split())
                 == {"idle"})

    def test_what_there_is(self):
        top = "SwitchName=top Level=1 LinkSpeed=1 Nodes=n[1-4] Switches=s[0-1]\n"
        s0 = "SwitchName=s0 Level=0 LinkSpeed=1 Nodes=n[1-2]\n"
        s1 = "SwitchName=s1 Level=0 LinkSpeed=1 Nodes=n[3-4]\n"
        self.assertEqual(self.scontrol("show", "topology").stdout, s0 + s1 + top)
        self.assertEqual(self.scontrol("show", "topo", "n3").stdout, s1 + top)
        unknown = self.scontrol("show", "topology", "n9", check=False)
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("Topology information contains no switch or node named n9", unknown.stderr)
        (self.cluster.folder / "topology.conf").write_text(TREE.replace("n[3-4]", "n[3-5]"))
        refused = self.scontrol("reconfigure", check=False)
        self.assertIn("topology.conf:2: switch s1: no node n5", refused.stderr)
        self.assertEqual(self.scontrol("show", "topology").stdout, s0 + s1 + top)

    def test_tasks_are_told(self):
        job = self.cluster.submit("--mem=10", "-w", "n3", "-o", "env.out", "--wrap",
                                  "echo $SLURM_TOPOLOGY_ADDR $SLURM_TOPOLOGY_ADDR_PATTERN; "
                                  "srun sh -c 'echo $SLURM_TOPOLOGY_ADDR'")
        self.cluster.wait_job(job)
        self.assertEqual((self.cluster.work / "env.out").read_text(),
                         "top.s1.n3 switch.switch.node\ntop.s1.n3\n")

    def test_few_switches_are_waited_for(self):
        first = self.sleeper("-w", "n1", "--exclusive", "-t", "30")
        self.wait_for_state(first, "RUNNING")
        # One leaf has two nodes free, the other one.
        whole = self.sleeper("-N2", "--exclusive", "-t", "30")
        self.wait_for_state(whole, "RUNNING")
        self.assertEqual(self.shown(whole, "NodeList"), "n[3-4]")
        self.cluster.run("scancel", whole)
        third = self.sleeper("-w", "n3", "--exclusive", "-t", "30")
        self.wait_for_state(third, "RUNNING")

        waits = self.sleeper("-N2", "--exclusive", "-t", "30", "--switches=1@5")
        other = self.sleeper("-N2", "--exclusive", "-t", "30", "--switches=1@0:06")
        self.assertEqual(self.shown(waits, "Switches"), "1@00:05:00")
        self.assertEqual(self.cluster.run("squeue", "-h", "-j", waits, "-O",
                                          "ReqSwitch:5,Wait4Switch:8").stdout.split(), ["1", "5:00"])
        explained = self.cluster.run("reeve", "explain", waits).stdout
        self.assertIn("could start on others since", explained)
        self.assertIn("together: 1 leaf switch", explained)
        self.assertIn("without --switches (1@00:05:00)", explained)
        self.scontrol("update", f"JobId={waits}", "Switches=0")
        self.wait_for_state(waits, "RUNNING")
        self.assertEqual(self.shown(waits, "NodeList"), "n[2,4]")
        self.cluster.run("scancel", waits)
        # A restart does not begin its wait anew.
        self.assertEqual(self.cluster.state(other), "PENDING")
        pid = self.cluster.daemon_pids()["reevectld"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: self.cluster.daemon_pids().get("reevectld") != pid)
        self.cluster.up()
        self.wait_for_state(other, "RUNNING")
        self.assertEqual(self.shown(other, "NodeList"), "n[2,4]")


if __name__ == "__main__":
    main()
