# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold of a ledger whose agent was killed, however that came.

The flows and their times are the generator's; a reader of its own follows the files meanwhile.
"""
import hashlib
import os
import unittest

import agent
import ledger
import tailer


class KilledAgent(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = self.make_agent().start()
        self.reader = tailer.Tailer(self.agent.ledger.folder)
        self.addCleanup(self.reader.stop)
        self.entries = []  # of the generator's log
        self.written = {}  # how many bytes each killed agent left, and their hash
        self.torn = 0

    def make_agent(self):
        return agent.Agent(self.lab)

    def check_ledger(self):
        """Ends it all. The gaps."""
        self.agent.stop()
        self.reader.stop()
        records = self.agent.ledger.records()
        gaps = [record for record in records if record["event.action"] == "coverage-gap"]
        self.assertEqual({gap["coverage.reason"] for gap in gaps}, {"agent-down"})
        spans = [(agent.ns_of(gap["coverage.from"]), agent.ns_of(gap["coverage.to"]))
                 for gap in gaps]
        self.check_written_bytes()
        self.check_flows(records, spans)
        lines = list(self.agent.ledger.lines())
        self.check_reader(lines)
        self.check_cat(lines)
        report = self.agent.verify()
        self.assertEqual(report["lines"], len(lines))
        self.assertEqual(report["torn_lines"], self.torn)
        # Of one that was torn before it could seal the one before, the next speaks for both.
        self.assertGreaterEqual(report["seals"], report["segments"] - 1 - self.torn)
        return spans

    def remember_written(self):
        """What the killed agent wrote last; what was sealed before, an earlier call has seen."""
        try:
            file = open(self.agent.ledger.active, "rb")
        except FileNotFoundError:
            return b""
        with file:
            content = file.read()
            inode = os.fstat(file.fileno()).st_ino
        # An empty file may go again. One seen before had been left by another.
        key = (inode, content.partition(b"\n")[0])
        if content and key not in self.written:
            self.written[key] = (len(content), hashlib.sha256(content).digest())
            # A line that lacks nothing but its end is whole once that has been added.
            rest = content.rpartition(b"\n")[2]
            self.torn += rest != b"" and not ledger.is_json(rest)
        return content

    def check_written_bytes(self):
        """They stand where they stood; a torn line has been ended, and nothing else was added."""
        segments = [ledger.content_of(path) for path in self.agent.ledger.files()[:-1]]
        for (_, first_line), (size, digest) in self.written.items():
            content, = [each for each in segments if each.partition(b"\n")[0] == first_line]
            self.assertEqual(hashlib.sha256(content[:size]).digest(), digest, first_line)
            torn = content[size - 1:size] != b"\n"
            self.assertEqual(content[size:], b"\n" if torn else b"", first_line)
        self.check_segments(len(segments))

    def check_segments(self, count):
        """Nothing but a kill ends a segment."""
        self.assertEqual(count, len(self.written))

    def check_flows(self, records, gaps):
        """Each start and each end is there, or lies where the ledger says that it may be lost."""
        lost = {}
        for done, action in (("made", "flow-start"), ("deleted", "flow-end")):
            there = {record["src_ip"] for record in records if record["event.action"] == action}
            missing = [entry for entry in self.entries
                       if entry.action == done and entry.source not in there]
            unsaid = [entry for entry in missing
                      if not any(begin <= entry.after_ns and entry.before_ns <= end
                                 for begin, end in gaps)]
            self.assertEqual(unsaid[:3], [], len(unsaid))
            lost[action] = len(missing)
        made = len(self.entries) // 2
        print(f"{len(gaps)} gaps, {self.torn} torn lines, {made} flows; in gaps "
              f"{lost['flow-start']} starts and {lost['flow-end']} ends")
        # Some of either kind, as kills fall: a check that finds nothing missing checks nothing.
        self.assertGreater(sum(lost.values()), 0)
        self.assertLess(lost["flow-start"], made)

    def check_reader(self, lines):
        """It saw every whole line once; a torn one alone, never with a record behind it."""
        seen = self.reader.lines
        self.assertEqual([line for line in seen if line.count(b"{") != 1], [])
        whole = [line.decode() for line in seen if ledger.is_json(line)]
        self.assertEqual(len(seen) - len(whole), self.torn)
        self.assertEqual(len(set(lines)), len(lines))
        self.assertEqual(ledger.difference(whole, lines), "")

    def check_cat(self, lines):
        done = agent.natledger("cat", self.agent.ledger.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(ledger.difference(done.stdout.splitlines(), lines), "")
        said = f"natledger: passed over {self.torn} torn lines\n" if self.torn else ""
        self.assertEqual(done.stderr, said)
