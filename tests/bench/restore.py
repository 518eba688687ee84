"""How long a controller takes to come back with N jobs: reads the store, restores the queue, serves.

  REEVE_BIN=build/release/bin REEVE_SOURCE=. python3 tests/bench/restore.py [N]

The store is one that a controller wrote, with the records of four of its jobs (held, waiting for a
time, array, completed) repeated under other ids."""
import os
import pathlib
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))
from harness import Cluster, read, wait_for  # noqa: E402  the path is set just above


def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def with_id(record, job):
    """A pb::Job with another job_id: its first field, and the last one that is read counts."""
    fields = b"\x08" + varint(job)
    if b"\x10" == record[len(b"\x08") + len(varint(read_varint(record, 1))):][:1]:
        fields += b"\x10" + varint(job)  # an array's own id is its job's
    return record + fields


def read_varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7f) << shift
        if data[at] < 0x80:
            return number
        at, shift = at + 1, shift + 7


def record_sum(record):
    """As src/common/sqlite has it."""
    mask, prime = (1 << 64) - 1, 1099511628211
    total = 14695981039346656037 ^ len(record)
    whole = len(record) // 8 * 8
    for at in range(0, whole, 8):
        total = (total ^ int.from_bytes(record[at:at + 8], "little")) * prime & mask
        total ^= total >> 32
    for byte in record[whole:]:
        total = (total ^ byte) * prime & mask
    return total - (1 << 64) if total >> 63 else total


def cpu_seconds(pid):
    words = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    cluster = Cluster(nodes=1, cpus=4, settings=["MinJobAge=65000"])
    try:
        cluster.up()
        templates = [cluster.submit("-H", "-o", "/dev/null", "--wrap", "true"),
                     cluster.submit("--begin=now+10days", "-o", "/dev/null", "--wrap", "true"),
                     cluster.submit("-H", "-a", "0-99%5", "-o", "/dev/null", "--wrap", "true"),
                     cluster.submit("-o", "/dev/null", "--wrap", "true")]
        cluster.wait_job(templates[3])
        cluster.wait_accounted(templates[3])
        cluster.reeve("down", "--keep")
        path = cluster.folder / "state" / "state.db"
        with sqlite3.connect(path) as database:
            records = [database.execute("SELECT record FROM job WHERE id = ?", (job,)).fetchone()[0]
                       for job in templates]
            rows = ((job, record, record_sum(record)) for job in range(1001, 1001 + count)
                    for record in [with_id(records[job % len(records)], job)])
            database.executemany("INSERT INTO job VALUES (?, ?, ?)", rows)
            database.execute("UPDATE meta SET value = ? WHERE key = 'next_job_id'", (1001 + count,))
        database.close()
        size = path.stat().st_size
        log = cluster.folder / "log" / "reevectld.log"
        times = []
        for _ in range(5):
            before = read(log).count("jobs restored")
            began = time.monotonic()
            cluster.reeve("up")
            wait_for("the queue", lambda before=before: read(log).count("jobs restored") > before)
            times.append((time.monotonic() - began, cpu_seconds(cluster.daemon_pids()["reevectld"])))
            jobs = len(cluster.run("squeue", "-h", "-t", "all", "-o", "%A", timeout=120).stdout.split())
            assert jobs == count + len(templates), (jobs, count)
            cluster.reeve("down", "--keep")
        lines = [line for line in read(log).splitlines() if "jobs restored" in line]
        print(f"{count} jobs, store of {size / 1e6:.0f} MB: `reeve cluster up` in {min(times)[0]:.2f} s (five times, "
              f"least; longest {max(times)[0]:.2f} s), of that {min(cpu for _, cpu in times):.2f} s of the controller's CPU")
        print(lines[-1])
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
