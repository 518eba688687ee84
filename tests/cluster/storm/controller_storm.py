"""kill -9 of the controller, again and again, while jobs are submitted, start, run and end.

What was acknowledged is there, ran once, and is accounted for once with its true exit code."""
import sys
import time

from storm import Storm, options, wait_for


def main():
    given = options(rounds=300)
    with Storm("controller storm", given) as storm:
        storm.start_submitters(4)
        for count in range(1, storm.rounds + 1):
            if storm.random.random() < 0.85:
                # Not before it has acknowledged something; then at any moment of what it does.
                before = storm.acknowledged()
                wait_for("an acknowledgement", lambda before=before: storm.acknowledged() > before, 90)
                time.sleep(storm.random.uniform(0, 0.8))
            else:
                time.sleep(storm.random.uniform(0, 0.2))  # while it comes up
            storm.kill_and_restart("reevectld")
            storm.progress(count)
        storm.calm_down()
        return 1 if storm.judge() else 0


if __name__ == "__main__":
    sys.exit(main())
