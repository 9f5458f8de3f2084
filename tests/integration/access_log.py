#!/usr/bin/env python3
"""access_log.py PROGRAM MAKE_LOG SANITIZED FAMILY - the main job through the program: the report of the first example
equals an awk's count of the same log, less the one line that crashes a parser. FAMILY is one class of this file, so
that ctest names what failed. SANITIZED: 1 where memory and time say nothing about the program itself."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = MAKE_LOG = ""
SANITIZED = False
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/01-access-log")
LOG = os.path.join(EXAMPLE, "access.log")
CRASH_LINE = 7312
PATIENCE = 170  # seconds, after which a run is taken to hang; sanitizers are slow


def expected(log, skip=CRASH_LINE):
    """The report by other means."""
    awk = ["mawk", "-v", "top=10", "-v", f"skip={skip}", "-f", os.path.join(EXAMPLE, "count.awk"),
           "-f", os.path.join(EXAMPLE, "expected.awk")]
    with open(log, "rb") as lines:
        return subprocess.run(awk, stdin=lines, stdout=subprocess.PIPE, check=True,
                              env=dict(os.environ, LC_ALL="C")).stdout


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="troupe-test-")
        cls.environment = dict(os.environ, TROUPE_CACHE_DIR=os.path.join(cls.folder, "cache"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def example_with(self, name, change):
        """A copy of the example, its manifest changed; guests are files of the manifest's own folder."""
        to = os.path.join(self.folder, name)
        os.makedirs(os.path.join(to, "guests"))
        for guest in ("parser.wasm", "report.wasm"):
            shutil.copy(os.path.join(EXAMPLE, "guests", guest), os.path.join(to, "guests"))
        with open(os.path.join(EXAMPLE, "troupe.yaml")) as file:
            manifest = change(file.read())
        with open(os.path.join(to, "troupe.yaml"), "w") as file:
            file.write(manifest)
        return to

    def run_example(self, *options, log=LOG, example=EXAMPLE):
        """Exit code, standard output, standard error, peak resident KiB."""
        out, err = (tempfile.TemporaryFile(dir=self.folder) for _ in range(2))
        with open(log, "rb") as lines, out, err:
            child = subprocess.Popen([PROGRAM, "run", "--audit", *options, example], stdin=lines,
                                     stdout=out, stderr=err, env=self.environment)
            # wait4 tells the peak of this child alone; ctest's own limit ends a run that hangs
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            return child.returncode, out.read(), err.read().decode(), usage.ru_maxrss

    def audited(self, said, n_lines):
        """Each line is a message and, but for the one that crashes, one more to the report."""
        found = re.findall(r"^audit: sent=(\d+) handled=(\d+) dead=(\d+) waiting=(\d+) live=(\d+) stores=(\d+) "
                           r"crashes=(\d+) lines=(\d+)$", said, re.M)
        self.assertEqual(len(found), 1, said)
        sent, handled, dead, waiting, live, stores, crashes, lines = map(int, found[0])
        self.assertEqual(sent, handled + dead + waiting, said)
        self.assertEqual((sent, dead, waiting, live, stores, crashes, lines),
                         (2 * n_lines - 1, 1, 0, 0, 0, 1, n_lines), said)

    def check(self, *options, report, n_lines, crash_line=CRASH_LINE, code=0, **how):
        """One run: the report, one crash, one restart, one dead letter that names the line, the accounts."""
        ended, out, said, peak = self.run_example(*options, **how)
        self.assertEqual(ended, code, said)
        self.assertEqual(out.decode("latin-1"), report.decode("latin-1"), said)
        crashes = [line for line in said.splitlines() if re.match(r"parser-[1-4] crashed: ", line)]
        self.assertEqual(len(crashes), 1, said)
        self.assertRegex(crashes[0], rf"unreachable, in parse_status.*, handling message {crash_line}; restarted in")
        self.assertEqual(said.count("crashed: "), 1, said)
        self.assertEqual(said.count("restarted in"), 1, said)
        self.assertRegex(said, rf"(?m)^1 dead letter: line {crash_line} -> parser-[1-4], "
                               rf"reason: crashed while handling it$")
        self.audited(said, n_lines)
        return said, peak


class Report(Case):
    """The log of the repository, 10 000 lines."""

    def test_with_one_worker(self):
        self.check("--workers", "1", report=expected(LOG), n_lines=10000)

    def test_with_two_workers(self):
        self.check("--workers", "2", report=expected(LOG), n_lines=10000)

    def test_with_eight_workers(self):
        self.check("--workers", "8", report=expected(LOG), n_lines=10000)

    def test_ten_times_with_as_many_workers_as_there_are_cores(self):
        for _ in range(2 if SANITIZED else 10):
            self.check(report=expected(LOG), n_lines=10000)

    def test_strict_says_3_because_of_the_dead_letter(self):
        self.check("--strict", report=expected(LOG), n_lines=10000, code=3)

    def test_a_name_given_by_hand_is_the_manifests(self):
        self.check("--stdin", "parser", report=expected(LOG), n_lines=10000)

    def test_a_log_without_the_line_has_no_crash(self):
        log = os.path.join(self.folder, "clean.log")
        with open(LOG, "rb") as lines, open(log, "wb") as to:
            to.writelines(line for n, line in enumerate(lines, 1) if n != CRASH_LINE)
        ended, out, said, _ = self.run_example("--strict", log=log)
        self.assertEqual(ended, 0, said)
        self.assertEqual(out, expected(log, skip=0))
        self.assertNotIn("crashed", said)
        self.assertNotIn("dead letter:", said)


class Bounds(Case):
    """Every mailbox with the same bound: 4 makes the reader and the parsers wait nearly all the time."""

    def with_bound(self, bound):
        def change(manifest):
            changed, n = re.subn(r"mailbox: \{bound: \d+,", f"mailbox: {{bound: {bound},", manifest)
            self.assertEqual(n, 2)
            return changed

        example = self.example_with(f"bound-{bound}", change)
        for workers in ("1", "2", "8"):
            self.check("--workers", workers, report=expected(LOG), n_lines=10000, example=example)
        for seed in range(1, 6):
            self.check("--sim", "--seed", str(seed), report=expected(LOG), n_lines=10000, example=example)

    def test_of_1(self):
        self.with_bound(1)

    def test_of_4(self):
        self.with_bound(4)

    def test_of_4096(self):
        self.with_bound(4096)


class Million(Case):
    """A million lines, within 128 MiB."""

    def test_the_report_is_right_and_memory_stays_bounded(self):
        log = os.path.join(self.folder, "million.log")
        with open(log, "wb") as to:
            subprocess.run([MAKE_LOG, "1000000", "1"], stdout=to, check=True)
        _, peak = self.check(report=expected(log), n_lines=1000000, log=log)
        print(f"peak resident {peak / 1024:.1f} MiB")
        self.assertLessEqual(peak, 128 * 1024)


class Simulation(Case):
    """The whole log, for many seeds: the same report, and many different schedules."""

    N_SEEDS = 200

    def schedule(self, seed, report):
        said, _ = self.check("--sim", "--seed", str(seed), report=report, n_lines=10000)
        found = re.findall(r"^schedule (0x[0-9a-f]{16})$", said, re.M)
        self.assertEqual(len(found), 1, said)
        return found[0]

    def test_two_hundred_seeds_give_one_report_and_a_hundred_schedules(self):
        n_seeds = 20 if SANITIZED else self.N_SEEDS
        report = expected(LOG)
        schedules = set()
        for seed in range(1, n_seeds + 1):
            with self.subTest(seed=seed):
                schedules.add(self.schedule(seed, report))
        print(f"{len(schedules)} distinct schedules of {n_seeds} seeds")
        self.assertGreaterEqual(len(schedules), n_seeds // 2)

    def test_the_same_seed_gives_the_same_run(self):
        report = expected(LOG)
        self.assertEqual(self.schedule(5, report), self.schedule(5, report))


if __name__ == "__main__":
    PROGRAM, MAKE_LOG = sys.argv[1:3]
    SANITIZED = sys.argv[3] == "1"
    unittest.main(argv=[sys.argv[0], sys.argv[4], "-v"])
