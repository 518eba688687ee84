"""Statistics and report: what is computed and printed of given samples."""
import json
import unittest

import report
import stats
from registry import Figure, Outcome, at_most, times
from report import Line, Side
from slurm import backfill_figures
from system import Failure


def line(figure, slurm, reeve, failed=()):
    return Line("m.f", figure, True, Side(list(slurm)), Side(list(reeve), failures=list(failed)))


class StatsTest(unittest.TestCase):
    def test_percentile_is_a_value_that_was_there(self):
        values = list(range(100, 0, -1))
        self.assertEqual(stats.percentile(values, 0.5), 50)
        self.assertEqual(stats.percentile(values, 0.99), 99)
        self.assertEqual(stats.percentile(values, 1), 100)
        self.assertEqual(stats.percentile([7], 0.99), 7)
        self.assertEqual(stats.percentile([1, 2, 3], 0.99), 3)

    def test_median(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 3, 2]), 2.5)

    def test_nothing_has_no_middle(self):
        for function in (stats.median, lambda values: stats.percentile(values, 0.5)):
            with self.assertRaises(ValueError):
                function([])

    def test_improvement_is_above_one_when_ours_is_better(self):
        self.assertEqual(stats.improvement(45, 450, True), 10)
        self.assertEqual(stats.improvement(50, 12.5, False), 4)
        self.assertEqual(stats.improvement(5, 10, False), 0.5)
        self.assertIsNone(stats.improvement(5, 0, False))
        self.assertEqual(stats.improvement(0, 10, False), 0)


class LineTest(unittest.TestCase):
    def test_ratio_is_of_the_medians(self):
        self.assertEqual(line(Figure("t", "ms"), [40, 90, 50], [10, 5, 20]).ratio(), 5)
        self.assertEqual(line(Figure("t", "/s", more=True), [40, 50, 60], [500, 400, 600]).ratio(), 10)

    def test_target_in_times(self):
        ten = Figure("t", "/s", True, times(10))
        self.assertTrue(line(ten, [45], [450]).reached())
        self.assertFalse(line(ten, [45], [449]).reached())
        self.assertIsNone(line(ten, [], [449]).reached())
        self.assertIsNone(line(Figure("t", "/s"), [45], [450]).reached())

    def test_target_as_a_value_needs_no_peer(self):
        none_lost = Figure("t", "jobs", target=at_most(0))
        self.assertTrue(line(none_lost, [], [0, 0, 0]).reached())
        self.assertFalse(line(none_lost, [297], [1]).reached())

    def test_a_failed_round_reaches_nothing(self):
        self.assertFalse(line(Figure("t", "ms", target=times(1)), [5], [1, 1], ["it broke"]).reached())
        self.assertFalse(line(Figure("t", "ms", target=times(1)), [5], [], ["it broke"]).reached())


class OutcomeTest(unittest.TestCase):
    def test_a_failing_part_leaves_the_others(self):
        out = Outcome({"a", "b", "c"})
        with out.attempt("a", "b"):
            out.put("a", 1)
            raise Failure("no\n answer")
        out.close(Failure("never reached"))
        self.assertEqual(out.values, {"a": 1})
        self.assertEqual(out.failures, {"b": "no answer", "c": "never reached"})

    def test_what_is_not_wanted_is_not_kept(self):
        out = Outcome({"a"})
        out.put("b", 1)
        out.close()
        self.assertEqual((out.values, out.failures), ({}, {"a": "it was not measured"}))


class TextTest(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual([report.number(n) for n in (0, 0.01234, 5.678, 47.29, 123456.7)],
                         ["0", "0.0123", "5.68", "47.3", "123,457"])

    def test_table(self):
        lines = [line(Figure("t", "ms", target=times(4)), [50, 48, 60], [10, 9, 11]),
                 line(Figure("t", "ms", target=times(1)), [5], [], ["mpi is not supported"])]
        rows = report.table(lines).splitlines()
        self.assertEqual(rows[1].split(), "m.f ms 50.0 [48.0..60.0] 10.0 [9.00..11.0] 5.00x 4x yes".split())
        self.assertEqual(rows[2].split(), "m.f ms 5.00 failed - no slower NO".split())
        self.assertEqual(rows[1].index("4x"), rows[2].index("no slower"))
        self.assertEqual(report.failures(lines), ["m.f on reeve: mpi is not supported"])

    def test_failures_are_told_once_a_reason(self):
        lines = [line(Figure("t", "ms"), [5], [], ["no daemon"] * n) for n in (2, 1)]
        self.assertEqual(report.failures(lines), ["m.f, m.f on reeve: no daemon"])

    def test_a_quick_run_reaches_nothing(self):
        lines = [line(Figure("t", "ms", target=times(1)), [5], [1])]
        self.assertEqual(report.table(lines, quick=True).splitlines()[1].split()[-1], "-")
        self.assertIsNone(report.as_json(lines, {}, [], quick=True)["figures"][0]["reached"])

    def test_json_has_every_sample(self):
        one = line(Figure("t", "ms", target=at_most(1)), [5, 7], [1])
        one.slurm.samples = [[4, 5, 6], [7]]
        found = json.loads(json.dumps(report.as_json([one], {"cores": 2}, ["a note"])))
        self.assertEqual(found["figures"][0]["slurm"], {"values": [5, 7], "samples": [[4, 5, 6], [7]], "failures": [],
                                                       "median": 6, "spread": [5, 7]})
        self.assertEqual(found["figures"][0]["ratio"], 6)
        self.assertEqual(found["figures"][0]["target"], {"times": None, "at_most": 1})

    def test_without_accounting_is_a_line_of_its_own(self):
        self.assertEqual(Line("m.f", Figure("t", "ms"), False).full_name(), "m.f (no accounting)")


class SdiagTest(unittest.TestCase):
    def test_only_the_backfill_part_counts(self):
        text = ("Main schedule statistics (microseconds):\n\tLast cycle:   12\n\nBackfilling stats\n"
                "\tTotal cycles: 3\n\tLast cycle: 2812345\n\tLast depth cycle: 10000\n"
                "\tLast depth cycle (try sched): 9996\n")
        self.assertEqual(backfill_figures(text), (10000, 2812345))
        self.assertEqual(backfill_figures("nothing"), (0, 0))


if __name__ == "__main__":
    unittest.main()
