# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine goes down, or an old copy is put back: no number ever stands for two lines.

Of a power cut what was not synced is gone, at most the last interval. What somebody read before
counts: it may be in a search engine by now.
"""
import json
import os
import shutil
import time
import unittest

import agent
import disk
import generator
import lab
import ledger
import tailer

SYNC_NS = 10**9  # ledger.sync
# An event is in its line by then, on a busy machine.
WRITING_NS = 10**9
CUTS = 5 * lab.TIMES


class Numbers(unittest.TestCase):
    """What readers have seen of each number."""

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.seen = {}

    def remember(self, lines):
        for line in lines:
            if not ledger.is_json(line):
                continue
            record = json.loads(line)
            text = line if isinstance(line, str) else line.decode()
            before = self.seen.setdefault(record["event.sequence"], text)
            self.assertEqual(before, text)

    def check_whole(self, the_agent):
        """Each number that was ever read is in its line or in a skipped range."""
        records = the_agent.ledger.records()
        ledger.check_sequences(records)
        self.remember(the_agent.ledger.lines())
        skipped = [range(record["coverage.from_sequence"], record["coverage.to_sequence"] + 1)
                   for record in records if record["event.action"] == "sequence-skipped"]
        there = {record["event.sequence"] for record in records}
        for number in self.seen:
            self.assertTrue(number in there or any(number in span for span in skipped), number)
        return records


class PowerCut(Numbers):

    def setUp(self):
        super().setUp()
        self.disk = self.enterContext(disk.Disk(self.lab))
        self.agent = agent.Agent(self.lab, ledger_folder=os.path.join(self.disk.folder, "ledger"),
                                 state_folder=os.path.join(self.disk.folder, "state"))
        self.entries = []

    def test_what_was_synced_is_there(self):
        cuts = []
        for number in range(CUTS):
            self.agent.reboot()
            self.agent.start()
            reader = tailer.Tailer(self.agent.ledger.folder)
            burst = generator.Generator(self.lab, "churn", 8000, first=number * 8000, live=500,
                                        batch=20, per_second=2000)
            agent.wait_for("the burst to begin", burst.begun)
            time.sleep(1.5 + 0.23 * (number % 5))
            reader.pause()
            self.disk.cut_power()
            cuts.append(time.time_ns())
            self.agent.kill()
            reader.stop()
            self.remember(reader.lines)
            self.entries += burst.done()
            self.disk.power_up()
        self.agent.reboot()
        self.agent.start()
        self.agent.wait_written()
        self.agent.stop()
        records = self.check_whole(self.agent)
        self.check_lost(records, cuts)

    def check_lost(self, records, cuts):
        """Only what happened in the last interval before a cut, or until the next start."""
        gaps = [(agent.ns_of(record["coverage.from"]), agent.ns_of(record["coverage.to"]))
                for record in records if record["event.action"] == "coverage-gap"]
        self.assertEqual(len(gaps), CUTS)
        for cut, (begin, end) in zip(cuts, gaps):
            self.assertTrue(cut - SYNC_NS - WRITING_NS < begin <= cut < end, (begin, cut, end))
        starts = {record["src_ip"] for record in records
                  if record["event.action"] == "flow-start"}
        lost = [entry for entry in self.entries
                if entry.action == "made" and entry.source not in starts]
        unsaid = [entry for entry in lost
                  if not any(begin <= entry.after_ns and entry.before_ns <= end
                             for begin, end in gaps)]
        self.assertEqual(unsaid[:3], [], len(unsaid))
        skips = [record for record in records if record["event.action"] == "sequence-skipped"]
        self.assertEqual(len(skips), CUTS)
        there = {record["event.sequence"] for record in records}
        gone = [number for number in self.seen if number not in there]
        print(f"{CUTS} cuts, {len(lost)} starts lost in their gaps; {len(gone)} lines that had "
              "been read are gone")


class OldCopies(Numbers):

    def setUp(self):
        super().setUp()
        self.agent = agent.Agent(self.lab)
        self.made = 0

    def run_for(self, flows):
        self.agent.start()
        generator.generate(self.lab, "make", flows, first=self.made)
        self.made += flows
        self.agent.wait_written()
        self.agent.stop()
        self.remember(self.agent.ledger.lines())

    def put_back(self, folder):
        """As it was before the second run."""
        self.run_for(100)
        copy = folder + ".copy"
        shutil.copytree(folder, copy)
        self.run_for(100)
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
        self.agent.start()
        generator.generate(self.lab, "make", 100, first=self.made)
        self.agent.wait_written()
        self.agent.end()
        return self.check_whole(self.agent)

    def test_of_the_state(self):
        records = self.put_back(self.agent.state)
        self.agent.verify()
        self.assertEqual(len({record["src_ip"] for record in filter(ledger.is_flow, records)}), 300)

    def test_of_the_ledger(self):
        records = self.put_back(self.agent.ledger.folder)
        self.agent.verify()
        starts = [record for record in records if record["event.action"] == "flow-start"]
        # Those of the second run are in the table, and found there.
        self.assertEqual(len({record["src_ip"] for record in starts}), 300)


if __name__ == "__main__":
    unittest.main()
