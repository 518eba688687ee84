"""Licences of a cluster: who has them, who waits, what the commands show, what a restart keeps."""
import os
import pwd
import signal

from harness import ClusterTest, main, wait_for


class LicenseTest(ClusterTest):
    options = {"nodes": 2, "cpus": 4, "settings": ["KillWait=1", "Licenses=foo:3,bar"]}

    def scontrol(self, *words, check=True):
        return self.cluster.run("scontrol", *words, check=check)

    def job_line(self, job):
        return self.scontrol("-o", "show", "job", job).stdout

    def used(self, name):
        return self.scontrol("show", "licenses", name).stdout.split("Used=")[1].split()[0]

    def sleeper(self, *options):
        job = self.cluster.submit(*options, "--mem=10", "-o", "/dev/null", "--wrap", "sleep 600")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        return job

    def wait_for_state(self, job, state):
        wait_for(f"job {job} to be {state}", lambda: self.cluster.state(job) == state)

    def setUp(self):
        super().setUp()
        wait_for("licences that nobody has",
                 lambda: self.scontrol("show", "licenses").stdout.count("Used=0") == 2)

    def test_who_has_them_and_who_waits(self):
        first = self.sleeper("-L", "foo:2,bar", "-t", "30")
        self.wait_for_state(first, "RUNNING")
        self.assertEqual(self.scontrol("show", "licenses").stdout,
                         "LicenseName=bar\n    Total=1 Used=1 Free=0 Reserved=0 Remote=no\n"
                         "LicenseName=foo\n    Total=3 Used=2 Free=1 Reserved=0 Remote=no\n")
        self.assertIn("Licenses=foo:2,bar LicensesAlloc=bar:1,foo:2", self.job_line(first))
        waits = self.sleeper("--licenses=foo:3", "-t", "30")
        wait_for("the reason", lambda: "Reason=Licenses" in self.job_line(waits))
        self.assertIn("Licenses=foo:3 LicensesAlloc=(null)", self.job_line(waits))
        self.assertEqual(self.cluster.run("squeue", "-h", "-j", waits, "-o", "%W %R").stdout.split(),
                         ["foo:3", "(Licenses)"])
        explained = self.cluster.run("reeve", "explain", waits).stdout
        self.assertIn("foo: 3 of 3 needed, 1 free now, 1 free throughout", explained)
        self.assertIn(f"licence foo:2: job {first}", explained)
        longer = self.sleeper("-L", "foo", "-t", "60")
        self.assertEqual(self.cluster.state(longer), "PENDING")  # it would delay the one before it
        brief = self.sleeper("-L", "foo", "-t", "10")
        self.wait_for_state(brief, "RUNNING")
        self.cluster.run("scancel", first, brief)
        self.wait_for_state(waits, "RUNNING")
        self.assertEqual(self.cluster.state(longer), "PENDING")
        self.scontrol("update", f"JobId={longer}", "Licenses=bar")
        self.wait_for_state(longer, "RUNNING")

    def test_a_reservation_keeps_some(self):
        me = pwd.getpwuid(os.getuid()).pw_name
        self.scontrol("create", "reservation", "ReservationName=kept", "StartTime=now", "Duration=60",
                      f"Users={me}", "Licenses=foo:2", "Flags=LICENSE_ONLY")
        self.addCleanup(self.scontrol, "delete", "ReservationName=kept", check=False)
        shown = self.scontrol("show", "reservation", "kept").stdout
        self.assertIn("Nodes=(null) NodeCnt=0", shown)
        self.assertIn("Flags=ANY_NODES\n", shown)
        self.assertIn("Licenses=foo:2 State=ACTIVE", shown)
        self.assertIn("Total=3 Used=0 Free=3 Reserved=2", self.scontrol("show", "licenses", "foo").stdout)
        waits = self.sleeper("-L", "foo:2", "-t", "10")
        wait_for("the reason", lambda: "Reason=Licenses" in self.job_line(waits))
        self.assertIn("licence foo:2: reservation kept", self.cluster.run("reeve", "explain", waits).stdout)
        inside = self.sleeper("-L", "foo:3", "-t", "10", "--reservation=kept")
        self.wait_for_state(inside, "RUNNING")
        self.cluster.run("scancel", inside)
        wait_for("its end", lambda: self.cluster.state(inside) == "CANCELLED")
        self.scontrol("delete", "ReservationName=kept")
        self.wait_for_state(waits, "RUNNING")

    def test_a_job_sees_its_licenses(self):
        job = self.cluster.submit("--mem=10", "-o", "env.out", script="#!/bin/bash\n#SBATCH -L bar\n"
                                  "echo $SLURM_JOB_LICENSES\n")
        self.cluster.wait_job(job)
        self.assertEqual((self.cluster.work / "env.out").read_text(), "bar\n")

    def test_what_there_is_not_is_refused(self):
        for text, more in (("nope", "the cluster has no licence nope"),
                           ("nope:0", "the cluster has no licence nope"),
                           ("foo:4", "asks for 4 of licence foo, the cluster has 3"),
                           ("foo|bar", "'foo|bar' is no licence")):
            refused = self.cluster.run("sbatch", "-L", text, "--wrap", "true", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("Batch job submission failed: Invalid license specification", refused.stderr)
            self.assertIn(more, refused.stderr)
        unknown = self.scontrol("show", "licenses", "nope", check=False)
        self.assertEqual((unknown.returncode, unknown.stdout), (1, "License nope not found\n"))

    def test_a_restart_keeps_them(self):
        job = self.sleeper("-L", "foo:3", "-t", "30")
        self.wait_for_state(job, "RUNNING")
        waits = self.sleeper("-L", "foo", "-t", "30")
        pid = self.cluster.daemon_pids()["reevectld"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: self.cluster.daemon_pids().get("reevectld") != pid)
        self.cluster.up()
        wait_for("its answer", lambda: self.cluster.state(job) == "RUNNING")
        self.assertEqual(self.used("foo"), "3")
        self.assertEqual(self.cluster.state(waits), "PENDING")
        self.cluster.run("scancel", job)
        self.wait_for_state(waits, "RUNNING")


if __name__ == "__main__":
    main()
