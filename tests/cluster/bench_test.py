"""reeve bench on a whole cluster: what it submits is there, what it prints is true, and it leaves nothing behind."""
import json
import unittest

from harness import Cluster, wait_for


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=1, cpus=4)
        cls.cluster.up()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def bench(self, *words, check=True):
        return self.cluster.run("reeve", "bench", *words, check=check)

    def in_queue(self):
        return len(self.cluster.run("squeue", "-h", "-o", "%i").stdout.split())

    def test_what_is_submitted_is_cancelled(self):
        result = self.bench("submit", "--jobs", 250, "--batch", 100, "--hold", "--json")
        figures = json.loads(result.stdout)
        self.assertEqual((figures["done"], figures["requests"], figures["failed"]), (250, 3, []))
        self.assertGreater(figures["max_ms"], 0)
        self.assertIn("250 jobs were still there and are cancelled", result.stderr)
        self.assertEqual(self.in_queue(), 0)

    def test_one_by_one_and_kept(self):
        result = self.bench("submit", "--jobs", 12, "--batch", 1, "--hold", "--keep", "--", "-t", 7)
        self.assertRegex(result.stdout, r"^12 jobs in .* a second\n")
        name = result.stderr.split("`scancel -n ")[1].split("`")[0]
        rows = self.cluster.run("squeue", "-h", "-n", name, "-o", "%T %l %u %r").stdout.splitlines()
        self.assertEqual(len(rows), 12)
        self.assertEqual({tuple(row.split()[:2]) for row in rows}, {("PENDING", "7:00")})
        for load in ("squeue", "sinfo", "job"):
            figures = json.loads(self.bench("query", load, "--seconds", 1, "--channels", 2, "--json").stdout)
            self.assertEqual(figures["failed"], [])
            self.assertEqual(figures["done"], figures["requests"])
            self.assertGreater(figures["done"], 10)
        self.cluster.run("scancel", "-n", name)
        self.assertEqual(self.in_queue(), 0)

    def test_jobs_run(self):
        self.bench("submit", "--jobs", 30, "--batch", 10, "--keep", "--", "--wrap", "echo ran >>ran")
        def ran():
            path = self.cluster.work / "ran"
            return path.exists() and len(path.read_text().splitlines()) == 30
        wait_for("30 jobs", ran, 60)

    def test_refusals_are_counted(self):
        result = self.bench("submit", "--jobs", 20, "--batch", 10, "--", "-p", "nope", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"^0 jobs")
        self.assertIn("failed, INVALID_ARGUMENT: 20 (Invalid partition name specified", result.stdout)
        for words, code in ((["--", "-J", "mine"], 2), (["--", "script.sh"], 2), (["--", "--nope"], 2)):
            self.assertEqual(self.bench("submit", *words, check=False).returncode, code, words)


if __name__ == "__main__":
    unittest.main()
