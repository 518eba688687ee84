"""Wall clocks that somebody sets while the cluster runs: of everything, of the controller, of a node. The daemons see
their clock through libfaketime; boot clocks are the machine's."""
import os
import pathlib
import shutil
import tempfile
import time

from harness import BIN, Cluster, ClusterTest, main, read, wait_for

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
HOUR = 3600

# The daemon with a clock of its own: the file named like it says how far it is off.
WRAPPER = """#!/bin/sh
name={daemon}
case "$*" in *" -N "*) name=$name-${{*##* -N }}; name=${{name%% *}} ;; esac
export LD_PRELOAD={faketime} FAKETIME_TIMESTAMP_FILE={folder}/$name FAKETIME_CACHE_DURATION=1
export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_RESET=1
exec {bin}/{daemon} "$@"
"""
DAEMONS = ("reevectld", "reevenoded-n1", "reevenoded-n2", "reevedbd")


class ClockTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.clocks = pathlib.Path(tempfile.mkdtemp(prefix="reeve-clock-"))
        cls.addClassCleanup(shutil.rmtree, cls.clocks)
        for name in DAEMONS:
            (cls.clocks / name).write_text("+0\n")
        # `reeve cluster` starts the daemons beside itself, by the name it was started with.
        folder = cls.clocks / "bin"
        folder.mkdir()
        shutil.copy2(BIN / "reeve", folder / "reeve")
        (folder / "reeve-stepd").symlink_to(BIN / "reeve-stepd")
        for command in ("sbatch", "squeue", "sinfo", "scontrol", "sacct", "scancel", "srun"):
            (folder / command).symlink_to("reeve")
        for daemon in ("reevectld", "reevenoded", "reevedbd"):
            path = folder / daemon
            path.write_text(WRAPPER.format(daemon=daemon, faketime=FAKETIME, folder=cls.clocks, bin=BIN))
            path.chmod(0o755)
        cls.cluster = Cluster(nodes=2, cpus=4, bin_dir=folder, settings=["SlurmdTimeout=10", "KillWait=1"])
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.up()

    def tearDown(self):
        for name in DAEMONS:
            self.set_clock(name, 0)
        time.sleep(5)  # the files are read once a second, nodes tell their time every three
        wait_for("right clocks", lambda: all(self.is_right(node) for node in ("n1", "n2")))

    def is_right(self, node):
        told = [line for line in self.log().splitlines() if f"node {node}: its clock is" in line]
        return not told or told[-1].endswith("right again")

    def setUp(self):
        self.began = len(self.log())

    def set_clock(self, daemon, seconds):
        path = self.clocks / daemon
        beside = path.with_suffix(".new")
        beside.write_text(f"{seconds:+}\n")
        os.replace(beside, path)

    def log(self):
        return read(self.cluster.folder / "log" / "reevectld.log")

    def log_says(self, text, since):
        wait_for(f"'{text}' in the controller's log", lambda: text in self.log()[since:])

    def assert_undisturbed(self, job, file, go):
        time.sleep(3)  # what would go wrong has the time for it
        self.assertEqual(self.cluster.state(job), "RUNNING")
        self.assertNotIn("down", self.cluster.run("sinfo", "-h", "-o", "%T").stdout)
        later = self.cluster.submit("-o", "/dev/null", "--wrap", "exit 6")
        self.assertGreater(later, job)
        self.cluster.wait_job(later)
        self.assertEqual(self.cluster.wait_accounted(later), "FAILED|6:0")
        go.touch()
        self.assert_ran_once(job, file, "FAILED|5:0")

    def test_all_clocks_set_forward_by_more_than_the_time_limit(self):
        job = self.job("n1", "--time=10", code=5)
        for name in DAEMONS:
            self.set_clock(name, 2 * HOUR)
        self.log_says("the clock was set forward by ", self.began)
        self.assert_undisturbed(*job)

    def test_all_clocks_set_back(self):
        job = self.job("n2", "--time=10", code=5)
        for name in DAEMONS:
            self.set_clock(name, -3 * HOUR)
        self.log_says("the clock was set back by ", self.began)
        self.assert_undisturbed(*job)

    def test_the_controllers_clock_alone(self):
        job = self.job("n1", "--time=10", code=5)
        self.set_clock("reevectld", -HOUR)
        self.log_says("the clock was set back by ", self.began)
        self.log_says("node n1: its clock is 3", self.began)  # some 3600 s ahead
        self.assert_undisturbed(*job)

    def test_a_nodes_clock_alone(self):
        job = self.job("n2", "--time=10", code=5)
        self.set_clock("reevenoded-n2", HOUR)
        self.log_says("node n2: its clock is 3", self.began)
        self.assertNotIn("node n1: its clock is 3", self.log()[self.began:])
        self.assert_undisturbed(*job)

    def test_a_limit_still_ends_a_job_after_the_clock_was_set_back(self):
        job = self.cluster.submit("-w", "n1", "-o", "/dev/null", "--time=0:05", "--wrap", "sleep 300")
        wait_for("its start", lambda: self.cluster.state(job) == "RUNNING")
        self.set_clock("reevectld", -HOUR)
        self.log_says("the clock was set back by ", self.began)
        self.cluster.wait_job(job, 90)
        self.assertEqual(self.cluster.wait_accounted(job).split("|")[0], "TIMEOUT")


if __name__ == "__main__":
    if FAKETIME is None:
        print("there is no libfaketime here (Debian's package faketime): skipped")
        raise SystemExit(77)
    main()
