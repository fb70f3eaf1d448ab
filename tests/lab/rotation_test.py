# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of a ledger that is rotated fifty times: each line once, in order, to every one of them.

A follower of our own, by inode; `natledger cat --follow`; rsyslog's imfile; syslog-ng.
"""
import os
import unittest

import agent
import generator
import ledger
import shippers
import tailer

ROTATIONS = 50
SEGMENT_BYTES = 64 << 10
# Some 1,100 bytes a line, two lines a flow; a segment every 0.3 s, as shippers look now and then.
FLOWS = ROTATIONS * SEGMENT_BYTES * 5 // 4 // 2200
PER_SECOND = 125


class Rotation(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        self.agent = agent.Agent(self.lab, ledger_options=(f"rotate: {{size: {SEGMENT_BYTES}}}",
                                                           "keep: {free: 0}")).start()
        folder = self.agent.ledger.folder
        self.reader = tailer.Tailer(folder)
        self.addCleanup(self.reader.stop)
        self.shippers = [kind(self.start_shipper, os.path.join(self.lab.folder, kind.__name__),
                              folder) for kind in (shippers.Rsyslog, shippers.SyslogNg)]
        self.followed = os.path.join(self.lab.folder, "followed")
        with open(self.followed, "wb") as out:
            self.lab.start("router", agent.PROGRAM, "cat", "--follow", folder, stdout=out)

    def start_shipper(self, *argv, **options):
        return self.lab.start("router", *argv, **options)

    def test_fifty_rotations(self):
        for shipper in self.shippers:
            agent.wait_for(f"{type(shipper).__name__} to read", shipper.lines)
        entries = generator.generate(self.lab, "churn", FLOWS, live=100, batch=5,
                                     per_second=PER_SECOND)
        self.agent.wait_written()
        self.agent.stop()
        lines = list(self.agent.ledger.lines())
        flows = [line for line in lines if '"event.kind": "event"' in line]
        self.assertEqual(len(flows), len(entries))
        self.check_segments()
        self.reader.stop()
        self.check_same("the follower", [line.decode() for line in self.reader.lines], lines)
        self.check_reader("cat --follow", self.lines_followed, lines)
        for shipper in self.shippers:
            self.check_reader(type(shipper).__name__, shipper.lines, lines, shipper.log)

    def check_segments(self):
        """Each is sealed by the one behind it, and says once more what is recorded."""
        files = self.agent.ledger.files()
        print(f"{len(files) - 1} rotations")
        self.assertGreaterEqual(len(files) - 1, ROTATIONS)
        records = self.agent.ledger.records()
        seals = [record for record in records if record["event.action"] == "segment-sealed"]
        self.assertEqual([seal["coverage.segment.name"] for seal in seals],
                         [os.path.basename(path) for path in files[:-1]])
        configs = [record for record in records if record["event.action"] == "coverage-config"]
        self.assertEqual([record["event.sequence"] for record in configs],
                         [seal["event.sequence"] + 1 for seal in seals])
        for config in configs:
            self.assertEqual(config["coverage.events"], ["new", "destroy"])
            self.assertLessEqual(config["coverage.open_from_sequence"], config["event.sequence"])
        self.assertEqual(self.agent.verify()["seals"], len(seals))

    def lines_followed(self):
        with open(self.followed, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]

    def check_reader(self, name, read, lines, log=lambda: ""):
        """It may take a while to come to the end."""
        try:
            agent.wait_for(f"{name} to read all", lambda: len(read()) >= len(lines))
        except AssertionError as late:
            raise AssertionError(f"{late}\n{log()}") from None
        self.check_same(name, read(), lines)

    def check_same(self, name, seen, lines):
        self.assertEqual(ledger.difference(seen, lines), "", name)
        self.assertTrue(seen == lines, f"{name}: another order")


if __name__ == "__main__":
    unittest.main()
