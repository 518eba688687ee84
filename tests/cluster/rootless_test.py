"""A plain user's cluster in a user namespace: the same, without privileges for jobs."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, EXAMPLES, Cluster, main


@unittest.skipUnless(os.getuid() == 0, "makes a user of its own: needs root")
class RootlessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = f"reevetest{os.getpid() % 100000}"
        subprocess.run(["useradd", "--no-create-home", "--home-dir", "/nonexistent", cls.user], check=True)
        cls.addClassCleanup(subprocess.run, ["userdel", cls.user], check=True, capture_output=True)
        # A checkout may lie where the user cannot look.
        cls.public = pathlib.Path(tempfile.mkdtemp(prefix="reeve-bin-"))
        cls.addClassCleanup(shutil.rmtree, cls.public)
        cls.public.chmod(0o755)
        shutil.copytree(BIN, cls.public / "bin", symlinks=True)
        shutil.copytree(EXAMPLES, cls.public / "examples")

    def make(self, **options):
        prefix = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"]
        cluster = Cluster(bin_dir=self.public / "bin", prefix=prefix, **options)
        self.addCleanup(cluster.close)
        for path in (cluster.base, cluster.work):
            shutil.chown(path, self.user)
        return cluster

    def test_cluster_of_a_plain_user(self):
        if subprocess.run(["setpriv", "--reuid", self.user, "--clear-groups", "--regid", self.user,
                           "unshare", "--user", "true"]).returncode:
            self.skipTest("no user namespaces here")
        cluster = self.make(nodes=3)
        cluster.up()
        job = cluster.submit("-N", "3", "-o", "id.out", "--wrap",
                             "id -un; grep CapEff /proc/self/status; srun hostname")
        cluster.wait_job(job)
        words = (cluster.work / "id.out").read_text().split()
        self.assertEqual(words[:3], [self.user, "CapEff:", "0" * 16])
        self.assertEqual(sorted(words[3:]), ["n1", "n2", "n3"])
        job = cluster.submit(self.public / "examples" / "mpi-ping-pong.sbatch")
        cluster.wait_job(job, 120)
        output = (cluster.work / f"mpi-ping-pong-{job}.out").read_text()
        self.assertEqual(output.splitlines()[-1], "Exit code = 0", output)
        self.assertEqual(len(set(re.findall(r"runs on (n\d)", output))), 3)
        cluster.down()
        left = subprocess.run(["ps", "-u", self.user, "-o", "stat=,args="], capture_output=True, text=True)
        self.assertEqual([line for line in left.stdout.splitlines() if not line.startswith("Z")], [])


if __name__ == "__main__":
    main()
