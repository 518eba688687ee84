"""The regression gate: counts what a command, a job and the controller's core cost, and holds it against limits.txt.

  scripts/gate [--only PART] [--by-name] [--update]

  --only PART   client, core or cluster (again for more)
  --by-name     what the figures are made of: system calls by name
  --update      writes the rows of what was measured anew
  --limits F    another file of limits
  --figures F   judges figures of a JSON file (name -> number) instead of measuring
  --json F      keeps the figures there
  --keep FOLDER the traces that the core is measured with stay in it

Counts of instructions and of system calls, not seconds: they are the same on a busy machine. They hold for the preset dev,
x86-64 and Debian 12. Exit code 0: all within; 1: not; 77: nothing can be counted here."""
import argparse
import json
import pathlib
import platform
import sys

import limits
import syscalls
import instructions

PARTS = ("client", "core", "cluster")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--by-name", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--limits", type=pathlib.Path, default=limits.FILE)
    parser.add_argument("--figures")
    parser.add_argument("--json")
    parser.add_argument("--keep")
    return parser.parse_args()


def why_not(parts):
    """What keeps this machine from counting."""
    if platform.machine() != "x86_64":
        return f"the limits are for x86_64, this is {platform.machine()}"
    if set(parts) != {"core"} and (why := syscalls.available()):
        return f"system calls cannot be counted here: {why}"
    if set(parts) != {"cluster"} and (why := instructions.available()):
        return f"instructions cannot be counted here: {why}"
    return ""


def other_cgroups():
    """Whether this host's cgroups are not those that the limits of steps were set with."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    v1 = {option for mount in mounts if mount[2] == "cgroup" for option in mount[3].split(",")}
    return not {"cpuset", "memory", "freezer"} <= v1 or not any(mount[2] == "cgroup2" for mount in mounts)


def measure(parts, by_name, keep):
    from figures import measure_client, measure_cluster, measure_core, on_cluster
    figures = measure_core(by_name, keep) if "core" in parts else {}
    wanted = [run for part, run in (("client", measure_client), ("cluster", measure_cluster)) if part in parts]
    if wanted:
        figures.update(on_cluster(wanted, by_name))
    return figures


def known(parts):
    """name -> Figure of these parts."""
    import figures
    tables = {"client": figures.CLIENT_FIGURES, "core": figures.CORE_FIGURES, "cluster": figures.CLUSTER_FIGURES}
    return {name: figure for part in parts for name, figure in tables[part].items()}


def main():
    options = parse()
    parts = options.only or PARTS
    figures, by_name = {}, []
    if options.figures:
        figures = json.loads(pathlib.Path(options.figures).read_text())
    else:
        why = why_not(parts)
        if why:
            print(f"gate: skipped: {why}")
            return 77
        figures = measure(parts, by_name, options.keep)
    table = known(parts)
    text = options.limits.read_text()
    rows = {name: row for name, row in limits.parse(text).items() if name in table or name not in known(PARTS)}
    for line in by_name if options.by_name else []:
        print(line)
    for name, figure in figures.items():
        row = f"limit {rows[name].limit:,}" if name in rows else "no limit"
        print(f"{name:<28}{figure:>12,.0f}  {row}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    if options.update:
        options.limits.write_text(limits.update(text, figures, {name: f.percent for name, f in table.items()},
                                                {name: f.what for name, f in table.items()}))
        return 0
    if not options.figures and other_cgroups():
        print("the limits of steps are for a host with cgroup v1's cpuset, memory and freezer beside v2: not judged here")
        figures = {name: figure for name, figure in figures.items() if not name.startswith("steps.")}
        rows = {name: row for name, row in rows.items() if not name.startswith("steps.")}
    wrong = limits.judge(figures, rows, {name: f.how for name, f in table.items()})
    for line in wrong:
        print(f"gate: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
