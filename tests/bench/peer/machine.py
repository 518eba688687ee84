"""What the figures were measured on."""
import os
import pathlib
import platform
import resource
import subprocess
import tempfile
import time


def words(*argv, cwd=None):
    try:
        result = subprocess.run(argv, capture_output=True, text=True, timeout=20, cwd=cwd)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.split(":")[0].split("=")[0].strip() == name:
            return line.replace("=", ":", 1).split(":", 1)[1].strip().strip('"')
    return "unknown"


def filesystem_of(path):
    best = ("", "unknown")
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, *_ = line.split()
        if os.path.commonpath((target, path)) == target and len(target) >= len(best[0]):
            best = (target, kind)
    return best[1]


def commit_of(source):
    commit = words("git", "-c", f"safe.directory={source}", "rev-parse", "--short=10", "HEAD", cwd=source)
    changed = words("git", "-c", f"safe.directory={source}", "status", "--porcelain", "-uno", cwd=source)
    return (commit or "unknown commit") + (" with changes" if changed else "")


def bare_script(folder, count=200):
    """CPU time in ms of the empty job's script without any workload manager: no one can be below it."""
    script = folder / "bare.sh"
    script.write_text(f"#!/bin/sh\nprintf x >>{folder}/bare\n")
    script.chmod(0o755)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(count):
        os.waitpid(os.posix_spawn(str(script), [str(script)], dict(os.environ)), 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count * 1e3


def describe(source, bin_dir, folder):
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {field('/proc/cpuinfo', 'model name')}, "
                   f"{int(field('/proc/meminfo', 'MemTotal').split()[0]) // 1024:,} MB",
        "system": f"{field('/etc/os-release', 'PRETTY_NAME')}, Linux {platform.release()}, state on "
                  f"{filesystem_of(str(folder))} ({tempfile.gettempdir()})",
        "Slurm": (words("/usr/sbin/slurmctld", "-V") or "not installed") + ", " +
                 (words("/usr/sbin/mariadbd", "--version").replace("/usr/sbin/mariadbd", "MariaDB").strip()
                  or "no MariaDB"),
        "Reeve": f"{words(str(bin_dir / 'reevectld'), '-V') or 'not built'}, {commit_of(source)}",
        "load before": " ".join(pathlib.Path("/proc/loadavg").read_text().split()[:3]),
        "an empty job's script alone": f"{bare_script(folder):.2f} ms of CPU",
    }
