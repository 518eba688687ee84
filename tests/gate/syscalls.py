"""Counts system calls: perf records each of them (tracepoint raw_syscalls:sys_enter), without stopping who makes it."""
import collections
import os
import re
import signal
import subprocess

EVENT = "raw_syscalls:sys_enter"
LINE = re.compile(r"\s*(\d+) NR (\d+) \((.*)\)")
FORKS = {"clone", "clone3", "fork", "vfork"}
# How often somebody waits, is woken or looks in vain is the machine's doing, not the program's; so is whether a child that is killed
# when it has done its work gets as far as its own end.
WAITS = {"futex", "epoll_wait", "epoll_pwait", "poll", "ppoll", "clock_nanosleep", "nanosleep", "restart_syscall", "sched_yield", "wait4",
         "brk", "madvise", "exit_group"}
WRITES = {"write", "pwrite64", "sendto"}


def names():
    """Of the numbers on this machine."""
    macros = subprocess.run(["g++", "-E", "-dM", "-x", "c++", "-"], input="#include <sys/syscall.h>\n", check=True,
                            capture_output=True, text=True).stdout
    return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)\n", macros)}


class Calls:
    """The calls of one process or of several: how many of each name, and bytes given to write() and its kind."""

    def __init__(self):
        self.by_name = collections.Counter()
        self.written = 0

    def add(self, name, arguments):
        self.by_name[name] += 1
        if name in WRITES:
            self.written += int(arguments.split(", ")[2], 16)

    def work(self):
        return sum(count for name, count in self.by_name.items() if name not in WAITS)

    def of(self, *wanted):
        return sum(self.by_name[name] for name in wanted)


def read_trace(text, by_number, group_of):
    """Of what perf prints, in order of time: group -> Calls. group_of(pid) names a process's group. What a process does after an
    execve is in the group NAME + ":exec"."""
    groups, executed = collections.defaultdict(Calls), set()
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        pid, name = int(found[1]), by_number.get(int(found[2]), found[2])
        group = group_of(pid)
        groups[group + ":exec" if pid in executed else group].add(name, found[3])
        if name == "execve":
            executed.add(pid)
    return groups


def perf(*arguments, **more):
    # tracefs, where the tracepoint's number is read, gets mounted where it is not: for perf alone.
    script = ('[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || exit 77\nexec perf "$@"')
    return subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "perf", *arguments], **more)


def available():
    """Why nothing can be counted here; empty when it can."""
    try:
        result = perf("stat", "-e", EVENT, "true", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        return str(error)
    text = result.communicate()[1]
    return "" if result.returncode == 0 else text.strip()


class Recording:
    """Of processes that run, with all threads and whatever they fork. `with` it: what happens meanwhile is recorded."""

    def __init__(self, path, pids):
        self.path, self.pids = str(path), pids

    def __enter__(self):
        control, self.control = os.pipe()  # perf gives up when these are closed before its end
        self.answer, answer = os.pipe()
        # Buffers that take it all when perf gets no turn for a while: a lost event would be a count too low.
        megabytes = 1 << max(64 // os.cpu_count(), 1).bit_length() - 1  # for each CPU: a power of two
        self.process = perf("record", "-q", "-D", "-1", f"--control=fd:{control},{answer}", "-m", f"{megabytes}M", "-e", EVENT,
                            "-o", self.path, "-p", ",".join(str(pid) for pid in self.pids), pass_fds=(control, answer))
        os.close(control)
        os.close(answer)
        os.write(self.control, b"enable\n")
        if not os.read(self.answer, 16).startswith(b"ack"):
            raise RuntimeError(f"perf record did not begin: exit code {self.process.wait()}")
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait()
        os.close(self.control)
        os.close(self.answer)
        if code not in (0, -signal.SIGINT):
            raise RuntimeError(f"perf record failed: exit code {code}")

    def groups(self, group_of):
        return read_recording(self.path, group_of)


def record_command(path, command, env):
    """The calls of one command, its start included, and of its children."""
    done = perf("record", "-q", "-m", "4M", "-e", EVENT, "-o", str(path), *command, env=env, stdout=subprocess.DEVNULL)
    if done.wait() != 0:
        raise RuntimeError(f"{command}: exit code {done.returncode}")
    groups = read_recording(str(path), lambda pid: "command")
    return groups["command:exec"] if "command:exec" in groups else groups["command"]


def read_recording(path, group_of):
    text, stats = (perf(*words, "-i", path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).communicate()[0]
                   for words in (("script", "-F", "pid,trace"), ("report", "--stats")))
    if "LOST" in stats:
        raise RuntimeError("perf has lost events: the machine is too busy for counting")
    return read_trace(text, names(), group_of)
