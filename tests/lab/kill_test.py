# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed in the middle of a burst and started again, twenty times: nothing is lost unsaid.

The bursts, their times and their flows are the generator's; of the agent only the ledger is asked.
"""
import hashlib
import os
import random
import time
import unittest

import agent
import generator
import ledger
import tailer

ROUNDS = 20
# In turn: one as fast as it goes, whose lines the agent writes in large pieces, and a paced one.
BURSTS = ({"count": 5000, "live": 1000, "batch": 100},
          {"count": 2000, "live": 500, "batch": 20, "per_second": 8000})
SLOWEST_KILL_S = (0.04, 0.2)
MOST_FLOWS = max(burst["count"] for burst in BURSTS)
# How far before a kill its gap may begin: an agent that is behind has not seen its socket empty.
MOST_BEHIND_NS = 2 * 10**9


class Kill(unittest.TestCase):

    def setUp(self):
        seed = random.randrange(2**32)
        self.random = random.Random(seed)
        print(f"seed {seed}")
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab).start()
        self.reader = tailer.Tailer(self.agent.ledger.folder)
        self.addCleanup(self.reader.stop)
        self.entries = []
        self.written = {}  # by inode: how many bytes a killed agent left, and their hash
        self.torn = 0
        self.kills = []  # when, and by when the next agent was there
        self.hits = 0

    def test_killed_amid_bursts(self):
        for number in range(ROUNDS):
            self.burst_and_kill(number)
        gaps = self.check_ledger()
        self.assertGreaterEqual(self.hits, ROUNDS // 2)
        self.assertEqual(len(gaps), ROUNDS)
        for (begin, end), (killed, started) in zip(gaps, self.kills):
            self.assertTrue(killed - MOST_BEHIND_NS < begin <= killed < end <= started,
                            (begin, killed, end, started))

    def test_killed_while_starting(self):
        burst = generator.Generator(self.lab, "churn", 8000, live=1000, batch=20, per_second=2000)
        agent.wait_for("the burst to begin", burst.begun)
        time.sleep(0.3)
        self.agent.kill()
        self.remember_written()
        for _ in range(ROUNDS):
            self.agent.spawn()
            time.sleep(self.random.uniform(0, 0.1))
            self.agent.kill()
            self.remember_written()
        self.agent.start()
        self.entries = burst.done()
        self.agent.wait_written()
        self.assertGreater(len(self.check_ledger()), ROUNDS // 4)

    def check_ledger(self):
        """Ends it all. The gaps."""
        self.agent.stop()
        self.reader.stop()
        records = self.agent.ledger.records()
        gaps = [(record["coverage.reason"], agent.ns_of(record["coverage.from"]),
                 agent.ns_of(record["coverage.to"]))
                for record in records if record["event.action"] == "coverage-gap"]
        self.assertEqual({reason for reason, *_ in gaps}, {"agent-down"})
        spans = [(begin, end) for _, begin, end in gaps]
        self.check_written_bytes()
        self.check_flows(records, spans)
        lines = list(self.agent.ledger.lines())
        self.check_reader(lines)
        self.check_cat(lines)
        return spans

    def burst_and_kill(self, number):
        fast = number % len(BURSTS)
        burst = generator.Generator(self.lab, "churn", first=number * MOST_FLOWS, **BURSTS[fast])
        agent.wait_for("the burst to begin", burst.begun)
        time.sleep(self.random.uniform(0.002, SLOWEST_KILL_S[fast]))
        killed = time.time_ns()
        self.agent.kill()
        written = self.remember_written()
        self.agent.start()
        self.kills.append((killed, time.time_ns()))
        entries = burst.done()
        self.agent.wait_written()
        self.entries += entries
        before = sum(f'"src_ip": "{entry.source}"'.encode() in written for entry in entries[:50])
        self.hits += before > 0 and entries[-1].before_ns > killed

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
        if content and inode not in self.written:
            self.written[inode] = (len(content), hashlib.sha256(content).digest())
            self.torn += not content.endswith(b"\n")
        return content

    def check_written_bytes(self):
        """They stand where they stood; a torn line has been ended, and nothing else was added."""
        for path in self.agent.ledger.files()[:-1]:
            with open(path, "rb") as file:
                content = file.read()
                inode = os.fstat(file.fileno()).st_ino
            size, digest = self.written.pop(inode)
            self.assertEqual(hashlib.sha256(content[:size]).digest(), digest, path)
            torn = content[size - 1:size] != b"\n"
            self.assertEqual(content[size:], b"\n" if torn else b"", path)
        self.assertEqual(self.written, {})

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
        print(f"{ROUNDS} kills, {self.hits} amid a burst, {self.torn} torn lines, {len(gaps)} "
              f"gaps; {made} flows; in gaps {lost['flow-start']} starts and "
              f"{lost['flow-end']} ends")
        self.assertTrue(0 < lost["flow-end"] < made, lost)

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


if __name__ == "__main__":
    unittest.main()
