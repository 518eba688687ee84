"""Slurm and Reeve side by side on equal virtual hosts: started by scripts/bench, which says how."""
import argparse
import json
import os
import pathlib
import signal
import sys

import machine
import registry
import report
import sandbox
from runner import Bench
from stats import median

# In the order of the report; each registers its measurements.
import submit  # noqa: F401  isort:skip
import endtoend  # noqa: F401  isort:skip
import steps  # noqa: F401  isort:skip
import faults  # noqa: F401  isort:skip
import planning  # noqa: F401  isort:skip
import long_queue  # noqa: F401  isort:skip

SOURCE = pathlib.Path(__file__).resolve().parents[3]


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures Slurm and Reeve side by side.")
    parser.add_argument("--only", metavar="NAMES", action="append", default=[],
                        help="measurements or figures (NAME.KEY), with commas between them; * and ? match")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--json", metavar="FILE", help="write every sample there")
    parser.add_argument("--list", action="store_true", help="name the measurements and their figures")
    parser.add_argument("--quick", action="store_true", help="one round with small counts: does everything work?")
    parser.add_argument("--build", metavar="FOLDER", default=str(SOURCE / "build" / "release"),
                        help="where Reeve was built")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.quick:
        options.rounds = 1
    try:
        options.wanted = registry.selected([name for text in options.only for name in text.split(",") if name])
    except ValueError as error:
        parser.error(str(error))
    return options


def list_measurements(wanted):
    for name, keys in wanted.items():
        found = registry.MEASUREMENTS[name]
        print(f"{name}: {' '.join(found.run.__doc__.split())}{'; also without accounting' * found.without_accounting}")
        for key in (key for key in found.figures if key in keys):
            figure = found.figures[key]
            target = f", target {figure.target.text(figure.unit)}" if figure.target else ""
            print(f"  {name}.{key}  {figure.title} ({figure.unit}){target}")


def run(options, folder):
    """In the sandbox. The report comes out whatever ends the run."""
    def stop(number, _):
        raise SystemExit(128 + number)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, stop)
    build = pathlib.Path(options.build).resolve()
    described = machine.describe(SOURCE, build / "bin", folder)
    bench = Bench(folder, build / "bin", build / "tests" / "bench" / "schedule_bench", options.wanted,
                  options.rounds, options.quick)
    code = 0
    try:
        bench.run()
    except (KeyboardInterrupt, SystemExit) as end:
        code = 130 if isinstance(end, KeyboardInterrupt) else end.code
        bench.notes.insert(0, "INTERRUPTED: what follows is not all")
    described["load after"] = " ".join(pathlib.Path("/proc/loadavg").read_text().split()[:3])
    if bench.foreign:
        described["others used"] = (f"{median(bench.foreign):.2f} cores beside the measurements (median; "
                                    f"most {max(bench.foreign):.2f}): figures of a busy machine are noisy")
    lines = list(bench.lines.values())
    print(report.text(lines, described, bench.notes, options.quick), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report.as_json(lines, described, bench.notes, options.quick), file, indent=1)
            file.write("\n")
    return code


def main():
    options = parse(sys.argv[1:])
    if options.list:
        list_measurements(options.wanted)
        return 0
    if os.geteuid() != 0:
        print("scripts/bench: needs root: virtual hosts, and daemons that start jobs", file=sys.stderr)
        return 1
    if options.json:
        options.json = os.path.abspath(options.json)
        open(options.json, "a", encoding="utf-8").close()  # better now than after an hour
    return sandbox.enter_by(lambda folder: run(options, folder))


if __name__ == "__main__":
    sys.exit(main())
