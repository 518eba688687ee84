"""GPUs on a whole cluster: who gets which, what jobs and tasks are told, what the commands show."""
import re
import unittest

from harness import Cluster, main, wait_for


class GresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, cpus=4, flags=["--gres", "gpu:a100:2,nic:1"])
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.up()

    def run_(self, *command, **options):
        return self.cluster.run(*command, **options).stdout

    def output(self, name):
        return (self.cluster.work / name).read_text()

    def batch(self, script, *options):
        """Runs it to its end; what it printed."""
        # Room for two srun with a sanitizer's runtime.
        job = self.cluster.submit(*options, "--mem=600", "-o", "%j.out", "--wrap", script)
        self.cluster.wait_job(job)
        return self.output(f"{job}.out")

    def held(self, *options):
        """A job that runs until it is cancelled."""
        job = self.cluster.submit(*options, "--mem=100", "-o", "/dev/null", "--wrap", "sleep 600")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        return job

    def wait_for_state(self, job, state):
        wait_for(f"job {job} to be {state}", lambda: self.cluster.state(job) == state)

    def wait_for_idle(self):
        wait_for("idle nodes", lambda: self.run_("sinfo", "-h", "-o", "%t").split() == ["idle"])

    def test_a_batch_job_is_told_its_gpus(self):
        said = self.batch(
            "echo $CUDA_VISIBLE_DEVICES/$ROCR_VISIBLE_DEVICES/$GPU_DEVICE_ORDINAL/$SLURM_JOB_GPUS/"
            "$SLURM_GPUS_ON_NODE; srun bash -c 'echo $CUDA_VISIBLE_DEVICES/$SLURM_STEP_GPUS'; "
            "srun --gres=none bash -c 'echo -${CUDA_VISIBLE_DEVICES-unset}'",
            "--gres=gpu:2")
        self.assertEqual(said.split(), ["0,1/0,1/0,1/0,1/2", "0,1/0,1", "-unset"])
        self.assertEqual(self.batch("echo -${CUDA_VISIBLE_DEVICES-unset}"), "-unset\n")

    def test_directives_and_variables_ask_too(self):
        script = ("#!/bin/bash\n#SBATCH --gpus-per-node=a100:1\n#SBATCH --mem=100 -o directive.out\n"
                  "echo $SLURM_GPUS_PER_NODE $SLURM_JOB_GPUS\n")
        self.cluster.wait_job(self.cluster.submit(script=script))
        self.assertRegex(self.output("directive.out"), r"^a100:1 [01]$")
        said = self.run_("srun", "--mem=100", "bash", "-c", "echo $SLURM_GPUS_ON_NODE",
                         env={"SLURM_GPUS": "2"})
        self.assertEqual(said, "2\n")

    def test_each_task_sees_its_own(self):
        said = self.run_("srun", "--mem=100", "-N2", "-n4", "--ntasks-per-node=2", "--gpus-per-task=1",
                         "-l", "bash", "-c", "echo $CUDA_VISIBLE_DEVICES of $SLURM_STEP_GPUS")
        self.assertEqual(sorted(said.splitlines()),
                         ["0: 0 of 0,1", "1: 1 of 0,1", "2: 0 of 0,1", "3: 1 of 0,1"])

    def test_steps_share_the_jobs(self):
        said = self.batch(
            "for i in 1 2; do srun --exact -n1 --gres=gpu:1 bash -c 'echo $SLURM_STEP_GPUS; sleep 1' &"
            " done; wait", "--gres=gpu:2", "-n2", "-N1")
        self.assertEqual(sorted(said.split()), ["0", "1"])

    def test_no_gpu_is_given_twice_and_all_is_shown(self):
        self.wait_for_idle()
        jobs = [self.held("--gres=gpu:1", "-w", "n1"), self.held("--gres=gpu:a100:1,nic", "-w", "n1")]
        for job in jobs:
            self.wait_for_state(job, "RUNNING")
        third = self.held("--gres=gpu:1", "-w", "n1")
        wait_for("a reason", lambda: "Resources" in self.run_("squeue", "-h", "-j", third, "-o", "%r"))
        shown = [self.run_("scontrol", "-d", "show", "job", job) for job in jobs]
        ids = sorted(re.search(r"GRES=gpu:a100:1\(IDX:(\d)\)", text).group(1) for text in shown)
        self.assertEqual(ids, ["0", "1"])
        self.assertIn("JOB_GRES=gpu:a100:1,nic:1", shown[1])
        self.assertIn("TresPerNode=gres/gpu:a100:1,gres/nic:1", shown[1])
        self.assertRegex(shown[1], r"AllocTRES=\S+,gres/gpu=1,gres/nic=1")
        self.assertRegex(self.run_("scontrol", "show", "job", third), r"ReqTRES=\S+,gres/gpu=1")
        node = self.run_("scontrol", "-d", "show", "node", "n1")
        self.assertIn("Gres=gpu:a100:2,nic:1", node)
        self.assertIn("GresUsed=gpu:a100:2(IDX:0-1),nic:1(IDX:0)", node)
        self.assertRegex(node, r"CfgTRES=\S+,gres/gpu=2,gres/nic=1")
        self.assertRegex(node, r"AllocTRES=\S+,gres/gpu=2,gres/nic=1")
        self.assertEqual(self.run_("squeue", "-h", "-j", third, "-o", "%b").strip(), "gres/gpu:1")
        self.assertEqual(self.run_("sinfo", "-h", "-o", "%G").strip(), "gpu:a100:2,nic:1")
        self.assertIn("gpu:1", self.run_("reeve", "explain", third))
        # They are there again for others after their jobs' end, a restart of the controller or not.
        self.cluster.run("scancel", jobs[0])
        self.wait_for_state(third, "RUNNING")
        self.cluster.wait_accounted(jobs[0])
        self.assertRegex(self.run_("sacct", "-nPX", "-j", jobs[0], "-o", "AllocTRES"), r"gres/gpu=1")

    def test_what_can_never_run_is_refused(self):
        for options, words in [
                (["--gres=gpu:3"], "Requested node configuration is not available"),
                (["--gres=gpu:h100:1"], "Requested node configuration is not available"),
                (["--gpus=9"], "Requested node configuration is not available"),
                (["--gres=fpga:1"], "Invalid generic resource (gres) specification"),
                (["--gres=gpu:a:b:c"], "Invalid generic resource (gres) specification"),
                (["--gpu-bind=closest"], "--gpu-bind=closest is not supported yet")]:
            answer = self.cluster.run("sbatch", *options, "--wrap", "true", check=False)
            self.assertNotEqual(answer.returncode, 0, options)
            self.assertIn(words, answer.stderr)


if __name__ == "__main__":
    main()
