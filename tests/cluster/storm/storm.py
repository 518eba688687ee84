"""Storms: many small jobs while daemons are killed, and the judge that compares what the jobs wrote themselves
with what the cluster says about them."""
import argparse
import collections
import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import Cluster, read, wait_for  # noqa: E402  the path is set just above

# What a job does: says that it starts and that it ends, each with its job id, array task and attempt, in a file
# named after the submission, and ends with the code it was given. Lines this short are written in one piece.
JOB = """f={file}; me="$SLURM_JOB_ID ${{SLURM_ARRAY_TASK_ID:--}} ${{SLURM_RESTART_COUNT:-0}}"
echo "start $me" >>$f
{work}
echo "end $me" >>$f
exit {code}"""


class Submission:
    """One sbatch or srun, tried with one request id until it is acknowledged."""

    def __init__(self, tag, code, tasks=0, seconds=0.0, step=False):
        self.tag = tag
        self.code = code
        self.tasks = tasks  # 0: no array
        self.seconds = seconds
        self.step = step  # its work is done by a srun of its own
        self.job = None  # once acknowledged
        self.cancelled = False
        self.acknowledged_at = None

    def rows(self):
        """The JobIDs of sacct that this one must have."""
        return [f"{self.job}_{task}" for task in range(self.tasks)] if self.tasks else [str(self.job)]


class Keeper:
    """Starts daemons of an embedded cluster again without waiting for the whole of it."""

    def __init__(self, cluster):
        folder = str(cluster.folder / "run" / "keeper.sock")
        self.path = folder

    def ask(self, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(self.path)
            connection.send(request.encode())
            answer = connection.recv(128 << 10).decode()
        if not answer.startswith("ok"):
            raise AssertionError(f"keeper: {request}: {answer}")
        return answer

    def start(self, daemon):
        return int(self.ask(f"start {daemon}").split()[1])

    def pid(self, daemon):
        for line in self.ask("list").splitlines():
            words = line.split()
            if words and words[0] == daemon and words[3] == "1":
                return int(words[2])
        return 0

    def kill(self, daemon, sig=signal.SIGKILL):
        """True when it was alive; returns when it is dead."""
        pid = self.pid(daemon)
        try:
            handle = os.pidfd_open(pid) if pid else None
        except ProcessLookupError:
            handle = None
        if handle is None:
            return False
        try:
            if self.pid(daemon) != pid:  # numbers come round quickly here: is it still the one meant?
                return False
            signal.pidfd_send_signal(handle, sig)
            if sig == signal.SIGKILL and not select.select([handle], [], [], 30)[0]:
                raise AssertionError(f"{daemon} survives SIGKILL")
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)


class Storm:
    """A cluster, its submitters, and the record of what they were told."""

    def __init__(self, name, options, nodes=3, cpus=16, settings=()):
        self.name = name
        self.rounds = options.rounds
        self.random = random.Random(options.seed)
        self.seed = options.seed
        self.cluster = Cluster(nodes=nodes, cpus=cpus, settings=["MessageTimeout=60", "MinJobAge=3000", *settings])
        self.keep_folder = options.keep
        self.folder = self.cluster.work / "jobs"
        self.folder.mkdir()
        self.submissions = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.errors = []
        self.threads = []
        self.began = time.monotonic()
        self.kills = collections.Counter()
        self.failed = False

    def __enter__(self):
        self.cluster.up()
        self.keeper = Keeper(self.cluster)
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(90)
        if not self.keep_folder or (kind is None and not self.failed):
            self.cluster.close()
        else:
            print(f"{self.name}: left for a look: {self.cluster.folder}", file=sys.stderr)

    # ---- submitters ------------------------------------------------------------------------------

    def start_submitters(self, count, **habits):
        for index in range(count):
            thread = threading.Thread(target=self.submit_until_stopped, args=(index, habits), daemon=True)
            self.threads.append(thread)
            thread.start()

    def submit_until_stopped(self, index, habits):
        chance = random.Random(f"{self.seed}.{index}")
        number = 0
        try:
            while not self.stopping.is_set():
                if self.backlog() > habits.get("backlog", 60):
                    self.stopping.wait(0.05)
                    continue
                number += 1
                self.submit_one(f"s{index}-{number}", chance, habits)
        except Exception as error:  # told by the judge, whatever it is
            self.errors.append(f"submitter {index}: {error!r}")

    def backlog(self):
        """Submissions whose jobs have not all written their end."""
        with self.lock:
            unfinished = [s for s in self.submissions if not s.cancelled and not getattr(s, "done", False)]
        for submission in unfinished:
            ends = read(self.folder / submission.tag).count("end ")
            if ends >= max(1, submission.tasks):
                submission.done = True
        return sum(1 for s in unfinished if not getattr(s, "done", False))

    def submit_one(self, tag, chance, habits):
        kind = chance.random()
        array = kind < habits.get("arrays", 0.15)
        submission = Submission(tag, chance.choice([0, 0, 1, 7, 130]), chance.randint(2, 5) if array else 0,
                                chance.choice([0, 0, 0.1, 0.5, habits.get("longest", 1.0)]),
                                chance.random() < habits.get("steps", 0.1))
        with self.lock:
            self.submissions.append(submission)
        arguments = ["-J", tag, "-o", "/dev/null", "--parsable", "--wrap", self.script(submission)]
        if array:
            arguments[:0] = ["-a", f"0-{submission.tasks - 1}"]
        submission.job = self.acknowledge(["sbatch", *arguments], tag, chance, habits.get("killed_clients", 0.1))
        submission.acknowledged_at = time.monotonic()
        if chance.random() < habits.get("cancels", 0.05):
            result = self.cluster.run("scancel", submission.job, check=False, timeout=300)
            submission.cancelled = result.returncode == 0
            if not submission.cancelled:
                self.errors.append(f"scancel {submission.job}: {result.stderr.strip()}")

    def script(self, submission):
        work = f"sleep {submission.seconds}" if submission.seconds else ":"
        if submission.step:
            work = f"srun -n1 sh -c 'echo \"step $SLURM_JOB_ID ${{SLURM_ARRAY_TASK_ID:--}} 0\" >>{self.folder}/{submission.tag}'" \
                   f" 2>>{self.folder}/{submission.tag}.err || echo \"badstep $?\" >>{self.folder}/{submission.tag}"
        return JOB.format(file=self.folder / submission.tag, work=work, code=submission.code)

    def acknowledge(self, command, tag, chance, killed):
        """The id, from as many runs of the client as it takes: with the same request id each time, as a user's own
        retry loop would. Now and then the client is killed in the middle."""
        env = {**self.cluster.environment(), "REEVE_REQUEST_ID": os.urandom(16).hex()}
        for _ in range(1000):
            client = subprocess.Popen(command, cwd=self.cluster.work, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if chance.random() < killed:
                try:
                    client.wait(chance.uniform(0, 0.05))
                except subprocess.TimeoutExpired:
                    client.kill()
            output, errors = client.communicate(timeout=300)
            if client.returncode == 0:
                return int(output)
            if client.returncode > 0 and "connect failure" not in errors and "retrying" not in errors:
                self.errors.append(f"{tag}: sbatch ended with {client.returncode}: {errors.strip()}")
                time.sleep(0.2)
        raise AssertionError(f"{tag}: never acknowledged")

    def acknowledged(self):
        with self.lock:
            return sum(1 for s in self.submissions if s.job is not None)

    # ---- killers ---------------------------------------------------------------------------------

    def kill_and_restart(self, daemon, away=(0.0, 0.3)):
        if self.keeper.kill(daemon):
            self.kills[daemon] += 1
        time.sleep(self.random.uniform(*away))
        self.keeper.start(daemon)

    def progress(self, count):
        if count % 20 == 0 :
            print(f"{self.name}: round {count}/{self.rounds}, {self.acknowledged()} acknowledged, "
                  f"{time.monotonic() - self.began:.0f} s", file=sys.stderr, flush=True)

    # ---- the judge -------------------------------------------------------------------------------

    def calm_down(self, seconds=60):
        """No more faults: every submission is acknowledged and every job ends."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(300)
            if thread.is_alive():
                self.errors.append("a submitter hangs")
        queue = ""

        def empty():
            nonlocal queue
            queue = self.cluster.run("squeue", "-h", "-r", "-o", "%i %j %T %r %N", check=False, timeout=300)
            return queue.returncode == 0 and not queue.stdout
        try:
            wait_for("an empty queue", empty, seconds)
        except AssertionError:
            self.errors.append(f"still in the queue: {queue.stdout[:2000]}{queue.stderr[:500]}")
        wanted = {row for s in self.submissions if s.job and not s.cancelled for row in s.rows()}

        def accounted():
            rows = self.accounting()
            return not wanted - set(rows) and all(state not in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED")
                                                  for found in rows.values() for state, _, _ in found)
        try:
            wait_for("accounting", accounted, 60)
        except AssertionError:
            pass  # the judge says what is missing

    def accounting(self):
        """State, exit code and name of every row by JobID, repeated runs too."""
        text = self.cluster.run("sacct", "-n", "-X", "-P", "-D", "-S", "now-1days", "-o",
                                "JobID%30,State%30,ExitCode,JobName%40", timeout=300).stdout
        rows = collections.defaultdict(list)
        for line in text.splitlines():
            job, state, code, name = line.split("|")
            rows[job].append((state.split()[0], code, name))
        return rows

    def judge(self):
        """Prints the summary; the number of faults."""
        rows = self.accounting()
        faults = collections.Counter()
        details = []

        def fault(kind, text):
            faults[kind] += 1
            details.append(f"{kind}: {text}")
        known = set()
        jobs = 0
        for submission in self.submissions:
            if submission.job is None:
                fault("unacknowledged", submission.tag)
                continue
            for task, row in enumerate(submission.rows()):
                jobs += 1
                known.add(row)
                self.judge_row(submission, task, row, rows.get(row, []), fault)
            self.judge_file(submission, fault)
        rests = tuple(f"{s.job}_[" for s in self.submissions if s.cancelled and s.tasks)
        for row, found in rows.items():
            if row not in known and not row.startswith(rests):
                fault("surplus", f"{row} {found}: acknowledged to nobody")
        for error in self.errors:
            fault("errors", error)
        for line in details[:40]:
            print(line, file=sys.stderr)
        total = sum(faults.values())
        self.failed = total > 0
        kills = ", ".join(f"{count}x {name}" for name, count in sorted(self.kills.items()))
        names = ("missing", "twice", "wrong", "unfinished", "duplicate rows", "surplus", "errors")
        print(f"{self.name}: {'FAILED' if total else 'ok'}: {self.rounds} rounds (seed {self.seed}; kill -9: {kills}), "
              f"{len(self.submissions)} submissions, {jobs} jobs in {time.monotonic() - self.began:.0f} s: "
              + ", ".join(f"{name} {faults[name]}" for name in names), flush=True)
        return total

    def judge_row(self, submission, task, row, found, fault):
        if not found:
            if submission.cancelled and submission.tasks:
                return None  # it ended with the others that had not begun: one row for all of them
            return fault("missing", f"{row} ({submission.tag}) is not in sacct")
        if len(found) > 1:
            fault("duplicate rows", f"{row} ({submission.tag}): {found}")
        state, code, name = found[-1]
        if name != submission.tag:
            fault("wrong", f"{row}: is {name}, was acknowledged as {submission.tag}")
        expected = ("FAILED" if submission.code else "COMPLETED", f"{submission.code}:0")
        mine = [line for line in read(self.folder / submission.tag).splitlines()
                if line.split()[2:3] == [str(task) if submission.tasks else "-"]]
        if submission.cancelled and state == "CANCELLED":
            return None  # at whatever moment it came
        if (state, code) != expected:
            fault("wrong", f"{row} ({submission.tag}): {state} {code}, expected {expected}; it wrote {mine}")
        ends = [line for line in mine if line.startswith("end")]
        if len(ends) != 1:
            fault("unfinished", f"{row} ({submission.tag}): {state}, but it wrote {mine}")
        if submission.step and sum(line.startswith("step") for line in mine) != 1:
            fault("wrong", f"{row} ({submission.tag}): its step did not run once: {mine}")
        return None

    def judge_file(self, submission, fault):
        lines = read(self.folder / submission.tag).splitlines()
        starts = collections.Counter(line.split()[2] for line in lines if line.startswith("start "))
        for task, count in starts.items():
            if count > 1:
                fault("twice", f"{submission.job} ({submission.tag}) task {task}: {lines}")
        if any(line.startswith("badstep") for line in lines) and not submission.cancelled:
            fault("wrong", f"{submission.job} ({submission.tag}): {lines}, "
                           f"srun: {read(self.folder / (submission.tag + '.err'))}")


def options(rounds):
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--keep", action="store_true", help="keep the cluster after a failure")
    given = parser.parse_args()
    if subprocess.run(["unshare", "--net", "--mount", "--uts", "true"], capture_output=True).returncode:
        print("virtual hosts cannot be made by this user here: skipped")
        raise SystemExit(77)
    return given
