"""Wrong input is refused in Slurm's words with Slurm's exit codes, and queues nothing."""
from harness import ClusterTest, main


class BadInputTest(ClusterTest):
    options = {"nodes": 1}

    def setUp(self):
        self.write("ok.sh", "#!/bin/sh\ntrue\n")

    def tearDown(self):
        self.assertEqual(self.cluster.run("squeue", "-h", "-t", "all").stdout, "")

    def check(self, code, stderr, *command):
        result = self.cluster.run(*command, check=False)
        self.assertEqual((result.returncode, result.stderr, result.stdout), (code, stderr, ""))

    def test_scripts(self):
        self.write("empty.sh", "")
        self.write("noshebang.sh", "echo hello\n")
        self.write("dos.sh", "#!/bin/sh\r\ntrue\r\n")
        self.write("badopt.sh", "#!/bin/sh\n#SBATCH --bogus=1\ntrue\n")
        self.check(1, "sbatch: error: Unable to open file nosuch.sh\n", "sbatch", "nosuch.sh")
        self.check(1, "sbatch: error: Batch script is empty!\n", "sbatch", "empty.sh")
        self.check(1, "sbatch: error: This does not look like a batch script.  The first\n"
                      "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
                      "sbatch: error: For instance: #!/bin/sh\n", "sbatch", "noshebang.sh")
        self.check(1, "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\n"
                      "sbatch: error: instead of expected UNIX line breaks (\\n).\n", "sbatch", "dos.sh")
        self.check(255, "sbatch: unrecognized option '--bogus=1'\n"
                        'Try "sbatch --help" for more information\n', "sbatch", "badopt.sh")

    def test_values(self):
        self.check(1, "sbatch: error: invalid partition specified: nope\n"
                      "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
                   "sbatch", "-p", "nope", "ok.sh")
        self.check(255, "sbatch: error: Invalid --time specification\n", "sbatch", "-t", "abc", "ok.sh")
        self.check(1, "sbatch: error: Memory specification can not be satisfied\n"
                      "sbatch: error: Batch job submission failed: Requested node configuration is not "
                      "available\n", "sbatch", "--mem=100T", "ok.sh")
        self.check(1, "sbatch: error: Batch job submission failed: Invalid job array specification\n",
                   "sbatch", "--array=5-1", "ok.sh")
        self.check(1, "sbatch: error: Batch job submission failed: Job dependency problem\n",
                   "sbatch", "-d", "afterok:99999", "ok.sh")

    def test_unknown_ids(self):
        self.check(0, "", "scancel", "99999")
        self.check(1, "slurm_load_jobs error: Invalid job id specified\n", "squeue", "-j", "99999")
        self.assertEqual(self.cluster.run("scontrol", "show", "job", "99999", check=False).returncode, 1)
        self.assertEqual(self.cluster.run("sacct", "-n", "-j", "99999").stdout, "")


if __name__ == "__main__":
    main()
