#!/usr/bin/env python3
"""bad_input.py PROGRAM GUESTS FAMILY - bad input through the program: each case gets one clear line with the place
and the remedy, and a documented exit code. FAMILY is one class of this file, so that ctest names what failed."""
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = GUESTS = ""
PATIENCE = 120  # seconds, after which a run is taken to hang; sanitizers are slow


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = dict(os.environ, TROUPE_CACHE_DIR=os.path.join(self.folder, "cache"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def read(self, path, mode="r"):
        with open(self.path(path), mode) as file:
            return file.read()

    def guest(self, thing, name=None):
        suffix = os.path.splitext(thing)[1] or ".wasm"
        base = thing if "." in thing else thing + suffix
        shutil.copy(os.path.join(GUESTS, base), self.path(name or base))
        return name or base

    def one(self, guest, more="", top="", restarts="{max: 3, within: 60s}"):
        """A manifest with one component, "it", that takes the lines."""
        self.write("troupe.yaml", f"system: test\nstdin: it\n{top}supervisor:\n  restarts: {restarts}\n"
                                  f"  children:\n    - component: it\n      guest: {guest}\n{more}")

    def run_it(self, *arguments, stdin=b"", cwd=None, stays_open=False):
        """stays_open: the input does not end before the program does; it fits into a pipe."""
        given = {"input": stdin}
        if stays_open:
            reading, writing = os.pipe()
            self.addCleanup(os.close, reading)
            self.addCleanup(os.close, writing)
            os.write(writing, stdin)
            given = {"stdin": reading}
        done = subprocess.run([PROGRAM, *arguments], **given, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE, env=self.environment,
                              cwd=cwd or self.folder)
        return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")

    def audited(self, said):
        found = re.search(r"^audit: sent=(\d+) handled=(\d+) dead=(\d+) waiting=(\d+) live=(\d+) stores=(\d+)",
                          said, re.M)
        self.assertTrue(found, said)
        sent, handled, dead, waiting, live, stores = map(int, found.groups())
        self.assertEqual(sent, handled + dead + waiting, said)
        self.assertEqual((live, stores, waiting), (0, 0, 0), said)
        self.assertNotIn("bug:", said)
        return sent, handled, dead

    def refused(self, *patterns, command="check", n_lines=1):
        """The command says exactly n_lines lines, the patterns among them, prints nothing, and exits with 2."""
        code, out, said = self.run_it(command)
        self.assertEqual(code, 2, said)
        self.assertEqual(out, b"")
        self.assertEqual(len(said.splitlines()), n_lines, said)
        for pattern in patterns:
            self.assertRegex(said, pattern)


class Manifest(Case):
    def test_missing(self):
        self.refused(r"^troupe\.yaml: there is no such file; name a manifest")

    def test_missing_by_name(self):
        code, _, said = self.run_it("run", "nowhere/troupe.yaml")
        self.assertEqual(code, 2)
        self.assertEqual(said.splitlines(), ["nowhere/troupe.yaml: there is no such file; name a manifest or "
                                             "a folder that holds one, or go to such a folder"])

    def test_empty(self):
        self.write("troupe.yaml", "")
        self.refused(r"^troupe\.yaml: it is empty; a manifest has at least")

    def test_comments_only(self):
        self.write("troupe.yaml", "# nothing\n\n---\n")
        self.refused(r"it is empty")

    def test_not_yaml(self):
        self.write("troupe.yaml", "system: a\nsupervisor: {children: [\n")
        self.refused(r"^troupe\.yaml:\d+: this is not YAML: ")

    def test_random_bytes(self):
        self.write("troupe.yaml", bytes(range(256)) * 8)
        self.refused(r"^troupe\.yaml:\d+: this is not YAML: ")

    def test_unknown_key_with_a_suggestion(self):
        self.one(self.guest("echo"), "      mailbx: {bound: 4}\n")
        self.refused(r'^troupe\.yaml:8: supervisor\.children\[0\]\.mailbx: "mailbx" is no key here; '
                     r'did you mean "mailbox"\?$')

    def test_unknown_key_without_one(self):
        self.one(self.guest("echo"), top="zzzzzzzz: 1\n")
        self.refused(r'troupe\.yaml:3: zzzzzzzz: "zzzzzzzz" is no key here; there is system, stdin, supervisor$')

    def test_key_that_is_not_in_this_version(self):
        self.one(self.guest("echo"), "      storage: {bytes: 1MiB}\n")
        self.refused(r'"storage" is not in this version yet; leave it out$')

    def test_a_health_check_that_nobody_can_make(self):
        self.one(self.guest("echo"), "      health: {every: 5s}\n")
        self.refused(r"^troupe\.yaml:8: .*health: .* exports no health\.check, so nobody can be asked")

    def test_wrong_types(self):
        self.one(self.guest("echo"), "      subscribe: hits\n      mailbox: [4]\n      limits: {memory: {a: 1}}\n"
                                     "      grants: stdout\n")
        self.refused(r":8: .*subscribe: must be a list, is one value", r":9: .*mailbox: must be a map, is a list",
                     r":10: .*limits\.memory: must be one word, is a map", r":11: .*grants: must be a list",
                     n_lines=4)

    def test_two_components_of_one_name(self):
        guest = self.guest("echo")
        self.one(guest, f"    - component: it\n      guest: {guest}\n")
        self.refused(r':8: .*component: "it" is the name of two components, the first is in line 6; rename one$')

    def test_a_component_with_the_name_of_a_pools_member(self):
        guest = self.guest("echo")
        self.one(guest, f"    - pool: p\n      size: 3\n      guest: {guest}\n"
                        f"    - component: p-2\n      guest: {guest}\n")
        self.refused(r':11: .*"p-2" would be the name of two components')

    def test_a_component_with_the_name_of_the_top_supervisor(self):
        guest = self.guest("echo")
        self.one(guest, f"    - component: root\n      guest: {guest}\n")
        self.refused(r':8: .*"root" is the name of the top supervisor')

    def test_a_grant_for_a_component_that_does_not_exist(self):
        self.one(self.guest("echo"), "      grants:\n        - send: [itt]\n        - send2: [it]\n")
        self.refused(r':9: .*grants\[0\]\.send\[0\]: there is no component "itt"; did you mean "it"\?',
                     r':10: .*"send2" is no grant; did you mean "send"\?', n_lines=2)

    def test_a_grant_to_send_to_a_supervisor(self):
        self.one(self.guest("echo"), "      grants: [{send: [root]}]\n")
        self.refused(r'"root" is a supervisor, which takes no messages')

    def test_a_misspelled_grant(self):
        self.one(self.guest("echo"), "      grants:\n        - stdot\n        - publsh: [hits]\n")
        self.refused(r'"stdot" is no grant; did you mean "stdout"\?',
                     r'"publsh" is no grant; did you mean "publish"\?', n_lines=2)

    def test_limits_of_zero(self):
        self.one(self.guest("echo"), "      mailbox: {bound: 0}\n"
                                     "      limits: {memory: 0, message_time: 0ms, log: 0KiB/s}\n")
        self.refused(r"mailbox\.bound: is zero", r"memory: is zero", r"message_time: is zero", r"log: is zero",
                     n_lines=4)

    def test_quantities_that_are_none(self):
        self.one(self.guest("echo"), "      mailbox: {bound: many}\n      stop_timeout: 5\n"
                                     "      limits: {memory: 1MB, message_time: 50, log: 64KiB}\n")
        self.refused(r'"many" is no whole number', r'"1MB" is no size; .*64KiB', r'"50" has no unit; .*50ms',
                     r'"64KiB" is no rate; .*64KiB/s', r'stop_timeout: "5" has no unit', n_lines=5)

    def test_a_pool_of_none(self):
        self.write("troupe.yaml", f"system: t\nsupervisor:\n  children:\n    - pool: p\n      size: 0\n"
                                  f"      guest: {self.guest('echo')}\n")
        self.refused(r"size: is zero")

    def test_stdin_for_nobody(self):
        self.one(self.guest("echo"))
        self.write("troupe.yaml", self.read("troupe.yaml").replace("stdin: it", "stdin: itt"))
        self.refused(r'^troupe\.yaml:2: stdin: there is no component "itt"; did you mean "it"\?$')

    def test_the_same_key_twice(self):
        self.one(self.guest("echo"), top="system: again\n")
        self.refused(r":3: system: the key is given twice, first in line 1; keep one of them")

    def test_anchors_aliases_and_tags(self):
        self.write("troupe.yaml", "system: &a x\nstdin: !!str it\nsupervisor: *a\n")
        self.refused(r':1: the anchor "&a" is not allowed', r":2: the tag .* is not allowed",
                     r':3: the alias "\*a" is not allowed', n_lines=3)

    def test_a_billion_laughs(self):
        text = "a0: &a0 [x, x]\n" + "".join(
            f"a{i}: &a{i} [*a{i-1}, *a{i-1}, *a{i-1}, *a{i-1}]\n" for i in range(1, 40))
        self.write("troupe.yaml", text)
        code, _, said = self.run_it("check")
        self.assertEqual(code, 2)
        self.assertIn("is not allowed", said)

    def test_deeper_than_64(self):
        self.write("troupe.yaml", "a: " + "[" * 100000 + "\n")
        self.refused(r"nested deeper than 64 levels")

    def test_larger_than_a_mebibyte(self):
        self.write("troupe.yaml", "# " + "x" * (1 << 20) + "\n")
        self.refused(r"too large; a manifest is a text of at most 1 MiB")

    def test_two_documents(self):
        self.one(self.guest("echo"), "---\nsystem: b\n")
        self.refused(r":8: a second document begins here")

    def test_all_mistakes_at_once(self):
        self.write("troupe.yaml", "sytem: a\nsupervisor:\n  strategy: one_for_many\n  restarts: {max: x}\n"
                                  "  backoff: {kind: fixed}\n  children:\n    - guest: a.wasm\n    - component: b\n")
        self.refused(r':1: .*did you mean "system"', r'"system" is missing', r':3: .*"one_for_many"',
                     r':4: .*"x" is no whole number', r':5: .*"initial" is missing', r":7: .*component: name",
                     r':8: .*"guest" is missing', n_lines=7)

    def test_control_characters_do_not_reach_the_terminal(self):
        self.one(self.guest("echo"), '      "\\e[31mred": 1\n')
        code, _, said = self.run_it("check")
        self.assertEqual(code, 2)
        self.assertNotIn("\x1b", said)
        self.assertIn(r"\x1b[31mred", said)

    def test_a_good_one_is_said_to_be_good(self):
        self.one(self.guest("echo"))
        code, out, said = self.run_it("check")
        self.assertEqual((code, said), (0, ""))
        self.assertEqual(out, b"test: in order: 1 supervisor, 1 component, 1 guest module\n")


class Paths(Case):
    def test_a_cache_that_cannot_be_used_is_said_and_done_without(self):
        self.one(self.guest("echo"))
        self.environment["TROUPE_CACHE_DIR"] = self.path("troupe.yaml")
        code, _, said = self.run_it("run", stdin=b"x\n")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"(?m)^troupe: warning: cache-unusable: the cache of compiled guests, \S+: .*"
                               r"name a directory of yours$")

    def refuse_path(self, guest, pattern):
        self.one(guest)
        self.refused(r"^troupe\.yaml:7: supervisor\.children\[0\]\.guest: .*" + pattern)

    def test_absolute(self):
        self.refuse_path(os.path.join(GUESTS, "echo.wasm"), "it is absolute; write it relative to")

    def test_parent(self):
        os.mkdir(self.path("inner"))
        self.guest("echo")
        self.one("../echo.wasm")
        os.rename(self.path("troupe.yaml"), self.path("inner/troupe.yaml"))
        code, _, said = self.run_it("check", "inner")
        self.assertEqual(code, 2)
        self.assertRegex(said, r"^inner/troupe\.yaml:7: .*\.\./echo\.wasm: it leads out of the manifest's folder")

    def test_out_and_in_again(self):
        self.guest("echo")
        self.refuse_path(f"../{os.path.basename(self.folder)}/echo.wasm", "it leads out of the manifest's folder")

    def test_link_to_a_file_outside(self):
        os.symlink(os.path.join(GUESTS, "echo.wasm"), self.path("link.wasm"))
        self.refuse_path("link.wasm", "it leads out of the manifest's folder|it leads through a link")

    def test_link_to_a_folder_outside(self):
        os.symlink(GUESTS, self.path("guests"))
        self.refuse_path("guests/echo.wasm", "it leads out of the manifest's folder|it leads through a link|not a folder")

    def test_folder(self):
        os.mkdir(self.path("a.wasm"))
        self.refuse_path("a.wasm", "it is a folder; name a file")

    def test_fifo(self):
        os.mkfifo(self.path("a.wasm"))
        self.refuse_path("a.wasm", "it is no regular file")

    def test_unreadable_names(self):
        self.refuse_path("x" * 5000, "the path is too long")


class Guest(Case):
    def refuse_guest(self, guest, *patterns, more=""):
        self.one(guest, more)
        for command in ("check", "run"):
            self.refused(r"^troupe\.yaml:7: supervisor\.children\[0\]\.guest: ", *patterns, command=command)

    def test_missing(self):
        self.refuse_guest("no.wasm", r"no\.wasm: there is no such file; build the guest")

    def test_empty(self):
        self.write("a.wasm", b"")
        self.refuse_guest("a.wasm", r"a\.wasm: the file is empty; build the guest again")

    def test_truncated(self):
        whole = self.read(os.path.join(GUESTS, "echo.wasm"), "rb")
        for size in (4, 8, len(whole) // 2, len(whole) - 1):
            self.write("a.wasm", whole[:size])
            self.refuse_guest("a.wasm", r"a\.wasm")

    def test_random_bytes(self):
        self.write("a.wasm", bytes((i * 167 + 13) % 256 for i in range(4096)))
        self.refuse_guest("a.wasm", r"a\.wasm")

    def test_random_bytes_behind_a_good_header(self):
        self.write("a.wasm", b"\0asm\1\0\0\0" + bytes((i * 167 + 13) % 256 for i in range(4096)))
        self.refuse_guest("a.wasm", r"a\.wasm")

    def test_no_handle_message(self):
        self.refuse_guest(self.guest("no_handle_message"), r"handle-message")

    def test_wrong_signature(self):
        self.refuse_guest(self.guest("wrong_signature"), r"handle-message")

    def test_an_import_nobody_offers(self):
        self.refuse_guest(self.guest("import_unknown"), r"env.*foo")

    def test_a_function_nobody_offers(self):
        self.refuse_guest(self.guest("import_unknown_function"))

    def test_an_import_with_a_wrong_signature(self):
        self.refuse_guest(self.guest("import_wrong_signature"))

    def test_an_import_not_granted(self):
        self.refuse_guest(self.guest("import_not_granted"), r"publish")

    def test_output_not_granted(self):
        self.refuse_guest(self.guest("subscriber"), r"stdout")

    def test_a_memory_over_its_limit(self):
        self.refuse_guest(self.guest("memory_too_large.wat"))

    def test_no_memory(self):
        self.refuse_guest(self.guest("no_memory.wat"))


class Running(Case):
    def run_lines(self, guest, lines, code, *patterns, more="", restarts="{max: 3, within: 60s}", arguments=()):
        self.one(self.guest(guest), more, restarts=restarts)
        done, out, said = self.run_it("run", "--audit", *arguments, stdin=lines)
        self.assertEqual(done, code, said)
        for pattern in patterns:
            self.assertRegex(said, pattern)
        if "the tree did not start" in said:
            self.assertEqual(len(said.splitlines()), 2, said)  # who we are, and why not
        else:
            self.audited(said)
        return out, said

    def test_traps_in_pre_start(self):
        self.run_lines("trap_pre_start", b"a\n", 1, r"(?m)^troupe: the tree did not start: it did not start: .*trap")

    def test_refuses_in_pre_start(self):
        self.run_lines("refuse", b"a\n", 1, r"(?m)^troupe: the tree did not start: .*not today")

    def test_loops_in_pre_start(self):
        self.run_lines("loop_in_pre_start", b"a\n", 1, r"(?m)^troupe: the tree did not start: ",
                       more="      limits: {message_time: 50ms}\n")

    def test_traps_in_every_message(self):
        _, said = self.run_lines("trap_always", b"a\n" * 1000, 1, r"(?m)^it crashed: wasm trap: unreachable.*"
                                 r"restarted in .* \(1 of 3 in 60 s\)$", r"(?m)^root gave up: child it: 3 restarts",
                                 r"(?m)^troupe: the tree gave up: ")
        _, handled, _ = self.audited(said)
        self.assertEqual(handled, 0)

    def test_traps_in_every_message_of_a_pool(self):
        guest = self.guest("trap_always")
        self.write("troupe.yaml", "system: t\nstdin: p\nsupervisor:\n  restarts: {max: 2, within: 60s}\n"
                                  f"  children:\n    - pool: p\n      size: 2\n      guest: {guest}\n")
        code, _, said = self.run_it("run", "--audit", stdin=b"x\n" * 5000)
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"(?m)^troupe: the tree gave up: ")
        self.audited(said)

    def test_loops_for_ever(self):
        self.run_lines("loop_forever", b"a\nloop\nb\n", 0, r"(?m)^it (crashed|ran out of time): ",
                       r"(?m)^1 dead letter: line 2 -> it, reason: crashed",
                       more="      limits: {message_time: 50ms}\n")

    def test_loops_for_ever_in_a_simulation(self):
        self.run_lines("loop_forever", b"a\nloop\nb\n", 0, r"(?m)^1 dead letter: line 2 -> it, reason: crashed",
                       more="      limits: {message_time: 50ms}\n", arguments=("--sim", "--seed", "7"))

    def test_grows_memory_for_ever(self):
        self.run_lines("grow_forever", b"a\ngrow\nb\n", 0, r"(?m)^it crashed: .*trap",
                       r"(?m)^1 dead letter: line 2 -> it, reason: crashed", more="      limits: {memory: 1MiB}\n")

    def test_recurses_for_ever(self):
        self.run_lines("recurse_forever", b"a\nrecurse\ndata\nb\n", 0, r"(?m)^it crashed: .*stack",
                       r"(?m)^2 dead letters:$", r"(?m)^  line 3 -> it, reason: crashed")

    def test_returns_a_pointer_outside_its_memory(self):
        self.run_lines("bad_pointer", b"a\n", 0, r"(?m)^it crashed: ", r"(?m)^1 dead letter: line 1 -> it")
        self.run_lines("bad_pointer_end", b"a\n", 0, r"(?m)^it crashed: ", r"(?m)^1 dead letter: line 1 -> it")

    def test_a_temporary_one_that_crashed_ends_the_run(self):
        self.run_lines("trap_always", b"a\n" * 100000, 1, r"(?m)^troupe: it ended, and nobody takes the lines from line",
                       more="      restart: temporary\n")

    def test_strict_counts_dead_letters(self):
        self.run_lines("crash", b"a\ncrash\nb\n", 3, r"(?m)^1 dead letter: line 2 -> it", arguments=("--strict",))
        self.run_lines("crash", b"a\nb\n", 0, arguments=("--strict",))

    def test_a_log_flood_is_cut(self):
        _, said = self.run_lines("chatty", b"x\n" * 200, 0, more="      limits: {log: 4KiB/s}\n")
        self.assertLess(len(said), 200000)

    def test_a_small_reject_mailbox_slows_the_reader(self):
        self.run_lines("echo", b"x\n" * 20000, 0, r"(?m)^20000 lines in", r"(?m)^audit: sent=20000 handled=20000 dead=0",
                       more="      mailbox: {bound: 1}\n")

    def test_a_subscriber_that_nobody_publishes_to(self):
        guest = self.guest("publisher")
        self.one(guest, "      grants: [{publish: [a, nobody]}]\n"
                        f"    - component: s\n      guest: {self.guest('subscriber')}\n      subscribe: [a]\n"
                        "      grants: [stdout]\n")
        code, out, said = self.run_it("run", "--audit", stdin=b"a hello\nnobody x\na you\n")
        self.assertEqual(code, 0, said)
        self.assertEqual(out, b"a: hello\na: you\n")
        self.assertIn("nobody subscribed to the topic", said)
        self.assertEqual(self.audited(said), (6, 5, 1))


class StandardInput(Case):
    def setUp(self):
        super().setUp()
        self.one(self.guest("subscriber"), "      grants: [stdout]\n      mailbox: {bound: 16, on_full: block}\n")

    def lines(self, data):
        code, out, said = self.run_it("run", "--audit", stdin=data)
        self.assertEqual(code, 0, said)
        return out, said, self.audited(said)

    def test_closed_at_once(self):
        _, said, counts = self.lines(b"")
        self.assertEqual(counts, (0, 0, 0))
        self.assertRegex(said, r"(?m)^0 lines in ")

    def test_closed_before_the_start(self):
        done = subprocess.run(["/bin/sh", "-c", 'exec "$0" run <&-', PROGRAM], cwd=self.folder, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_binary(self):
        data = bytes(range(256)) * 500
        out, _, counts = self.lines(data)
        n = data.count(b"\n") + 1
        self.assertEqual(counts, (n, n, 0))
        self.assertEqual(out, b"".join(b"(no topic): " + line + b"\n" for line in data.split(b"\n")))

    def test_empty_lines_and_no_last_newline(self):
        out, _, counts = self.lines(b"\n\na\n\nb")
        self.assertEqual(counts, (5, 5, 0))
        self.assertEqual(out, b"(no topic): \n(no topic): \n(no topic): a\n(no topic): \n(no topic): b\n")

    def test_a_line_of_10_mib_is_one_dead_letter_and_the_run_goes_on(self):
        out, said, counts = self.lines(b"before\n" + b"x" * (10 << 20) + b"\nafter\n")
        self.assertEqual(counts, (3, 2, 1))
        self.assertEqual(out, b"(no topic): before\n(no topic): after\n")
        self.assertRegex(said, r"(?m)^1 dead letter: line 2 -> it, reason: over the size limit of 65536 bytes "
                               r"\(it has 10485760\)$")

    def test_the_longest_line_and_one_byte_more(self):
        out, _, counts = self.lines(b"x" * 65536 + b"\n" + b"y" * 65537 + b"\n" + b"z" * 65536)
        self.assertEqual(counts, (3, 2, 1))
        self.assertEqual(out, b"(no topic): " + b"x" * 65536 + b"\n(no topic): " + b"z" * 65536 + b"\n")

    def test_a_folder(self):
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            done = subprocess.run([PROGRAM, "run"], stdin=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=PATIENCE, env=self.environment, cwd=self.folder)
        finally:
            os.close(folder)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr.decode(), r"(?m)^troupe: the input cannot be read: Is a directory")


class Arguments(Case):
    def said(self, code, *arguments):
        done, out, said = self.run_it(*arguments)
        self.assertEqual(done, code, said)
        return out.decode(), said

    def one_line(self, pattern, *arguments):
        out, said = self.said(2, *arguments)
        self.assertEqual(out, "")
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertRegex(said, pattern)

    def test_none_shows_the_usage(self):
        out, said = self.said(2)
        self.assertEqual(out, "")
        self.assertTrue(said.startswith("usage: troupe run"), said)

    def test_help_and_version(self):
        out, said = self.said(0, "--help")
        self.assertTrue(out.startswith("usage: troupe run"))
        self.assertEqual(said, "")
        out, _ = self.said(0, "--version")
        self.assertRegex(out, r"^troupe \d+\.\d+\.\d+, wasmtime \d+\.\d+\.\d+ \((wheel|source)\)\n$")

    def test_unknown_command(self):
        self.one_line(r'there is no command "rnu"; did you mean "run"\?', "rnu")
        self.one_line(r'there is no command "frobnicate"; troupe --help', "frobnicate")
        self.one_line(r'"top" is not in this version yet', "top")

    def test_unknown_option(self):
        self.one_line(r'run has no option "--strct"; did you mean --strict\?', "run", "--strct")
        self.one_line(r'check has no option "--strict"', "check", "--strict")

    def test_values(self):
        self.one_line(r"--workers takes a whole number", "run", "--workers", "many")
        self.one_line(r"--workers 0", "run", "--workers=0")
        self.one_line(r"--stdin needs a value", "run", "--stdin")
        self.one_line(r"--seed chooses a simulated schedule; write --sim --seed 7", "run", "--seed", "7")
        self.one_line(r"a simulation has one thread", "run", "--sim", "--workers", "2")
        self.one_line(r"takes one manifest, and there are two", "run", "a", "b")
        self.one_line(r"--sim takes no value", "run", "--sim=1")

    def test_stdin_for_nobody(self):
        self.one(self.guest("echo"))
        self.one_line(r'lines are for "itt", and there is no such component or pool; did you mean "it"\?',
                      "run", "--stdin", "itt")


class Ends(Case):
    """Signals and closed outputs. No sleeps: a line that came back says that the run is under way."""

    def start(self, *arguments, guest="subscriber", more="      grants: [stdout]\n"):
        self.one(self.guest(guest), more)
        self.child = subprocess.Popen([PROGRAM, "run", "--audit", *arguments], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
                                      env=self.environment)
        self.addCleanup(self.close)

    def close(self):
        self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def say(self, line):
        self.child.stdin.write(line)
        self.child.stdin.flush()
        ready, _, _ = select.select([self.child.stdout], [], [], PATIENCE)
        self.assertTrue(ready, "no answer")
        return self.child.stdout.readline()

    def end(self):
        code = self.child.wait(PATIENCE)
        return code, self.child.stderr.read().decode()

    def stop_by(self, number, code):
        self.start()
        self.assertEqual(self.say(b"hello\n"), b"(no topic): hello\n")
        self.child.send_signal(number)
        ended, said = self.end()
        self.assertEqual(ended, code, said)
        self.assertEqual(self.audited(said), (1, 1, 0))

    def test_SIGINT_stops_in_order(self):
        self.stop_by(signal.SIGINT, 130)

    def test_SIGTERM_stops_in_order(self):
        self.stop_by(signal.SIGTERM, 143)

    def test_SIGINT_stops_in_order_a_run_that_reads_nothing(self):
        self.start(guest="hooks")
        self.child.stdin.close()
        text = self.read("troupe.yaml").replace("stdin: it\n", "")
        self.child.wait(PATIENCE)
        self.write("troupe.yaml", text)
        quiet = subprocess.Popen([PROGRAM, "run", "--audit"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, cwd=self.folder, env=self.environment)
        first = [quiet.stdout.readline(), quiet.stdout.readline()]
        self.assertTrue(first[1].startswith(b"post-start"), first)
        quiet.send_signal(signal.SIGINT)
        out, said = quiet.communicate(timeout=PATIENCE)
        self.assertEqual(quiet.returncode, 130, said)
        self.assertIn(b"pre-stop", out)
        self.audited(said.decode())

    def test_a_component_that_does_not_return_is_given_up_and_named(self):
        # It prints, and nobody reads: its handler waits for room in the output.
        self.start(more="      grants: [stdout]\n      stop_timeout: 50ms\n")
        os.set_blocking(self.child.stdin.fileno(), False)
        while select.select([], [self.child.stdin], [], 1)[1]:  # until the pipe is full for a while
            try:
                os.write(self.child.stdin.fileno(), b"x" * 60000 + b"\n")
            except BlockingIOError:
                pass
        self.child.send_signal(signal.SIGTERM)
        ended, said = self.end()
        self.assertEqual(ended, 1, said)
        self.assertRegex(said, r"(?m)^it is stuck: its handler never returned; it was given up$")
        self.assertRegex(said, r"(?m)^troupe: not every component returned from its handler")
        self.assertRegex(said, r"(?m)^audit: ")

    def test_SIGINT_stops_a_simulation(self):
        self.start("--sim", guest="echo", more="")
        line = self.child.stderr.readline()  # the first line: the signals are aimed right after it
        self.assertIn(b"troupe", line)
        self.child.stdin.write(b"x\n")
        self.child.stdin.flush()
        self.child.send_signal(signal.SIGINT)
        ended, _ = self.end()
        self.assertEqual(ended, 130)

    def wait_until_it_loops(self):
        """Its first line is out, and it has used more time since than a start does: the guest runs."""
        self.child.stderr.readline()
        self.child.stdin.write(b"loop\n" * 3)
        self.child.stdin.flush()
        began, until = self.ticks(), time.monotonic() + PATIENCE
        while self.ticks() < began + 5:
            self.assertLess(time.monotonic(), until, "it does not loop")

    def ticks(self):
        with open(f"/proc/{self.child.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def test_the_second_signal_kills(self):
        self.start(guest="loop_forever", more="      limits: {message_time: 1h}\n      stop_timeout: 1h\n")
        self.child.stderr.readline()
        self.child.stdin.write(b"loop\n")
        self.child.stdin.flush()
        while self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        self.assertEqual(self.child.returncode, 130)

    def stop_while_it_loops(self, workers):
        self.start("--workers", workers, guest="loop_forever",
                   more="      limits: {message_time: 1h}\n      stop_timeout: 100ms\n")
        self.wait_until_it_loops()
        self.child.send_signal(signal.SIGTERM)
        ended, said = self.end()
        self.assertEqual(ended, 143, said)
        self.audited(said)

    def test_a_guest_in_a_loop_does_not_outlive_its_stop_timeout(self):
        self.stop_while_it_loops("2")

    def test_a_guest_that_loops_on_the_only_worker_does_not_keep_a_signal_from_stopping(self):
        self.stop_while_it_loops("1")

    def test_a_full_mailbox_does_not_keep_a_signal_from_stopping(self):
        self.start(guest="loop_forever",
                   more="      limits: {message_time: 500ms}\n      mailbox: {bound: 1, on_full: block}\n"
                        "      stop_timeout: 100ms\n")
        self.child.stderr.readline()
        self.child.stdin.write(b"loop\n" * 8)
        self.child.stdin.flush()
        self.child.send_signal(signal.SIGTERM)
        ended, said = self.end()
        self.assertIn(ended, (143, 1), said)
        if "audit:" in said:
            self.audited(said)

    def test_too_few_descriptors_are_said(self):
        self.one(self.guest("echo"), "")
        for n in range(4, 9):
            done = subprocess.run([PROGRAM, "run", "--audit"], input=b"x\n", capture_output=True, cwd=self.folder,
                                  env=self.environment, timeout=PATIENCE,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
            self.assertIn(done.returncode, (0, 2), (n, done.stderr))
            self.assertTrue(done.stderr, n)

    def test_a_closed_output_stops_in_order(self):
        for arguments in ((), ("--sim",)):
            self.one(self.guest("subscriber"), "      grants: [stdout]\n")
            self.write("lines", b"a line of some length, so that the pipe is soon full\n" * 200000)
            with open(self.path("lines"), "rb") as lines, open(self.path("said"), "wb") as said:
                child = subprocess.Popen([PROGRAM, "run", "--audit", *arguments], stdin=lines, stdout=subprocess.PIPE,
                                         stderr=said, cwd=self.folder, env=self.environment)
                child.stdout.readline()
                child.stdout.close()
                code = child.wait(PATIENCE)
            said = self.read("said")
            self.assertEqual(code, 0, said)
            self.audited(said)

    def test_an_output_that_nobody_reads_holds_up_only_who_prints(self):
        """One worker. The printer waits for the pipe; whoever takes the lines goes on taking them."""
        self.write("troupe.yaml", f"system: test\nstdin: p\nsupervisor:\n  children:\n"
                                  f"    - component: s\n      guest: {self.guest('subscriber')}\n"
                                  f"      subscribe: [a]\n      grants: [stdout]\n"
                                  f"    - component: p\n      guest: {self.guest('publisher')}\n"
                                  f"      grants: [{{publish: [a]}}]\n")
        with open(self.path("said"), "wb") as said:
            self.child = subprocess.Popen([PROGRAM, "run", "--audit", "--workers", "1"], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=said, cwd=self.folder,
                                          env=self.environment)
        self.addCleanup(self.child.stdout.close)
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.kill)
        writer = threading.Thread(target=self.write_lines, daemon=True)
        writer.start()
        writer.join(PATIENCE)
        self.assertFalse(writer.is_alive(), "nobody takes the lines")
        self.assertTrue(self.child.stdout.read().startswith(b"a: xxx"))
        said = self.child.wait(PATIENCE), self.read("said")
        self.assertEqual(said[0], 0, said)
        self.audited(said[1])

    def write_lines(self):
        self.child.stdin.write((b"a " + b"x" * 100 + b"\n") * 30000)  # far more than pipes and mailboxes hold
        self.child.stdin.close()

    def test_an_output_that_is_full_is_an_error(self):
        self.one(self.guest("subscriber"), "      grants: [stdout]\n")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "run", "--audit"], input=b"x\n" * 1000, stdout=full, stderr=subprocess.PIPE,
                                  cwd=self.folder, env=self.environment, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"troupe: the output cannot be written: No space left on device", done.stderr)
        self.audited(done.stderr.decode())


if __name__ == "__main__":
    PROGRAM, GUESTS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
