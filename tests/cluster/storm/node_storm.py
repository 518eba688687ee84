"""kill -9 of node daemons while jobs start, run and end on them. The jobs do not notice."""
import sys
import time

from storm import Storm, options, wait_for


def main():
    given = options(rounds=100)
    with Storm("node storm", given) as storm:
        nodes = [f"reevenoded-n{index}" for index in (1, 2, 3)]
        storm.start_submitters(3, longest=2.0, steps=0.2)
        for count in range(1, storm.rounds + 1):
            before = storm.acknowledged()
            wait_for("an acknowledgement", lambda before=before: storm.acknowledged() > before, 90)
            time.sleep(storm.random.uniform(0, 0.5))
            chosen = storm.random.sample(nodes, storm.random.choice([1, 1, 1, 2, 3]))
            for daemon in chosen:
                if storm.keeper.kill(daemon):
                    storm.kills["reevenoded"] += 1
            time.sleep(storm.random.choice([0, 0.05, storm.random.uniform(0, 1.0)]))
            for daemon in chosen:
                storm.keeper.start(daemon)
            storm.progress(count)
        storm.calm_down()
        return 1 if storm.judge() else 0


if __name__ == "__main__":
    sys.exit(main())
