"""Counts the instructions of a command, children not included: valgrind executes it."""
import re
import subprocess

COMMAND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def available():
    try:
        subprocess.run(["valgrind", "--version"], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        return str(error)
    return ""


def count(command, env):
    done = subprocess.run([*COMMAND, *command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return int(found[1].replace(",", ""))
