"""The load driver: loops that start one client after the other and time each, start of the process included.

Runs on the login host as a process of its own. Reads a specification (JSON) from standard input, writes
what it measured to standard output:

  argvs    the commands, taken in turn; the first word is a path
  loops    how many loops at once; each: clients that every loop starts
  output   a file that the clients' standard output is appended to; null: /dev/null
  errors   the same for standard error
  hammer   {"argv", "loops"}: loops that run beside it all the time and are not timed; or null

Result: {"wall": seconds from the first start to the last end, "clients": [[loop, start ms, ms, exit code]...],
"cpu": seconds of CPU of the timed clients, "hammered": clients of the hammer}. Both systems get the same
driver; it costs a posix_spawn and a wait4 a client."""
import gc
import json
import os
import signal
import sys
import time


def file_actions(spec):
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    return [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, spec.get("output") or "/dev/null", append, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, spec.get("errors") or "/dev/null", append, 0o644)]


def timed_loop(loop, spec, gate):
    actions, env, argvs, clients, cpu = file_actions(spec), dict(os.environ), spec["argvs"], [], 0.0
    step = spec["loops"]
    os.read(gate, 1)  # returns when all loops are there
    for i in range(spec["each"]):
        argv = argvs[(i * step + loop) % len(argvs)]
        begin = time.monotonic_ns()
        pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        end = time.monotonic_ns()
        clients.append((begin, end, os.waitstatus_to_exitcode(status)))
        cpu += usage.ru_utime + usage.ru_stime
    return {"loop": loop, "clients": clients, "cpu": cpu}


def hammer_loop(hammer):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    actions, env, count = file_actions({}), dict(os.environ), 0
    while not ended:
        pid = os.posix_spawn(hammer["argv"][0], hammer["argv"], env, file_actions=actions)
        os.wait4(pid, 0)
        count += 1
    return {"hammered": count}


def start(function, *arguments):
    """A process that runs the function. Returns its pid and where its result can be read."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                json.dump(function(*arguments), pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    return pid, reader


def finish(started):
    pid, reader = started
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def main():
    spec = json.load(sys.stdin)
    gc.disable()
    hammers = [start(hammer_loop, spec["hammer"]) for _ in range(spec["hammer"]["loops"])] if spec["hammer"] else []
    if hammers:
        time.sleep(spec["hammer"].get("lead", 1))  # until it is at full strength
    gate, release = os.pipe()
    loops = []
    for loop in range(spec["loops"]):
        loops.append(start(timed_loop, loop, spec, gate))
    os.write(release, b"x" * spec["loops"])
    parts = [finish(loop) for loop in loops]
    for pid, _ in hammers:
        os.kill(pid, signal.SIGTERM)
    hammered = sum(finish(hammer)["hammered"] for hammer in hammers)
    every = [client for part in parts for client in part["clients"]]
    first = min(begin for begin, _, _ in every)
    clients = [[part["loop"], (begin - first) / 1e6, (end - begin) / 1e6, code]
               for part in parts for begin, end, code in part["clients"]]
    json.dump({"wall": (max(end for _, end, _ in every) - first) / 1e9, "clients": clients,
               "cpu": sum(part["cpu"] for part in parts), "hammered": hammered}, sys.stdout)


if __name__ == "__main__":
    main()
