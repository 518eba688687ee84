"""Full and damaged disks: nothing is acknowledged that is not on disk, and all that was is there afterwards."""
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import threading
import unittest

from harness import Cluster, alive, main, read, wait_for


class SmallDisk:
    """A file system of a few megabytes, mounted over a folder in a mount namespace of the whole test's own."""

    def __init__(self, folder, size):
        self.folder = pathlib.Path(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", self.folder], check=True)

    def fill(self):
        file = os.open(self.folder / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(file, b"x" * 4096)
        except OSError:
            os.close(file)

    def free(self):
        (self.folder / "filler").unlink()

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


class DiskTest(unittest.TestCase):
    def make(self, nodes=1, settings=()):
        cluster = Cluster(nodes=nodes, cpus=4, settings=["MessageTimeout=60", *settings])
        self.addCleanup(cluster.close)
        return cluster

    def small_disk(self, cluster, name, size="8m"):
        """Under a folder of the cluster, which keeps what it has."""
        cluster.reeve("down", "--keep")
        folder = cluster.folder / name
        kept = cluster.base / "kept"
        shutil.move(folder, kept)
        folder.mkdir(0o700)
        disk = SmallDisk(folder, size)
        self.addCleanup(disk.unmount)
        self.addCleanup(cluster.reeve, "down", "--keep", check=False)  # before that
        for path in kept.iterdir():
            shutil.move(path, folder)
        kept.rmdir()
        cluster.up()
        return disk

    def test_the_controllers_disk_is_full(self):
        cluster = self.make()
        cluster.up()
        disk = self.small_disk(cluster, "state")
        acknowledged = []
        stop = threading.Event()

        def submit():
            while not stop.is_set():
                result = cluster.run("sbatch", "--parsable", "-H", "-o", "/dev/null", "--wrap", "true", check=False)
                if result.returncode == 0:
                    acknowledged.append(int(result.stdout))
                elif not stop.is_set():
                    stop.wait(0.2)
        controller = cluster.daemon_pids()["reevectld"]
        threads = [threading.Thread(target=submit) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            wait_for("acknowledgements", lambda: len(acknowledged) > 20)
            disk.fill()
            wait_for("the controller's end", lambda: not alive(controller), 60)
            log = read(cluster.folder / "log" / "reevectld.log")
            self.assertRegex(log, "cannot write .*full; nothing was acknowledged that is not on disk")
            # It does not come back before there is room, and says why.
            result = cluster.up(check=False)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, "reevectld.* full")
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        finally:
            stop.set()
            disk.free()
            back = cluster.up(check=False)
            for thread in threads:
                thread.join(120)
        self.assertEqual(back.returncode, 0, back.stderr)
        queue = set(cluster.run("squeue", "-h", "-o", "%i").stdout.split())
        self.assertEqual({str(job) for job in acknowledged} - queue, set())
        self.assertEqual(len(queue), len(set(acknowledged)))

    def test_the_accounting_daemons_disk_is_full(self):
        """Jobs run on; their records wait in the controller's store and arrive once when there is room."""
        cluster = self.make()
        folder = cluster.base / "accounting"
        folder.mkdir(0o700)
        disk = SmallDisk(folder, "2m")
        self.addCleanup(disk.unmount)
        self.addCleanup(cluster.reeve, "down", "--keep", check=False)  # before that
        cluster.up_options += ["--set", f"ReeveAccountingDatabase={folder}/accounting.db"]
        cluster.up()
        before = cluster.submit("-o", "/dev/null", "--wrap", "exit 3")
        self.assertEqual(cluster.wait_accounted(before), "FAILED|3:0")
        disk.fill()
        jobs = [cluster.submit("-o", "/dev/null", "-J", "n" * 200, "--wrap", f"exit {code}") for code in range(1, 31)]
        for job in jobs:
            cluster.wait_job(job)
        wait_for("the reason in a log", lambda: "full" in read(cluster.folder / "log" / "reevedbd.log"))
        pid = cluster.daemon_pids().get("reevectld")
        os.kill(pid, signal.SIGKILL)  # the records are not in its memory
        wait_for("its end", lambda: not alive(pid))
        disk.free()
        cluster.up()
        for code, job in enumerate(jobs, 1):
            self.assertEqual(cluster.wait_accounted(job), f"FAILED|{code}:0")
        rows = cluster.run("sacct", "-n", "-X", "-D", "-P", "-o", "JobID").stdout.split()
        self.assertEqual(sorted(map(int, rows)), [before, *jobs])

    def test_a_nodes_disk_is_full(self):
        """What runs ends with its own exit code; what cannot start waits and says so, and nothing is lost."""
        cluster = self.make(nodes=1)
        cluster.up()
        disk = self.small_disk(cluster, "spool")
        go = cluster.work / "go"
        script = f"touch {cluster.work}/$SLURM_JOB_ID.runs; until [ -e {go} ]; do sleep 0.1; done; exit "
        running = cluster.submit("-o", "/dev/null", "--wrap", script + "7")
        silent = cluster.submit("-o", "/dev/null", "--wrap", script + "8")
        for job in (running, silent):
            wait_for(f"job {job}", (cluster.work / f"{job}.runs").exists)
        disk.fill()
        done = cluster.work / "done"
        late = cluster.submit("-o", "/dev/null", "--wrap", f"echo once >>{done}")
        wait_for("a held job", lambda: cluster.state(late) == "REQUEUE_HOLD")
        self.assertIn("No space left on device", read(cluster.folder / "log" / "reevectld.log"))
        # Jobs end while nobody listens: their records fit into the room that was kept for them. And a controller of a
        # new epoch is obeyed, although nothing more can be written.
        for daemon in ("reevenoded-n1", "reevectld"):
            pid = cluster.daemon_pids()[daemon]
            os.kill(pid, signal.SIGKILL)
            wait_for(f"the end of {daemon}", lambda pid=pid: not alive(pid))
        go.touch()
        wait_for("the tasks' end", lambda: not [p for p in cluster.processes() if "slurm_script" in
                                               read(f"/proc/{p}/cmdline")])
        cluster.up()
        for job, code in ((running, 7), (silent, 8)):
            cluster.wait_job(job)
            self.assertEqual(cluster.wait_accounted(job), f"FAILED|{code}:0")
        disk.free()
        cluster.run("scontrol", "release", late)
        cluster.wait_job(late)
        self.assertEqual(done.read_text(), "once\n")

    def test_a_damaged_store_is_refused_in_one_line(self):
        cluster = self.make()
        cluster.up()
        held = [cluster.submit("-H", "-o", "/dev/null", "--wrap", "true") for _ in range(3)]
        cluster.reeve("down", "--keep")
        path = cluster.folder / "state" / "state.db"
        whole = path.read_bytes()

        path.write_bytes(b"x" * len(whole))
        result = cluster.up(check=False)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertRegex(result.stderr, f"{path}.*put a copy of it back")
        self.assertEqual(path.read_bytes(), b"x" * len(whole))

        path.write_bytes(whole)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE job SET record = CAST(record || 'x' AS BLOB) WHERE id = ?", (held[1],))
        database.close()
        result = cluster.up(check=False)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertRegex(result.stderr, f"the record of job {held[1]} is damaged.*reevectld -i")

        # Set aside by hand, as the line says; then all else is there.
        conf = cluster.folder / "slurm.conf"
        aside = subprocess.Popen([cluster.bin / "reevectld", "-i", "-f", conf], env=cluster.environment(),
                                 stderr=subprocess.DEVNULL)
        wait_for("the damaged record set aside", lambda: f"the record of job {held[1]} is damaged and set aside" in
                 read(cluster.folder / "log" / "reevectld.log"))
        aside.terminate()
        aside.wait(20)
        cluster.up()
        self.assertEqual(set(cluster.run("squeue", "-h", "-o", "%i").stdout.split()), {str(held[0]), str(held[2])})
        self.assertGreater(cluster.submit("-H", "-o", "/dev/null", "--wrap", "true"), max(held))

    def test_a_copy_taken_at_any_moment_holds_what_was_acknowledged(self):
        """As after a power cut: the files are what they were at some moment."""
        cluster = self.make()
        cluster.up()
        acknowledged = []
        stop = threading.Event()

        def submit():
            while not stop.is_set():
                acknowledged.append(cluster.submit("-H", "-o", "/dev/null", "--wrap", "true"))
        threads = [threading.Thread(target=submit) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for count in range(1, 6):
                wait_for("acknowledgements", lambda count=count: len(acknowledged) > count * 15)
                before = list(acknowledged)
                copy = cluster.base / f"copy{count}"
                copy.mkdir()
                # The log after the file: what a checkpoint moved meanwhile is in both. A frozen writer makes it one moment.
                pid = cluster.daemon_pids()["reevectld"]
                os.kill(pid, signal.SIGSTOP)
                for name in ("state.db", "state.db-wal"):
                    shutil.copy(cluster.folder / "state" / name, copy)
                os.kill(pid, signal.SIGCONT)
                with sqlite3.connect(copy / "state.db") as database:
                    self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
                    there = {row[0] for row in database.execute("SELECT id FROM job")}
                    following = database.execute("SELECT value FROM meta WHERE key = 'next_job_id'").fetchone()[0]
                database.close()
                self.assertEqual(set(before) - there, set())
                self.assertGreater(following, max(there))
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)


if __name__ == "__main__":
    main()
