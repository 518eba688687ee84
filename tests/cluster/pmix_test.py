"""srun --mpi=pmix: Open MPI, unmodified, with srun as its launcher."""
import glob
import os
import re
import subprocess
import time
import unittest

from harness import SOURCE, ClusterTest, main, read, wait_for

ALICE = 40001
PROGRAM = SOURCE / "tests" / "cluster" / "pmix_ring.c"


class PmixTest(ClusterTest):
    options = {"nodes": 4, "cpus": 4}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Another user needs to reach the configuration, munged's socket and the program.
        folder = cls.cluster.folder
        for path in (cls.cluster.base, folder, folder / "run", folder / "munge", folder / "spool"):
            path.chmod(0o711)
        (folder / "run" / "munge.sock").chmod(0o777)
        cls.cluster.work.chmod(0o777)

    def setUp(self):
        program = self.cluster.work / "ring"
        if not program.exists():
            subprocess.run(["mpicc", "-O1", str(PROGRAM), "-o", str(program)], check=True)

    def srun(self, *arguments, check=True):
        # Four ranks share less than one core: those that wait must not keep the others from it.
        return self.cluster.run("srun", *arguments, check=check, timeout=180,
                                env={"OMPI_MCA_mpi_yield_when_idle": "1",
                                     "OMPI_MCA_hwloc_base_binding_policy": "none"})

    def servers(self):
        """The PMIx servers that run on the cluster's hosts: pids."""
        return [pid for pid in self.cluster.processes() if read(f"/proc/{pid}/comm").strip() == "reeve-pmixd"]

    def check_world(self, output, ranks, hosts):
        lines = re.findall(r"^rank (\d+) of (\d+) on (\S+) sum (\d+) token (\d+)$", output, re.M)
        self.assertEqual(sorted(int(line[0]) for line in lines), list(range(ranks)), output)
        self.assertEqual({line[1] for line in lines}, {str(ranks)}, output)
        self.assertEqual({line[3] for line in lines}, {str(ranks * (ranks - 1) // 2)}, output)
        self.assertEqual(sorted({line[2] for line in lines}), hosts, output)
        # In the order of the ring: the last to have it is rank 0.
        self.assertEqual({int(line[4]) for line in lines if line[0] == "0"}, {ranks if ranks > 1 else 0}, output)

    def step_folders(self):
        """What servers have on disk. `glob`, because pathlib's own fails at a folder that goes meanwhile."""
        return glob.glob(f"{self.cluster.folder}/**/pmix/*.*.*", recursive=True)

    def check_nothing_left(self):
        wait_for("the end of all PMIx servers", lambda: not self.servers())
        wait_for("their folders to go", lambda: not self.step_folders())

    def test_one_host(self):
        result = self.srun("--mpi=pmix", "-N1", "-n2", "./ring")
        self.check_world(result.stdout, 2, ["n1"])
        self.assertEqual(result.stderr, "")
        self.check_nothing_left()

    def test_one_rank_is_a_world(self):
        self.check_world(self.srun("--mpi=pmix", "-n1", "./ring").stdout, 1, ["n1"])

    def test_four_hosts(self):
        result = self.srun("--mpi=pmix", "-N4", "-n16", "./ring")
        self.check_world(result.stdout, 16, ["n1", "n2", "n3", "n4"])
        self.assertEqual(result.stderr, "")
        self.check_nothing_left()

    def test_ranks_dealt_out_in_turn(self):
        result = self.srun("--mpi=pmix", "-N3", "-n8", "-m", "cyclic", "./ring")
        self.check_world(result.stdout, 8, ["n1", "n2", "n3"])
        hosts = dict(re.findall(r"^rank (\d) of 8 on (\S+)", result.stdout, re.M))
        self.assertEqual([hosts[str(rank)] for rank in range(4)], ["n1", "n2", "n3", "n1"])

    def test_inside_of_a_batch_job_twice_at_once(self):
        script = """#!/bin/bash
#SBATCH -N4 --ntasks-per-node=4
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
srun --mpi=pmix -w 'n[1-2]' -N2 -n4 ./ring >first.out &
srun --mpi=pmix -w 'n[3-4]' -N2 -n4 ./ring >second.out
wait $!
"""
        job = self.cluster.submit(script=script)
        self.cluster.wait_job(job, 120)
        self.assertEqual(self.cluster.wait_accounted(job), "COMPLETED|0:0")
        self.check_world((self.cluster.work / "first.out").read_text(), 4, ["n1", "n2"])
        self.check_world((self.cluster.work / "second.out").read_text(), 4, ["n3", "n4"])
        self.check_nothing_left()

    def test_inside_of_salloc(self):
        result = self.cluster.run("salloc", "-Q", "-N2", "--ntasks-per-node=2", "srun", "--mpi=pmix", "./ring",
                                  env={"OMPI_MCA_mpi_yield_when_idle": "1"}, timeout=180)
        self.check_world(result.stdout, 4, ["n1", "n2"])

    def test_abort_ends_all_and_gives_its_status(self):
        begin = time.monotonic()
        result = self.srun("--mpi=pmix", "-N4", "--ntasks-per-node=2", "./ring", "abort", check=False)
        self.assertEqual(result.returncode, 7, result.stderr)
        self.assertIn("srun: error: n3: task 5 called MPI_Abort, status 7", result.stderr)
        self.assertIn("srun: Job step aborted", result.stderr)
        self.assertLess(time.monotonic() - begin, 25)  # KillWait is 30 s
        self.check_nothing_left()

    def test_abort_needs_no_srun(self):
        process, gate, _ = self.hold(how="late")
        # Its allocation stays without its srun, and the next test needs the hosts.
        self.addCleanup(self.cluster.run, "scancel", "-u", "root")
        process.kill()
        process.communicate(timeout=60)
        self.assertEqual(len(self.ranks()), 4)
        gate.touch()
        wait_for("the end of all ranks", lambda: not self.ranks(), 10)
        self.check_nothing_left()

    def test_a_rank_that_is_killed_ends_all(self):
        begin = time.monotonic()
        result = self.srun("--mpi=pmix", "-N4", "--ntasks-per-node=2", "./ring", "die", check=False)
        self.assertEqual(result.returncode, 137, result.stderr)
        self.assertIn("n3: task 5 has gone without MPI_Finalize", result.stderr)
        self.assertLess(time.monotonic() - begin, 25)
        self.check_nothing_left()

    def ranks(self):
        return [pid for pid in self.cluster.processes() if read(f"/proc/{pid}/comm").strip() == "ring"]

    def hold(self, *prefix, how="hold"):
        """A step whose ranks wait for a file: the srun, the file, what the ranks have said."""
        gate = self.cluster.work / f"gate{time.monotonic_ns()}"
        process = subprocess.Popen(
            [*prefix, "srun", "--mpi=pmix", "-N2", "--ntasks-per-node=2", "./ring", how, str(gate)], cwd=self.cluster.work, text=True,
            env={**self.cluster.environment(), "OMPI_MCA_mpi_yield_when_idle": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = [process.stdout.readline() for _ in range(4)]
        self.assertEqual(len(self.servers()), 2)
        return process, gate, "".join(lines)

    def test_the_server_is_the_users_and_of_the_step(self):
        process, gate, output = self.hold(
            str(self.cluster.bin / "reeve"), "cluster", "exec", "--dir", str(self.cluster.folder), "login", "--",
            "setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups", "env", "HOME=/tmp")
        step = {read(f"/proc/{pid}/cgroup") for pid in self.ranks()}
        for server in self.servers():
            status = read(f"/proc/{server}/status")
            self.assertRegex(status, fr"\nUid:(\t{ALICE}){{4}}\nGid:(\t{ALICE}){{4}}\n")
            self.assertRegex(status, r"\nCapEff:\t0+\n")
            self.assertIn(read(f"/proc/{server}/cgroup"), step)
            for fd in os.listdir(f"/proc/{server}/fd"):
                target = os.readlink(f"/proc/{server}/fd/{fd}")
                mine = re.match(r"/dev/null$|socket:|pipe:|anon_inode:|.*/spool/n\d/pmix/", target)
                self.assertTrue(mine, f"descriptor {fd} is {target}")
        gate.touch()
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, errors)
        self.check_world(output, 4, ["n1", "n2"])
        self.check_nothing_left()

    def test_a_server_that_is_killed_ends_all(self):
        process, *_ = self.hold()
        os.kill(self.servers()[0], 9)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("the node's PMIx server has died", errors)
        self.check_nothing_left()

    def test_a_cancelled_step_leaves_nothing(self):
        process, *_ = self.hold()
        self.cluster.run("scancel", "-u", "root")
        process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.check_nothing_left()

    def listening_port(self, pid):
        """Of a server's socket for its peers: not the library's, which is bound to loopback."""
        inodes = {os.readlink(f"/proc/{pid}/fd/{fd}")[8:-1] for fd in os.listdir(f"/proc/{pid}/fd")
                  if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")}
        for table in ("tcp6", "tcp"):
            for line in read(f"/proc/{pid}/net/{table}").splitlines()[1:]:
                words = line.split()
                address, port = words[1].split(":")
                if words[3] == "0A" and words[9] in inodes and int(address, 16) == 0:
                    return int(port, 16)
        raise AssertionError("the server listens nowhere")

    def test_a_stranger_is_dropped(self):
        process, gate, output = self.hold()
        server, other = self.servers()
        port = self.listening_port(server)
        address = re.search(r"(10\.\d+\.\d+\.\d+)/", subprocess.run(
            ["nsenter", f"--net=/proc/{server}/ns/net", "ip", "-4", "-o", "addr"], check=True, text=True,
            capture_output=True).stdout).group(1)
        stranger = ("import socket,sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)\n"
                    "s.settimeout(20); s.sendall(b'x' * 52); said = b''\n"
                    "try:\n"
                    "  while True:\n"
                    "    more = s.recv(4096)\n"
                    "    if not more: break\n"
                    "    said += more\n"
                    "except ConnectionResetError: pass\n"
                    "print(len(said))")
        heard = subprocess.run(["nsenter", f"--net=/proc/{other}/ns/net", "/usr/bin/python3", "-c", stranger,
                                address, str(port)], text=True, capture_output=True, timeout=60)
        self.assertEqual(heard.stdout, "16\n", heard.stderr)  # the nonce, and then the end
        gate.touch()
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, errors)
        self.check_world(output, 4, ["n1", "n2"])

    def test_without_mpi_nothing_is_started(self):
        result = self.srun("-N2", "sh", "-c", "env | grep -c ^PMIX; sleep 0.2")
        self.assertEqual(result.stdout.split(), ["0", "0"])
        process = subprocess.Popen(["srun", "-N2", "sleep", "100"], env=self.cluster.environment(),
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def sleeping():
            return len([p for p in self.cluster.processes() if read(f"/proc/{p}/comm").strip() == "sleep"])
        wait_for("two tasks", lambda: sleeping() == 2)
        self.assertEqual(self.servers(), [])
        process.terminate()
        process.communicate(timeout=60)

    def test_programs_without_mpi_are_plain_tasks(self):
        result = self.srun("--mpi=pmix", "-N2", "-n2", "sh", "-c", "echo $SLURM_MPI_TYPE $PMIX_RANK; exit $PMIX_RANK",
                           check=False)
        self.assertEqual(sorted(result.stdout.split("\n")), ["", "pmix 0", "pmix 1"])
        self.assertEqual(result.returncode, 1)
        self.check_nothing_left()

    def test_by_a_variable_and_by_name(self):
        variable = self.cluster.run("srun", "-n1", "sh", "-c", "echo $SLURM_PMIX_MAPPING_SERV",
                                    env={"SLURM_MPI_TYPE": "pmix"})
        self.assertEqual(variable.stdout, "(vector,(0,1,1))\n")
        self.assertIn("\tpmix\n", self.srun("--mpi=list").stdout)
        refused = self.srun("--mpi=pmi2", "hostname", check=False)
        self.assertIn("--mpi=pmi2 is not supported yet", refused.stderr)


if __name__ == "__main__":
    main()
