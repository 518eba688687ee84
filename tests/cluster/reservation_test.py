"""Reservations from scontrol create to the end of the jobs that waited for them."""
import os
import pwd
import time

from harness import ClusterTest, main, wait_for


class ReservationTest(ClusterTest):
    options = {"nodes": 2, "cpus": 2, "settings": ["KillWait=1"]}

    def scontrol(self, *words, check=True):
        return self.cluster.run("scontrol", *words, check=check)

    def create(self, *words, check=True):
        return self.scontrol("create", "reservation", *words, check=check)

    def word(self, text, key):
        return text.split(f"{key}=")[1].split()[0]

    def setUp(self):
        super().setUp()
        self.me = pwd.getpwuid(os.getuid()).pw_name

    def tearDown(self):
        for line in self.scontrol("-o", "show", "reservation").stdout.splitlines():
            if "ReservationName=" in line:
                self.scontrol("delete", f"ReservationName={self.word(line, 'ReservationName')}")
        super().tearDown()

    def test_a_life(self):
        made = self.create("StartTime=now", "Duration=60", f"Users={self.me}", "Nodes=n1").stdout
        self.assertEqual(made, f"Reservation created: {self.me}_1\n")
        name = f"{self.me}_1"
        shown = self.scontrol("show", "reservation", name).stdout
        for part in ("Nodes=n1 NodeCnt=1 CoreCnt=2 ", "Duration=01:00:00\n", "Flags=SPEC_NODES\n",
                     "   TRES=cpu=2\n", f"   Users={self.me} Groups=(null) Accounts=(null)",
                     "State=ACTIVE"):
            self.assertIn(part, shown)
        self.assertEqual(self.cluster.run("sinfo", "-h", "-n", "n1", "-o", "%T %t %i").stdout,
                         f"reserved resv {name}\n")
        self.assertIn("State=IDLE+RESERVED", self.scontrol("show", "node", "n1").stdout)
        table = self.cluster.run("sinfo", "-T").stdout.splitlines()
        self.assertEqual(table[0].split(), ["RESV_NAME", "STATE", "START_TIME", "END_TIME",
                                            "DURATION", "NODELIST"])
        self.assertEqual(table[1].split()[:2], [name, "ACTIVE"])
        # Others wait, its own jobs run.
        outside = self.cluster.submit("-w", "n1", "-t", "10", "-o", "/dev/null", "--wrap", "true")
        inside = self.cluster.submit("--reservation", name, "-t", "10", "-o",
                                     f"{self.cluster.work}/inside.out", "--wrap",
                                     "echo $SLURM_JOB_NODELIST $SLURM_JOB_RESERVATION; until [ -e go ]; do sleep 0.1; done")
        wait_for("a running job", lambda: self.cluster.state(inside) == "RUNNING")
        self.assertIn(f"Reservation={name}", self.scontrol("show", "job", inside).stdout)
        listed = self.cluster.run("squeue", "-h", "-R", name, "-o", "%i").stdout.split()
        self.assertEqual(listed, [str(inside)])
        self.assertEqual(self.cluster.run("squeue", "-h", "-j", inside, "-o", "%v").stdout,
                         f"{name}\n")
        used = self.scontrol("delete", f"ReservationName={name}", check=False)
        self.assertIn("Requested reservation is in use", used.stderr)
        self.write("go", "")
        self.cluster.wait_job(inside)
        self.assertEqual((self.cluster.work / "inside.out").read_text(), f"n1 {name}\n")
        self.assertEqual(self.cluster.state(outside), "PENDING")
        self.assertEqual(self.scontrol("update", f"ReservationName={name}", "Nodes=n2").stdout,
                         "Reservation updated.\n")
        self.cluster.wait_job(outside)
        self.scontrol("delete", f"ReservationName={name}")
        self.assertEqual(self.scontrol("show", "reservation").stdout,
                         "No reservations in the system\n")

    def test_what_comes_waits_and_begins(self):
        start = int(time.time()) + 5
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(start))
        self.create("ReservationName=soon", f"StartTime={when}", "Duration=10", "Users=" + self.me,
                    "Flags=maint", "Nodes=ALL")
        job = self.cluster.submit("--reservation=soon", "-t", "5", "-o", "/dev/null", "--wrap", "true")
        wait_for("its reason", lambda: self.cluster.run(
            "squeue", "-h", "-j", job, "-o", "%r").stdout == "Reservation\n")
        self.cluster.wait_job(job)
        self.assertGreaterEqual(time.time(), start)

    def test_a_magnetic_one_draws_jobs_in(self):
        self.create("ReservationName=m", "StartTime=now", "Duration=60", f"Users={self.me}", "Nodes=n2",
                    "Flags=MAGNETIC")
        self.assertIn("Flags=SPEC_NODES,MAGNETIC\n", self.scontrol("show", "reservation", "m").stdout)
        job = self.cluster.submit("-t", "10", "-o", f"{self.cluster.work}/m.out", "--wrap",
                                  "echo $SLURM_JOB_NODELIST $SLURM_JOB_RESERVATION; until [ -e m-go ]; do sleep 0.1; done")
        wait_for("a running job", lambda: self.cluster.state(job) == "RUNNING")
        self.assertIn("Reservation=m", self.scontrol("show", "job", job).stdout)
        # Longer than the reservation: outside, and told so.
        long = self.cluster.submit("-t", "90", "-n2", "-w", "n2", "-o", "/dev/null", "--wrap", "true")
        told = self.cluster.run("reeve", "explain", long).stdout
        self.assertIn("is tried in reservation m too", told)
        self.assertIn("reservation m", told)
        self.cluster.run("scancel", long)
        self.write("m-go", "")
        self.cluster.wait_job(job)
        self.assertEqual((self.cluster.work / "m.out").read_text(), "n2 m\n")

    def test_a_flexible_one_only_keeps_others_out(self):
        start = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 3600))
        self.create("ReservationName=f", f"StartTime={start}", "Duration=60", f"Users={self.me}",
                    "Nodes=n1", "Flags=FLEX")
        job = self.cluster.submit("--reservation=f", "-N2", "-t", "600", "-o", "/dev/null", "--wrap", "true")
        self.cluster.wait_job(job)
        other = self.cluster.submit("-w", "n1", "-t", "120", "-o", "/dev/null", "--wrap", "true")
        wait_for("its planned start", lambda: "reservation f" in
                 self.cluster.run("reeve", "explain", other).stdout)
        self.assertEqual(self.cluster.state(other), "PENDING")
        self.cluster.run("scancel", other)

    def test_what_is_refused(self):
        self.assertIn("StartTime is missing", self.create("Duration=1", check=False).stderr)
        self.assertIn("EndTime or Duration is missing",
                      self.create("StartTime=now", check=False).stderr)
        base = ["StartTime=now", "Duration=10", "Users=" + self.me]
        bad = self.create(*base, "Nodes=n7", check=False)
        self.assertEqual(bad.returncode, 1)
        self.assertEqual(bad.stderr,
                         "Error creating the reservation: Invalid node name specified\n")
        self.assertIn("reservation flag HOURLY is not supported",
                      self.create(*base, "Nodes=n1", "Flags=HOURLY", check=False).stderr)
        self.assertIn("corecnt is not supported",
                      self.create(*base, "CoreCnt=4", check=False).stderr)
        refused = self.cluster.run("sbatch", "--reservation=nope", "--wrap", "true", check=False)
        self.assertIn("Requested reservation is invalid", refused.stderr)
        self.assertEqual(self.scontrol("show", "reservation", "nope", check=False).stdout,
                         "Reservation nope not found\n")


if __name__ == "__main__":
    main()
