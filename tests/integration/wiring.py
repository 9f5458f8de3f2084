#!/usr/bin/env python3
"""wiring.py PROGRAM GUESTS FAMILY - what a manifest says is what runs: order, settings, topics, nested supervisors."""
import os
import sys
import unittest

import bad_input
from bad_input import Case


class Wiring(Case):
    def run_lines(self, manifest, lines, *arguments, code=0):
        self.write("troupe.yaml", manifest)
        done, out, said = self.run_it("run", "--audit", *arguments, stdin=lines)
        self.assertEqual(done, code, said)
        return out.decode(), said, self.audited(said)

    def test_children_start_in_order_stop_in_reverse_and_get_their_settings(self):
        hooks = self.guest("hooks")
        child = "    - component: {0}\n      guest: " + hooks + "\n      grants: [stdout]\n      config: {{who: {0}, n: 007}}\n" \
                "      mailbox: {{bound: 77}}\n"
        manifest = "system: t\nstdin: b\nsupervisor:\n  children:\n" + child.format("a") + child.format("b")
        for arguments in ((), ("--sim", "--seed", "3"), ("--workers", "2")):
            out, _, counts = self.run_lines(manifest, b"hello\n", *arguments)
            lines = out.splitlines()
            self.assertIn('settings={"who":"a","n":7}', lines[0])
            self.assertIn("mailbox=77", lines[0])
            self.assertTrue(lines[0].startswith("pre-start a "), out)
            self.assertTrue(lines[2].startswith("pre-start b "), out)
            self.assertEqual([line.split()[0] for line in lines],
                             ["pre-start", "post-start", "pre-start", "post-start", "message", "pre-stop", "post-stop",
                              "pre-stop", "post-stop"], out)
            self.assertEqual(counts, (1, 1, 0))

    def test_a_full_mailbox_does_what_on_full_says(self):
        hooks = self.guest("hooks")
        lines = [str(n) for n in range(1, 401)]
        for policy in ("reject", "block", "drop_newest", "drop_oldest"):
            manifest = ("system: t\nstdin: it\nsupervisor:\n  children:\n"
                        f"    - component: it\n      guest: {hooks}\n      grants: [stdout]\n"
                        f"      mailbox: {{bound: 2, bytes: 64KiB, on_full: {policy}}}\n")
            for arguments in (("--sim", "--seed", "3"), ("--workers", "2")):
                out, said, counts = self.run_lines(manifest, "\n".join(lines).encode() + b"\n", *arguments)
                handled = [line.split()[-1] for line in out.splitlines() if line.startswith("message")]
                self.assertEqual(counts, (400, len(handled), 400 - len(handled)), policy)
                self.assertEqual(handled, sorted(handled, key=int), policy)
                if policy in ("reject", "block"):
                    self.assertEqual(handled, lines, policy)
                if policy == "drop_newest":
                    self.assertEqual(handled[0], "1")
                if policy == "drop_oldest":
                    self.assertEqual(handled[-1], "400")
                if "--sim" in arguments and policy.startswith("drop"):
                    self.assertLess(len(handled), 400)
                    self.assertIn("reason: the mailbox was full", said)

    def test_a_pool_subscribes_as_one(self):
        manifest = ("system: t\nstdin: p\nsupervisor:\n  children:\n"
                    f"    - pool: s\n      size: 3\n      guest: {self.guest('subscriber')}\n      subscribe: [a, b]\n"
                    "      grants: [stdout]\n"
                    f"    - component: p\n      guest: {self.guest('publisher')}\n      grants: [{{publish: ['*']}}]\n")
        out, _, counts = self.run_lines(manifest, b"a 1\nb 2\na 3\n")
        self.assertEqual(sorted(out.splitlines()), ["a: 1", "a: 3", "b: 2"])
        self.assertEqual(counts, (6, 6, 0))

    def test_a_guest_subscribes_by_patterns(self):
        listener = "    - component: {}\n      guest: " + self.guest("subscriber") + \
                   "\n      subscribe: [{}]\n      grants: [stdout]\n"
        manifest = ("system: t\nstdin: p\nsupervisor:\n  children:\n" + listener.format("one", "orders.*") +
                    listener.format("all", "orders.>, orders.new") + listener.format("any", "'*.new'") +
                    f"    - component: p\n      guest: {self.guest('publisher')}\n"
                    "      grants: [{publish: [orders.new, 'orders.*', bills.new]}]\n")
        for arguments in ((), ("--sim", "--seed", "3")):
            out, said, counts = self.run_lines(manifest, b"orders.new 1\norders.new.eu 2\nbills.new 3\norders.* 4\n",
                                               *arguments)
            self.assertEqual(sorted(out.splitlines()), ["bills.new: 3"] + ["orders.new.eu: 2"] + ["orders.new: 1"] * 3)
            self.assertEqual(counts, (9, 9, 0), said)  # four lines, five messages; the pattern published is an error

    def test_a_subscription_outlasts_a_restart(self):
        manifest = ("system: t\nstdin: p\nsupervisor:\n  children:\n"
                    f"    - component: s\n      guest: {self.guest('crash')}\n      subscribe: [a]\n"
                    f"    - component: p\n      guest: {self.guest('publisher')}\n      grants: [{{publish: [a]}}]\n")
        _, said, counts = self.run_lines(manifest, b"a 1\na crash\na 2\na crash\na 3\n")
        self.assertEqual(counts, (10, 8, 2))
        self.assertEqual(said.count("reason: crashed while handling it"), 2)

    def test_a_nested_supervisor_that_gave_up_is_started_again(self):
        manifest = ("system: t\nstdin: it\nsupervisor:\n  restarts: {max: 1, within: 60s}\n  children:\n"
                    "    - supervisor: inner\n      children:\n"
                    f"        - component: it\n          guest: {self.guest('trap_always')}\n")
        for arguments in ((), ("--sim", "--seed", "5")):
            # More than the mailboxes of four lives hold: the lines follow the name to each new bearer of it.
            _, said, _ = self.run_lines(manifest, b"x\n" * 10000, *arguments, code=1)
            self.assertRegex(said, r"(?m)^inner gave up: child it: 1 restarts? within 60 s")
            self.assertRegex(said, r"(?m)^root gave up: child inner: 1 restarts? within 60 s")
            self.assertRegex(said, r"(?m)^troupe: the tree gave up: ")
            self.assertRegex(said, r" crashes=4 ")

    def test_lines_end_when_their_target_is_let_go(self):
        for child in ("component: it", "pool: it\n      size: 2"):
            manifest = (f"system: t\nstdin: it\nsupervisor:\n  children:\n    - {child}\n      restart: temporary\n"
                        f"      guest: {self.guest('trap_always')}\n")
            for arguments in ((), ("--sim", "--seed", "5")):
                _, said, _ = self.run_lines(manifest, b"x\n" * 10000, *arguments, code=1)
                self.assertRegex(said, r"(?m)^troupe: it ended, and nobody takes the lines from line \d+ on$")

    def test_a_backoff_keeps_what_waits(self):
        manifest = ("system: t\nstdin: it\nsupervisor:\n  backoff: {kind: fixed, initial: 20ms}\n  children:\n"
                    f"    - component: it\n      guest: {self.guest('crash')}\n")
        for arguments in ((), ("--sim",)):
            _, said, counts = self.run_lines(manifest, b"crash\n" + b"x\n" * 100, *arguments)
            self.assertEqual(counts, (102, 101, 1))  # the supervisor's own timer is a message too
            self.assertRegex(said, r"(?m)^it crashed: .*; next start in 20 ms \(1 of 3 in 5 s\)$")

    def test_on_error_decides_what_follows_a_failed_message(self):
        manifest = ("system: t\nstdin: it\nsupervisor:\n  children:\n"
                    f"    - component: it\n      guest: {self.guest('fail')}\n")
        for arguments in ((), ("--sim",)):
            _, said, counts = self.run_lines(manifest, b"a\nb\n", *arguments)
            self.assertEqual(counts, (2, 2, 0))
            self.assertRegex(said, r" crashes=0 ")
            _, said, counts = self.run_lines(manifest + "      on_error: restart\n", b"a\nb\n", *arguments)
            self.assertEqual(counts, (2, 2, 0))
            self.assertRegex(said, r"(?m)^it crashed: message 1 failed: .*; restarted in ")
            self.assertRegex(said, r" crashes=2 ")
            _, said, _ = self.run_lines(manifest + "      on_error: escalate\n", b"a\n" * 10000, *arguments, code=1)
            self.assertRegex(said, r"(?m)^root gave up: child it: its error escalated; last: message 1 failed: ")
            self.assertRegex(said, r"(?m)^troupe: the tree gave up: child it: its error escalated")

    def test_one_seed_is_one_schedule(self):
        manifest = ("system: t\nstdin: s\nsupervisor:\n  children:\n"
                    f"    - pool: s\n      size: 3\n      guest: {self.guest('subscriber')}\n      grants: [stdout]\n")
        lines = b"".join(b"%d\n" % i for i in range(200))

        def schedule(seed):
            out, said, _ = self.run_lines(manifest, lines, "--sim", "--seed", str(seed))
            return [line for line in said.splitlines() if line.startswith("schedule ")], out

        self.assertEqual(schedule(1), schedule(1))
        self.assertGreaterEqual(len({schedule(seed)[0][0] for seed in range(10)}), 8)


if __name__ == "__main__":
    bad_input.PROGRAM, bad_input.GUESTS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    sys.dont_write_bytecode = True
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
