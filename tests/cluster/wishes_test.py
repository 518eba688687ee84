"""What few jobs ask for: limits that may be lowered, deadlines, a signal before the end; when they would start."""
import os
import re
import signal
import time

from harness import ClusterTest, alive, main, wait_for


class WishesTest(ClusterTest):
    options = {"nodes": 2, "cpus": 2, "settings": ["KillWait=1"]}

    def scontrol(self, *words, check=True):
        return self.cluster.run("scontrol", *words, check=check)

    def shown(self, job, key):
        return self.scontrol("show", "job", job).stdout.split(f"{key}=")[1].split()[0]

    def sleeper(self, *options):
        job = self.cluster.submit(*options, "-o", "/dev/null", "--wrap", "sleep 600")
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        return job

    def wait_for_state(self, job, state):
        wait_for(f"job {job} to be {state}", lambda: self.cluster.state(job) == state)

    def setUp(self):
        super().setUp()
        wait_for("idle nodes", lambda: set(self.cluster.run("sinfo", "-h", "-o", "%t").stdout.split())
                 == {"idle"})

    def test_a_limit_is_lowered_so_that_a_job_starts_before_a_higher_one(self):
        first = self.sleeper("-w", "n1", "--exclusive", "-t", "30")
        self.wait_for_state(first, "RUNNING")
        wide = self.sleeper("-N2", "--exclusive", "-t", "60")
        flexible = self.sleeper("-t", "60", "--time-min", "10")
        self.wait_for_state(flexible, "RUNNING")
        self.assertEqual(self.shown(flexible, "TimeMin"), "00:10:00")
        self.assertIn(self.shown(flexible, "TimeLimit"), ("00:29:00", "00:30:00"))
        stiff = self.sleeper("-t", "60")
        self.assertEqual(self.cluster.state(stiff), "PENDING")
        self.assertEqual(self.cluster.state(wide), "PENDING")
        self.scontrol("update", f"JobId={stiff}", "TimeMin=20")
        self.wait_for_state(stiff, "RUNNING")

    def test_a_deadline(self):
        refused = self.cluster.run("sbatch", "-t", "10", "--deadline", "now+9minutes", "--wrap", "true",
                                   check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("Batch job submission failed: Requested time limit is invalid", refused.stderr)
        self.sleeper("-N2", "--exclusive", "-t", "30")
        late = self.cluster.submit("-t", "1", "--deadline", "now+64", "-o", "/dev/null", "--wrap", "true")
        self.assertNotEqual(self.shown(late, "Deadline"), "N/A")
        self.assertIn("deadline", self.cluster.run("reeve", "explain", late).stdout)
        self.assertEqual(self.cluster.run("squeue", "-h", "-j", late, "-O", "Deadline:.30").stdout.strip(),
                         self.shown(late, "Deadline"))
        self.assertEqual(self.cluster.wait_accounted(late), "DEADLINE|0:1")
        self.assertEqual(self.shown(late, "Reason"), "DeadLine")

    def test_a_signal_for_the_scripts_shell(self):
        """Neither for its children, and also when the controller is restarted meanwhile."""
        said = self.cluster.work / "said"
        job = self.cluster.submit("-t", "1", "--signal=B:USR1@50", "-o", "/dev/null", script=f"""#!/bin/bash
            trap 'echo shell $SECONDS >>{said}; exit 7' USR1
            bash -c 'trap "echo child >>{said}" USR1; while :; do sleep 0.1; done' &
            wait
            """)
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        self.wait_for_state(job, "RUNNING")
        controller = self.cluster.daemon_pids()["reevectld"]
        os.kill(controller, signal.SIGKILL)
        wait_for("the controller's end", lambda: not alive(controller))
        self.cluster.up()
        self.assertEqual(self.cluster.wait_accounted(job, 50), "FAILED|7:0")
        words = said.read_text().split()
        self.assertEqual(words[0::2], ["shell"])
        self.assertIn(int(words[1]), range(3, 40))

    def test_a_signal_for_the_tasks_of_steps(self):
        said = self.cluster.work / "tasks"
        job = self.cluster.submit("-N2", "-n2", "-t", "1", "--signal=USR1@50", "-o", "/dev/null", script=f"""#!/bin/bash
            trap 'echo shell >>{said}' USR1
            srun bash -c 'trap "echo task $SLURM_PROCID >>{said}; exit 0" USR1; while :; do sleep 0.1; done'
            echo end >>{said}
            """)
        self.addCleanup(self.cluster.run, "scancel", job, check=False)
        self.assertEqual(self.cluster.wait_accounted(job, 50), "COMPLETED|0:0")
        self.assertEqual(sorted(said.read_text().splitlines()[:2]), ["task 0", "task 1"])
        self.assertEqual(said.read_text().splitlines()[2:], ["end"])

    def test_a_signal_of_a_step_is_refused(self):
        refused = self.cluster.run("salloc", "srun", "--signal=USR1", "true", check=False)
        self.assertEqual(refused.returncode, 255)
        self.assertIn("srun: error: --signal for a step inside of a job is not supported yet", refused.stderr)

    def would_start(self, *command):
        """What --test-only tells: the job's id, in how many seconds it would start, and the rest of the line."""
        asked = self.cluster.run(*command)
        self.assertEqual(asked.stdout, "")
        told = re.fullmatch(rf"{command[0]}: Job (\d+) to start at (\S+) (using .*)\n", asked.stderr)
        self.assertIsNotNone(told, asked.stderr)
        start = time.mktime(time.strptime(told[2], "%Y-%m-%dT%H:%M:%S"))
        return int(told[1]), start - time.time(), told[3]

    def not_accepted(self, *command):
        asked = self.cluster.run(*command, check=False)
        self.assertEqual((asked.returncode, asked.stdout), (1, ""))
        return asked.stderr

    def test_when_a_job_would_start(self):
        _, wait, where = self.would_start("sbatch", "--test-only", "-N2", "-n4", "--wrap", "true")
        self.assertLess(abs(wait), 20)
        self.assertEqual(where, "using 4 processors on nodes n[1-2] in partition debug")
        first = self.sleeper("-N2", "--exclusive", "-t", "30")
        self.wait_for_state(first, "RUNNING")
        _, wait, where = self.would_start("srun", "--test-only", "-n2", "-t", "5")
        self.assertLess(abs(wait - 1800), 60)
        self.assertEqual(where, "using 2 processors on nodes n1 in partition debug")
        self.assertEqual(self.would_start("srun", "--test-only", "-n2", "-t", "5", "true")[2], where)
        behind = self.sleeper("-N2", "--exclusive", "-t", "10")
        job, wait, _ = self.would_start("sbatch", "--test-only", "-t", "5", "--begin=now+60", "--wrap", "true")
        self.assertLess(abs(wait - 2400), 60)
        queue = self.cluster.run("squeue", "-h", "-o", "%i").stdout.split()
        self.assertIn(str(behind), queue)
        self.assertNotIn(str(job), queue)
        self.assertEqual(self.sleeper("-t", "5"), job)

    def test_a_job_of_which_no_start_is_told(self):
        self.assertRegex(self.not_accepted("sbatch", "--test-only", "-N3", "--wrap", "true"),
                         r"^sbatch: error: job \d+ can never run as the cluster stands: partition debug has 2 "
                         r"nodes, 3 needed\nallocation failure: Requested node configuration is not available\n$")
        self.assertIn("allocation failure: Invalid partition name specified\n",
                      self.not_accepted("srun", "--test-only", "-p", "nope", "true"))
        self.assertIn("allocation failure: Job is in held state, pending scheduler release\n",
                      self.not_accepted("sbatch", "--test-only", "-H", "--wrap", "true"))
        for command, what in (("sbatch --test-only -n1 : -n1 --wrap true", "of a heterogeneous job"),
                              ("salloc srun --test-only true", "for a step inside of a job")):
            refused = self.cluster.run(*command.split(), check=False)
            self.assertEqual(refused.returncode, 255)
            self.assertIn(f"error: --test-only {what} is not supported yet\n", refused.stderr)

    def test_a_job_that_can_never_run_is_noted(self):
        for command in (["sbatch", "-N3", "-H", "--wrap", "true"], ["sbatch", "-N3", "--wrap", "true"]):
            sent = self.cluster.run(*command)
            job = sent.stdout.split()[-1]
            self.addCleanup(self.cluster.run, "scancel", job, check=False)
            self.assertEqual(sent.stderr, f"sbatch: note: job {job} can never run as the cluster "
                                          "stands: partition debug has 2 nodes, 3 needed\n")
        self.assertEqual(self.cluster.run("sbatch", "-Q", "-N3", "-H", "--wrap", "true").stderr, "")
        self.scontrol("update", "NodeName=n2", "State=DRAIN", "Reason=test")
        self.addCleanup(self.scontrol, "update", "NodeName=n2", "State=RESUME")
        later = self.cluster.run("sbatch", "-N2", "--wrap", "true")
        self.addCleanup(self.cluster.run, "scancel", later.stdout.split()[-1], check=False)
        self.assertEqual(later.stderr, "")


if __name__ == "__main__":
    main()
