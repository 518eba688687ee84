"""Prolog, Epilog and HealthCheckProgram on a whole cluster."""
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from harness import Cluster, alive, main, wait_for


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reeve-scripts-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = self.folder / "log"
        self.log.touch()

    def script(self, name, lines):
        path = self.folder / name
        path.write_text(f"#!/bin/bash\nD={self.folder}\nlog() {{ echo \"$@\" >>{self.log}; }}\n{lines}\n")
        path.chmod(0o755)
        return path

    def cluster(self, nodes, **settings):
        cluster = Cluster(nodes=nodes, cpus=4, settings=[f"{k}={v}" for k, v in settings.items()])
        self.addCleanup(cluster.close)
        cluster.up()
        return cluster

    def lines(self):
        return self.log.read_text().splitlines()

    def node(self, cluster, name):
        return cluster.run("scontrol", "-o", "show", "node", name).stdout

    def test_around_a_job_on_two_nodes(self):
        cluster = self.cluster(
            2, Prolog=self.script("prolog", "log prolog $SLURMD_NODENAME $SLURM_JOB_USER"),
            Epilog=self.script("epilog", "log epilog $SLURMD_NODENAME $SLURM_JOB_EXIT_CODE2"))
        job = cluster.submit("-N", "2", "-o", "/dev/null", "--wrap", f"echo batch >>{self.log}; exit 5")
        cluster.wait_job(job)
        user = cluster.run("id", "-un").stdout.strip()
        self.assertEqual(self.lines()[:2], [f"prolog n1 {user}", "batch"])
        self.assertEqual(sorted(self.lines()[2:]), ["epilog n1 5:0", "epilog n2 5:0"])
        self.assertEqual(cluster.wait_accounted(job), "FAILED|5:0")
        self.log.write_text("")
        cluster.run("srun", "-N", "2", "-n", "2", "true")
        wait_for("both epilogs", lambda: len(self.lines()) == 4)
        self.assertEqual(sorted(line.split()[:2] for line in self.lines()),
                         [["epilog", "n1"], ["epilog", "n2"], ["prolog", "n1"], ["prolog", "n2"]])

    def test_the_job_completes_until_its_epilog_has_ended(self):
        cluster = self.cluster(1, Epilog=self.script("epilog", "until [ -e $D/go ]; do sleep 0.05; done"))
        job = cluster.submit("-o", "/dev/null", "--exclusive", "--wrap", "true")
        wait_for("COMPLETING", lambda: cluster.state(job) == "COMPLETING")
        next_job = cluster.submit("-o", "/dev/null", "--exclusive", "--wrap", "true")
        self.assertEqual(cluster.run("sinfo", "-h", "-o", "%t").stdout, "alloc+\n")
        self.assertEqual(cluster.state(next_job), "PENDING")
        (self.folder / "go").touch()
        cluster.wait_job(next_job)

    def test_a_failing_prolog_drains_the_node_and_holds_the_job(self):
        prolog = self.script("prolog", "log prolog; exit 1")
        cluster = self.cluster(1, Prolog=prolog)
        job = cluster.submit("-o", "/dev/null", "--wrap", f"echo ran >>{self.log}")
        wait_for("the job's hold", lambda: "launch failed requeued held" in
                 cluster.run("squeue", "-h", "-j", job, "-o", "%T %r").stdout)
        self.assertEqual(self.lines(), ["prolog"])
        self.assertIn("Prolog error", cluster.run("sinfo", "-R", "-h").stdout)
        self.assertIn("+DRAIN", self.node(cluster, "n1"))
        prolog.write_text("#!/bin/bash\nexit 0\n")
        cluster.run("scontrol", "update", "NodeName=n1", "State=RESUME")
        cluster.run("scontrol", "release", job)
        cluster.wait_job(job)
        self.assertEqual(self.lines(), ["prolog", "ran"])

    def test_a_failing_epilog_drains_the_node(self):
        cluster = self.cluster(1, Epilog=self.script("epilog", "exit 2"))
        job = cluster.submit("-o", "/dev/null", "--wrap", "true")
        cluster.wait_job(job)
        self.assertEqual(cluster.wait_accounted(job), "COMPLETED|0:0")
        self.assertIn("Epilog error", self.node(cluster, "n1"))

    def test_srun_says_that_the_prolog_failed(self):
        cluster = self.cluster(1, Prolog=self.script("prolog", "exit 1"))
        result = cluster.run("srun", "true", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("exit code 1", result.stderr)

    def test_srun_waits_for_a_slow_prolog(self):
        """Longer than a node waits for a step that nobody has announced."""
        cluster = self.cluster(1, Prolog=self.script("prolog", "sleep 32"))
        self.assertEqual(cluster.run("srun", "echo", "ran").stdout, "ran\n")

    def test_prolog_at_allocation(self):
        cluster = self.cluster(2, PrologFlags="Alloc", Prolog=self.script(
            "prolog", "until [ -e $D/go ]; do sleep 0.05; done; log $SLURMD_NODENAME"))
        job = cluster.submit("-N", "2", "-o", "/dev/null", "--wrap", f"echo batch >>{self.log}")
        wait_for("CONFIGURING", lambda: cluster.state(job) == "CONFIGURING")
        (self.folder / "go").touch()
        cluster.wait_job(job)
        self.assertEqual(sorted(self.lines()), ["batch", "n1", "n2"])
        self.log.write_text("")
        cluster.run("salloc", "-N", "2", "true")  # no step at all, and it waits for them
        self.assertEqual(sorted(self.lines()), ["n1", "n2"])

    def test_killed_daemons_forget_no_script(self):
        """All daemons die during a prolog and again during the epilog: each runs once."""
        cluster = self.cluster(
            1, Prolog=self.script("prolog", "log prolog; until [ -e $D/p ]; do sleep 0.05; done"),
            Epilog=self.script("epilog", "log epilog; until [ -e $D/e ]; do sleep 0.05; done"))

        def kill_all():
            for name, pid in cluster.daemon_pids().items():
                if name.startswith(("reevectld", "reevenoded")):
                    os.kill(pid, signal.SIGKILL)
                    wait_for(f"the end of {name}", lambda pid=pid: not alive(pid))

        job = cluster.submit("-o", "/dev/null", "--wrap", f"echo batch >>{self.log}")
        wait_for("the prolog", lambda: self.lines() == ["prolog"])
        kill_all()
        cluster.up()
        (self.folder / "p").touch()
        wait_for("the epilog", lambda: self.lines() == ["prolog", "batch", "epilog"])
        kill_all()
        (self.folder / "e").touch()
        cluster.up()
        cluster.wait_job(job)
        self.assertEqual(self.lines(), ["prolog", "batch", "epilog"])
        self.assertEqual(cluster.wait_accounted(job), "COMPLETED|0:0")

    def test_scripts_of_tasks_and_of_srun(self):
        cluster = self.cluster(
            1, TaskProlog=self.script("tp", "echo export FROM_PROLOG=yes; echo print hello"),
            TaskEpilog=self.script("te", "log task epilog"),
            SrunProlog=self.script("sp", "log srun prolog $SLURM_SCRIPT_CONTEXT $*"),
            SrunEpilog=self.script("se", "log srun epilog"))
        own = self.script("own", "echo export OWN=$FROM_PROLOG-too")
        result = cluster.run("srun", f"--task-prolog={own}", "sh", "-c", "echo $FROM_PROLOG $OWN")
        self.assertEqual(result.stdout, "hello\nyes yes-too\n")
        self.assertEqual(self.lines()[0], "srun prolog prolog_srun sh -c echo $FROM_PROLOG $OWN")
        self.assertEqual(self.lines()[1:], ["task epilog", "srun epilog"])
        self.log.write_text("")
        bad = self.script("bad", "exit 7")
        result = cluster.run("srun", f"--prolog={bad}", "--epilog=none", "echo", "ran", check=False)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("srun prolog failed rc = 7. Aborting step.", result.stderr)
        self.assertEqual(self.lines(), [])

    def test_health_check(self):
        check = self.script("check", "log $SLURMD_NODENAME $(id -u) $(env | grep -c REEVE_TEST); "
                                     "echo all is well; [ -e $D/slow ] && sleep 30")
        os.environ["REEVE_TEST_SECRET"] = "1"
        self.addCleanup(os.environ.pop, "REEVE_TEST_SECRET")
        cluster = self.cluster(1, HealthCheckProgram=check, HealthCheckInterval=1)
        self.assertGreaterEqual(len(self.lines()), 1)  # before it registered
        wait_for("three checks", lambda: len(self.lines()) >= 3)
        self.assertEqual(set(self.lines()), {f"n1 {os.getuid()} 0"})
        log = cluster.folder / "log" / "reevenoded-n1.log"
        self.assertIn("all is well", log.read_text())
        (self.folder / "slow").touch()
        wait_for("a check that is not started twice", lambda: "still runs" in log.read_text())


if __name__ == "__main__":
    main()
