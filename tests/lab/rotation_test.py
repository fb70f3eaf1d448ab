# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of a ledger that is rotated fifty times: each line once, in order, to every one of them.

A follower of our own, by inode; `natledger cat --follow`; rsyslog's imfile; syslog-ng.
"""
import json
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
AGE_S = 2


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


class RotationByAge(unittest.TestCase):

    def test_segments_are_sealed_at_their_age(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        the_agent = agent.Agent(self.lab, ledger_options=(f"rotate: {{age: {AGE_S}s}}",
                                                          "keep: {free: 0}")).start()
        generator.generate(self.lab, "churn", 1600, live=100, batch=1, per_second=200)
        the_agent.wait_written()
        the_agent.stop()
        ages = [self.age_s(path) for path in the_agent.ledger.files()[:-1]]
        print(f"segments of {', '.join(f'{age:.1f}' for age in ages)} s")
        self.assertGreaterEqual(len(ages), 3)
        for age in ages:
            # What comes is written several times a second.
            self.assertTrue(AGE_S - 0.5 <= age < AGE_S + 1, age)

    @staticmethod
    def age_s(path):
        """From its first record to its last."""
        times = [agent.ns_of(json.loads(line)["@timestamp"])
                 for line in ledger.content_of(path).splitlines()]
        return (max(times) - times[0]) / 1e9


if __name__ == "__main__":
    unittest.main()
