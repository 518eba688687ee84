"""kill -9 of the accounting daemon, and of the controller in between, while jobs end: each job has one row, with the
right end, however often a batch of records was sent."""
import sqlite3
import sys
import time

from storm import Storm, options, wait_for


def rows_of(cluster):
    """Rows by job as they are on disk, whatever sacct makes of them."""
    with sqlite3.connect(f"file:{cluster.folder}/state/accounting.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT job_id, count(*) FROM job GROUP BY job_id"))


def main():
    given = options(rounds=50)
    with Storm("accounting storm", given) as storm:
        storm.start_submitters(3)
        for count in range(1, storm.rounds + 1):
            before = storm.acknowledged()
            wait_for("an acknowledgement", lambda before=before: storm.acknowledged() > before, 90)
            time.sleep(storm.random.uniform(0, 0.6))
            if storm.random.random() < 0.4:
                storm.kill_and_restart("reevectld", away=(0, 0.1))
            storm.kill_and_restart("reevedbd", away=(0, storm.random.choice([0, 0.2, 3.0])))
            storm.progress(count)
        storm.calm_down()
        faults = storm.judge()
        repeated = {job: count for job, count in rows_of(storm.cluster).items() if count != 1}
        if repeated:
            print(f"rows on disk by job, not 1: {repeated}", file=sys.stderr)
        return 1 if faults or repeated else 0


if __name__ == "__main__":
    sys.exit(main())
