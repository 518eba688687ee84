"""The gate's meters, on programs whose counts are known."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import instructions
import syscalls

ENV = {"PATH": "/usr/bin:/bin", "LANG": "C"}


def dd(blocks):
    return ["dd", "if=/dev/zero", "of=/dev/null", "bs=8", f"count={blocks}", "status=none"]


class SystemCalls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="reeve-test-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name) / "perf.data"

    def test_a_command(self):
        few, many = (syscalls.record_command(self.data, dd(count), ENV) for count in (100, 350))
        self.assertEqual(many.by_name["write"] - few.by_name["write"], 250)
        self.assertEqual(many.work() - few.work(), 500)
        self.assertEqual(many.written - few.written, 2000)

    def test_a_running_process_and_what_it_forks(self):
        with subprocess.Popen(["sh", "-c", "read line; (: >/dev/null; : >/dev/null); exec dd if=/dev/zero of=/dev/null count=7 status=none"],
                              stdin=subprocess.PIPE, env=ENV) as shell:
            with syscalls.Recording(self.data, [shell.pid]) as recording:
                shell.stdin.write(b"\n")
                shell.stdin.close()
                shell.wait()
            groups = recording.groups(lambda pid: "shell" if pid == shell.pid else "child")
        self.assertEqual(groups["shell"].of(*syscalls.FORKS), 1)
        self.assertEqual(groups["child"].of("openat"), 2)
        self.assertEqual(groups["shell"].of("execve"), 1)
        self.assertEqual(groups["shell:exec"].of("write"), 7)


class Instructions(unittest.TestCase):
    def test_more_work_is_more(self):
        few, again, many = (instructions.count(dd(count), ENV) for count in (100, 100, 2100))
        self.assertLess(abs(few - again), few / 1000)
        self.assertGreater(many - few, 2000 * 20)
        self.assertLess(many - few, 2000 * 2000)

    def test_a_failure_is_no_count(self):
        with self.assertRaises(RuntimeError):
            instructions.count(["false"], ENV)


if __name__ == "__main__":
    if why := (syscalls.available() or instructions.available()):
        print(f"nothing can be counted here: {why}")
        sys.exit(77)
    unittest.main()
