"""Roles, PrivateData, DisableRootJobs and rate limits, as users of a cluster meet them."""
import pathlib
import subprocess
import unittest

from harness import Cluster, ClusterTest, main, wait_for

ALICE, BOB, OPERATOR, ADMINISTRATOR = 40001, 40002, 40003, 40004


class UsersTest(ClusterTest):
    """Commands are run on the login host, by the cluster's network, as any user of the machine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.cluster.folder
        # The folder is its owner's; other users need to reach the configuration, munged's socket and
        # the scripts of their jobs.
        for path in (cls.cluster.base, folder, folder / "run", folder / "munge", folder / "spool"):
            path.chmod(0o711)
        (folder / "run" / "munge.sock").chmod(0o777)
        cls.cluster.work.chmod(0o777)

    def as_user(self, uid, *command, check=True, stdin=None):
        return self.cluster.run("reeve", "cluster", "exec", "--dir", self.cluster.folder, "login", "--",
                                "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                                "env", "HOME=/tmp", *command,
                                check=check, stdin=stdin)

    def submit_as(self, uid, *options):
        return int(self.as_user(uid, "sbatch", "--parsable", *options, "--wrap", "sleep 100").stdout)

    def refused(self, uid, *command):
        """The last line of what a refused command says."""
        result = self.as_user(uid, *command, check=False)
        self.assertNotEqual(result.returncode, 0, f"{command} by {uid}: {result.stdout}")
        return (result.stdout + result.stderr).strip().splitlines()[-1]


class RolesTest(UsersTest):
    options = {"nodes": 1, "settings": [f"ReeveOperators={OPERATOR}", f"ReeveAdministrators={ADMINISTRATOR}"]}

    def test_each_level_may_what_it_may(self):
        job = self.submit_as(ALICE)
        denied = "Access/permission denied"
        for verb in (["scancel", str(job)], ["scontrol", "hold", str(job)], ["scontrol", "requeue", str(job)],
                     ["scontrol", "update", f"jobid={job}", "comment=x"],
                     ["scontrol", "write", "batch_script", str(job), "-"],
                     ["srun", "--jobid", str(job), "--overlap", "true"]):
            self.assertIn(denied, self.refused(BOB, *verb), verb)
        self.as_user(OPERATOR, "scontrol", "update", f"jobid={job}", "comment=seen")
        script = self.as_user(OPERATOR, "scontrol", "write", "batch_script", str(job), "-").stdout
        self.assertIn("sleep 100", script)
        self.as_user(OPERATOR, "scancel", str(job))
        self.cluster.wait_job(job)

    def test_administration(self):
        for uid in (ALICE, OPERATOR):
            for verb in (["update", "nodename=n1", "state=drain", "reason=x"],
                         ["update", "partitionname=debug", "state=down"], ["reconfigure"]):
                self.assertIn("Invalid user id", self.refused(uid, "scontrol", *verb), (uid, verb))
        self.as_user(ADMINISTRATOR, "scontrol", "update", "nodename=n1", "state=drain", "reason=x")
        self.as_user(ADMINISTRATOR, "scontrol", "update", "nodename=n1", "state=resume")
        self.as_user(ADMINISTRATOR, "scontrol", "reconfigure")


class PrivateDataTest(UsersTest):
    options = {"nodes": 1, "settings": ["PrivateData=jobs,nodes,partitions", f"ReeveOperators={OPERATOR}"]}

    def test_jobs_nodes_and_partitions(self):
        mine, other = self.submit_as(ALICE), self.submit_as(BOB)
        listed = lambda uid, *options: self.as_user(uid, "squeue", "-h", "-o", "%i", *options).stdout.split()
        self.assertEqual(listed(ALICE), [str(mine)])
        self.assertEqual(listed(BOB), [str(other)])
        self.assertEqual(listed(OPERATOR), [str(mine), str(other)])
        self.assertIn("Invalid job id specified", self.refused(BOB, "scontrol", "show", "job", str(mine)))
        self.assertIn(f"JobId={mine}", self.as_user(OPERATOR, "scontrol", "show", "job", str(mine)).stdout)
        denied = "Access/permission denied"
        self.assertIn(denied, self.refused(BOB, "sinfo"))
        self.assertIn(f"slurm_load_node error: {denied}", self.refused(BOB, "scontrol", "show", "node"))
        self.assertIn(f"slurm_load_partitions error: {denied}",
                      self.refused(BOB, "scontrol", "show", "partition"))
        self.assertIn("NodeName=n1", self.as_user(OPERATOR, "scontrol", "show", "node").stdout)
        self.assertIn("debug", self.as_user(OPERATOR, "sinfo").stdout)

        accounted = lambda uid: self.as_user(uid, "sacct", "-a", "-X", "-n", "-P", "-o", "JobID").stdout.split()
        wait_for("both jobs in accounting", lambda: accounted(OPERATOR) == [str(mine), str(other)])
        self.assertEqual(accounted(ALICE), [str(mine)])
        self.assertEqual(accounted(BOB), [str(other)])
        foreign = self.as_user(BOB, "sacct", "-X", "-n", "-P", "-o", "JobID", "-j", str(mine)).stdout
        self.assertEqual(foreign.strip(), "")


class RootJobsTest(UsersTest):
    options = {"nodes": 1, "settings": ["DisableRootJobs=YES"]}

    def test_all_ways_to_submit(self):
        for command, words in ((["sbatch", "--wrap", "true"], "Batch job submission failed: Invalid user id"),
                               (["srun", "true"], "Unable to allocate resources: Invalid user id"),
                               (["salloc", "true"], "Job submit/allocate failed: Invalid user id")):
            result = self.cluster.run(*command, check=False)
            self.assertEqual(result.returncode, 1, command)
            self.assertIn(words, result.stderr)
        self.assertEqual(self.cluster.run("squeue", "-h").stdout, "")
        self.assertEqual(self.as_user(ALICE, "srun", "id", "-u").stdout.strip(), str(ALICE))


class RateLimitTest(UsersTest):
    options = {"nodes": 1, "settings": ["SlurmctldParameters=rl_enable,rl_bucket_size=3,rl_refill_rate=2"]}

    def test_a_polling_loop_waits_and_nobody_else(self):
        # Twelve requests with three tokens and two a second: slower, and none fails.
        self.as_user(ALICE, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do squeue -h || exit 1; done")
        for _ in range(12):
            self.cluster.run("squeue", "-h")


if __name__ == "__main__":
    main()
