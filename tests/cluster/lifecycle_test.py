"""`reeve cluster`: up, side by side, killed, failing, down without a trace."""
import os
import signal
import socket
import subprocess
import unittest

from harness import (Cluster, alive, all_pids, cgroup_folders, clean_environment, cluster_name, main, read,
                     wait_for)


class LifecycleTest(unittest.TestCase):
    def make(self, **options):
        cluster = Cluster(**options)
        self.addCleanup(cluster.close)
        return cluster

    def test_down_leaves_nothing(self):
        namespaces = set(os.listdir("/run/netns")) if os.path.exists("/run/netns") else set()
        mounts = read("/proc/self/mountinfo")
        cluster = self.make(nodes=2)
        cluster.up()
        name = cluster_name(cluster.folder)
        job = cluster.submit("-N", "2", "-o", "/dev/null", "--wrap", "setsid sleep 4321 & srun sleep 4321")
        wait_for("tasks", lambda: [p for p in cluster.processes() if "sleep" in read(f"/proc/{p}/comm")])
        pids = cluster.processes() + list(cluster.daemon_pids().values())
        keeper = int(read(cluster.folder / "run" / "keeper.pid").split()[0])
        shell = subprocess.Popen([cluster.bin / "reeve", "cluster", "exec", "--dir", cluster.folder, "n2",
                                  "--", "sleep", "4321"], env=clean_environment())
        wait_for("a guest", lambda: shell.pid in cluster.processes())
        if os.access("/sys/fs/cgroup", os.W_OK):
            self.assertNotEqual(cgroup_folders(name), [])
        cluster.down()
        shell.wait(10)
        for pid in pids + [keeper]:
            self.assertFalse(alive(pid), read(f"/proc/{pid}/cmdline"))
        self.assertEqual([p for p in all_pids() if str(cluster.folder) in read(f"/proc/{p}/cmdline")], [])
        self.assertEqual(cgroup_folders(name), [])
        self.assertEqual(read("/proc/self/mountinfo"), mounts)
        after = set(os.listdir("/run/netns")) if os.path.exists("/run/netns") else set()
        self.assertEqual(after, namespaces)
        self.assertFalse(cluster.folder.exists())
        self.assertEqual(cluster.reeve("down").returncode, 0)  # once more is no error
        del job

    def test_several_at_once(self):
        first, second = self.make(nodes=1), self.make(nodes=2)
        first.up()
        second.up()
        a = first.submit("-o", "a.out", "--wrap", "srun hostname; echo $SLURM_CLUSTER_NAME")
        b = second.submit("-N", "2", "-o", "b.out", "--wrap", "srun hostname | sort; echo $SLURM_CLUSTER_NAME")
        first.wait_job(a)
        second.wait_job(b)
        self.assertEqual((first.work / "a.out").read_text().split(), ["n1", cluster_name(first.folder)])
        self.assertEqual((second.work / "b.out").read_text().split(),
                         ["n1", "n2", cluster_name(second.folder)])
        first.down()
        self.assertEqual(second.run("sinfo", "-h", "-o", "%D %t").stdout.split(), ["2", "idle"])

    def test_killed_daemons_come_back_with_their_state(self):
        cluster = self.make(nodes=2)
        cluster.up()
        held = cluster.submit("-H", "-J", "patient", "-o", "/dev/null", "--wrap", "true")
        done = cluster.work / "done"
        running = cluster.submit("-w", "n2", "-o", "/dev/null", "--wrap",
                                 f"until [ -e {cluster.work}/go ]; do sleep 0.1; done; echo once >>{done}")
        wait_for("a running job", lambda: cluster.state(running) == "RUNNING")
        before = cluster.daemon_pids()
        self.assertEqual(set(before), {"munged", "reevedbd", "reevectld", "reevenoded-n1", "reevenoded-n2"})
        for name, pid in before.items():
            if name != "munged":
                self.assertIn(str(cluster.folder), read(f"/proc/{pid}/cmdline"))
                os.kill(pid, signal.SIGKILL)
                wait_for(f"the end of {name}", lambda pid=pid: not alive(pid))
        cluster.up()
        after = cluster.daemon_pids()
        self.assertEqual(after["munged"], before["munged"])
        self.assertEqual(set(after), set(before))
        self.assertEqual(cluster.state(held), "PENDING")
        self.assertEqual(cluster.state(running), "RUNNING")
        (cluster.work / "go").touch()
        cluster.wait_job(running)
        self.assertEqual(done.read_text(), "once\n")
        self.assertEqual(cluster.wait_accounted(running), "COMPLETED|0:0")

    def test_everything_killed_at_once(self):
        """A power cut: the next `up` clears what is left and has the queue again."""
        cluster = self.make(nodes=1)
        cluster.up()
        held = cluster.submit("-H", "-o", "/dev/null", "--wrap", "true")
        keeper = int(read(cluster.folder / "run" / "keeper.pid").split()[0])
        os.kill(keeper, signal.SIGKILL)
        wait_for("the keeper's end", lambda: not alive(keeper))
        cluster.up()
        self.assertEqual(cluster.state(held), "PENDING")

    def test_down_with_keep(self):
        cluster = self.make(nodes=1)
        cluster.up()
        held = cluster.submit("-H", "-o", "/dev/null", "--wrap", "true")
        cluster.reeve("down", "--keep")
        self.assertEqual(cluster.daemon_pids(), {})
        cluster.up()
        self.assertEqual(cluster.state(held), "PENDING")

    def test_a_daemon_that_cannot_start(self):
        cluster = self.make(nodes=1)
        cluster.up()
        cluster.reeve("down", "--keep")
        (cluster.folder / "state").rename(cluster.folder / "log" / "old-state")
        (cluster.folder / "state").write_text("no folder")
        result = cluster.up(check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("state", result.stderr)
        self.assertEqual(cluster.processes(), [])
        (cluster.folder / "state").unlink()
        (cluster.folder / "state").mkdir(0o500)
        conf = cluster.folder / "slurm.conf"
        conf.write_text(conf.read_text().replace("StateSaveLocation=", "StateSaveLocation=/proc/"))
        result = cluster.up(check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "reeve(ctld|dbd) on ctl ended with exit code 1: .*/proc/")
        self.assertRegex(result.stderr, f"{cluster.folder}/log/reeve(ctld|dbd).log")
        self.assertEqual(cluster.processes(), [])
        self.assertEqual(cluster.reeve("status", check=False).returncode, 3)

    def test_bad_arguments_start_nothing(self):
        cluster = self.make(nodes=1)
        for options, words in ((["--nodes", "0"], "--nodes"), (["--nodes", "x"], "--nodes"),
                               (["--set", "KillWait"], "Key=Value"), (["--bogus"], "--bogus"),
                               (["--set", "KilWait=3"], "KillWait"), (["--memory", "much"], "--memory")):
            result = cluster.reeve("up", *options, check=False)
            self.assertEqual(result.returncode, 1, options)
            self.assertIn(words, result.stderr)
            self.assertFalse((cluster.folder / "slurm.conf").exists())
        cluster.up()
        result = cluster.reeve("up", "--nodes", "2", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("already holds a cluster", result.stderr)

    def test_ctrl_c_while_coming_up(self):
        cluster = self.make(nodes=100)
        up = subprocess.Popen([cluster.bin / "reeve", "cluster", "up", "--dir", cluster.folder, *cluster.up_options],
                              env=clean_environment(), stderr=subprocess.PIPE, text=True)
        wait_for("a node", lambda: (cluster.folder / "log" / "reevenoded-n1.log").exists())
        up.send_signal(signal.SIGINT)
        self.assertIn("interrupted", up.communicate(timeout=60)[1])
        self.assertEqual(up.returncode, 1)
        self.assertEqual(cluster.processes(), [])
        self.assertEqual(cluster.reeve("status", check=False).returncode, 3)

    def test_hosts(self):
        cluster = self.make(nodes=2)
        cluster.up()
        self.assertEqual(cluster.reeve("exec", "n2", "--", "hostname").stdout, "n2\n")
        self.assertEqual(cluster.reeve("shell", "hostname").stdout, "login\n")
        address = cluster.reeve("exec", "n1", "--", "getent", "hosts", "n2").stdout.split()[0]
        self.assertTrue(address.startswith("10."))
        reach = cluster.reeve("shell", f"exec 3<>/dev/tcp/{address}/6818", check=False)
        self.assertIn(reach.returncode, (0, 2))  # sh may be dash: it knows no /dev/tcp
        self.assertEqual(cluster.reeve("shell", "bash", "-c", f"exec 3<>/dev/tcp/{address}/6818").returncode, 0)
        cluster.reeve("exec", "n1", "--", "touch", "/dev/shm/mine")
        self.assertNotIn("mine", cluster.reeve("exec", "n2", "--", "ls", "/dev/shm").stdout)
        self.assertEqual(cluster.reeve("exec", "n1", "--", "pwd").stdout.strip(), str(cluster.work))
        self.assertEqual(cluster.reeve("exec", "n1", "--", "sh", "-c", "exit 6", check=False).returncode, 6)
        self.assertEqual(cluster.reeve("exec", "n9", "--", "true", check=False).returncode, 1)
        self.assertNotEqual(socket.gethostname(), "n2")

    def test_env(self):
        cluster = self.make(nodes=1)
        cluster.up()
        script = f'eval "$({cluster.bin}/reeve cluster env --dir {cluster.folder})"; sinfo -h -o %D; command -v sbatch'
        lines = cluster.plain(["bash", "-c", script], clean_environment()).stdout.split()
        self.assertEqual(lines, ["1", str(cluster.bin.resolve() / "sbatch")])

    def test_many_nodes(self):
        """64 nodes of 16 CPUs on whatever this machine has."""
        cluster = self.make(nodes=64, cpus=16)
        line = cluster.up().stdout
        self.assertEqual(len(line.splitlines()), 1)
        self.assertEqual(cluster.run("sinfo", "-h", "-o", "%D %t %C").stdout.split(),
                         ["64", "idle", "0/1024/0/1024"])
        result = cluster.run("srun", "-N", "64", "hostname")
        self.assertEqual(sorted(result.stdout.split()), sorted(f"n{i}" for i in range(1, 65)))


if __name__ == "__main__":
    main()
