"""tests/bench/controller.py with a few nodes: every job that is submitted starts and ends on an emulated node."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["REEVE_SOURCE"])


def main():
    with tempfile.TemporaryDirectory(prefix="reeve-test-") as folder:
        figures = pathlib.Path(folder) / "figures.json"
        command = [sys.executable, "-B", str(SOURCE / "tests/bench/controller.py"), "--nodes", "50", "--jobs", "500", "--live",
                   "100", "--idle", "1", "--json", str(figures)]
        subprocess.run(command, check=True, timeout=120)
        found = json.loads(figures.read_text())
    assert found["registration"]["nodes"] == 50, found
    assert found["queue"]["jobs"] == found["queue"]["bench"]["done"] == 500, found
    assert found["drain"]["jobs"] == 500 and found["live"]["jobs"] == 100, found
    assert found["drain"]["streams_lost"] == found["live"]["streams_lost"] == 0, found
    assert 0 < found["drain"]["cpu_us_per_job"] < 1e6, found


if __name__ == "__main__":
    main()
