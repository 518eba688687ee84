"""Open MPI, unmodified, finds the allocation and starts its daemons with our srun."""
import re
import unittest

from harness import EXAMPLES, ClusterTest, main


class MpiTest(ClusterTest):
    options = {"nodes": 3}

    def check_ranks(self, output):
        hosts = re.findall(r"rank \d of 3 (?:runs|ran) on (\S+)", output)
        self.assertEqual(sorted(hosts), ["n1", "n2", "n3"], output)

    def test_ping_pong_in_a_batch_job(self):
        job = self.cluster.submit(EXAMPLES / "mpi-ping-pong.sbatch")
        self.cluster.wait_job(job, 120)
        output = (self.cluster.work / f"mpi-ping-pong-{job}.out").read_text()
        self.assertEqual(output.splitlines()[-1], "Exit code = 0", output)
        self.check_ranks(output)
        self.assertEqual(sorted(re.findall(r"^\d: (n\d)$", output, re.M)), ["n1", "n2", "n3"], output)
        self.assertEqual(len(re.findall(r"300 rounds of", output)), 3 * 7, output)
        self.assertEqual(self.cluster.wait_accounted(job), "COMPLETED|0:0")

    def test_mpi4py_in_a_batch_job(self):
        job = self.cluster.submit(EXAMPLES / "mpi4py.sbatch")
        self.cluster.wait_job(job, 120)
        output = (self.cluster.work / f"mpi4py-{job}.out").read_text()
        self.assertEqual(output.splitlines()[-1], "Exit code = 0", output)
        self.check_ranks(output)

    def test_mpirun_under_salloc_on_the_login_host(self):
        self.cluster.run("mpicc", EXAMPLES / "ping_pong.c", "-o", "ping_pong")
        result = self.cluster.run(
            self.cluster.bin / "reeve", "cluster", "shell", "--dir", self.cluster.folder, "salloc", "-N",
            "3", "--ntasks-per-node=1", "mpirun", "./ping_pong")
        self.assertIn("Granted job allocation", result.stderr)
        self.check_ranks(result.stdout)
        self.assertEqual(len(re.findall(r"300 rounds of", result.stdout)), 3 * 7, result.stdout)

    def test_mpirun_beside_the_network_says_where_to_go(self):
        result = self.cluster.run("salloc", "-N", "3", "mpirun", "hostname", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("reeve cluster shell", result.stderr)

    def test_hello(self):
        job = self.cluster.submit(EXAMPLES / "hello.sbatch")
        self.cluster.wait_job(job)
        output = (self.cluster.work / f"hello-{job}.out").read_text()
        self.assertEqual(sorted(re.findall(r"^(\d): hello from task (\d) on n\d$", output, re.M)),
                         [("0", "0"), ("1", "1"), ("2", "2")], output)


if __name__ == "__main__":
    main()
