#!/usr/bin/env python3
"""supervision.py PROGRAM GUESTS FAMILY - trees of guests that fall, through the program: who is restarted, who gives up,
what is said and how it ends."""
import os
import re
import sys
import unittest

import bad_input
from bad_input import Case


class Supervision(Case):
    def run_tree(self, manifest, lines, *arguments, code=0, stays_open=False):
        self.write("troupe.yaml", manifest)
        done, out, said = self.run_it("run", "--audit", *arguments, stdin=lines, stays_open=stays_open)
        self.assertEqual(done, code, said)
        if "did not start" not in said:
            self.audited(said)
        return out.decode(), said

    def leaf(self, name, guest="hooks", depth=2, extra=""):
        indent = "  " * depth
        text = f"{indent}- component: {name}\n{indent}  guest: {self.guest(guest)}\n"
        if guest in ("hooks", "subscriber"):
            text += f"{indent}  grants: [stdout]\n"
        return text + "".join(f"{indent}  {line}\n" for line in extra.splitlines())

    def publisher(self):
        return f"    - component: p\n      guest: {self.guest('publisher')}\n      grants: [{{publish: [x]}}]\n"

    def both_ways(self):
        return (("--sim", "--seed", "5"), ("--workers", "2"))

    def test_three_levels_escalate_to_the_documented_code(self):
        """The leaf falls by itself, twice in each life of inner, which gives up twice in the one life of outer."""
        manifest = ("system: t\nsupervisor:\n  restarts: none\n  children:\n"
                    "    - supervisor: outer\n      restarts: {max: 1, within: 60s}\n      children:\n"
                    "        - supervisor: inner\n          restarts: {max: 1, within: 60s}\n          children:\n" +
                    self.leaf("leaf", depth=6, guest="fall_where_told",
                              extra="config: {at: check}\nhealth: {every: 2ms}"))
        for arguments in self.both_ways():
            out, said = self.run_tree(manifest, b"", *arguments, code=1)
            self.assertRegex(said, r"leaf crashed: wasm trap: unreachable.*; restarted in .* \(1 of 1 in 60 s\)")
            self.assertRegex(said, r"(?m)^inner gave up: child leaf: 1 restart within 60 s")
            self.assertRegex(said, r"(?m)^inner gave up: .*; restarted in .* \(1 of 1 in 60 s\)")
            self.assertRegex(said, r"(?m)^outer gave up: child inner: 1 restart within 60 s")
            self.assertRegex(said, r"(?m)^troupe: the tree gave up: child outer: 0 restarts")
            self.assertEqual(len(re.findall(r"(?m)^leaf crashed: .*restarted in", said)), 2, said)

    def test_each_strategy_restarts_its_own(self):
        # The lines end when the last one is handled, so only the last child can be the one that takes them.
        for strategy, restarted in (("one_for_all", "abc"), ("rest_for_one", "c"), ("one_for_one", "c")):
            manifest = (f"system: t\nstdin: c\nsupervisor:\n  strategy: {strategy}\n  children:\n" +
                        self.leaf("a") + self.leaf("b") + self.leaf("c"))
            for arguments in self.both_ways():
                out, said = self.run_tree(manifest, b"crash\nhello\n", *arguments)
                second = [line.split()[1] for line in out.splitlines() if " life=2 " in line]
                self.assertEqual("".join(second), restarted, out)
                self.assertIn("message hello", out)

    def test_a_child_is_left_down_and_the_others_go_on(self):
        manifest = ("system: t\nstdin: p\nsupervisor:\n  restarts: {max: 1, within: 60s}\n"
                    "  on_intensity: leave_down\n  children:\n" +
                    self.leaf("a", guest="fall_at_messages", extra="subscribe: [x]") +
                    self.leaf("b", guest="subscriber", extra="subscribe: [x]") + self.publisher())
        for arguments in self.both_ways():
            out, said = self.run_tree(manifest, b"x 1\nx 2\nx 3\nx 4\n", *arguments)
            self.assertRegex(said, r"a crashed: .*1 restart within 60 s: it stays down")
            self.assertEqual([line for line in out.splitlines() if line.startswith("x: ")],
                             ["x: 1", "x: 2", "x: 3", "x: 4"])

    def test_a_subtree_that_stops_stays_down(self):
        manifest = ("system: t\nstdin: leaf\nsupervisor:\n  children:\n"
                    "    - supervisor: inner\n      restarts: none\n      on_intensity: stop\n      children:\n" +
                    self.leaf("leaf", depth=4) + self.leaf("other"))
        for arguments in self.both_ways():
            out, said = self.run_tree(manifest, b"crash\n", *arguments)
            self.assertRegex(said, r"shut.down: child leaf: 0 restarts within")
            self.assertEqual(out.count("pre-start leaf"), 1)

    def test_auto_shutdown_ends_the_run_in_order(self):
        manifest = ("system: t\nstdin: a\nsupervisor:\n  auto_shutdown: any_significant\n  children:\n" +
                    self.leaf("a", extra="restart: temporary\nsignificant: true") + self.leaf("b"))
        for arguments in self.both_ways():
            # On threads the end of the input would end the tree, too; a simulation goes no further without one.
            out, said = self.run_tree(manifest, b"crash\n", *arguments, code=0, stays_open="--sim" not in arguments)
            self.assertRegex(said, r"a crashed: .*; released by its restart rule")
            self.assertRegex(said, r"its significant children have ended: it ends in order")
            self.assertIn("post-stop", out)  # b's

    def test_guests_that_fall_in_each_hook(self):
        tree = ("system: t\nstdin: it\nsupervisor:\n  restarts: {max: 2, within: 60s}\n  children:\n"
                "    - component: it\n      guest: " + self.guest("fall_where_told") + "\n      config: {at: WHERE}\n"
                "      health: {every: 2ms, failures: 1}\n")
        # In its first start: nothing has begun, and the tree does not start.
        for where in ("pre-start", "post-start"):
            out, said = self.run_tree(tree.replace("WHERE", where), b"x\n", "--sim", code=1)
            self.assertRegex(said, r"the tree did not start: it did not start: .*unreachable", where)
        # While it runs: each time a restart, then the tree gives up.
        for where, more in (("message", "stdin: it\n"), ("check", "")):
            manifest = tree.replace("WHERE", where).replace("stdin: it\n", more)
            out, said = self.run_tree(manifest, b"x\n" * 4, "--workers", "2", code=1)
            self.assertRegex(said, r"it crashed: wasm trap: unreachable.*; restarted in .* \(2 of 2 in 60 s\)", where)
            self.assertRegex(said, r"the tree gave up: child it: 2 restarts within 60 s", where)
        # On its way out a crash is said, and the rest is stopped in order all the same.
        for where in ("pre-stop", "post-stop"):
            out, said = self.run_tree(tree.replace("WHERE", where).replace("every: 2ms", "every: 1h"), b"x\n", "--sim")
            self.assertRegex(said, r"unreachable", where)

    def test_senders_see_that_it_is_unavailable(self):
        manifest = ("system: t\nstdin: p\nsupervisor:\n  restarts: {max: 5, within: 60s}\n"
                    "  backoff: {kind: fixed, initial: 300s}\n  children:\n" +
                    self.leaf("a", guest="fall_at_messages", extra="subscribe: [x]\nwhile_down: WHILE") +
                    self.publisher())
        _, said = self.run_tree(manifest.replace("WHILE", "unavailable"), b"x 1\nx 2\n", "--sim", "--strict", code=3)
        self.assertRegex(said, r"a crashed: .*; next start in 300 s")
        _, said = self.run_tree(manifest.replace("WHILE", "open"), b"x 1\nx 2\n", "--sim", "--strict", code=3)
        self.assertRegex(said, r"a crashed: .*; next start in 300 s")

    def test_check_warns_and_passes(self):
        self.write("troupe.yaml", "system: t\nsupervisor:\n  restarts: {max: 3, within: 60s}\n"
                                  "  backoff: {kind: exponential, initial: 1s, max: 30s}\n  children:\n" +
                   self.leaf("a"))
        code, out, said = self.run_it("check")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"^troupe\.yaml:\d+: supervisor: warning: a child that falls .* at crash 4, after a wait "
                               r"of 4000 ms: the backoff never reaches its max")
        self.assertIn(b"in order", out)


if __name__ == "__main__":
    bad_input.PROGRAM, bad_input.GUESTS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    sys.dont_write_bytecode = True
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
