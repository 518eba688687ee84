"""Heterogeneous jobs: components that start together, what they are called, how they end."""
import os
import signal

from harness import ClusterTest, main, wait_for


class HetTest(ClusterTest):
    options = {"nodes": 3, "cpus": 4, "settings": ["KillWait=1"]}

    def squeue(self, *words):
        return self.cluster.run("squeue", "-h", *words).stdout

    def submit(self, *words, **more):
        job = self.cluster.submit("--mem=10", *words, **more)
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        return job

    def states(self, job):
        return self.squeue("-t", "all", "-S", "i", "-j", job, "-o", "%i %T").split()

    def wait_for_states(self, job, *states):
        wanted = [word for i, state in enumerate(states) for word in (f"{job}+{i}", state)]
        wait_for(f"job {job} to be {states}, not {self.states(job)}", lambda: self.states(job) == wanted)

    def test_a_script_with_two_components(self):
        job = self.submit("-o", "het.out", script="#!/bin/bash\n#SBATCH -n1 -t 5\n#SBATCH hetjob\n#SBATCH -n2 --mem=20\n"
                          "echo $SLURM_HET_SIZE $SLURM_JOB_ID_HET_GROUP_0 $SLURM_JOB_ID_HET_GROUP_1\n"
                          "echo $SLURM_JOB_NODELIST_HET_GROUP_0 $SLURM_JOB_NODELIST_HET_GROUP_1\n"
                          "srun hostname\n"
                          "srun --het-group=1 bash -c 'echo $SLURM_JOB_ID $SLURM_NTASKS $(hostname)'\n"
                          "exit 3\n")
        self.wait_for_states(job, "FAILED", "FAILED")
        lines = (self.cluster.work / "het.out").read_text().splitlines()
        self.assertEqual(lines[0], f"2 {job} {int(job) + 1}")
        first, second = lines[1].split()
        self.assertNotEqual(first, second)
        self.assertEqual(lines[2:], [first] + [f"{job} 2 {second}"] * 2)
        shown = self.cluster.run("scontrol", "-o", "show", "job", f"{job}+1").stdout
        self.assertIn(f"JobId={int(job) + 1} HetJobId={job} HetJobOffset=1 ", shown)
        self.assertIn(f"HetJobIdSet={job}-{int(job) + 1} ", shown)
        self.assertIn("ExitCode=3:0", shown)
        wait_for("accounting", lambda: self.cluster.run(
            "sacct", "-n", "-X", "-P", "-j", job, "-o", "JobID,JobIDRaw,State").stdout.split("\n")[:2] ==
            [f"{job}+0|{job}|FAILED", f"{job}+1|{int(job) + 1}|FAILED"])
        one = self.cluster.run("sacct", "-n", "-X", "-P", "-j", f"{job}+1", "-o", "JobID").stdout
        self.assertEqual(one.split(), [f"{job}+1"])

    def test_all_wait_for_one(self):
        busy = self.submit("-n4", "-t", "30", "-o", "/dev/null", "--wrap", "sleep 600")
        wait_for("its start", lambda: self.cluster.state(busy) == "RUNNING")
        job = self.submit("-n4", ":", "-n4", ":", "-n4", "-o", "/dev/null", "--wrap", "sleep 600")
        wait_for("the reason", lambda: self.squeue("-j", job, "-o", "%r").split() == ["Resources"] * 3)
        explained = self.cluster.run("reeve", "explain", job).stdout
        self.assertIn(f"{job}+2", explained)
        self.assertIn("has room now, as far as it alone is concerned", explained)
        refused = self.cluster.run("scancel", f"{job}+1", check=False)
        self.assertIn("Operation not permitted on individual component of heterogeneous job", refused.stderr)
        pid = self.cluster.daemon_pids()["reevectld"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: self.cluster.daemon_pids().get("reevectld") != pid)
        self.cluster.up()
        wait_for("its answer", lambda: self.states(job) == [f"{job}+0", "PENDING", f"{job}+1", "PENDING",
                                                           f"{job}+2", "PENDING"])
        self.cluster.run("scancel", busy)
        self.wait_for_states(job, "RUNNING", "RUNNING", "RUNNING")
        starts = set(self.squeue("-j", job, "-o", "%S").split())
        self.assertEqual(len(starts), 1)
        self.cluster.run("scancel", f"{job}+1")
        self.wait_for_states(job, "RUNNING", "CANCELLED", "RUNNING")
        self.cluster.run("scancel", job)
        self.wait_for_states(job, "CANCELLED", "CANCELLED", "CANCELLED")

    def test_salloc(self):
        result = self.cluster.run("salloc", "-n1", "--mem=10", ":", "-n2", "--mem=10", "bash", "-c",
                                  "echo $SLURM_HET_SIZE; srun --het-group=1 echo task; exit 4", check=False)
        self.assertEqual((result.returncode, result.stdout), (4, "2\ntask\ntask\n"))

    def test_what_is_refused(self):
        wait_for("the jobs before to be over", lambda: not self.squeue())
        before = self.squeue()
        for words in (["-n1", ":", "-n1", "-a", "1-2"], ["-n1", ":", "-p", "nope"]):
            refused = self.cluster.run("sbatch", *words, "--wrap", "true", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("Batch job submission failed: ", refused.stderr)
        several = self.cluster.run("srun", "--het-group=0,1", "true", check=False)
        self.assertIn("a step over several components (--het-group=0,1) is not supported yet", several.stderr)
        self.assertEqual(self.squeue(), before)


if __name__ == "__main__":
    main()
