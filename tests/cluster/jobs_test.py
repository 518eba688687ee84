"""Jobs run once, end with their own exit codes, and leave no process behind."""
import collections
import json
import os
import pathlib

from harness import ClusterTest, alive, main, read, wait_for


class ManyJobsTest(ClusterTest):
    options = {"nodes": 4, "cpus": 8}

    def test_200_jobs_of_a_second(self):
        """None is lost, none runs twice, every exit code is right."""
        log = self.cluster.work / "ran"
        jobs = {}
        for i in range(200):
            code = i % 5
            job = self.cluster.submit("-o", "/dev/null", "-t", "5",
                                      f"--wrap=echo $SLURM_JOB_ID >>{log}; sleep 1; exit {code}")
            jobs[job] = code
        self.assertEqual(len(jobs), 200)
        wait_for("an empty queue", lambda: not self.cluster.run("squeue", "-h").stdout, 120)
        runs = collections.Counter(int(line) for line in log.read_text().split())
        self.assertEqual(runs, collections.Counter(jobs.keys()))

        def accounted():
            rows = self.cluster.run("sacct", "-n", "-X", "-P", "-o", "JobID,State,ExitCode").stdout.split()
            ended = [row.split("|") for row in rows]
            ended = {int(job): (state, code) for job, state, code in ended
                     if job.isdigit() and state not in ("PENDING", "RUNNING")}
            return ended if len(ended) >= 200 else None
        ended = wait_for("200 accounting records", accounted)
        for job, code in jobs.items():
            self.assertEqual(ended[job], ("FAILED" if code else "COMPLETED", f"{code}:0"))


class JobTest(ClusterTest):
    options = {"nodes": 2, "cpus": 4, "settings": ["KillWait=2"]}

    def test_verbose_sbatch_prints_its_request(self):
        """The client registers its messages' descriptors only when they are asked for, as here."""
        said = self.cluster.run("sbatch", "-v", "-H", "-J", "loud", "-o", "/dev/null", "--wrap", "true").stderr
        self.assertRegex(said, r'request: .*name: "loud"')

    def test_cancel_reaches_deaf_grandchildren(self):
        """Tasks that ignore SIGTERM and children in sessions of their own all go."""
        pids_file = self.cluster.work / "pids"
        job = self.cluster.submit("-N", "2", script=f"""#!/bin/bash
            srun bash -c '
              trap "" TERM
              echo $$ >>{pids_file}
              (trap "" TERM; setsid bash -c "trap \\"\\" TERM; echo \\$\\$ >>{pids_file}; while :; do sleep 1; done") &
              setsid sleep 12345 & echo $! >>{pids_file}
              while :; do sleep 1; done' &
            trap "" TERM
            echo $$ >>{pids_file}
            wait; wait; wait
            """)
        pids = wait_for("seven processes", lambda: (p := read(pids_file).split()) and len(p) == 7 and p)
        for pid in pids:
            self.assertTrue(alive(pid))
        self.cluster.run("scancel", job)
        self.cluster.wait_job(job)
        for pid in pids:
            wait_for(f"the end of process {pid}", lambda pid=pid: not alive(pid), 10)
        leftovers = [p for p in self.cluster.processes() if "sleep" in read(f"/proc/{p}/comm")]
        self.assertEqual(leftovers, [])
        self.assertEqual(self.cluster.wait_accounted(job).split("|")[0], f"CANCELLED by {os.getuid()}")

    def test_time_limit_of_scripts_exit_code_and_signal(self):
        cases = {"exit 3": "FAILED|3:0", "kill -9 $$": "FAILED|0:9", "true": "COMPLETED|0:0"}
        jobs = {self.cluster.submit("-o", "/dev/null", "--wrap", command): expected
                for command, expected in cases.items()}
        for job, expected in jobs.items():
            self.cluster.wait_job(job)
            self.assertEqual(self.cluster.wait_accounted(job), expected)

    def test_squeue_finds_what_sbatch_has_just_answered(self):
        for _ in range(100):
            job = self.cluster.submit("-H", "-o", "/dev/null", "--wrap", "true")
            found = self.cluster.run("squeue", "-h", "-j", job, "-o", "%i %T").stdout.split()
            self.assertEqual(found, [str(job), "PENDING"])
        self.cluster.run("scancel", "-t", "PENDING", "-u", os.environ.get("USER", "root"))
        wait_for("an empty queue", lambda: not self.cluster.run("squeue", "-h").stdout)

    def test_explain_says_what_would_help(self):
        sleeping = ("-t", "10", "-o", "/dev/null", "--wrap", "sleep 600")
        first = self.cluster.submit("-w", "n1", "--exclusive", *sleeping)
        wait_for("its start", lambda: self.cluster.run("squeue", "-h", "-j", first, "-o", "%t").stdout == "R\n")
        second = self.cluster.submit("-N", "2", *sleeping)
        explain = (self.cluster.bin / "reeve", "explain")
        text = self.cluster.run(*explain, f"{first},{second}").stdout
        self.assertIn(f"Job {first}: RUNNING on n1 since ", text)
        self.assertIn(f"n1: job {first}, until ", text)
        self.assertIn("with --nodes=1 instead of 2", text)
        told = json.loads(self.cluster.run(*explain, "--json", second).stdout)["jobs"][0]
        update = next(s["update"] for s in told["suggestions"] if s["option"] == "--nodes=1")
        self.cluster.run("scontrol", "update", f"JobId={second}", update)
        wait_for("its start", lambda: self.cluster.run("squeue", "-h", "-j", second, "-o", "%t %N").stdout == "R n2\n")
        self.cluster.run("scancel", first, second)
        wait_for("an empty queue", lambda: not self.cluster.run("squeue", "-h").stdout)

    def test_one_request_id_is_one_job(self):
        """As when a client was killed between the commit and the reply, and is run again."""
        env = {"REEVE_REQUEST_ID": os.urandom(16).hex()}
        answers = {self.cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true",
                                    env=env).stdout for _ in range(3)}
        self.assertEqual(len(answers), 1)

    def test_job_environment_and_folder(self):
        folder = self.cluster.work / "sub"
        folder.mkdir()
        job = self.cluster.submit("-D", folder, "-N", "2", "-J", "envy", "-o", "%x-%j.txt", "--wrap",
                                  "pwd; hostname; env | grep ^SLURM_ | sort; umask")
        self.cluster.wait_job(job)
        lines = (folder / f"envy-{job}.txt").read_text().splitlines()
        self.assertEqual(pathlib.Path(lines[0]), folder.resolve())
        self.assertEqual(lines[1], "n1")
        for expected in (f"SLURM_JOB_ID={job}", f"SLURM_JOBID={job}", "SLURM_JOB_NODELIST=n[1-2]",
                         "SLURM_NODELIST=n[1-2]", "SLURM_JOB_NUM_NODES=2", "SLURM_NNODES=2",
                         "SLURM_JOB_NAME=envy", "SLURMD_NODENAME=n1", f"SLURM_SUBMIT_DIR={self.cluster.work}",
                         "SLURM_NODEID=0", "SLURM_PROCID=0"):
            if not expected.startswith("SLURMD"):
                self.assertIn(expected, lines)

    def test_srun_exit_codes(self):
        for command, code in ((["bash", "-c", "exit 7"], 7), (["bash", "-c", "kill -9 $$"], 137),
                              (["nosuchcommand"], 2), (["true"], 0)):
            self.assertEqual(self.cluster.run("srun", *command, check=False).returncode, code, command)
        result = self.cluster.run("srun", "--label", "-N", "2", "hostname")
        self.assertEqual(sorted(result.stdout.splitlines()), ["0: n1", "1: n2"])

    def test_salloc_gives_the_commands_exit_code(self):
        result = self.cluster.run("salloc", "-N", "2", "bash", "-c", "srun hostname | sort; exit 5",
                                  check=False)
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertEqual(result.stdout.split(), ["n1", "n2"])
        self.assertIn("Granted job allocation", result.stderr)


if __name__ == "__main__":
    main()
