"""Running jobs that give nodes back: what ends there, what goes on, and who has the nodes then."""
import os
import signal

from harness import ClusterTest, main, wait_for


class ResizeTest(ClusterTest):
    options = {"nodes": 3, "cpus": 2, "settings": ["KillWait=1"]}

    def setUp(self):
        super().setUp()
        wait_for("an empty cluster", lambda: self.cluster.run("squeue", "-h").stdout == "")

    def scontrol(self, *words, check=True):
        return self.cluster.run("scontrol", *words, check=check)

    def update(self, job, *changes, check=True):
        # As from the job's own shell: elsewhere there are no variables to set.
        return self.cluster.run("scontrol", "update", f"JobId={job}", *changes, check=check,
                                env={"SLURM_JOB_ID": str(job)})

    def field(self, job, name):
        return self.scontrol("-o", "show", "job", job).stdout.split(f" {name}=")[1].split()[0]

    def runner(self, *options, script):
        job = self.cluster.submit(*options, "-t", "30", "--mem=10", "-o", "/dev/null",
                                  script=f"#!/bin/bash\n{script}\n")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        wait_for(f"job {job} to run", lambda: self.cluster.state(job) == "RUNNING")
        return job

    def test_a_job_gives_its_last_nodes_back(self):
        work = self.cluster.work
        job = self.runner("-N3", "-n6", script=f"cd {work}; srun -N3 -n3 sh -c 'echo $$ >pid-$SLURM_PROCID; exec sleep 600' &\n"
                          f"until [ -e resized ]; do sleep 0.1; done; . ./slurm_job_${{SLURM_JOB_ID}}_resize.sh\n"
                          "echo $SLURM_NNODES $SLURM_JOB_NODELIST ${SLURM_NTASKS:-none} >env\n"
                          "srun --overlap -N2 -n2 hostname >hosts\necho done >>hosts; sleep 600")
        pids = [work / f"pid-{rank}" for rank in range(3)]
        wait_for("three tasks", lambda: all(pid.exists() and pid.read_text() for pid in pids))
        waits = self.cluster.submit("-w", "n3", "-n2", "-t", "5", "--mem=10", "-o", "/dev/null", "--wrap", "true")
        self.assertEqual(self.cluster.state(waits), "PENDING")
        told = self.update(job, "NumNodes=2").stdout
        self.assertIn(f"slurm_job_{job}_resize.sh", told)
        self.assertEqual(self.field(job, "NodeList"), "n[1-2]")
        self.assertEqual(self.field(job, "NumNodes"), "2")
        self.assertEqual(self.field(job, "NumCPUs"), "4")
        self.assertNotEqual(self.field(job, "ResizeTime"), "None")
        self.assertEqual(self.cluster.run("squeue", "-h", "-j", job, "-o", "%D %C %N").stdout, "2 4 n[1-2]\n")
        self.cluster.wait_job(waits)
        alive = [os.path.exists(f"/proc/{pid.read_text().strip()}") for pid in pids]
        self.assertEqual(alive, [True, True, False])
        self.write("resized", "")
        wait_for("the later step", lambda: (work / "hosts").exists() and "done" in (work / "hosts").read_text())
        self.assertEqual((work / "env").read_text(), "2 n[1-2] none\n")
        self.assertEqual(sorted((work / "hosts").read_text().split()), ["done", "n1", "n2"])
        self.cluster.run("scancel", job)
        wait_for("its record", lambda: self.cluster.run(
            "sacct", "-n", "-X", "-P", "-j", job, "-o", "State,NNodes,NodeList").stdout.startswith("CANCELLED"))
        record = self.cluster.run("sacct", "-n", "-X", "-P", "-j", job, "-o", "NNodes,NodeList").stdout
        self.assertEqual(record, "2|n[1-2]\n")

    def test_named_nodes_stay_over_a_restart(self):
        job = self.runner("-N3", script="sleep 600")
        self.assertIn("Invalid node name specified", self.update(job, "NodeList=n[2-3]", check=False).stderr)
        more = self.update(job, "NumNodes=4", check=False)
        self.assertEqual(more.returncode, 1)
        self.assertIn("Node count specification invalid", more.stderr)
        self.update(job, "NodeList=n[1,3]")
        pid = self.cluster.daemon_pids()["reevectld"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: self.cluster.daemon_pids().get("reevectld") != pid)
        self.cluster.up()
        self.assertEqual(self.field(job, "NodeList"), "n[1,3]")
        other = self.cluster.submit("-w", "n2", "-n2", "-t", "5", "--mem=10", "-o", "/dev/null", "--wrap", "true")
        self.cluster.wait_job(other)
        self.assertEqual(self.cluster.state(job), "RUNNING")


if __name__ == "__main__":
    main()
