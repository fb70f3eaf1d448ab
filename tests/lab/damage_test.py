# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file of a real ledger, damaged in each way that a disk or somebody can.

`verify` finds each, with file and place; the next agent starts; and nothing is lost but what stood
where the damage is.
"""
import collections
import glob
import json
import os
import shutil
import typing
import unittest

import agent
import generator
import ledger

FLOWS = 3500
# Archives of two frames, or three where the agent was slow, beside segments that are not archived
# yet.
OPTIONS = ("rotate: {size: 2MiB}", "keep: {free: 0}")
ARCHIVING, NOT_ARCHIVING = "ledger.compress_after: 300ms\n", "ledger.compress_after: 0\n"
PAGE = 4096
RESERVED = 1 << 20  # numbers at a time
SLOT = "warning: ledger: a slot of the state file was damaged"


def flip(content, at):
    content[at] ^= 0x10


def flip_middle(content):
    at = len(content) // 2
    flip(content, at)
    return at


def cut_middle(content):
    at = len(content) // 2
    del content[at:]
    return at


def zero_page(content):
    at = len(content) // 2 // PAGE * PAGE
    content[at:at + PAGE] = bytes(len(content[at:at + PAGE]))
    return at


def flip_first(content):
    flip(content, 0)
    return 0


def flip_version(content):
    flip(content, 8)  # behind the magic
    return 8


def flip_last(content):
    flip(content, len(content) - 1)
    return len(content) - 1


def flip_both(content):
    """Of the state's two slots."""
    flip(content, 40)
    flip(content, PAGE + 40)
    return 40


class Kind(typing.NamedTuple):
    """What is done to which file, how many lines that may cost, how near `verify` must come."""
    file: str
    damage: typing.Callable
    most_lost: int
    within: int


PLAIN, ARCHIVE, INDEX, TABLE, STATE = "plain", "archive", "index", "table of open flows", "state"
# A frame has 1 MiB; a line takes a bit more than 1 KiB, so a page touches five at most.
FRAME = 1024
ANYWHERE = 10**9
KINDS = (Kind(PLAIN, flip_middle, 1, ANYWHERE),
         Kind(PLAIN, cut_middle, ANYWHERE, 0),
         Kind(PLAIN, zero_page, 5, PAGE),
         Kind(ARCHIVE, flip_first, FRAME, ANYWHERE),
         Kind(ARCHIVE, flip_middle, FRAME, ANYWHERE),
         Kind(ARCHIVE, flip_last, 0, ANYWHERE),
         Kind(ARCHIVE, cut_middle, 2 * FRAME, ANYWHERE),
         Kind(ARCHIVE, zero_page, 2 * FRAME, ANYWHERE),
         *(Kind(INDEX, each, 0, PAGE) for each in (flip_version, flip_middle, flip_last,
                                                   cut_middle, zero_page)),
         *(Kind(TABLE, each, 0, ANYWHERE) for each in (flip_version, flip_middle, flip_last,
                                                       cut_middle, zero_page)),
         *(Kind(STATE, each, 0, ANYWHERE) for each in (flip_version, cut_middle, zero_page,
                                                       flip_both)))


class Damage(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.whole = agent.Agent(self.lab, source=ARCHIVING, ledger_options=OPTIONS).start()
        self.record(first=0)
        agent.wait_for("archives", lambda: len(self.files("*.zst")) > 1)
        self.whole.reload(NOT_ARCHIVING)
        self.record(first=FLOWS)
        self.whole.stop()
        self.lines = list(self.whole.ledger.lines())

    def record(self, first):
        generator.generate(self.lab, "churn", FLOWS, live=500, batch=20, per_second=3000,
                           first=first)
        self.whole.wait_written()

    def files(self, pattern):
        return sorted(glob.glob(os.path.join(self.whole.ledger.folder, pattern)))

    def pick(self, kind):
        """One in the middle of those there are."""
        if kind == STATE:
            return os.path.join(self.whole.state, "sequence")
        pattern = {PLAIN: "conntrack*.json", ARCHIVE: "*.zst", INDEX: "*.idx", TABLE: "*.open"}
        found = [path for path in self.files(pattern[kind]) if os.path.getsize(path) > 64]
        return found[(len(found) - 1) // 2]

    def copy(self, number):
        the_copy = agent.Agent(self.lab, name=f"copy{number}", source=ARCHIVING,
                               ledger_options=OPTIONS)
        for source, target in ((self.whole.ledger.folder, the_copy.ledger.folder),
                               (self.whole.state, the_copy.state)):
            shutil.copytree(source, target, copy_function=shutil.copy2)
        return the_copy

    def test_every_kind(self):
        for number, kind in enumerate(KINDS):
            with self.subTest(file=kind.file, damage=kind.damage.__name__):
                self.check(kind, self.copy(number))

    def check(self, kind, the_copy):
        original = self.pick(kind.file)
        folder = the_copy.state if kind.file == STATE else the_copy.ledger.folder
        path = os.path.join(folder, os.path.basename(original))
        with open(path, "r+b") as file:
            content = bytearray(file.read())
            place = kind.damage(content)
            file.seek(0)
            file.truncate()
            file.write(content)
        self.check_verify(kind, path, place, the_copy)
        self.check_start(kind, the_copy)
        self.check_lost(kind, original, the_copy)

    def check_verify(self, kind, path, place, the_copy):
        """It finds the damage, and says of other files only what follows from it."""
        done = agent.natledger("verify", "--config", the_copy.config, "--json")
        self.assertEqual(done.returncode, 1, done)
        damages = json.loads(done.stdout)["damages"]
        here = [damage for damage in damages if damage["file"] == path]
        self.assertTrue(any(abs(damage["byte"] - place) <= kind.within for damage in here), damages)
        follows = {path}
        if kind.file in (PLAIN, ARCHIVE):
            files = the_copy.ledger.files()
            name = path.partition(".json")[0]
            # The next seals this one; and the agent's counts are of all lines.
            follows |= {name + ".idx", name + ".open", files[files.index(path) + 1],
                        the_copy.ledger.active}
        self.assertLessEqual({damage["file"] for damage in damages}, follows)

    def check_lost(self, kind, original, the_copy):
        read = agent.natledger("cat", the_copy.ledger.folder).stdout.splitlines()
        lost = collections.Counter(self.lines) - collections.Counter(read)
        if lost:
            print(f"{kind.file}, {kind.damage.__name__}: {lost.total()} lines lost")
        self.assertLessEqual(lost.total(), kind.most_lost)
        there = set(ledger.content_of(original).decode().splitlines()) if lost else set()
        self.assertLessEqual(lost.keys(), there)

    def check_start(self, kind, the_copy):
        """It goes on behind all numbers that may have been used."""
        last = json.loads(self.lines[-1])["event.sequence"]
        the_copy.start()
        the_copy.end()
        active = map(json.loads, ledger.content_of(the_copy.ledger.active).splitlines())
        *_, first = (record["event.sequence"] for record in active
                     if record["event.action"] == "coverage-start")
        self.assertGreater(first, last + (RESERVED if kind.file == STATE else 0))
        said = [line for line in agent.log_text(the_copy.log()) if line.startswith("warning: ")]
        self.assertEqual(said[:1], [SLOT] if kind.file == STATE else [])


if __name__ == "__main__":
    unittest.main()
