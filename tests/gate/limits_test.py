"""The gate's judgement: that it fails where it must. Nothing is measured."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import figures
import gate
import limits
import syscalls

HOW = {"a.b": "COMMAND"}


def judge(figure, text="a.b 85 100 110 calls"):
    return limits.judge({"a.b": figure}, limits.parse(text), HOW)


class Judge(unittest.TestCase):
    def test_within(self):
        for figure in (85, 100, 110):
            self.assertEqual(judge(figure), [])

    def test_above_says_where_to_look(self):
        self.assertEqual(judge(1111, "a.b 85 100 1,110 calls"), ["a.b: 1,111 calls, limit 1,110 (was 100). Find out with: COMMAND"])

    def test_far_under_asks_for_a_new_limit(self):
        self.assertEqual(len(judge(84)), 1)
        self.assertIn("--update", judge(84)[0])

    def test_without_limit_or_measurement(self):
        self.assertIn("no limit", judge(1, "")[0])
        self.assertIn("was not measured", limits.judge({}, limits.parse("a.b 1 1 1 calls"), HOW)[0])


class File(unittest.TestCase):
    def test_refuses_what_says_nothing(self):
        for text in ("a.b 1 2 calls", "a.b 1 2 3 calls\na.b 1 2 3 calls", "a.b 3 2 1 calls", "a.b x 2 3 calls"):
            with self.assertRaises(ValueError, msg=text):
                limits.parse(text)

    def test_update_keeps_the_rest(self):
        text = limits.update("# why\na.b 1 1 1 old\n\nc.d 1 1 1 other\n", {"a.b": 1000, "e.f": 10.5}, {"a.b": 10, "e.f": 0},
                             {"a.b": "calls", "e.f": "new"})
        lines = text.splitlines()
        self.assertEqual([lines[0], lines[2], lines[3]], ["# why", "", "c.d 1 1 1 other"])
        self.assertEqual(lines[1].split(), ["a.b", "0", "1,000", "1,100", "calls"])  # a figure of pace has no floor
        self.assertEqual(lines[4].split()[0], "e.f")
        self.assertEqual(limits.parse(text)["e.f"].limit, 11)  # never under the figure


class Canary(unittest.TestCase):
    """Every limit of the tree can be crossed, in both directions."""

    def setUp(self):
        self.rows = limits.parse(limits.FILE.read_text())
        self.how = {name: figure.how for name, figure in gate.known(gate.PARTS).items()}

    def test_what_does_the_same_each_time_has_a_floor(self):
        self.assertEqual((limits.spread_over(1000, 2).floor, limits.spread_over(1000, limits.PACE).floor), (833, 0))

    def test_each_row_is_measured(self):
        self.assertEqual(set(self.rows), set(self.how))

    def test_each_row_fails(self):
        good = {name: row.measured for name, row in self.rows.items()}
        self.assertEqual(limits.judge(good, self.rows, self.how), [])
        for name, row in self.rows.items():
            below = [row.floor - 1] if row.floor > 0 else []
            for figure in [row.limit + 1, *below]:
                wrong = limits.judge({**good, name: figure}, self.rows, self.how)
                self.assertEqual(len(wrong), 1)
                self.assertTrue(wrong[0].startswith(name + ": "), wrong)

    def test_exit_code(self):
        good = {name: row.measured for name, row in self.rows.items()}
        for change, code in ((0, 0), (1, 1)):
            with tempfile.TemporaryDirectory(prefix="reeve-test-") as folder:
                path = pathlib.Path(folder) / "figures.json"
                good["sbatch.syscalls"] = self.rows["sbatch.syscalls"].limit + change
                path.write_text(json.dumps(good))
                done = subprocess.run([sys.executable, "-B", gate.__file__, "--figures", str(path)], capture_output=True, text=True)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            self.assertEqual("Find out with: strace -f sbatch" in done.stdout, bool(change), done.stdout)


class Trace(unittest.TestCase):
    def test_groups_names_bytes_and_exec(self):
        text = "  7 NR 1 (3, 7f0, 1f, 0, 0, 0)\n 8 NR 59 (1, 2, 3, 4, 5, 6)\n warning\n8 NR 1 (1, 7f, 2, 0, 0, 0)\n8 NR 202 (0, 0, 0, 0, 0, 0)\n"
        groups = syscalls.read_trace(text, {1: "write", 59: "execve", 202: "futex"}, lambda pid: {7: "daemon"}.get(pid, "steps"))
        self.assertEqual((groups["daemon"].written, groups["daemon"].work()), (31, 1))
        self.assertEqual(dict(groups["steps"].by_name), {"execve": 1})
        self.assertEqual((groups["steps:exec"].work(), groups["steps:exec"].written), (1, 2))  # waits are no work

    def test_the_trace_of_jobs_repeats(self):
        self.assertEqual(figures.swf(20, 5, 10), figures.swf(20, 5, 10))
        self.assertEqual(len(figures.swf(20, 5, 10).splitlines()), 23)


if __name__ == "__main__":
    unittest.main()
